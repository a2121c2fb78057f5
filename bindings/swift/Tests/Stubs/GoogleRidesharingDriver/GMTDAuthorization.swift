// What of Google's Driver SDK for iOS the adapter needs, as Swift sees its Objective-C. Signatures alone, for tests on
// systems without Objective-C, where `NSError *` is `any Error` and a protocol of Objective-C is one of Swift.

import Foundation

/// Letters of an id, as Fleet Engine allows them.
public typealias GMTDFleetEngineIDString = String

/// What the SDK needs a token for. Apps cannot make one.
open class GMTDAuthorizationContext: NSObject {
    public let vehicleID: GMTDFleetEngineIDString
    public let taskID: GMTDFleetEngineIDString?

    init(vehicleID: GMTDFleetEngineIDString, taskID: GMTDFleetEngineIDString? = nil) {
        self.vehicleID = vehicleID
        self.taskID = taskID
    }
}

public typealias GMTDAuthTokenFetchCompletionHandler = (String?, (any Error)?) -> Void

/// "Must be thread-safe"; the completion "must be called asynchronously, but can be called from any queue".
public protocol GMTDAuthorization: NSObjectProtocol {
    func fetchToken(
        with authorizationContext: GMTDAuthorizationContext?,
        completion: @escaping GMTDAuthTokenFetchCompletionHandler
    )
}

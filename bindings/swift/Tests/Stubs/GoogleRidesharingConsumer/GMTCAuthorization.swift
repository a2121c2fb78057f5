// What of Google's Consumer SDK for iOS the adapter needs, as Swift sees its Objective-C. Signatures alone, for tests on
// systems without Objective-C, where `NSError *` is `any Error` and a protocol of Objective-C is one of Swift.

import Foundation

/// What the SDK needs a token for. Apps cannot make one.
open class GMTCAuthorizationContext: NSObject {
    public let tripID: String

    init(tripID: String) {
        self.tripID = tripID
    }
}

public typealias GMTCAuthTokenFetchCompletionHandler = (String?, (any Error)?) -> Void

/// "Must be thread-safe"; the completion "must be called asynchronously, but can be called from any queue".
public protocol GMTCAuthorization: NSObjectProtocol {
    func fetchToken(
        with authorizationContext: GMTCAuthorizationContext?,
        completion: @escaping GMTCAuthTokenFetchCompletionHandler
    )
}

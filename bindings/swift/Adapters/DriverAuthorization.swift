// Copy this file into the target of your app that links Google's Driver SDK. It is not part of the package, whose
// targets cannot see a module that the package does not depend on.

#if canImport(GoogleRidesharingDriver)
import FleetToken
import Foundation
import GoogleRidesharingDriver

/// Hands the factory's tokens to Google's Driver SDK: the `accessTokenProvider` of a `GMTDDriverContext`.
public final class DriverAuthorization: NSObject, GMTDAuthorization, Sendable {
    /// Which of Google's solutions the vehicle belongs to. Tokens for the one are not good for the other.
    public enum Fleet: Sendable {
        /// On-demand trips: `GMTDRidesharingDriverAPI`.
        case onDemand
        /// Scheduled tasks: `GMTDDeliveryDriverAPI`.
        case scheduled
    }

    private let tokens: AuthTokenFetcher
    private let fleet: Fleet

    public init(_ factory: AuthTokenFactory, fleet: Fleet) {
        tokens = AuthTokenFetcher(factory)
        self.fleet = fleet
    }

    /// Called by the SDK on any queue. The completion is called once, later, on a background queue, with a token or a
    /// `TokenError`.
    public func fetchToken(
        with authorizationContext: GMTDAuthorizationContext?,
        completion: @escaping GMTDAuthTokenFetchCompletionHandler
    ) {
        let context: AuthTokenContext
        switch (fleet, authorizationContext) {
        // Without a vehicle there is no token: the factory answers with `invalidContext`.
        case (_, nil): context = AuthTokenContext()
        case (.onDemand, let asked?): context = .vehicle(asked.vehicleID)
        case (.scheduled, let asked?): context = .deliveryVehicle(asked.vehicleID, task: asked.taskID)
        }
        tokens.fetchToken(for: context, completion: completion)
    }

    /// Reports, from any thread, that Fleet Engine answered UNAUTHENTICATED: the token that was handed out last is not
    /// served again. Not for PERMISSION_DENIED. Whether it was still the current one.
    @discardableResult
    public func tokenRefused() -> Bool {
        tokens.tokenRefused()
    }
}
#endif

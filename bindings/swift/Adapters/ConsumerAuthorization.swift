// Copy this file into the target of your app that links Google's Consumer SDK. It is not part of the package, whose
// targets cannot see a module that the package does not depend on.

#if canImport(GoogleRidesharingConsumer)
import FleetToken
import Foundation
import GoogleRidesharingConsumer

/// Hands the factory's tokens to Google's Consumer SDK: for `GMTCServices.setAccessTokenProvider(_:providerID:)`.
public final class ConsumerAuthorization: NSObject, GMTCAuthorization, Sendable {
    private let tokens: AuthTokenFetcher

    public init(_ factory: AuthTokenFactory) {
        tokens = AuthTokenFetcher(factory)
    }

    /// Called by the SDK on any queue. The completion is called once, later, on a background queue, with a token or a
    /// `TokenError`.
    public func fetchToken(
        with authorizationContext: GMTCAuthorizationContext?,
        completion: @escaping GMTCAuthTokenFetchCompletionHandler
    ) {
        // Calls to the vehicle service, as for an ETA before there is a trip, need a token that names no trip.
        let trip = authorizationContext?.tripID ?? ""
        let context = trip.isEmpty ? AuthTokenContext(serviceType: .vehicle) : .trip(trip)
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

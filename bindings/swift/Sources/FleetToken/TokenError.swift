import Foundation

/// Why there is no token. Holds no secret.
public struct TokenError: Error, Sendable, Equatable {
    /// What it was.
    public let kind: Kind
    /// For `backingOff`: the failure before.
    public let underlying: Kind?
    /// Whether asking again later can help although nobody mends anything.
    public let isRetryable: Bool
    /// In how many seconds the factory asks the backend again, where that is known.
    public let retryAfter: TimeInterval?
    /// The backend's HTTP status, where one was the reason.
    public let status: Int?
    /// For a log or a developer.
    public let description: String

    /// The kinds of failure.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// No token can be had for this context; nothing was sent.
        case invalidContext = "invalid_context"
        /// No endpoint was configured for this kind of context; nothing was sent.
        case noEndpoint = "no_endpoint"
        /// The app's own login could not be had; nothing was sent.
        case session
        /// The backend could not be reached, or the connection broke.
        case transport
        /// No answer within the fetch deadline.
        case timeout
        /// The backend is in trouble or asks for patience: 408, 425, 429 or 5xx.
        case unavailable
        /// 401 or 403: the backend does not accept the app's login for this.
        case sessionRejected = "session_rejected"
        /// 404: the backend knows no such id, or the endpoint is wrong.
        case notFound = "not_found"
        /// Another status that no retry will change.
        case rejected
        /// A redirect that is not followed.
        case redirected
        /// The reply was no token.
        case badResponse = "bad_response"
        /// The backend says that Fleet Engine is switched off here. Not a failure.
        case disabled
        /// The token had expired when it came.
        case expiredOnArrival = "expired_on_arrival"
        /// The token is for something else.
        case scopeMismatch = "scope_mismatch"
        /// The backend handed out a token again that had been rejected.
        case rejectedTokenReturned = "rejected_token_returned"
        /// Too short a wait since the last failure; nothing was sent.
        case backingOff = "backing_off"
        /// Too many tokens of this context were rejected; nothing was sent.
        case tooManyRejections = "too_many_rejections"
        /// The token is good, but not for as long as was asked.
        case lifetimeTooShort = "lifetime_too_short"
        /// The cache was cleared while this call waited.
        case cleared
        /// The factory was shut down.
        case shutDown = "shut_down"
        /// The fetch was cut short.
        case interrupted
        /// The configuration makes no sense; only from the initialiser.
        case invalidConfiguration = "invalid_config"
    }
}

extension TokenError: CustomStringConvertible, LocalizedError {
    public var errorDescription: String? { description }
}

/// As Objective-C sees it, such as Google's SDKs.
extension TokenError: CustomNSError {
    public static var errorDomain: String { "FleetToken.TokenError" }

    /// A number of its own for each kind, which never changes.
    public var errorCode: Int {
        switch kind {
        case .invalidContext: 1
        case .noEndpoint: 2
        case .session: 3
        case .transport: 4
        case .timeout: 5
        case .unavailable: 6
        case .sessionRejected: 7
        case .notFound: 8
        case .rejected: 9
        case .redirected: 10
        case .badResponse: 11
        case .disabled: 12
        case .expiredOnArrival: 13
        case .scopeMismatch: 14
        case .rejectedTokenReturned: 15
        case .backingOff: 16
        case .tooManyRejections: 17
        case .lifetimeTooShort: 18
        case .cleared: 19
        case .shutDown: 20
        case .interrupted: 21
        case .invalidConfiguration: 22
        }
    }

    public var errorUserInfo: [String: Any] { [NSLocalizedDescriptionKey: description] }
}

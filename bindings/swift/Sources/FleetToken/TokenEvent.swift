import Foundation

/// Something that happened to the tokens of one context, or to all. Holds no secret. Times are in seconds.
public enum TokenEvent: Sendable, Equatable {
    /// A fetch was started, in the background if nobody waits for it.
    case fetchStarted(context: AuthTokenContext, background: Bool)
    /// One attempt failed; another follows within the same fetch.
    case attemptFailed(context: AuthTokenContext, attempt: Int, error: TokenError, next: TimeInterval)
    /// A token came.
    case fetched(context: AuthTokenContext, lifetime: TimeInterval?, generation: UInt64, attempts: Int)
    /// A fetch failed for good.
    case fetchFailed(context: AuthTokenContext, error: TokenError, retry: TimeInterval)
    /// A caller was given a token inside its safety margin, because no newer one could be had.
    case staleServed(context: AuthTokenContext, left: TimeInterval)
    /// A token was reported as refused by Fleet Engine, and dropped.
    case rejected(context: AuthTokenContext)
    /// Too many tokens of one context were rejected in a short time.
    case breakerTripped(context: AuthTokenContext)
    /// The reply claims a longer life than a Fleet Engine token can have.
    case lifetimeClamped(context: AuthTokenContext, claimed: TimeInterval, used: TimeInterval)
    /// The token is wider or vaguer than asked.
    case scopeWarning(context: AuthTokenContext, description: String)
    /// The device's wall clock is more than a minute off the server's.
    case clockSkew(context: AuthTokenContext, by: TimeInterval, deviceAhead: Bool)
    /// A context's entry was dropped to keep the number of entries bounded.
    case evicted(context: AuthTokenContext, wasValid: Bool)
    /// Everything was forgotten.
    case cleared
    /// The app reported the network; so many waits ended.
    case networkAvailable(endedBackoffs: Int)
    /// The app reported a new login; so many remembered refusals ended.
    case sessionChanged(endedRefusals: Int)
    /// The factory was shut down. The last event.
    case shutDown
    /// Whoever reads the events was too slow and missed some.
    case missed(count: UInt64)
}

extension TokenEvent {
    /// The stable name, as in logs, scenarios and other languages: `fetch_started`.
    public var name: String {
        switch self {
        case .fetchStarted: "fetch_started"
        case .attemptFailed: "attempt_failed"
        case .fetched: "fetched"
        case .fetchFailed: "fetch_failed"
        case .staleServed: "stale_served"
        case .rejected: "rejected"
        case .breakerTripped: "breaker_tripped"
        case .lifetimeClamped: "lifetime_clamped"
        case .scopeWarning: "scope_warning"
        case .clockSkew: "clock_skew"
        case .evicted: "evicted"
        case .cleared: "cleared"
        case .networkAvailable: "network_available"
        case .sessionChanged: "session_changed"
        case .shutDown: "shut_down"
        case .missed: "missed"
        }
    }

    /// What it happened to, unless to all.
    public var context: AuthTokenContext? {
        switch self {
        case .fetchStarted(let context, _), .attemptFailed(let context, _, _, _), .fetched(let context, _, _, _),
            .fetchFailed(let context, _, _), .staleServed(let context, _), .rejected(let context),
            .breakerTripped(let context), .lifetimeClamped(let context, _, _), .scopeWarning(let context, _),
            .clockSkew(let context, _, _), .evicted(let context, _):
            context
        case .cleared, .networkAvailable, .sessionChanged, .shutDown, .missed:
            nil
        }
    }
}

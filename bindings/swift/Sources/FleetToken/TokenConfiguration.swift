import Foundation

/// How a factory works. Only endpoints, or a preset, must be given; what is `nil` is the factory's default. All times
/// are in seconds.
public struct TokenConfiguration: Sendable, Equatable {
    /// Where tokens are asked for. A later one replaces an earlier one, and a preset's, of the same kind.
    public var endpoints: [Endpoint]
    /// The endpoints of backends that are known.
    public var presets: [Preset]
    /// Allows plain http to this machine, for a backend under development.
    public var allowHTTPLoopback = false
    /// Fields of the reply to look at, in place of the known ones.
    public var responseFields: ResponseFields?
    /// How long before its expiry a token is replaced. Default: 5 minutes.
    public var safetyMargin: TimeInterval?
    /// How long before the margin a token that is asked for is renewed in the background. Default: 30 seconds.
    public var refreshAhead: TimeInterval?
    /// How much life an old token must have left to stand in for one that could not be fetched. Default: 30 seconds.
    public var minValidity: TimeInterval?
    /// The longest life that is believed. Default: 70 minutes.
    public var maxLifetime: TimeInterval?
    /// What to assume for a token whose life is not known at all. Default: it is not kept.
    public var unknownLifetime: TimeInterval?
    /// What to do with a token that is wider than asked. Default: warn.
    public var scopeCheck: ScopeCheck?
    /// Within what time every call is answered. Default: 30 seconds.
    public var fetchDeadline: TimeInterval?
    /// How long one attempt may take. Default: 10 seconds.
    public var attemptTimeout: TimeInterval?
    /// How many attempts are made within the deadline. Default: 3.
    public var maxAttempts: Int?
    /// How many contexts are kept.
    public var maxEntries: Int?
    /// How many requests are made at a time. Default: 64.
    public var maxConcurrentFetches: Int?

    public init(endpoints: [Endpoint] = [], presets: [Preset] = []) {
        self.endpoints = endpoints
        self.presets = presets
    }

    /// Where tokens for one kind of context are asked for.
    public struct Endpoint: Sendable, Equatable {
        /// Which kind; `nil` for all that have no endpoint of their own.
        public var kind: AuthTokenContext.Kind?
        /// A URL with a place for each id, such as `https://backend.example.com/token/driver/{vehicleId}`.
        public var template: String
        /// How it is asked.
        public var method: HTTPMethod

        public init(_ kind: AuthTokenContext.Kind?, _ template: String, method: HTTPMethod = .get) {
            self.kind = kind
            self.template = template
            self.method = method
        }
    }

    /// One of Google's sample backends.
    public enum Preset: Sendable, Equatable {
        /// `java-on-demand-rides-deliveries-stub-provider`.
        case onDemandStubProvider(baseURL: String)
        /// `last-mile-fleet-solution-samples`.
        case lastMileBackend(baseURL: String)
    }

    /// The names of a reply's fields.
    public struct ResponseFields: Sendable, Equatable {
        /// The token.
        public var token: String
        /// A point in time.
        public var expiresAt: String?
        /// A number of seconds.
        public var expiresIn: String?

        public init(token: String, expiresAt: String? = nil, expiresIn: String? = nil) {
            self.token = token
            self.expiresAt = expiresAt
            self.expiresIn = expiresIn
        }
    }

    /// What to do with a token that is wider or vaguer than what was asked for.
    public enum ScopeCheck: Sendable, Equatable {
        /// Use it, and send an event.
        case warn
        /// Refuse it.
        case strict
    }
}

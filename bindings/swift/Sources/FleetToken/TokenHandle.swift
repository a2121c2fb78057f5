import Foundation
internal import FleetTokenFFI

/// A factory and one context: for a loop that asks for the same token again and again.
///
/// While it exists, its context is never dropped to keep the number of contexts bounded. It keeps the factory alive.
public final class TokenHandle: Sendable {
    /// What the handle is for.
    public let context: AuthTokenContext
    private let spot: Copies.Spot
    private let factory: AuthTokenFactory
    /// Holds the context's entry in the core for as long as it is not freed.
    private let held: FfiTokenHandle

    init(_ factory: AuthTokenFactory, _ context: AuthTokenContext, _ held: FfiTokenHandle) {
        self.factory = factory
        self.context = context
        spot = Copies.Spot(context)
        self.held = held
    }

    /// As ``AuthTokenFactory/token(for:)``.
    public func token() async throws -> AuthToken {
        try await factory.token(at: spot)
    }

    /// As ``AuthTokenFactory/token(for:validFor:)``.
    public func token(validFor time: TimeInterval) async throws -> AuthToken {
        try await factory.token(for: context, validFor: time)
    }

    /// As ``AuthTokenFactory/token(for:completion:)``.
    public func token(completion: @escaping @Sendable (Result<AuthToken, TokenError>) -> Void) {
        factory.token(for: context, completion: completion)
    }

    /// As ``AuthTokenFactory/tryToken(for:)``.
    public func tryToken() -> AuthToken? {
        factory.tryToken(at: spot)
    }

    /// As ``AuthTokenFactory/invalidate(_:for:)``.
    @discardableResult
    public func invalidate(_ token: AuthToken) -> Bool {
        factory.invalidate(token, for: context)
    }
}

extension TokenHandle: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "TokenHandle(\(context))" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers, which would otherwise reach the factory's tokens.
    public var customMirror: Mirror { Mirror(self, children: ["context": context], displayStyle: .class) }
}

import Foundation

/// A factory's tokens in the form in which Google's SDKs for iOS ask for them: the whole of what a `GMTDAuthorization` or a
/// `GMTCAuthorization` has to do. `bindings/swift/Adapters` has both. It remembers the token that it handed out last, so
/// that the app can report it as refused. One for each provider; it may be used from any thread.
public final class AuthTokenFetcher: Sendable {
    private let factory: AuthTokenFactory
    private let last = HandedOut()

    public init(_ factory: AuthTokenFactory) {
        self.factory = factory
    }

    /// May be called on any queue. The completion is called exactly once, never before this returns, on a background
    /// queue: with the token, or with a `TokenError`, which is an `NSError` of domain `FleetToken.TokenError` there.
    public func fetchToken(
        for context: AuthTokenContext,
        completion: @escaping (_ token: String?, _ error: (any Error)?) -> Void
    ) {
        let completion = Block(call: completion)
        factory.token(for: context) { [last] result in
            switch result {
            case .success(let token):
                last.note(token, context)
                completion.call(token.value, nil)
            case .failure(let error):
                completion.call(nil, error)
            }
        }
    }

    /// Reports that Fleet Engine answered UNAUTHENTICATED to the token that was handed out last: it is not served again,
    /// and the next call fetches another. Not for PERMISSION_DENIED: that token is good, but for something else.
    ///
    /// Whether it was still the current one. A token is dropped once, however often it is reported; a report that comes
    /// after the next token was handed out drops that one.
    @discardableResult
    public func tokenRefused() -> Bool {
        guard let (token, context) = last.value else { return false }
        return factory.invalidate(token, for: context)
    }
}

extension AuthTokenFetcher: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "AuthTokenFetcher" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers, which would otherwise go through what is inside.
    public var customMirror: Mirror { Mirror(self, children: [:], displayStyle: .class) }
}

/// The last token, and what it was for.
private final class HandedOut: @unchecked Sendable {
    private let lock = NSLock()
    private var pair: (token: AuthToken, context: AuthTokenContext)?

    var value: (token: AuthToken, context: AuthTokenContext)? {
        lock.lock()
        defer { lock.unlock() }
        return pair
    }

    func note(_ token: AuthToken, _ context: AuthTokenContext) {
        lock.lock()
        defer { lock.unlock() }
        pair = (token, context)
    }
}

/// An Objective-C block, which knows nothing of `Sendable`. Nothing here touches it but the one call.
private struct Block: @unchecked Sendable {
    let call: (String?, (any Error)?) -> Void
}

import Foundation
internal import FleetTokenFFI

/// Gets, keeps and refreshes Fleet Engine tokens.
///
/// Make one for the app and keep it. It may be used from any thread. A token that is at hand is given at once; several
/// callers who miss the same one share a fetch; nobody who goes away loses a fetch for the others.
public final class AuthTokenFactory: Sendable {
    private let core: FfiTokenFactory
    private let copies: Copies
    private let now: @Sendable () -> UInt64

    /// A factory on the device's clocks. Touches no network and starts no thread.
    ///
    /// Without a transport the library sends requests itself, if it was built with HTTP inside, as for a desktop; else this
    /// throws.
    ///
    /// Throws a `TokenError` of kind `invalidConfiguration`.
    public convenience init(
        configuration: TokenConfiguration,
        transport: (any HTTPTransport)? = URLSessionTransport(),
        session: (any SessionHeaderProvider)? = nil
    ) throws {
        let core = try TokenError.rethrown {
            try FfiTokenFactory(
                config: configuration.crossing(),
                transport: transport.map(TransportBridge.init),
                session: session.map(SessionBridge.init)
            )
        }
        self.init(core: core, now: BootClock.nowMs)
    }

    /// On another clock, which must be the core's.
    init(core: FfiTokenFactory, now: @escaping @Sendable () -> UInt64) {
        self.core = core
        self.now = now
        copies = Copies(now: now)
    }

    deinit {
        _ = core.shutDownNow()
    }

    // MARK: - Asking

    /// A valid token: at once if there is one, else after a fetch.
    ///
    /// Throws a `TokenError`, or `CancellationError` if the task is cancelled while it waits. The fetch goes on then, and
    /// the next caller has its token.
    public func token(for context: AuthTokenContext) async throws -> AuthToken {
        if let token = copies.fresh(for: context) {
            return token
        }
        return try await ask(context, validForMs: nil)
    }

    /// A token that is valid for so many seconds from now.
    public func token(for context: AuthTokenContext, validFor time: TimeInterval) async throws -> AuthToken {
        try await ask(context, validForMs: time.crossingMs)
    }

    /// The same for code that is not async: the completion is called exactly once, never before this returns, on a
    /// background queue.
    public func token(
        for context: AuthTokenContext,
        completion: @escaping @Sendable (Result<AuthToken, TokenError>) -> Void
    ) {
        if let token = copies.fresh(for: context) {
            DispatchQueue.global().async { completion(.success(token)) }
            return
        }
        // Detached, since the caller's priority and task-local values are no business of the fetch. It is never cancelled.
        Task.detached {
            let result: Result<AuthToken, TokenError>
            do {
                result = .success(try await self.token(for: context))
            } catch let error as TokenError {
                result = .failure(error)
            } catch {
                result = .failure(.interrupted)
            }
            // Not on Swift's own pool, whose few threads an app's completion might block.
            DispatchQueue.global().async { completion(result) }
        }
    }

    /// The token if one can be served at once. What is due, spent or missing is fetched in the background.
    public func tryToken(for context: AuthTokenContext) -> AuthToken? {
        if let token = copies.fresh(for: context) {
            return token
        }
        tellHits()
        return core.tryToken(context: context.crossing()).map { keep($0, for: context) }
    }

    /// The token of one context, again and again. While the handle exists, its context is never dropped to keep the
    /// number of contexts bounded.
    ///
    /// Throws a `TokenError`: `invalidContext` or `shutDown`.
    public func handle(for context: AuthTokenContext) throws -> TokenHandle {
        let held = try TokenError.rethrown { try core.handle(context: context.crossing()) }
        return TokenHandle(self, context, held)
    }

    // MARK: - Telling

    /// Reports that Fleet Engine refused a token with UNAUTHENTICATED. Whether it was the current one; if not, another
    /// has replaced it already.
    @discardableResult
    public func invalidate(_ token: AuthToken, for context: AuthTokenContext) -> Bool {
        invalidate(value: token.value, for: context)
    }

    /// The same, of a token that its caller has only the text of.
    func invalidate(value: String, for context: AuthTokenContext) -> Bool {
        tellHits()
        let done = core.invalidate(context: context.crossing(), value: value)
        copies.see(epoch: done.epoch)
        return done.wasCurrent
    }

    /// Forgets everything, as when the user signs out.
    public func clear() {
        tellHits()
        copies.see(epoch: core.clear())
    }

    /// Fetches, in the background, what is not there yet.
    public func prefetch(_ contexts: [AuthTokenContext]) {
        tellHits()
        core.prefetch(contexts: contexts.map { $0.crossing() })
    }

    /// Reports that the network is back: the next calls ask the backend at once.
    public func networkAvailable() {
        core.networkAvailable()
    }

    /// Reports that the user signed in: what the backend refused is asked for again at the next call.
    public func sessionChanged() {
        core.sessionChanged()
    }

    // MARK: - Looking

    /// What happens from now on, until the factory is shut down or the reader ends. Each use is a stream of its own. A
    /// reader who is more than 256 events behind misses some, and is told how many.
    public var events: AsyncStream<TokenEvent> {
        AsyncStream(bufferingPolicy: .bufferingOldest(256)) { continuation in
            let subscription = core.listen(listener: EventBridge(continuation: continuation, copies: copies))
            continuation.onTermination = { _ in subscription.stop() }
            if copies.isEnded {
                continuation.finish()
            }
        }
    }

    /// The counters.
    public var stats: TokenStats {
        tellHits()
        return TokenStats(core.stats())
    }

    /// For how many seconds the token is still valid; `nil` if nobody said.
    public func remaining(_ token: AuthToken) -> TimeInterval? {
        token.expiresAtMs.map { end in
            let now = now()
            return end > now ? TimeInterval(crossedMs: end - now) : 0
        }
    }

    // MARK: - Ending

    /// Ends everything: callers who wait get an error at once, later calls too. Returns when no fetch is left.
    public func shutdown() async {
        // Before the core, so that no copy outlives it.
        copies.end()
        tellHits()
        copies.see(epoch: await core.shutdown())
    }

    // MARK: - Inside

    /// A handle's copy, if it may be served.
    func copy(at spot: Copies.Spot) -> AuthToken? {
        copies.fresh(at: spot)
    }

    private func ask(_ context: AuthTokenContext, validForMs: UInt64?) async throws -> AuthToken {
        tellHits()
        let cancel = FfiCancelHandle()
        let token = try await withTaskCancellationHandler {
            try await TokenError.rethrown {
                try await core.token(context: context.crossing(), validForMs: validForMs, cancel: cancel)
            }
        } onCancel: {
            cancel.cancel()
        }
        return keep(token, for: context)
    }

    private func keep(_ served: FfiToken, for context: AuthTokenContext) -> AuthToken {
        let token = AuthToken(
            value: served.value,
            generation: served.generation,
            expiresAtMs: served.validForMs.map { served.servedAtMs + $0 }
        )
        copies.keep(
            token,
            for: context,
            epoch: served.epoch,
            freshUntilMs: served.servedAtMs + served.freshForMs,
            evictions: served.evictions
        )
        return token
    }

    /// So that the counters are whole, and contexts that are busy here are evicted there last.
    private func tellHits() {
        let hits = copies.takeHits()
        if !hits.isEmpty {
            core.noteHits(hits: hits.map { FfiHits(context: $0.context.crossing(), count: $0.hits) })
        }
    }
}

extension AuthTokenFactory: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "AuthTokenFactory" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers, which would otherwise reach the tokens inside.
    public var customMirror: Mirror { Mirror(self, children: [:], displayStyle: .class) }
}

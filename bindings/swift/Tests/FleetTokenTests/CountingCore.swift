import FleetTokenFFI
import Foundation

/// The real core, with each crossing into it counted by its name.
final class CountingCore: FfiTokenFactory, @unchecked Sendable {
    private let counts = Locked<[String: Int]>([:])
    private let whenServed = Locked<(@Sendable () async -> Void)?>(nil)

    private let whenEnded = Locked<(@Sendable () async -> Void)?>(nil)

    static func make(_ core: FfiTokenFactory) -> CountingCore {
        CountingCore(unsafeFromHandle: core.uniffiCloneHandle())
    }

    var crossings: [String: Int] { counts.with { $0 } }

    var total: Int { crossings.values.reduce(0, +) }

    /// Is called once, when the core has served a token to an async caller who has not seen it yet.
    func onceServed(_ work: @escaping @Sendable () async -> Void) {
        whenServed.with { $0 = work }
    }

    /// Is called when the core was shut down, before whoever shut it down goes on.
    func onEnded(_ work: @escaping @Sendable () async -> Void) {
        whenEnded.with { $0 = work }
    }

    private func crossed(_ name: String = #function) {
        counts.with { $0[String(name.prefix { $0 != "(" }), default: 0] += 1 }
    }

    override func token(
        context: FfiTokenContext, validForMs: UInt64?, cancel: FfiCancelHandle?
    ) async throws -> FfiToken {
        crossed()
        let token = try await super.token(context: context, validForMs: validForMs, cancel: cancel)
        let work = whenServed.with { work -> (@Sendable () async -> Void)? in
            defer { work = nil }
            return work
        }
        await work?()
        return token
    }

    override func tryToken(context: FfiTokenContext) -> FfiToken? {
        crossed()
        return super.tryToken(context: context)
    }

    override func invalidate(context: FfiTokenContext, value: String) -> FfiInvalidation {
        crossed()
        return super.invalidate(context: context, value: value)
    }

    override func clear() -> UInt64 {
        crossed()
        return super.clear()
    }

    /// Its work is done when the core has ended and nobody has been told yet.
    override func shutdown() async -> UInt64 {
        crossed()
        let epoch = await super.shutdown()
        await whenEnded.with { $0 }?()
        return epoch
    }

    override func noteHits(hits: [FfiHits]) {
        crossed()
        super.noteHits(hits: hits)
    }

    override func stats() -> FfiStats {
        crossed()
        return super.stats()
    }

    override func handle(context: FfiTokenContext) throws -> FfiTokenHandle {
        crossed()
        return try super.handle(context: context)
    }

    override func epoch() -> UInt64 {
        crossed()
        return super.epoch()
    }

    override func nowMs() -> UInt64 {
        crossed()
        return super.nowMs()
    }
}

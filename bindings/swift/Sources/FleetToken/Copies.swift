import Foundation

/// The tokens that are served without asking the core, and the rule by which they are kept.
///
/// A copy is kept only if the core's epoch, read before the token was asked for, is not lower than any epoch seen since:
/// else it may be a token that was just rejected or cleared, put back by a slower thread. Comparing and keeping are one
/// step under the lock. When the epoch rises, all copies go: one token may have been handed out for several contexts.
final class Copies: @unchecked Sendable {
    private struct Copy {
        let token: AuthToken
        let freshUntilMs: UInt64
        /// Times it was served since the core was last told.
        var hits: UInt64 = 0
        var lastHit: UInt64 = 0
    }

    private let lock = NSLock()
    private let now: @Sendable () -> UInt64
    private var kept: [AuthTokenContext: Copy] = [:]
    /// The contexts whose copies were served since the core was last told.
    private var served: Set<AuthTokenContext> = []
    /// Hits of copies that are gone.
    private var gone: [(context: AuthTokenContext, hits: UInt64, lastHit: UInt64)] = []
    private var seenEpoch: UInt64 = 0
    private var seenEvictions: UInt64 = 0
    private var hitCount: UInt64 = 0

    init(now: @escaping @Sendable () -> UInt64) {
        self.now = now
    }

    /// The copy for this context, if it may still be served.
    func fresh(for context: AuthTokenContext) -> AuthToken? {
        let now = now()
        return locked {
            guard let copy = kept[context], now < copy.freshUntilMs else { return nil }
            hitCount += 1
            if kept[context]?.hits == 0 {
                served.insert(context)
            }
            kept[context]?.hits += 1
            kept[context]?.lastHit = hitCount
            return copy.token
        }
    }

    /// Keeps the token as a copy, if it may be kept. `evictions` is what the core had evicted after it gave the token.
    func keep(
        _ token: AuthToken, for context: AuthTokenContext, epoch: UInt64, freshUntilMs: UInt64, evictions: UInt64
    ) {
        let now = now()
        locked {
            if evictions > seenEvictions {
                // Which contexts it were is not known here; those that are left are copied again when asked for.
                seenEvictions = evictions
                dropAll()
            }
            guard epoch >= seenEpoch, evictions >= seenEvictions else { return }
            if epoch > seenEpoch {
                // Something was dropped, and whoever did it has not told yet.
                seenEpoch = epoch
                dropAll()
            }
            guard now < freshUntilMs else { return }
            if let old = kept[context] {
                if old.token.generation > token.generation, now < old.freshUntilMs { return }
                remember(old, of: context)
                served.remove(context)
            }
            kept[context] = Copy(token: token, freshUntilMs: freshUntilMs)
        }
    }

    /// An epoch was seen; tokens from before a higher one are not served any more.
    func see(epoch: UInt64) {
        locked {
            guard epoch > seenEpoch else { return }
            seenEpoch = epoch
            dropAll()
        }
    }

    /// What was served since the last time, those used last at the end.
    func takeHits() -> [(context: AuthTokenContext, hits: UInt64)] {
        locked {
            guard !served.isEmpty || !gone.isEmpty else { return [] }
            for context in served {
                if let copy = kept[context] {
                    remember(copy, of: context)
                    kept[context]?.hits = 0
                }
            }
            served.removeAll()
            let all = gone.sorted { $0.lastHit < $1.lastHit }.map { ($0.context, $0.hits) }
            gone.removeAll()
            return all
        }
    }

    var count: Int { locked { kept.count } }

    // Under the lock.
    private func dropAll() {
        for context in served {
            if let copy = kept[context] {
                remember(copy, of: context)
            }
        }
        served.removeAll()
        kept.removeAll()
    }

    // Under the lock.
    private func remember(_ copy: Copy, of context: AuthTokenContext) {
        if copy.hits > 0 {
            gone.append((context, copy.hits, copy.lastHit))
        }
    }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

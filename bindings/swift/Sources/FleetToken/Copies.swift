/// The tokens that are served without asking the core, and the rule by which they are kept.
///
/// - A copy is kept only if the core's epoch, read before the token was asked for, is not lower than any epoch seen
///   since: else it may be a token that was just rejected or cleared, put back by a slower thread. Comparing and keeping
///   are one step under the lock. When the epoch rises, all copies go: one token may have been handed out for several
///   contexts.
/// - Threads find their copies in stripes, each with a lock of its own. A stripe is filled and emptied only under the
///   lock here. So when ``see(epoch:)`` has returned no thread is served anything from before, and when ``keep`` has
///   returned none is served what the new token replaced.
/// - A token that is older than one that was handed out for its context, kept or not, is not kept either. (Two threads
///   may bring them in the other order, with an eviction or a rejection between.)
final class Copies: @unchecked Sendable {
    private let lock = Lock()
    private let stripes = Apart<Stripe>(ThreadNumber.count)
    private let now: @Sendable () -> UInt64
    private var kept: [AuthTokenContext: Copy] = [:]
    /// The generation of the newest token that was handed out for each context.
    private var newest: [AuthTokenContext: UInt64] = [:]
    /// For so many contexts that is remembered.
    private static let remembered = 16_384
    /// Uses of copies that are gone.
    private var gone: [Use] = []
    private var seenEpoch: UInt64 = 0
    private var seenEvictions: UInt64 = 0
    private var hasEnded = false

    init(now: @escaping @Sendable () -> UInt64) {
        self.now = now
        for number in 0..<ThreadNumber.count { stripes[number].initialize(to: Stripe()) }
    }

    deinit {
        for number in 0..<ThreadNumber.count {
            stripes[number].pointee.lock.free()
            stripes[number].deinitialize(count: 1)
        }
        stripes.free()
        lock.free()
    }

    /// Where a handle finds its copies without a lookup: a place in each stripe, under the stripe's lock.
    final class Spot: @unchecked Sendable {
        let context: AuthTokenContext
        fileprivate let places: UnsafeMutablePointer<Stripe.Place>

        init(_ context: AuthTokenContext) {
            self.context = context
            places = .allocate(capacity: ThreadNumber.count)
            places.initialize(repeating: .none, count: ThreadNumber.count)
        }

        deinit {
            places.deinitialize(count: ThreadNumber.count)
            places.deallocate()
        }
    }

    /// The copy for this context, if it may still be served.
    func fresh(for context: AuthTokenContext) -> AuthToken? {
        let now = now()
        let number = ThreadNumber.mine
        let stripe = stripes[number]
        stripe.pointee.lock.lock()
        let token = stripe.pointee.serve(context, now)
        stripe.pointee.lock.unlock()
        return token ?? fetched(context, now, number, nil)
    }

    /// The same for a handle's context.
    func fresh(at spot: Spot) -> AuthToken? {
        let now = now()
        let number = ThreadNumber.mine
        let stripe = stripes[number]
        stripe.pointee.lock.lock()
        let token = stripe.pointee.serve(spot.places[number], now)
        stripe.pointee.lock.unlock()
        return token ?? fetched(spot.context, now, number, spot)
    }

    /// What this thread's stripe does not have yet, and others may.
    @inline(never)
    private func fetched(_ context: AuthTokenContext, _ now: UInt64, _ number: Int, _ spot: Spot?) -> AuthToken? {
        locked {
            guard let copy = kept[context], copy.isFresh(at: now) else { return nil }
            let stripe = stripes[number]
            stripe.pointee.lock.lock()
            defer { stripe.pointee.lock.unlock() }
            let place = stripe.pointee.put(copy, for: context, now)
            spot?.places[number] = place
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
            if epoch > seenEpoch {
                // Something was dropped, and whoever did it has not told yet.
                seenEpoch = epoch
                dropAll()
            }
            if newest.count >= Copies.remembered, newest[context] == nil { newest.removeAll() }
            guard token.generation >= newest[context, default: 0] else { return }
            newest[context] = token.generation
            if kept.removeValue(forKey: context) != nil {
                inLockedStripes { $0.empty(context) }
            }
            guard epoch >= seenEpoch, evictions >= seenEvictions, !hasEnded, now < freshUntilMs else { return }
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

    /// Nothing is served from here, or kept, any more.
    func end() {
        locked {
            hasEnded = true
            dropAll()
        }
    }

    var isEnded: Bool { locked { hasEnded } }

    /// What was served since the last time, those used last at the end.
    func takeHits() -> [(context: AuthTokenContext, hits: UInt64)] {
        locked {
            takeUses()
            guard !gone.isEmpty else { return [] }
            let all = gone.sorted { ($0.lastMs, $0.order) < ($1.lastMs, $1.order) }.map { ($0.context, $0.hits) }
            gone.removeAll()
            return all
        }
    }

    var count: Int { locked { kept.count } }

    // Under the lock, all of these.

    private func dropAll() {
        inLockedStripes {
            gone += $0.takeUses()
            $0.emptyAll()
        }
        kept.removeAll()
    }

    private func takeUses() {
        inLockedStripes { gone += $0.takeUses() }
    }

    private func inLockedStripes(_ work: (inout Stripe) -> Void) {
        for number in 0..<ThreadNumber.count {
            let stripe = stripes[number]
            stripe.pointee.lock.lock()
            work(&stripe.pointee)
            stripe.pointee.lock.unlock()
        }
    }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

/// A token as it is kept, and until when it is served without asking.
struct Copy {
    let token: AuthToken
    let freshUntilMs: UInt64

    func isFresh(at now: UInt64) -> Bool { now < freshUntilMs }
}

/// How often a context's token was served from its copy since the core was last told, and when last.
struct Use {
    let context: AuthTokenContext
    var hits: UInt64
    let lastMs: UInt64
    /// Orders those of one millisecond, as far as they are of the same threads.
    let order: UInt64
}

/// What some of the threads are served from: their part of the copies, under a lock of their own, so that threads that
/// ask for the same token do not wait for each other, nor for each other's memory.
///
/// All is under `lock`, and what puts something in is under the lock of ``Copies`` besides.
final class Stripe: @unchecked Sendable {
    /// Where the copy of one context is. One that is no longer in `places` is empty.
    final class Place {
        fileprivate let context: AuthTokenContext
        fileprivate var copy: Copy?
        private var hits: UInt64 = 0
        private var lastMs: UInt64 = 0
        private var order: UInt64 = 0

        fileprivate init(_ context: AuthTokenContext) { self.context = context }

        fileprivate func use(_ now: UInt64, in stripe: Stripe) {
            if hits == 0 { stripe.used.append(self) }
            stripe.uses += 1
            (hits, lastMs, order) = (hits + 1, now, stripe.uses)
        }

        fileprivate func takeUse() -> Use {
            defer { hits = 0 }
            return Use(context: context, hits: hits, lastMs: lastMs, order: order)
        }
    }

    /// For so many contexts the stripe has a text of its own: else threads would count the holders of one text in turns.
    /// With more, it is seldom that two ask for the same.
    private static let ownTexts = 64

    let lock = Lock()
    private var places: [AuthTokenContext: Place] = [:]
    private var used: [Place] = []
    private var uses: UInt64 = 0

    deinit { lock.free() }

    /// The token at this place, if it is fresh.
    func serve(_ place: Place, _ now: UInt64) -> AuthToken? {
        guard let copy = place.copy, copy.isFresh(at: now) else { return nil }
        place.use(now, in: self)
        return copy.token
    }

    func place(of context: AuthTokenContext) -> Place? { places[context] }

    /// Puts the copy where this stripe's threads find it, and serves it.
    func put(_ copy: Copy, for context: AuthTokenContext, _ now: UInt64) -> Place {
        let place = places[context] ?? Place(context)
        place.copy = places.count < Stripe.ownTexts ? copy.withOwnText() : copy
        places[context] = place
        place.use(now, in: self)
        return place
    }

    /// Serves this context no more.
    func empty(_ context: AuthTokenContext) {
        places[context]?.copy = nil
    }

    /// Serves nothing more.
    func emptyAll() {
        for place in places.values { place.copy = nil }
        places.removeAll()
    }

    func takeUses() -> [Use] {
        guard !used.isEmpty else { return [] }
        defer { used.removeAll(keepingCapacity: true) }
        return used.map { $0.takeUse() }
    }
}

extension Copy {
    fileprivate func withOwnText() -> Copy {
        let text = String(decoding: Array(token.value.utf8), as: UTF8.self)
        let token = AuthToken(value: text, generation: token.generation, expiresAtMs: token.expiresAtMs)
        return Copy(token: token, freshUntilMs: freshUntilMs)
    }
}

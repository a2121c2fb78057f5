/// A token as it is kept, and until when it is served without asking.
struct Copy {
    let token: AuthToken
    let freshUntilMs: UInt64

    func isFresh(at now: UInt64) -> Bool { now < freshUntilMs }
}

/// How often a context's token was served from its copy since the core was last told, and when last.
struct Use {
    let context: AuthTokenContext
    let hits: UInt64
    let lastMs: UInt64
    /// Orders those of one millisecond, as far as they are of the same threads.
    let order: UInt64
}

/// What some of the threads are served from: their part of the copies, under a lock of their own, so that threads that
/// ask for the same token do not wait for each other, nor for each other's memory.
///
/// All is under `lock`, and what puts something in is under the lock of ``Copies`` besides. Made of values and numbers
/// all through: an object on the way would cost each hit a retain and a release.
struct Stripe {
    /// Where a context's copy is, until the stripe is emptied the next time.
    struct Place {
        fileprivate let round: Int
        fileprivate let at: Int

        static let none = Place(round: -1, at: 0)
    }

    private struct Entry {
        let context: AuthTokenContext
        var copy: Copy?
        var hits: UInt64 = 0
        var lastMs: UInt64 = 0
        var order: UInt64 = 0

        /// Whether it is the first since the last time they were taken.
        @inline(__always)
        mutating func use(_ now: UInt64, _ number: UInt64) -> Bool {
            (hits, lastMs, order) = (hits + 1, now, number)
            return hits == 1
        }
    }

    /// For so many contexts the stripe has a text of its own: else threads would count the holders of one text in turns.
    /// With more, it is seldom that two ask for the same.
    private static let ownTexts = 64

    let lock = Lock()
    private var entries: ContiguousArray<Entry> = []
    /// The entries' numbers by their contexts' hashes: each at the first place from its hash on that was free. The
    /// language's own dictionary would hash the hash again. Twice as long as `entries` at least; negative where free.
    private var table = ContiguousArray(repeating: -1, count: 16)
    private var used: ContiguousArray<Int> = []
    private var uses: UInt64 = 0
    private var round = 0

    /// The token of this context, if it is fresh.
    mutating func serve(_ context: AuthTokenContext, _ now: UInt64) -> AuthToken? {
        let at = table[slot(of: context)]
        return at < 0 ? nil : serve(at, now)
    }

    /// The token at this place, if it is fresh.
    mutating func serve(_ place: Place, _ now: UInt64) -> AuthToken? {
        place.round == round ? serve(place.at, now) : nil
    }

    /// Puts the copy where this stripe's threads find it, and counts its being served.
    mutating func put(_ copy: Copy, for context: AuthTokenContext, _ now: UInt64) -> Place {
        var at = table[slot(of: context)]
        if at < 0 {
            at = entries.count
            entries.append(Entry(context: context))
            grow()
            table[slot(of: context)] = at
        }
        entries[at].copy = at < Stripe.ownTexts ? copy.withOwnText() : copy
        uses += 1
        if entries[at].use(now, uses) { used.append(at) }
        return Place(round: round, at: at)
    }

    /// Serves this context no more.
    mutating func empty(_ context: AuthTokenContext) {
        let at = table[slot(of: context)]
        if at >= 0 { entries[at].copy = nil }
    }

    /// Serves nothing more, at no place that was known. What was used has been taken.
    mutating func emptyAll() {
        round += 1
        guard !entries.isEmpty else { return }
        entries.removeAll()
        table = ContiguousArray(repeating: -1, count: 16)
    }

    mutating func takeUses() -> [Use] {
        guard !used.isEmpty else { return [] }
        defer { used.removeAll(keepingCapacity: true) }
        return used.map { at in
            defer { entries[at].hits = 0 }
            let entry = entries[at]
            return Use(context: entry.context, hits: entry.hits, lastMs: entry.lastMs, order: entry.order)
        }
    }

    @inline(__always)
    private mutating func serve(_ at: Int, _ now: UInt64) -> AuthToken? {
        // Looked at once: an array makes sure at each change that nobody else has it.
        let (token, isFirst) = entries.withUnsafeMutableBufferPointer { entries -> (AuthToken?, Bool) in
            guard let copy = entries[at].copy, copy.isFresh(at: now) else { return (nil, false) }
            return (copy.token, entries[at].use(now, uses + 1))
        }
        if token != nil { uses += 1 }
        if isFirst { used.append(at) }
        return token
    }

    /// Where in the table the context's number is, or belongs.
    private func slot(of context: AuthTokenContext) -> Int {
        var slot = context.digest & (table.count - 1)
        while table[slot] >= 0, entries[table[slot]].context != context {
            slot = (slot + 1) & (table.count - 1)
        }
        return slot
    }

    /// Makes the table long enough for the entries; the last of them is not in it yet.
    private mutating func grow() {
        guard entries.count * 2 > table.count else { return }
        table = ContiguousArray(repeating: -1, count: table.count * 2)
        for at in 0..<(entries.count - 1) {
            table[slot(of: entries[at].context)] = at
        }
    }
}

extension Copy {
    fileprivate func withOwnText() -> Copy {
        let text = String(decoding: Array(token.value.utf8), as: UTF8.self)
        let token = AuthToken(value: text, generation: token.generation, expiresAtMs: token.expiresAtMs)
        return Copy(token: token, freshUntilMs: freshUntilMs)
    }
}

import Allocations
import Foundation

/// What one row came to.
struct Row: Encodable {
    let name: String
    let contexts: Int
    let threads: Int
    /// Nanoseconds a call: the median of the rounds, the least, and the highest.
    let median, least, most: Double
    /// The same by the time that the threads had a core, the median.
    let cpu: Double
    /// Allocations a call.
    let allocations: Double
}

/// One thread's part in one round.
private struct Part: Sendable {
    let wall, cpu, allocations: Double
}

/// How long, and how often.
struct Plan: Sendable {
    let rounds: Int
    let milliseconds: Double
}

/// Measures `calls(n)`, which makes n calls, on so many threads of their own.
func measure(
    _ name: String, contexts: Int, threads: Int, _ plan: Plan, _ calls: @escaping @Sendable (Int) -> Void
) -> Row {
    measure(name, contexts, threads, plan) { number, done in
        for _ in 0..<threads {
            let thread = Thread { done(timed { calls(number) }) }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }
}

/// The same for calls that are async, each thread's in a task.
func measureAsync(
    _ name: String, contexts: Int, threads: Int, _ plan: Plan, _ calls: @escaping @Sendable (Int) async -> Void
) -> Row {
    measure(name, contexts, threads, plan) { number, done in
        for _ in 0..<threads {
            Task.detached {
                let before = Reading.now()
                await calls(number)
                done(before.part())
            }
        }
    }
}

private func measure(
    _ name: String, _ contexts: Int, _ threads: Int, _ plan: Plan,
    _ start: (Int, @escaping @Sendable (Part) -> Void) -> Void
) -> Row {
    func round(_ number: Int) -> [Part] {
        let parts = Parts(threads)
        start(number) { parts.add($0) }
        return parts.all()
    }
    // Twice as many calls again and again until a round is long enough; that is the warming up, too.
    var number = 64
    while true {
        let slowest = round(number).map(\.wall).max() ?? 0
        if slowest >= plan.milliseconds * 1e6 { break }
        number *= 2
    }
    let rounds = (0..<plan.rounds).map { _ in
        let parts = round(number)
        let mean = { (of: (Part) -> Double) in parts.map(of).reduce(0, +) / Double(parts.count) / Double(number) }
        return Part(wall: mean(\.wall), cpu: mean(\.cpu), allocations: mean(\.allocations))
    }
    let sorted = rounds.map(\.wall).sorted()
    let middle = { (values: [Double]) in values.sorted()[values.count / 2] }
    let row = Row(
        name: name, contexts: contexts, threads: threads,
        median: middle(sorted), least: sorted[0], most: sorted[sorted.count - 1],
        cpu: middle(rounds.map(\.cpu)), allocations: rounds.map(\.allocations).min() ?? 0
    )
    print(
        row.name, row.contexts, row.threads,
        String(
            format: "%.1f ns (%.1f to %.1f), %.1f of a core, %.3f allocations",
            row.median, row.least, row.most, row.cpu, row.allocations))
    return row
}

/// Keeps the compiler from leaving out a call whose answer nobody looks at.
@inline(never)
func used<T>(_ value: borrowing T) {}

private func timed(_ work: () -> Void) -> Part {
    let before = Reading.now()
    work()
    return before.part()
}

private struct Reading: Sendable {
    let wall, cpu: Double
    let count: UInt64

    static func now() -> Reading {
        Reading(wall: clock(CLOCK_MONOTONIC), cpu: clock(CLOCK_THREAD_CPUTIME_ID), count: allocations())
    }

    func part() -> Part {
        let after = Reading.now()
        return Part(wall: after.wall - wall, cpu: after.cpu - cpu, allocations: Double(after.count - count))
    }

    private static func clock(_ id: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(id, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

/// The parts of one round, as they come in.
private final class Parts: @unchecked Sendable {
    private let condition = NSCondition()
    private let expected: Int
    private var parts: [Part] = []

    init(_ expected: Int) { self.expected = expected }

    func add(_ part: Part) {
        condition.lock()
        parts.append(part)
        condition.signal()
        condition.unlock()
    }

    func all() -> [Part] {
        condition.lock()
        defer { condition.unlock() }
        while parts.count < expected { condition.wait() }
        return parts
    }
}

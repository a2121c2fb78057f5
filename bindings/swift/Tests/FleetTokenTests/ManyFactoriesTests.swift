@testable import FleetToken
import Foundation
import XCTest

#if os(Linux)
/// Factories that come and go leave neither threads nor memory behind. By XCTest, which runs its tests one after the
/// other in a process without those of Swift Testing: nothing else makes threads or takes memory meanwhile.
final class ManyFactoriesTests: XCTestCase {
    func testFiveHundredFactoriesLeaveNothingBehind() async throws {
        // The first ones start what is kept: the runtime's threads, Swift's own, the allocator's arenas.
        for round in 0..<200 { try await useOne(round) }
        let before = try Usage.now()
        for round in 0..<500 { try await useOne(round) }
        // Threads end a moment after the factory that needed them.
        var after = try Usage.now()
        for _ in 0..<500 where after.threads > before.threads {
            try await Task.sleep(nanoseconds: 10_000_000)
            after = try Usage.now()
        }
        print("500 factories: \(before) before, \(after) after")
        XCTAssertLessThanOrEqual(after.threads, before.threads)
        // 16 kB of token a factory would be 8 MB. A sanitizer takes some memory of its own.
        XCTAssertLessThan(after.kilobytes, before.kilobytes + 5_000)
    }

    /// Some are shut down, some are let go of; each has had a token, a handle and a reader of events.
    private func useOne(_ round: Int) async throws {
        let padding = String(repeating: "x", count: 16_000)
        let factory = try factory(Scripted { _ in token("SECRET-TOKEN-\(padding)") })
        let handle = try factory.handle(for: .vehicle("v1"))
        let events = factory.events
        _ = try await handle.token()
        var iterator = events.makeAsyncIterator()
        let first = await iterator.next()
        XCTAssertEqual(first, .fetchStarted(context: .vehicle("v1"), background: false))
        if round % 2 == 0 { await factory.shutdown() }
    }
}

/// What the process has.
private struct Usage: CustomStringConvertible {
    let threads: Int
    let kilobytes: Int

    var description: String { "\(threads) threads, \(kilobytes) kB" }

    /// From Linux itself (`man proc_pid_status`).
    static func now() throws -> Usage {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        func field(_ name: String) throws -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            let number = line?.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " }).dropFirst().first
            return try XCTUnwrap(number.flatMap { Int($0) })
        }
        return Usage(threads: try field("Threads"), kilobytes: try field("VmRSS"))
    }
}
#endif

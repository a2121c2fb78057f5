@testable import FleetToken
import Foundation
import XCTest

#if os(Linux)
/// Factories that come and go leave neither threads nor memory behind. By XCTest, which runs its tests one after the
/// other in a process without those of Swift Testing: nothing else makes threads or takes memory meanwhile.
final class ManyFactoriesTests: XCTestCase {
    func testAThousandFactoriesLeaveNothingBehind() async throws {
        // The first ones start what is kept: the runtime's threads, Swift's own, the allocator's arenas.
        for round in 0..<200 { try await useOne(round) }
        let before = try Usage.now()
        for round in 0..<1000 { try await useOne(round) }
        // Threads end a moment after the factory that needed them.
        var after = try Usage.now()
        for _ in 0..<500 where after.threads > before.threads || after.files > before.files {
            try await Task.sleep(nanoseconds: 10_000_000)
            after = try Usage.now()
        }
        print("1000 factories: \(before) before, \(after) after")
        XCTAssertLessThanOrEqual(after.threads, before.threads)
        XCTAssertLessThanOrEqual(after.files, before.files)
        // 16 kB of token a factory would be 16 MB. A sanitizer takes some memory of its own.
        XCTAssertLessThan(after.kilobytes, before.kilobytes + 5_000)
    }

    /// Of four, one each is shut down, let go of, shut down during a fetch, and let go of during a fetch. Each has had a
    /// token, a handle and a reader of events.
    private func useOne(_ round: Int) async throws {
        let padding = String(repeating: "x", count: 16_000)
        let gate = Gate()
        let answered = Locked(0)
        let transport = Scripted { request in
            if request.url.hasSuffix("/held") {
                await gate.pass()
                answered.with { $0 += 1 }
            }
            return token("SECRET-TOKEN-\(padding)")
        }
        var factory: AuthTokenFactory? = try factory(transport)
        weak var gone = factory
        var handle = try factory?.handle(for: .vehicle("v1"))
        let events = try XCTUnwrap(factory?.events)
        _ = try await handle?.token()
        var iterator = events.makeAsyncIterator()
        let first = await iterator.next()
        XCTAssertEqual(first, .fetchStarted(context: .vehicle("v1"), background: false))
        let isHeld = round % 4 >= 2
        if isHeld {
            factory?.prefetch([.vehicle("held")])
            let isSent = await eventually { transport.count == 2 }
            XCTAssertTrue(isSent)
        }
        if round % 2 == 0 { await factory?.shutdown() }
        (factory, handle) = (nil, nil)
        XCTAssertNil(gone)
        gate.open()
        // The fetch that was under way comes to its end when there is no factory any more.
        let isAnswered = await eventually { answered.with { $0 } == (isHeld ? 1 : 0) }
        XCTAssertTrue(isAnswered)
    }

    /// As one does that belongs to the app's own session, which has the factory too.
    func testATransportOrALoginThatHoldsItsFactoryGoesWithItOnceItIsShutDown() async throws {
        var owner: Owner? = Owner()
        var factory: AuthTokenFactory? = try AuthTokenFactory(
            configuration: anyBackend, transport: owner, session: owner)
        owner?.factory.with { $0 = factory }
        weak var gone = factory
        weak var ownerGone = owner
        _ = try await factory?.token(for: .vehicle("v1"))
        await factory?.shutdown()
        (factory, owner) = (nil, nil)
        let isGone = await eventually { gone == nil && ownerGone == nil }
        XCTAssertTrue(isGone)
    }
}

private final class Owner: HTTPTransport, SessionHeaderProvider {
    let factory = Locked<AuthTokenFactory?>(nil)

    func send(_ request: HTTPRequest) async throws -> HTTPResponse { token("SECRET-TOKEN-1") }

    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        [HTTPHeader("authorization", "Bearer SECRET-SESSION-1")]
    }
}

/// What the process has.
private struct Usage: CustomStringConvertible {
    let threads: Int
    let files: Int
    let kilobytes: Int

    var description: String { "\(threads) threads, \(files) open files, \(kilobytes) kB" }

    /// From Linux itself (`man proc_pid_status`).
    static func now() throws -> Usage {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        func field(_ name: String) throws -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
            let number = line?.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " }).dropFirst().first
            return try XCTUnwrap(number.flatMap { Int($0) })
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        return Usage(threads: try field("Threads"), files: files, kilobytes: try field("VmRSS"))
    }
}
#endif

import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The app's own calls, by `AuthorizedSession`, among the others: they share two servers, whose keys and faults they change.
extension EndToEndTests {
    @Test func ownCallsGoOnWhileTokensFollowEachOtherAndAKeyIsRotated() async throws {
        let factory = try servers.factory(login: "demo-rider-1")
        let fleet = try servers.fleet(factory)
        let seen = Answers()
        let tokens = Task {
            var count = 0
            for await event in factory.events where event.name == "fetched" {
                count += 1
                if count == 3 { break }
            }
        }
        let refused = try await servers.counted("refused", "unknown_key")
        try await withThrowingTaskGroup(of: Void.self) { pollers in
            for _ in 0..<4 {
                pollers.addTask {
                    let end = Date().addingTimeInterval(60)
                    while !seen.isOver, Date() < end {
                        let (_, reply) = try await fleet.data(
                            for: servers.request("trips/trip_1"), context: .trip("trip_1"))
                        seen.add((reply as? HTTPURLResponse)?.statusCode ?? 0)
                        try await Task.sleep(nanoseconds: 30_000_000)
                    }
                }
            }
            while seen.count < 20 { try await Task.sleep(nanoseconds: 1_000_000) }
            try await servers.rotate("consumerSdkUser")
            let asked = seen.count
            while seen.count < asked + 20 { try await Task.sleep(nanoseconds: 1_000_000) }
            await tokens.value
            seen.end()
            try await pollers.waitForAll()
        }
        #expect(seen.statuses == [200])
        // Of the old key's token: by each poller at most once, and told to the factory once. A renewal that was under way
        // may have brought another of the old key's.
        let refusals = try await servers.counted("refused", "unknown_key") - refused
        #expect((1...8).contains(refusals))
        #expect((1...2).contains(factory.stats.rejections) && factory.stats.failures == 0)
        await factory.shutdown()
    }

    /// All are on their way with the same token before Fleet Engine refuses the first.
    @Test func ownCallsThatAreRefusedTogetherCauseOneFetch() async throws {
        let factory = try servers.factory(login: "demo-driver-1")
        let wire = URLSession(configuration: .ephemeral)
        let count = 6
        let together = Meeting(count)
        let fleet = try AuthorizedSession(factory, origins: [Servers.origin]) { request in
            await together.arrive()
            return try await wire.data(for: request)
        }
        let minted = { try await servers.counted("minted", "driver vehicle=vehicle_1") }
        let refused = { try await servers.counted("faults", "status_401") }

        _ = try await factory.token(for: .vehicle("vehicle_1"))
        let before = (try await minted(), try await refused())
        try await servers.fault("/vehicles/vehicle_1", status: 401, times: count)
        let request = try servers.request("vehicles/vehicle_1")
        let statuses = try await withThrowingTaskGroup(of: Int.self) { callers in
            for _ in 0..<count {
                callers.addTask {
                    let (_, reply) = try await fleet.data(for: request, context: .vehicle("vehicle_1"))
                    return (reply as? HTTPURLResponse)?.statusCode ?? 0
                }
            }
            return try await callers.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: count))
        #expect(try await refused() - before.1 == count)
        // One for the first token and one for all six, unless the machine takes so long that it was due. A fetch within the
        // second of the last token asks twice: the backend signs the same again.
        let stats = factory.stats
        #expect(stats.flights - stats.backgroundFlights == 2)
        #expect(try await minted() - before.0 == Int(stats.fetches) - 1)
        #expect(stats.rejections == 1)
        wire.invalidateAndCancel()
        await factory.shutdown()
    }

    @Test func aCallThatIsNotAllowedIsHandedBack() async throws {
        let factory = try servers.factory(login: "demo-driver-1")
        let fleet = try servers.fleet(factory)
        let (body, reply) = try await fleet.data(
            for: servers.request("vehicles/vehicle_of_another"), context: .vehicle("vehicle_1"))
        #expect((reply as? HTTPURLResponse)?.statusCode == 403)
        #expect(String(decoding: body, as: UTF8.self).contains("PERMISSION_DENIED"))
        #expect(factory.stats.fetches == 1 && factory.stats.rejections == 0)

        // Not even to the backend, which would be told a token that it need not know.
        var elsewhere = try servers.request("vehicles/vehicle_1")
        elsewhere.url = URL(string: "\(Servers.backend)/admin/stats")
        let wrong = elsewhere
        await #expect(throws: OriginNotAllowed.self) {
            try await fleet.data(for: wrong, context: .vehicle("vehicle_1"))
        }
        await factory.shutdown()
    }

    @Test func anUpdateIsSentAgainWithItsBodyButNotAStream() async throws {
        let factory = try servers.factory(login: "demo-driver-1")
        let fleet = try servers.fleet(factory)
        let context = AuthTokenContext.vehicle("vehicle_1")
        let update = { (value: String) in
            try servers.request(
                "vehicles/vehicle_1?updateMask=attributes",
                put: #"{"attributes": [{"key": "note", "value": "\#(value)"}]}"#)
        }
        try await servers.fault("/vehicles/vehicle_1", status: 401)
        let (body, reply) = try await fleet.data(for: update("by a body"), context: context)
        #expect((reply as? HTTPURLResponse)?.statusCode == 200)
        #expect(String(decoding: body, as: UTF8.self).contains("by a body"))

        try await servers.fault("/vehicles/vehicle_1", status: 401)
        var upload = try update("by a stream")
        upload.httpBodyStream = InputStream(data: try #require(upload.httpBody))
        let (_, refusal) = try await fleet.data(for: upload, context: context)
        #expect((refusal as? HTTPURLResponse)?.statusCode == 401)
        let (after, _) = try await fleet.data(for: servers.request("vehicles/vehicle_1"), context: context)
        let vehicle = String(decoding: after, as: UTF8.self)
        #expect(vehicle.contains("by a body") && !vehicle.contains("by a stream"))
        #expect(factory.stats.rejections == 2)
        await factory.shutdown()
    }
}

/// What the pollers were answered.
private final class Answers: @unchecked Sendable {
    private let lock = NSLock()
    private var all: [Int] = []
    private var over = false

    var count: Int { locked { all.count } }
    var statuses: Set<Int> { Set(locked { all }) }
    var isOver: Bool { locked { over } }

    func add(_ status: Int) { locked { all.append(status) } }
    func end() { locked { over = true } }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

/// Lets nobody pass until so many have come; then everybody.
private actor Meeting {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { missing = count }

    func arrive() async {
        missing -= 1
        if missing > 0 {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            waiting.forEach { $0.resume() }
            waiting = []
        }
    }
}

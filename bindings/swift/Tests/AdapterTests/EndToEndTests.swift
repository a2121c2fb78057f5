import Adapters
import FleetToken
import Foundation
@testable import GoogleRidesharingConsumer
@testable import GoogleRidesharingDriver
import Testing

/// Everything real but the fleet: URLSession, the reference backend and the emulated Fleet Engine over HTTP, asked as
/// Google's SDKs ask. `crates/xtask/swift/with-server.sh` starts both servers, with tokens that live for 8 seconds.
@Suite(.serialized, .enabled(if: Servers.areThere, "no servers: run by crates/xtask/swift/with-server.sh"))
struct EndToEndTests {
    let servers = Servers()

    @Test func aTripIsFollowedThroughItsTokens() async throws {
        let factory = try servers.factory(login: "demo-rider-1")
        let consumer = ConsumerAuthorization(factory)
        let seen = Seen()
        // Four queues poll, as a map does, until tokens have followed each other twice.
        await withTaskGroup(of: Void.self) { pollers in
            for number in 0..<4 {
                let queue = DispatchQueue(label: "poller-\(number)")
                pollers.addTask {
                    let end = Date().addingTimeInterval(60)
                    while seen.count < 3, seen.problems.isEmpty, Date() < end {
                        do {
                            let token = try await asked(on: queue) {
                                consumer.fetchToken(with: GMTCAuthorizationContext(tripID: "trip_1"), completion: $0)
                            }
                            seen.add(token, status: try await servers.call("trips/trip_1", token))
                        } catch {
                            seen.add(problem: "\(error)")
                        }
                        try? await Task.sleep(nanoseconds: 30_000_000)
                    }
                }
            }
        }
        #expect(seen.problems == [])
        #expect(seen.statuses == [200])
        #expect(seen.count >= 3)
        // One fetch a token, and at most one more that is under way.
        let stats = factory.stats
        #expect((UInt64(seen.count)...UInt64(seen.count + 1)).contains(stats.fetches))
        #expect(stats.failures == 0 && stats.calls > 20)
        await factory.shutdown()
    }

    @Test func theHTTPInsideTheLibraryFetchesWhatFleetEngineAccepts() async throws {
        let factory = try servers.factory(login: "demo-rider-1", transport: nil)
        let token = try await factory.token(for: .trip("trip_1"))
        #expect(try await servers.call("trips/trip_1", token.value) == 200)
        await factory.shutdown()
    }

    @Test func theProgramThatIsShownDoesWhatIsSaid() async throws {
        #expect(
            try await servers.run("Example", [Servers.backend, Servers.engine]).0 == """
                Fleet Engine answered 200
                sessionRejected, status 403: the backend answered 403, the app's session may not have this token

                """)
    }

    /// `examples/consumer`, for long enough to see its trip, and on a trip that is not its rider's.
    @Test func theConsumerExampleFollowsItsTripAndFailsOnAnother() async throws {
        let environment = ["FLEET_TOKEN_ENGINE": Servers.origin]
        let (said, code) = try await servers.run("Consumer", ["--seconds", "2"], environment)
        // A JWT's times are whole seconds, so that up to one of its eight may be over when it comes.
        let lives = ["8 s", "7 s"].map { "token   fetched: number 1, good for \($0)" }
        #expect(code == 0 && lives.contains { said.contains($0) }, "\(said)")
        #expect(said.contains("trip    ") && said.contains("vehicle_1 at ") && said.contains(" 0 refused, 0 missed"))
        let (other, failed) = try await servers.run("Consumer", ["--seconds", "1", "--trip", "trip_9"], environment)
        #expect(failed == 1 && other.contains("no token: ") && other.contains("the backend answered 403"), "\(other)")
        #expect(try await servers.run("Consumer", ["--seconds"], environment).1 == 2)
    }

    @Test func aTokenThatFleetEngineRefusesIsReplaced() async throws {
        let factory = try servers.factory(login: "demo-driver-1")
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        let ask: @Sendable (@escaping GMTDAuthTokenFetchCompletionHandler) -> Void = {
            driver.fetchToken(with: GMTDAuthorizationContext(vehicleID: "vehicle_1"), completion: $0)
        }
        let first = try await asked(ask)
        try await servers.fault("/vehicles/vehicle_1", status: 401)
        #expect(try await servers.call("vehicles/vehicle_1", first) == 401)

        // An app is told by the SDK's listener.
        #expect(driver.tokenRefused())
        let second = try await asked(ask)
        #expect(second != first)
        #expect(try await servers.call("vehicles/vehicle_1", second) == 200)
        await factory.shutdown()
    }

    @Test func aCouriersTokenIsGoodForItsVanAndItsTask() async throws {
        let factory = try servers.factory(login: "demo-courier-1")
        let courier = DriverAuthorization(factory, fleet: .scheduled)
        let van = try await asked {
            courier.fetchToken(with: GMTDAuthorizationContext(vehicleID: "van_1"), completion: $0)
        }
        #expect(try await servers.call("deliveryVehicles/van_1", van) == 200)
        let task = try await asked {
            courier.fetchToken(with: GMTDAuthorizationContext(vehicleID: "van_1", taskID: "task_1"), completion: $0)
        }
        #expect(task != van)
        #expect(try await servers.call("tasks/task_1", task) == 200)
        #expect(try await servers.call("tasks/task_1", "no token") == 401)
        await factory.shutdown()
    }

    @Test func aBackendInTroubleIsAskedAgainAndAnUnknownLoginIsNot() async throws {
        let rider = try servers.factory(login: "demo-rider-1")
        try await servers.fault("/token/consumer/", status: 503)
        let ask: @Sendable (AuthTokenFactory) async throws -> String = { factory in
            try await asked {
                let trip = GMTCAuthorizationContext(tripID: "trip_1")
                ConsumerAuthorization(factory).fetchToken(with: trip, completion: $0)
            }
        }
        let token = try await ask(rider)
        #expect(try await servers.call("trips/trip_1", token) == 200)
        #expect(rider.stats.fetches == 2)
        await rider.shutdown()

        let nobody = try servers.factory(login: "SECRET-SESSION-of-nobody")
        do {
            _ = try await ask(nobody)
            Issue.record("an unknown login was given a token")
        } catch {
            #expect((error as? TokenError)?.kind == .sessionRejected && (error as NSError).code == 7)
            #expect(!"\(error) \((error as NSError).userInfo)".contains("SECRET"))
        }
        #expect(nobody.stats.fetches == 1)
        await nobody.shutdown()
    }
}

/// What a completion brings, called from a queue of the SDK's.
private func asked(
    on queue: DispatchQueue = .global(),
    _ fetch: @escaping @Sendable (@escaping (String?, (any Error)?) -> Void) -> Void
) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
        queue.async {
            fetch { token, error in
                if let token, error == nil {
                    continuation.resume(returning: token)
                } else {
                    continuation.resume(throwing: error ?? TransportError.other(detail: "neither token nor error"))
                }
            }
        }
    }
}

/// What the pollers saw.
private final class Seen: @unchecked Sendable {
    private let lock = NSLock()
    private var tokens: Set<String> = []
    private var answers: Set<Int> = []
    private var trouble: [String] = []

    var count: Int { locked { tokens.count } }
    var statuses: Set<Int> { locked { answers } }
    var problems: [String] { locked { trouble } }

    func add(_ token: String, status: Int) {
        locked {
            tokens.insert(token)
            answers.insert(status)
        }
    }

    func add(problem: String) { locked { trouble.append(problem) } }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

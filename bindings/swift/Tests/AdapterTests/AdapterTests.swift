import Adapters
import FleetToken
import Foundation
@testable import GoogleRidesharingConsumer
@testable import GoogleRidesharingDriver
import Testing

/// Google's protocols, as its SDKs call them: through the protocol, from any queue.
@Suite struct AdapterTests {
    private let backend = Backend()
    private let factory: AuthTokenFactory

    init() throws {
        factory = try AuthTokenFactory(
            configuration: TokenConfiguration(endpoints: [
                .init(.vehicle, "https://backend.test/driver/{vehicleId}"),
                .init(.deliveryVehicle, "https://backend.test/courier/{deliveryVehicleId}"),
                .init(.deliveryVehicleTask, "https://backend.test/courier/{deliveryVehicleId}/{taskId}"),
                .init(.trip, "https://backend.test/rider/{tripId}"),
                .init(.vehicleService, "https://backend.test/vehicles"),
            ]),
            transport: backend
        )
    }

    @Test func aDriversContextIsAVehicle() async {
        let onDemand = DriverAuthorization(factory, fleet: .onDemand)
        #expect(await ask(onDemand, GMTDAuthorizationContext(vehicleID: "v1")).token == "SECRET-TOKEN-/driver/v1")
        // A driver of trips has no tasks.
        let strayTask = GMTDAuthorizationContext(vehicleID: "v1", taskID: "t1")
        #expect(await ask(onDemand, strayTask).token == "SECRET-TOKEN-/driver/v1")

        let scheduled = DriverAuthorization(factory, fleet: .scheduled)
        #expect(await ask(scheduled, GMTDAuthorizationContext(vehicleID: "v1")).token == "SECRET-TOKEN-/courier/v1")
        let task = GMTDAuthorizationContext(vehicleID: "v1", taskID: "t1")
        #expect(await ask(scheduled, task).token == "SECRET-TOKEN-/courier/v1/t1")
        #expect(backend.count == 3)
    }

    @Test func aConsumersContextIsATripOrTheVehicleService() async {
        let consumer = ConsumerAuthorization(factory)
        #expect(await ask(consumer, GMTCAuthorizationContext(tripID: "t1")).token == "SECRET-TOKEN-/rider/t1")
        #expect(await ask(consumer, nil).token == "SECRET-TOKEN-/vehicles")
        #expect(await ask(consumer, GMTCAuthorizationContext(tripID: "")).token == "SECRET-TOKEN-/vehicles")
    }

    @Test func aFailureIsAnErrorThatObjectiveCCanRead() async throws {
        for fleet in [DriverAuthorization.Fleet.onDemand, .scheduled] {
            let answer = await ask(DriverAuthorization(factory, fleet: fleet), nil)
            #expect(answer.token == nil)
            let error = try #require(answer.error)
            #expect((error as? TokenError)?.kind == .invalidContext)
            let seen = error as NSError
            #expect(seen.domain == "FleetToken.TokenError" && seen.code == 1)
            #expect(seen.localizedDescription == (error as? TokenError)?.description)
        }
        backend.fail()
        let answer = await ask(ConsumerAuthorization(factory), GMTCAuthorizationContext(tripID: "t1"))
        #expect((answer.error as? TokenError)?.kind == .sessionRejected && answer.token == nil)
        #expect(!"\(answer.error as Any) \((answer.error as NSError?)?.userInfo ?? [:])".contains("SECRET"))
    }

    @Test func aRefusedTokenIsTheOneHandedOutLast() async throws {
        backend.number()
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        #expect(!driver.tokenRefused())
        let first = await ask(driver, GMTDAuthorizationContext(vehicleID: "v1")).token
        let other = await ask(driver, GMTDAuthorizationContext(vehicleID: "v2")).token
        #expect(driver.tokenRefused())
        // Told twice of one failure.
        #expect(!driver.tokenRefused())
        #expect(await ask(driver, GMTDAuthorizationContext(vehicleID: "v1")).token == first)
        let next = await ask(driver, GMTDAuthorizationContext(vehicleID: "v2")).token
        #expect(next != nil && next != other)
        #expect(factory.stats.rejections == 1)

        let consumer = ConsumerAuthorization(factory)
        #expect(!consumer.tokenRefused())
        let trip = await ask(consumer, GMTCAuthorizationContext(tripID: "t1")).token
        #expect(consumer.tokenRefused())
        #expect(await ask(consumer, GMTCAuthorizationContext(tripID: "t1")).token != trip)
    }

    @Test func theListenerThatIsShownDropsTokensThatAreNotAccepted() async throws {
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        let listener = UpdateListener(provider: driver)
        _ = await ask(driver, GMTDAuthorizationContext(vehicleID: "v1"))
        for (text, dropped) in [("PERMISSION_DENIED", 0), ("no location", 0), ("UNAUTHENTICATED", 1)]
            as [(String, UInt64)]
        {
            let reason = NSError(domain: "any", code: 1, userInfo: [NSLocalizedDescriptionKey: text])
            let error = NSError(domain: "reporter", code: 1, userInfo: [NSUnderlyingErrorKey: reason])
            listener.vehicleReporter(GMTDVehicleReporter(), didFail: GMTDVehicleUpdate(), withError: error)
            #expect(factory.stats.rejections == dropped)
        }
    }

    /// A token that was renewed by others meanwhile is not what the SDK was refused with.
    @Test func aTokenThatTheSDKNeverHadIsNotDropped() async throws {
        backend.number()
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        _ = await ask(driver, GMTDAuthorizationContext(vehicleID: "v1"))
        let old = try #require(factory.tryToken(for: .vehicle("v1")))
        factory.invalidate(old, for: .vehicle("v1"))
        let new = try await factory.token(for: .vehicle("v1"))
        #expect(!driver.tokenRefused())
        #expect(try await factory.token(for: .vehicle("v1")) == new)
    }

    @Test func anyThreadMaySayThatATokenWasRefused() async {
        backend.number()
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        await withTaskGroup(of: Void.self) { threads in
            for number in 0..<64 {
                threads.addTask {
                    let vehicle = GMTDAuthorizationContext(vehicleID: "v\(number)")
                    #expect(await self.ask(driver, vehicle).token != nil)
                    driver.tokenRefused()
                }
            }
        }
        // Several may have meant the same one.
        #expect((1...64).contains(factory.stats.rejections) && factory.stats.successes == 64)
    }

    @Test func anAdapterShowsNoToken() async {
        let driver = DriverAuthorization(factory, fleet: .onDemand)
        let token = await ask(driver, GMTDAuthorizationContext(vehicleID: "v1")).token ?? ""
        var shown = "\(driver) \(String(reflecting: driver))"
        dump(driver, to: &shown)
        #expect(token.contains("SECRET") && !shown.contains("SECRET"))
    }

    @Test func aCompletionIsCalledOnceFromAnyQueueAndNeverWithinTheCall() async {
        let consumer = ConsumerAuthorization(factory)
        let done = DispatchGroup()
        let answers = Answers()
        for number in 0..<200 {
            done.enter()
            DispatchQueue(label: "sdk-\(number % 16)").async {
                // Held during the call: a completion within it would wait for ever.
                let returned = DispatchSemaphore(value: 0)
                consumer.fetchToken(with: GMTCAuthorizationContext(tripID: "t\(number % 4)")) { token, error in
                    returned.wait()
                    answers.add(token, error)
                    done.leave()
                }
                returned.signal()
            }
        }
        // A second call of a completion leaves the group once too often, which ends the process.
        await withCheckedContinuation { over in done.notify(queue: .global()) { over.resume() } }
        #expect(answers.tokens.count == 200 && answers.errors == 0)
        #expect(Set(answers.tokens).count == 4 && backend.count == 4)
    }

    private func ask(_ authorization: any GMTDAuthorization, _ context: GMTDAuthorizationContext?) async -> Answer {
        await withCheckedContinuation { done in
            authorization.fetchToken(with: context) { done.resume(returning: Answer(token: $0, error: $1)) }
        }
    }

    private func ask(_ authorization: any GMTCAuthorization, _ context: GMTCAuthorizationContext?) async -> Answer {
        await withCheckedContinuation { done in
            authorization.fetchToken(with: context) { done.resume(returning: Answer(token: $0, error: $1)) }
        }
    }

    private struct Answer: Sendable {
        let token: String?
        let error: (any Error)?
    }
}

/// What 200 completions brought.
private final class Answers: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var tokens: [String] = []
    private(set) var errors = 0

    func add(_ token: String?, _ error: (any Error)?) {
        lock.lock()
        defer { lock.unlock() }
        if let token { tokens.append(token) }
        if error != nil { errors += 1 }
    }
}

/// Answers each path with its token, until it is told to refuse.
private final class Backend: HTTPTransport, @unchecked Sendable {
    private let lock = NSLock()
    private var refuses = false
    private var numbers = false
    private var requests = 0

    var count: Int { locked { requests } }

    func fail() { locked { refuses = true } }

    /// From now on every token is another.
    func number() { locked { numbers = true } }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        let (refused, suffix) = locked {
            requests += 1
            return (refuses, numbers ? "-\(requests)" : "")
        }
        if refused { return HTTPResponse(status: 403) }
        let path = URL(string: request.url)?.path ?? ""
        let body = #"{"token": "SECRET-TOKEN-\#(path)\#(suffix)", "expiresInSeconds": 3600}"#
        return HTTPResponse(status: 200, body: Data(body.utf8))
    }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

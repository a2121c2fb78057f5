@testable import FleetToken
import FleetTokenFFI
import Foundation
import Testing

@Suite struct FactoryTests {
    @Test func aHitIsServedFromTheCopyAndCounted() async throws {
        let transport = minting()
        let factory = try factory(transport)
        let first = try await factory.token(for: .vehicle("v1"))
        for _ in 0..<100 { #expect(try await factory.token(for: .vehicle("v1")) == first) }
        #expect(factory.tryToken(for: .vehicle("v1")) == first)
        #expect(transport.count == 1)
        let stats = factory.stats
        #expect((stats.calls, stats.hits, stats.waits) == (102, 101, 1))
    }

    @Test func manyCallersShareAFetch() async throws {
        let gate = Gate()
        let transport = Scripted { _ in
            await gate.pass()
            return token("T")
        }
        let factory = try factory(transport)
        let callers = (0..<50).map { _ in Task { try await factory.token(for: .vehicle("v1")).value } }
        #expect(await eventually { factory.stats.calls == 50 })
        gate.open()
        for caller in callers { #expect(try await caller.value == "T") }
        #expect(transport.count == 1)
    }

    @Test func aCancelledCallerEndsAtOnceAndLosesNoWork() async throws {
        let gate = Gate()
        let transport = Scripted { _ in
            await gate.pass()
            return token("T")
        }
        let factory = try factory(transport)
        let caller = Task { try await factory.token(for: .vehicle("v1")) }
        #expect(await eventually { transport.count == 1 })
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        gate.open()
        #expect(try await factory.token(for: .vehicle("v1")).value == "T")
        #expect(transport.count == 1)
    }

    @Test func aCompletionIsCalledOnceAndNeverBeforeTheCallReturns() async throws {
        let factory = try factory(minting())
        _ = try await factory.token(for: .vehicle("v1"))
        for context in [AuthTokenContext.vehicle("v1"), .vehicle("v2"), .vehicle("../v3")] {
            let calls = Locked(0)
            // Held while the call is made: a completion inside it would wait for ever, and the test with it.
            let returned = DispatchSemaphore(value: 0)
            factory.token(for: context) { result in
                returned.wait()
                if case .failure(let error) = result { #expect(error.kind == .invalidContext) }
                calls.with { $0 += 1 }
            }
            returned.signal()
            #expect(await eventually { calls.with { $0 } == 1 })
            try await Task.sleep(nanoseconds: 5_000_000)
            #expect(calls.with { $0 } == 1)
        }
    }

    @Test func aTokenServedTwiceIsOneToken() {
        let token = { AuthToken(value: $0, generation: $1, expiresAtMs: $2) }
        #expect(token("T", 1, 1000) == token("T", 1, 1001))
        #expect(token("T", 1, 1000) != token("T", 2, 1000))
        #expect(token("T", 1, 1000) != token("U", 1, 1000))
    }

    @Test func aRejectedTokenIsNotServedAgain() async throws {
        let factory = try factory(minting())
        let first = try await factory.token(for: .vehicle("v1"))
        #expect(factory.invalidate(first, for: .vehicle("v1")))
        #expect(!factory.invalidate(first, for: .vehicle("v1")))
        let second = try await factory.token(for: .vehicle("v1"))
        #expect(second.value != first.value && second.generation > first.generation)
    }

    @Test func aTokenOfSeveralContextsIsRejectedForAll() async throws {
        let count = Locked(0)
        let transport = Scripted { _ in
            token(
                count.with { count -> String in
                    count += 1
                    return count <= 2 ? "SHARED" : "NEW-\(count)"
                })
        }
        let factory = try factory(transport)
        let first = try await factory.token(for: .vehicle("v1"))
        #expect(try await factory.token(for: .vehicle("v2")).value == first.value)
        factory.invalidate(first, for: .vehicle("v1"))
        #expect(try await factory.token(for: .vehicle("v2")).value != first.value)
    }

    @Test func clearForgetsTheCopiesToo() async throws {
        let transport = minting()
        let factory = try factory(transport)
        _ = try await factory.token(for: .vehicle("v1"))
        factory.clear()
        #expect(factory.tryToken(for: .vehicle("v1")) == nil)
        _ = try await factory.token(for: .vehicle("v1"))
        #expect(transport.count == 2)
    }

    @Test func errorsSayWhatAndWhenAgain() async throws {
        let factory = try factory(
            Scripted { _ in
                HTTPResponse(status: 503, headers: [HTTPHeader("Retry-After", "60")])
            })
        let error = await failure { try await factory.token(for: .vehicle("v1")) }
        #expect(error?.kind == .unavailable && error?.status == 503 && error?.isRetryable == true)
        #expect((error?.retryAfter ?? 0) > 50)
        let again = await failure { try await factory.token(for: .vehicle("v1")) }
        #expect(again?.kind == .backingOff && again?.underlying == .unavailable)
    }

    @Test func everyKindOfErrorHasANumberOfItsOwn() {
        let codes = TokenError.Kind.allCases.map { kind in
            TokenError(
                kind: kind, underlying: nil, isRetryable: false, retryAfter: nil, status: nil, description: ""
            ).errorCode
        }
        #expect(codes == Array(1...codes.count))
    }

    @Test(arguments: ["", "../v1", "*", String(repeating: "v", count: 65)])
    func badIdsAreATypedError(id: String) async throws {
        let transport = minting()
        let factory = try factory(transport)
        let error = await failure { try await factory.token(for: .vehicle(id)) }
        #expect(error?.kind == .invalidContext)
        #expect(transport.count == 0)
    }

    @Test func whatATransportThrowsIsNotRepeated() async throws {
        struct Leak: Error { let text = "SECRET-SESSION" }
        var configuration = anyBackend
        configuration.maxAttempts = 1
        let factory = try factory(Scripted { _ in throw Leak() }, configuration)
        let error = await failure { try await factory.token(for: .vehicle("v1")) }
        #expect(error?.kind == .transport)
        #expect(!printed(error as Any).contains("SECRET"))
    }

    @Test func aConfigurationThatMakesNoSenseIsRefused() async {
        let error = await failure {
            try factory(minting(), TokenConfiguration(endpoints: [.init(.vehicle, "http://backend.test/{vehicleId}")]))
        }
        #expect(error?.kind == .invalidConfiguration)
    }

    @Test func shutdownAnswersWhoWaitsEndsTheEventsAndRefusesWhoComesLater() async throws {
        let gate = Gate()
        let transport = Scripted { _ in
            await gate.pass()
            return token("T")
        }
        let factory = try factory(transport)
        let events = factory.events
        let caller = Task { try await factory.token(for: .vehicle("v1")) }
        #expect(await eventually { transport.count == 1 })
        await factory.shutdown()
        #expect(await failure { try await caller.value }?.kind == .shutDown)
        #expect(await failure { try await factory.token(for: .vehicle("v1")) }?.kind == .shutDown)
        #expect(factory.tryToken(for: .vehicle("v1")) == nil)
        var last: TokenEvent?
        for await event in events { last = event }
        #expect(last == .shutDown)
        for await event in factory.events { Issue.record("\(event)") }
        gate.open()
    }

    @Test func aFactoryThatNobodyHoldsIsFreedAndItsEventsEnd() async throws {
        var factory: AuthTokenFactory? = try factory(minting())
        let events = try #require(factory?.events)
        _ = try await factory?.token(for: .vehicle("v1"))
        weak var gone = factory
        factory = nil
        #expect(gone == nil)
        var names: [String] = []
        for await event in events { names.append(event.name) }
        #expect(names == ["fetch_started", "fetched", "shut_down"])
    }

    @Test func aReaderWhoIsTooSlowIsToldHowMuchItMissed() async throws {
        let factory = try factory(minting())
        let events = factory.events
        for _ in 0..<300 { factory.networkAvailable() }
        #expect(await eventually { factory.stats.entries == 0 })
        try await Task.sleep(nanoseconds: 50_000_000)
        var (read, missed) = (0, UInt64(0))
        for await event in events {
            if case .missed(let count) = event { missed += count } else { read += 1 }
            if read == 256 { factory.clear() }
            if event == .cleared { break }
        }
        #expect(missed + UInt64(read) == 301)
    }

    @Test func whatIsPrintedOfAContextIsWhatIsSetOfIt() {
        let context = AuthTokenContext.deliveryVehicle("van_1", task: "task_1")
        #expect("\(context)" == #"AuthTokenContext(deliveryVehicleID: "van_1", taskID: "task_1")"#)
        #expect("\(AuthTokenContext(serviceType: .vehicle))" == "AuthTokenContext(serviceType: vehicle)")
        let events: [TokenEvent] = [.rejected(context: .vehicle("v1"))]
        #expect("\(events)".contains(#"rejected(context: AuthTokenContext(vehicleID: "v1"))"#))
    }

    @Test func nothingThatIsPrintedHoldsASecret() async throws {
        let factory = try factory(minting())
        let token = try await factory.token(for: .vehicle("v1"))
        #expect(token.value.contains("SECRET"))
        let header = HTTPHeader("authorization", "Bearer SECRET-SESSION")
        let body = Data("SECRET-BODY".utf8)
        let request = HTTPRequest(
            method: .post, url: "https://b.test/", headers: [header], body: body, timeout: 1, maxBody: 1)
        let response = HTTPResponse(status: 200, headers: [header], body: body)
        for value in [factory, token, [token], Optional(token) as Any, header, request, response] as [Any] {
            #expect(!printed(value).contains("SECRET") && !printed(value).contains("83, 69"))
        }
    }
}

@Suite struct CopiesTests {
    private let copies: Copies
    private let clock = Locked<UInt64>(0)

    init() {
        let clock = clock
        copies = Copies(now: { clock.with { $0 } })
    }

    private func keep(_ id: String, epoch: UInt64 = 0, generation: UInt64 = 1, evictions: UInt64 = 0) {
        let token = AuthToken(value: "\(id)-\(generation)", generation: generation, expiresAtMs: nil)
        copies.keep(token, for: .vehicle(id), epoch: epoch, freshUntilMs: 100, evictions: evictions)
    }

    @Test func aCopyIsServedUntilItIsNoLongerFresh() {
        keep("v1")
        clock.with { $0 = 99 }
        #expect(copies.fresh(for: .vehicle("v1"))?.value == "v1-1")
        clock.with { $0 = 100 }
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
    }

    @Test func aTokenFromBeforeADropIsNotKept() {
        keep("v1", epoch: 3)
        copies.see(epoch: 4)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
        keep("v1", epoch: 3)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
        keep("v1", epoch: 4)
        #expect(copies.fresh(for: .vehicle("v1")) != nil)
    }

    @Test func aTokenFromAfterADropEndsTheCopiesFromBefore() {
        keep("v1", epoch: 1)
        keep("v2", epoch: 2)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
    }

    @Test func anOlderTokenDoesNotReplaceANewerOne() {
        keep("v1", generation: 2)
        keep("v1", generation: 1)
        #expect(copies.fresh(for: .vehicle("v1"))?.generation == 2)
    }

    @Test func aHandleFindsWhatIsKeptAndNothingOfAnotherContextAfterADrop() {
        let spot = Copies.Spot(.vehicle("v1"))
        #expect(copies.fresh(at: spot) == nil)
        keep("v1")
        for _ in 0..<2 { #expect(copies.fresh(at: spot)?.value == "v1-1") }
        keep("v1", generation: 2)
        for _ in 0..<2 { #expect(copies.fresh(at: spot)?.value == "v1-2") }
        copies.see(epoch: 1)
        #expect(copies.fresh(at: spot) == nil)
        // It comes to be where the other one was.
        keep("v2", epoch: 1, generation: 3)
        #expect(copies.fresh(for: .vehicle("v2")) != nil)
        #expect(copies.fresh(at: spot) == nil)
    }

    /// More than a stripe has room for at first, some of them with the same place in its table.
    @Test func ofManyContextsEachHasItsOwnCopy() {
        for id in 0..<300 { keep("v\(id)", generation: UInt64(id + 1)) }
        for _ in 0..<2 {
            for id in 0..<300 { #expect(copies.fresh(for: .vehicle("v\(id)"))?.value == "v\(id)-\(id + 1)") }
        }
        #expect(copies.takeHits().count == 300)
    }

    /// Two threads, which have stripes of their own: what one has put into its own goes when the other drops it.
    @Test func aDropReachesTheCopiesOfEveryThread() async {
        keep("v1")
        let copies = copies
        let (served, dropped) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let after = Locked<[String?]>([])
        let threads = DispatchGroup()
        for _ in 0..<ThreadNumber.count {
            threads.enter()
            Thread.detachNewThread {
                let before = copies.fresh(for: .vehicle("v1"))
                served.signal()
                dropped.wait()
                after.with { $0 += [before?.value, copies.fresh(for: .vehicle("v1"))?.value] }
                threads.leave()
            }
        }
        await withCheckedContinuation { done in
            DispatchQueue.global().async {
                for _ in 0..<ThreadNumber.count { served.wait() }
                copies.see(epoch: 1)
                for _ in 0..<ThreadNumber.count { dropped.signal() }
                threads.notify(queue: .global()) { done.resume() }
            }
        }
        #expect(after.with { $0.filter { $0 == "v1-1" }.count } == ThreadNumber.count)
        #expect(after.with { $0.filter { $0 == nil }.count } == ThreadNumber.count)
    }

    @Test func whatTheCoreEvictsIsNotServedOn() {
        keep("v1")
        keep("v2", evictions: 1)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
        #expect(copies.fresh(for: .vehicle("v2")) != nil)
    }

    @Test func aTokenFromBeforeAnEvictionIsNotKept() {
        keep("v1", evictions: 2)
        keep("v2", evictions: 1)
        #expect(copies.fresh(for: .vehicle("v2")) == nil)
        #expect(copies.fresh(for: .vehicle("v1")) != nil)
    }

    @Test func whatIsOlderThanWhatWasHandedOutIsNotKeptThoughNothingIsKeptByNow() {
        keep("v1", generation: 2, evictions: 1)
        keep("other", generation: 3, evictions: 2)
        // A slow thread's: it was asked for before, and read the number of evictions after.
        keep("v1", generation: 1, evictions: 2)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
        // The newer one comes from before a rejection, so that it is not kept, and the older one from after it.
        copies.see(epoch: 1)
        keep("v2", generation: 5, evictions: 2)
        keep("v2", epoch: 1, generation: 4, evictions: 2)
        #expect(copies.fresh(for: .vehicle("v2")) == nil)
    }

    /// It is for a call that asked for more life than the copy had.
    @Test func aTokenThatIsNotFreshEndsTheCopyOfAnOlderOne() {
        keep("v1")
        #expect(copies.fresh(for: .vehicle("v1")) != nil)
        let token = AuthToken(value: "v1-2", generation: 2, expiresAtMs: nil)
        copies.keep(token, for: .vehicle("v1"), epoch: 0, freshUntilMs: 0, evictions: 0)
        #expect(copies.fresh(for: .vehicle("v1")) == nil)
    }

    @Test func hitsAreToldOnceInTheOrderOfUseAlsoOfCopiesThatAreGone() {
        keep("v1")
        keep("v2")
        for id in ["v2", "v1", "v1"] { _ = copies.fresh(for: .vehicle(id)) }
        copies.see(epoch: 1)
        let hits = copies.takeHits()
        #expect(hits.map(\.context.vehicleID) == ["v2", "v1"])
        #expect(hits.map(\.hits) == [1, 2])
        #expect(copies.takeHits().isEmpty)
    }

    @Test func theClockIsTheCores() throws {
        let core = try FfiTokenFactory(config: anyBackend.crossing(), transport: TransportBridge(minting()))
        let (before, now, after) = (BootClock.nowMs(), core.nowMs(), BootClock.nowMs())
        // On Linux and Android the core's is that of the kernel's last tick, 10 ms ago at most: copies age no later for it.
        #expect(before <= now + 10 && now <= after)
    }
}

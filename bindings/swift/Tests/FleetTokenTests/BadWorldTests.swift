@testable import FleetToken
import FleetTokenFFI
import Foundation
import Testing

/// Transports that misbehave, callers who leave, factories that end: a typed error, at once, and no secret.
@Suite struct BadWorldTests {
    /// Held shut by the test, so that whatever ends before it is opened did not wait for it.
    private let gate = Gate()

    private func gated(_ value: String = "SECRET-TOKEN-LATE") -> Scripted {
        let gate = gate
        return Scripted { _ in
            await gate.pass()
            return token(value)
        }
    }

    // MARK: - The transport

    @Test func whatATransportThrowsHasItsKind() async throws {
        struct Undeclared: Error, CustomStringConvertible { let description = "SECRET-SESSION-1" }
        let cases: [(any Error, TokenError.Kind)] = [
            (TransportError.connect(detail: "no route"), .transport), (TransportError.timeout, .transport),
            (TransportError.tls(detail: "expired"), .transport), (TransportError.interrupted, .transport),
            (TransportError.request(detail: "no URL"), .transport), (Undeclared(), .transport),
            (CancellationError(), .transport),
        ]
        for (thrown, kind) in cases {
            var configuration = anyBackend
            configuration.maxAttempts = 1
            let factory = try factory(Scripted { _ in throw thrown }, configuration)
            let error = await failure { try await factory.token(for: .vehicle("v1")) }
            #expect(error?.kind == kind, "\(type(of: thrown))")
            #expect(!printed(error as Any).contains("SECRET"))
        }
    }

    @Test(arguments: [-1, 0, 99, 65_536, .max])
    func anImpossibleStatusIsATypedError(status: Int) async throws {
        var configuration = anyBackend
        configuration.maxAttempts = 1
        let factory = try factory(Scripted { _ in HTTPResponse(status: status) }, configuration)
        #expect(await failure { try await factory.token(for: .vehicle("v1")) } != nil)
    }

    @Test func aTransportThatHangsIsLeftAtTheDeadlineAndItsLateAnswerIsDropped() async throws {
        var configuration = anyBackend
        configuration.fetchDeadline = 0.2
        let transport = gated()
        let factory = try factory(transport, configuration)
        let error = await failure { try await factory.token(for: .vehicle("v1")) }
        #expect(error?.kind == .timeout && error?.isRetryable == true)
        gate.open()
        // Nothing of it comes later: the factory backs off, with nothing to serve.
        #expect(await failure { try await factory.token(for: .vehicle("v1")) }?.kind == .backingOff)
        #expect(factory.tryToken(for: .vehicle("v1")) == nil)
    }

    @Test func anAnswerAfterTheShutdownGoesNowhere() async throws {
        let transport = gated()
        let factory = try factory(transport)
        let events = factory.events
        let caller = Task { try await factory.token(for: .vehicle("v1")) }
        #expect(await eventually { transport.count == 1 })
        await factory.shutdown()
        gate.open()
        #expect(await failure { try await caller.value }?.kind == .shutDown)
        #expect(factory.tryToken(for: .vehicle("v1")) == nil && factory.stats.successes == 0)
        var names: [String] = []
        for await event in events { names.append(event.name) }
        #expect(names.first == "fetch_started" && names.last == "shut_down" && !names.contains("fetched"))
    }

    @Test func aLoginThatCannotBeHadIsATypedError() async throws {
        struct Provider: SessionHeaderProvider {
            struct Leak: Error { let text = "SECRET-SESSION-1" }
            let error: any Error
            func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] { throw error }
        }
        for error in [SessionError.signedOut, SessionError.unavailable, Provider.Leak()] as [any Error] {
            var configuration = anyBackend
            configuration.maxAttempts = 1
            let transport = minting()
            let factory = try AuthTokenFactory(
                configuration: configuration, transport: transport, session: Provider(error: error))
            let told = await failure { try await factory.token(for: .vehicle("v1")) }
            #expect(told?.kind == .session && transport.count == 0)
            #expect(!printed(told as Any).contains("SECRET"))
        }
    }

    // MARK: - Callers

    @Test(arguments: ["", "../v1", "a/b", "*", String(repeating: "v", count: 65), "v?x=1", "v#1"])
    func aBadIdIsRefusedInEveryForm(id: String) async throws {
        let transport = minting()
        let factory = try factory(transport)
        let context = AuthTokenContext.vehicle(id)
        let completed = await withCheckedContinuation { done in
            AuthTokenFetcher(factory).fetchToken(for: context) {
                done.resume(returning: ($0, ($1 as? TokenError)?.kind))
            }
        }
        #expect(completed.0 == nil && completed.1 == .invalidContext)
        #expect(await failure { try await factory.token(for: context, validFor: 60) }?.kind == .invalidContext)
        #expect(await failure { try factory.handle(for: context) }?.kind == .invalidContext)
        #expect(factory.tryToken(for: context) == nil)
        factory.prefetch([context])
        #expect(transport.count == 0)
    }

    @Test(arguments: [-1, .nan, .infinity, -.infinity, 1e300])
    func anImpossibleTimeIsNoCrash(time: TimeInterval) async throws {
        let factory = try factory(minting())
        let result = await failure { try await factory.token(for: .vehicle("v1"), validFor: time) }
        #expect(result == nil || result?.kind == .lifetimeTooShort)
        var configuration = anyBackend
        configuration.fetchDeadline = time
        configuration.safetyMargin = time
        let refused = await failure { try self.factoryOf(configuration) }
        #expect(refused == nil || refused?.kind == .invalidConfiguration)
    }

    private func factoryOf(_ configuration: TokenConfiguration) throws -> AuthTokenFactory {
        try factory(minting(), configuration)
    }

    @Test func aHundredTasksAndTenIdsAtTheStartAreTenFetches() async throws {
        let gate = gate
        let transport = Scripted { request in
            await gate.pass()
            return token("SECRET-TOKEN-\(request.url.suffix(2))")
        }
        let factory = try factory(transport)
        let callers = (0..<100).map { number in
            Task.detached { try await factory.token(for: .vehicle("v\(number % 10)")).value }
        }
        #expect(await eventually { factory.stats.calls == 100 })
        gate.open()
        for (number, caller) in callers.enumerated() {
            #expect(try await caller.value == "SECRET-TOKEN-v\(number % 10)")
        }
        #expect(transport.count == 10 && factory.stats.fetches == 10)
    }

    @Test func callersWhoAreCancelledAnywhereLoseNoWork() async throws {
        let transport = gated()
        let factory = try factory(transport)
        // Before the question, within it, and while they wait.
        let callers = (0..<50).map { _ in Task.detached { try await factory.token(for: .vehicle("v1")) } }
        for caller in callers[..<25] { caller.cancel() }
        #expect(await eventually { transport.count == 1 })
        for caller in callers[25...] { caller.cancel() }
        for caller in callers {
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
        gate.open()
        #expect(try await factory.token(for: .vehicle("v1")).value == "SECRET-TOKEN-LATE")
        #expect(transport.count == 1)
    }

    // MARK: - Ending

    @Test func aShutdownAnswersEveryoneWhoWaits() async throws {
        let transport = gated()
        let factory = try factory(transport)
        let callers = (0..<50).map { number in
            Task.detached { await failure { try await factory.token(for: .vehicle("v\(number % 5)")) }?.kind }
        }
        let completed = Locked<[TokenError.Kind?]>([])
        for _ in 0..<10 {
            AuthTokenFetcher(factory).fetchToken(for: .vehicle("v1")) { _, error in
                completed.with { $0.append((error as? TokenError)?.kind) }
            }
        }
        #expect(await eventually { factory.stats.calls == 60 && transport.count == 5 })
        // The gate is shut: nobody is answered by the transport.
        await factory.shutdown()
        for caller in callers { #expect(await caller.value == .shutDown) }
        #expect(await eventually { completed.with { $0.count } == 10 })
        #expect(completed.with { $0 } == Array(repeating: .shutDown, count: 10))
        gate.open()
    }

    @Test func everythingMayBeCalledAfterTheShutdown() async throws {
        let transport = minting()
        let factory = try factory(transport)
        let token = try await factory.token(for: .vehicle("v1"))
        await factory.shutdown()
        await factory.shutdown()
        #expect(await failure { try await factory.token(for: .vehicle("v1")) }?.kind == .shutDown)
        #expect(await failure { try await factory.token(for: .vehicle("v1"), validFor: 1) }?.kind == .shutDown)
        #expect(await failure { try factory.handle(for: .vehicle("v1")) }?.kind == .shutDown)
        let completed = await withCheckedContinuation { done in
            AuthTokenFetcher(factory).fetchToken(for: .vehicle("v1")) {
                done.resume(returning: ($0, ($1 as? TokenError)?.kind))
            }
        }
        #expect(completed.0 == nil && completed.1 == .shutDown)
        #expect(factory.tryToken(for: .vehicle("v1")) == nil)
        factory.prefetch([.vehicle("v1"), .vehicle("v2")])
        factory.invalidate(token, for: .vehicle("v1"))
        factory.clear()
        factory.networkAvailable()
        factory.sessionChanged()
        #expect((factory.remaining(token) ?? 0) > 0)
        for await event in factory.events { Issue.record("\(event)") }
        #expect(transport.count == 1 && factory.stats.fetches == 1)
    }

    // MARK: - Readers of events

    @Test func aReaderWhoLeavesHoldsUpNobody() async throws {
        let factory = try factory(minting())
        for number in 0..<50 {
            var kept: AsyncStream<TokenEvent>? = factory.events
            if number % 2 == 0, let stream = kept {
                // Some read first, in a task that is cancelled then.
                let reader = Task { for await _ in stream {} }
                reader.cancel()
                await reader.value
            }
            kept = nil
            _ = try await factory.token(for: .vehicle("v\(number)"))
        }
        let events = factory.events
        factory.clear()
        var iterator = events.makeAsyncIterator()
        #expect(await iterator.next() == .cleared)
    }
}

@testable import FleetToken
import Foundation
import Testing

/// Answers of the app's code that come when nobody wants them any more. None can come twice: a function returns once, and a
/// continuation that is resumed twice ends the process, in the app's own code.
@Suite struct LateTests {
    private let gate = Gate()
    private let late = Locked(0)

    /// Holds the request with this number until the gate opens; answers all others at once.
    private func holding(_ held: Int) -> Scripted {
        let (gate, late, number) = (gate, late, Locked(0))
        return Scripted { _ in
            let own = number.with { number -> Int in
                number += 1
                return number
            }
            if own == held {
                await gate.pass()
                late.with { $0 += 1 }
            }
            return token("SECRET-TOKEN-\(own)")
        }
    }

    /// Opens the gate, and gives the late answer time to get to where it is dropped.
    private func letGo() async throws {
        gate.open()
        #expect(await eventually { late.with { $0 } == 1 })
        try await Task.sleep(nanoseconds: 50_000_000)
    }

    private func number(_ token: AuthToken?) -> String? {
        token?.value.split(separator: "-").last.map(String.init)
    }

    @Test func anAnswerAfterItsAttemptsTimeIsDroppedAndTheNextAttemptsIsServed() async throws {
        var configuration = anyBackend
        configuration.maxAttempts = 2
        configuration.attemptTimeout = 2
        let factory = try factory(holding(1), configuration)
        #expect(number(try await factory.token(for: .vehicle("v1"))) == "2")
        try await letGo()
        #expect(number(factory.tryToken(for: .vehicle("v1"))) == "2")
        #expect(factory.stats.fetches == 2 && factory.stats.successes == 1)
    }

    @Test func anAnswerFromBeforeARejectionIsAskedForOnceMore() async throws {
        let transport = holding(2)
        let factory = try factory(transport)
        let first = try await factory.token(for: .vehicle("v1"))
        // It lives for an hour, and some of that is over: whoever asks for all of it waits for another.
        try await Task.sleep(nanoseconds: 10_000_000)
        let waiting = Task { await failure { try await factory.token(for: .vehicle("v1"), validFor: 3599.999) }?.kind }
        #expect(await eventually { transport.count == 2 })
        #expect(factory.invalidate(first, for: .vehicle("v1")))
        try await letGo()
        // That one, too, may live no longer than asked by now.
        let told = await waiting.value
        #expect(told == nil || told == .lifetimeTooShort)
        #expect(number(factory.tryToken(for: .vehicle("v1"))) == "3" && transport.count == 3)
    }

    @Test func anAnswerFromBeforeAClearIsNobodys() async throws {
        let transport = holding(1)
        let factory = try factory(transport)
        let waiting = Task { await failure { try await factory.token(for: .vehicle("v1")) }?.kind }
        #expect(await eventually { transport.count == 1 })
        factory.clear()
        #expect(await waiting.value == .cleared)
        try await letGo()
        #expect(factory.stats.successes == 0)
        #expect(number(try await factory.token(for: .vehicle("v1"))) == "2")
    }

    /// The login hangs, then it comes when nobody waits for it; nothing is ever sent for it.
    @Test func aLoginThatComesAfterTheDeadlineIsDropped() async throws {
        struct Login: SessionHeaderProvider {
            let gate: Gate
            let late: Locked<Int>
            func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
                if context == .vehicle("v1") {
                    await gate.pass()
                    late.with { $0 += 1 }
                }
                return [HTTPHeader("authorization", "Bearer SECRET-SESSION-1")]
            }
        }
        var configuration = anyBackend
        configuration.fetchDeadline = 0.2
        let transport = minting()
        let factory = try AuthTokenFactory(
            configuration: configuration, transport: transport, session: Login(gate: gate, late: late))
        #expect(await failure { try await factory.token(for: .vehicle("v1")) }?.kind == .timeout)
        try await letGo()
        #expect(transport.count == 0 && factory.tryToken(for: .vehicle("v1")) == nil)
        #expect(try await patiently(factory, .vehicle("v2")).generation > 0)
    }
}

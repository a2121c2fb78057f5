@testable import FleetToken
import Foundation
import Testing

/// One task ends the factory while threads ask it: each call ends with a token or says that it is over.
@Suite struct ConcurrentEndTests {
    private struct Asking: Sendable {
        let name: String
        let ask: @Sendable (AuthTokenFactory, AuthTokenContext) async throws -> AuthToken?
    }

    private let askings: [Asking] = [
        Asking(name: "token") { try await $0.token(for: $1) },
        Asking(name: "token, valid for") { try await $0.token(for: $1, validFor: 60) },
        Asking(name: "a completion") { factory, context in
            try await withCheckedThrowingContinuation { done in
                factory.token(for: context) { done.resume(with: $0.map { $0 }.mapError { $0 as any Error }) }
            }
        },
        Asking(name: "a handle's token") { try await $0.handle(for: $1).token() },
        // None at the end, and before it when the token is not there yet.
        Asking(name: "tryToken") { $0.tryToken(for: $1) },
        Asking(name: "a handle's tryToken") { try $0.handle(for: $1).tryToken() },
    ]

    private enum Moment: Int { case before, during, over }

    @Test(.timeLimit(.minutes(5)))
    func aCallThatRacesWithTheEndHasATokenOrIsToldOfTheEnd() async throws {
        let rounds = 200
        let outcomes = Locked<[String: Int]>([:])
        let raced = Locked(0)
        for round in 0..<rounds {
            let factory = try factory(minting())
            let moment = Locked(Moment.before)
            let (made, ids) = (Locked(0), Locked(0))
            await withTaskGroup(of: Void.self) { group in
                for asking in askings {
                    group.addTask {
                        var isLast = false
                        while !isLast {
                            // Some calls never wait, and Swift has no more threads than the machine has cores.
                            await Task.yield()
                            let before = moment.with { $0 }
                            isLast = before == .over
                            // Half of them at contexts that nobody has asked for.
                            let id = ids.with { ids -> Int in
                                ids += 1
                                return ids
                            }
                            var told = "a token"
                            do {
                                let context = AuthTokenContext.vehicle(id % 2 == 0 ? "v\(id)" : "v1")
                                if try await asking.ask(factory, context) == nil { told = "none" }
                            } catch {
                                told = (error as? TokenError)?.kind.rawValue ?? "\(type(of: error))"
                            }
                            made.with { $0 += 1 }
                            if before != .over, moment.with({ $0 }) != .before { raced.with { $0 += 1 } }
                            // After the end there is nothing but the end.
                            let outcome = "\(asking.name): \(isLast ? "after the end: " : "")\(told)"
                            outcomes.with { $0[outcome, default: 0] += 1 }
                        }
                    }
                }
                while made.with({ $0 }) < round % 60 { await Task.yield() }
                moment.with { $0 = .during }
                await factory.shutdown()
                moment.with { $0 = .over }
            }
        }
        let seen = outcomes.with { $0 }
        print(
            "calls that raced with an end: \(raced.with { $0 }) in \(rounds) rounds; \(seen.sorted { $0.key < $1.key })"
        )
        var allowed: Set<String> = []
        for name in askings.map(\.name) {
            let ends = name == "tryToken" ? ["none"] : ["shut_down"]
            allowed.insert("\(name): a token")
            for end in ends { allowed.formUnion(["\(name): \(end)", "\(name): after the end: \(end)"]) }
        }
        // A handle that was made in time, with no token yet.
        let none = "a handle's tryToken: none"
        #expect(Set(seen.keys).subtracting(allowed) == [none])
        #expect(allowed.subtracting(seen.keys) == [], "never came about")
        #expect(raced.with { $0 } >= rounds)
    }
}

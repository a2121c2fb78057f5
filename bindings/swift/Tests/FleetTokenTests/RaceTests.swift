@testable import FleetToken
import Foundation
import Testing

/// Hits on threads of their own while tokens are rejected, cleared, replaced and evicted, each thousands of times.
///
/// Tokens are numbered as they are asked for. Whoever has rejected, cleared or replaced says which number is too low from
/// then on. Whoever asks reads that number first, and may then be served only a higher one; and none lower than it has
/// seen before.
@Suite(.serialized) struct RaceTests {
    private static let vehicle = AuthTokenContext.vehicle("v1")

    /// How a token is asked for.
    private typealias Face = @Sendable (AuthTokenFactory, TokenHandle?) async -> AuthToken?

    private static let plain: [(name: String, ask: Face)] = [
        ("tryToken", { factory, _ in factory.tryToken(for: vehicle) }),
        ("token", { factory, _ in try? await factory.token(for: vehicle) }),
        (
            "completion",
            { factory, _ in
                await withCheckedContinuation { done in
                    factory.token(for: vehicle) { done.resume(returning: try? $0.get()) }
                }
            }
        ),
    ]
    private static let held: [(name: String, ask: Face)] = [
        ("handle.tryToken", { _, handle in handle?.tryToken() }),
        ("handle.token", { _, handle in try? await handle?.token() }),
    ]

    @Test func whatWasRejectedClearedOrReplacedIsServedByNoLaterHitByWhicheverFace() async throws {
        let race = try Race()
        let handle = try race.factory.handle(for: RaceTests.vehicle)
        try await race.run(rounds: 3000, RaceTests.plain + RaceTests.held, handle)
    }

    @Test func norWhileContextsAreEvictedAllTheTime() async throws {
        let race = try Race(maxEntries: 1)
        let factory = race.factory
        let evicting = Task.detached {
            var number = 0
            while !Task.isCancelled {
                number = (number + 1) % 100
                _ = try? await factory.token(for: .vehicle("other-\(number)"))
            }
        }
        try await race.run(rounds: 1500, RaceTests.plain, nil)
        evicting.cancel()
        await evicting.value
        #expect(factory.stats.evictions > 500)
    }

    /// One factory, and what its tokens may be.
    private final class Race: Sendable {
        let factory: AuthTokenFactory
        /// The highest number that was asked for.
        private let number = Locked(0)
        /// The highest number of the vehicle's that is too low.
        private let tooLow = Locked(0)
        private let wrong = Locked<[String]>([])
        private let answers = Locked(0)
        private let stop = Locked(false)

        init(maxEntries: Int? = nil) throws {
            let number = number
            let transport = Scripted { _ in
                let mine = number.with { number -> Int in
                    number += 1
                    return number
                }
                return token("SECRET-TOKEN-\(mine)", lifetime: Race.life(mine))
            }
            var configuration = anyBackend
            configuration.maxEntries = maxEntries
            configuration.maxLifetime = 3_600_000
            factory = try AuthTokenFactory(configuration: configuration, transport: transport)
        }

        /// Each lives ten seconds longer than the one before. One that is under way no longer lives for its whole life: who
        /// asks for that is given the next one.
        private static func life(_ number: Int) -> Int { 600 + 10 * number }

        private static func number(of token: AuthToken) -> Int {
            Int(token.value.drop { !$0.isNumber }) ?? 0
        }

        /// Asks, judges what comes, and returns the highest number seen. Errors are part of the game: a fetch that is
        /// cleared ends with one.
        private func judged(_ face: (name: String, ask: Face), _ handle: TokenHandle?, _ seen: Int) async -> Int {
            let limit = tooLow.with { $0 }
            guard let token = await face.ask(factory, handle) else { return seen }
            let number = Race.number(of: token)
            answers.with { $0 += 1 }
            if number <= limit { wrong.with { $0.append("\(face.name) served \(number) after \(limit) was over") } }
            if number < seen { wrong.with { $0.append("\(face.name) served \(number) after \(seen)") } }
            return max(seen, number)
        }

        func run(rounds: Int, _ faces: [(name: String, ask: Face)], _ handle: TokenHandle?) async throws {
            let threads = DispatchGroup()
            for face in faces {
                threads.enter()
                // Tasks, which change threads whenever they wait.
                Task.detached { [self] in
                    var seen = 0
                    while !stop.with({ $0 }) {
                        seen = await judged(face, handle, seen)
                        await Task.yield()
                    }
                    threads.leave()
                }
            }
            // And a thread that never changes.
            threads.enter()
            Thread.detachNewThread { [self] in
                var seen = 0
                while !stop.with({ $0 }) {
                    let limit = tooLow.with { $0 }
                    guard let token = factory.tryToken(for: RaceTests.vehicle) else { continue }
                    let number = Race.number(of: token)
                    if number <= limit || number < seen {
                        wrong.with { $0.append("a thread was served \(number) after \(limit) was over and \(seen)") }
                    }
                    seen = max(seen, number)
                }
                threads.leave()
            }
            var done = [0, 0, 0]
            for round in 0..<rounds {
                guard let token = try? await factory.token(for: RaceTests.vehicle) else { continue }
                // Too low from when the call has returned.
                let over: Int
                switch round % 3 {
                case 0:
                    over = Race.number(of: token)
                    factory.invalidate(token, for: RaceTests.vehicle)
                case 1:
                    over = await replaced(token) - 1
                    if over < Race.number(of: token) { continue }
                default:
                    over = number.with { $0 }
                    factory.clear()
                }
                tooLow.with { $0 = max($0, over) }
                done[round % 3] += 1
                for face in faces { _ = await judged(face, handle, 0) }
            }
            stop.with { $0 = true }
            await withCheckedContinuation { over in threads.notify(queue: .global()) { over.resume() } }
            let found = wrong.with { $0 }
            #expect(found.isEmpty, "\(found.prefix(10))")
            #expect(done.allSatisfy { $0 > rounds / 6 } && answers.with { $0 } > rounds, "\(done)")
        }

        /// The number of a newer token, asked for by this one's whole life until the clock has ticked, 10 ms at most: before
        /// that it still has it all. This one's if none came, as when this was cleared.
        private func replaced(_ token: AuthToken) async -> Int {
            let number = Race.number(of: token)
            let whole = TimeInterval(Race.life(number))
            for _ in 0..<10_000 {
                let newer = try? await factory.token(for: RaceTests.vehicle, validFor: whole)
                if let newer, Race.number(of: newer) > number { return Race.number(of: newer) }
            }
            return number
        }
    }
}

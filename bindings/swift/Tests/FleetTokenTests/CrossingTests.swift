@testable import FleetToken
import FleetTokenFFI
import Foundation
import Testing

/// What crosses to the core, and what a slow thread brings back from it.
@Suite struct CrossingTests {
    private let core: CountingCore
    private let factory: AuthTokenFactory
    private let transport = minting()
    private let vehicle = AuthTokenContext.vehicle("v1")

    init() throws {
        core = CountingCore.make(
            try FfiTokenFactory(config: anyBackend.crossing(), transport: TransportBridge(transport)))
        factory = AuthTokenFactory(core: core, now: BootClock.nowMs)
    }

    @Test func aHitDoesNotCross() async throws {
        let handle = try factory.handle(for: vehicle)
        let token = try await factory.token(for: vehicle)
        let before = core.total
        for _ in 0..<1000 {
            #expect(try await factory.token(for: vehicle) == token)
            #expect(factory.tryToken(for: vehicle) == token)
            #expect(try await handle.token() == token)
            #expect(handle.tryToken() == token)
        }
        let completed = await withCheckedContinuation { done in
            AuthTokenFetcher(factory).fetchToken(for: vehicle) { value, _ in done.resume(returning: value) }
        }
        #expect(completed == token.value)
        _ = factory.remaining(token)
        #expect(core.total == before)
        #expect(factory.stats.hits == 4001)
    }

    /// Into the factory. (What a task is cancelled by is made by another crossing.)
    @Test func aMissAsksTheFactoryOnce() async throws {
        _ = try await factory.token(for: vehicle)
        #expect(core.crossings == ["token": 1])
        _ = factory.tryToken(for: .vehicle("v2"))
        #expect(core.crossings == ["token": 1, "tryToken": 1])
        // Only after hits there is something to tell.
        _ = factory.tryToken(for: vehicle)
        _ = try await factory.token(for: .vehicle("v3"))
        #expect(core.crossings == ["token": 2, "tryToken": 1, "noteHits": 1])
    }

    /// The slow thread has been served and has not kept its copy yet: then the token is rejected.
    @Test func aTokenThatWasRejectedMeanwhileIsNotPutBack() async throws {
        let (core, factory, vehicle) = (core, factory, vehicle)
        let first = try await factory.token(for: vehicle)
        factory.clear()
        core.onceServed {
            // Served again, and kept by nobody so far.
            guard let token = core.tryToken(context: vehicle.crossing()) else { return }
            let known = AuthToken(value: token.value, generation: token.generation, expiresAtMs: nil)
            #expect(factory.invalidate(known, for: vehicle))
        }
        let slow = try await factory.token(for: vehicle)
        #expect(slow != first)
        #expect(factory.tryToken(for: vehicle)?.value != slow.value)
        #expect(try await factory.token(for: vehicle).value != slow.value)
    }

    @Test func aTokenThatWasClearedMeanwhileIsNotPutBack() async throws {
        let factory = factory
        core.onceServed { factory.clear() }
        let slow = try await factory.token(for: vehicle)
        #expect(factory.tryToken(for: vehicle) == nil)
        #expect(try await factory.token(for: vehicle).value != slow.value)
    }

    @Test func aTokenServedBeforeAShutdownIsNotKept() async throws {
        let (factory, vehicle) = (factory, vehicle)
        core.onceServed { await factory.shutdown() }
        _ = try await factory.token(for: vehicle)
        #expect(factory.tryToken(for: vehicle) == nil)
        #expect(await failure { try await factory.token(for: vehicle) }?.kind == .shutDown)
    }

    @Test func noCopyIsServedWhileItEnds() async throws {
        let (factory, vehicle) = (factory, vehicle)
        _ = try await factory.token(for: vehicle)
        let served = Locked<AuthToken?>(nil)
        core.onEnded { served.with { $0 = factory.tryToken(for: vehicle) } }
        await factory.shutdown()
        #expect(core.crossings["shutdown"] == 1)
        #expect(served.with { $0 } == nil)
    }

    /// The same by chance, with threads of the system's own, which are suspended anywhere.
    @Test func threadsThatRaceNeverServeWhatWasRejectedOrCleared() async throws {
        let factory = factory
        let forbidden = Locked<Set<String>>([])
        let id = Locked("v0")
        let stop = Locked(false)
        let bad = Locked(0)
        let asked = Locked(0)
        let threads = DispatchGroup()
        for number in 0..<4 {
            threads.enter()
            Thread.detachNewThread {
                while !stop.with({ $0 }) {
                    let context = AuthTokenContext.vehicle(id.with { $0 })
                    // Whatever was forbidden before this question must not be its answer.
                    let before = forbidden.with { $0 }
                    let token =
                        number % 2 == 0
                        ? factory.tryToken(for: context) : (try? factory.handle(for: context))?.tryToken()
                    if let token, before.contains(token.value) { bad.with { $0 += 1 } }
                    asked.with { $0 += 1 }
                }
                threads.leave()
            }
        }
        for round in 0..<600 {
            // A new context now and then, since one that is rejected too often is left alone.
            if round % 4 == 0 { id.with { $0 = "v\(round)" } }
            let context = AuthTokenContext.vehicle(id.with { $0 })
            let token = try await factory.token(for: context)
            if round % 3 == 0 {
                factory.clear()
            } else {
                factory.invalidate(token, for: context)
            }
            forbidden.with { _ = $0.insert(token.value) }
        }
        stop.with { $0 = true }
        await withCheckedContinuation { over in threads.notify(queue: .global()) { over.resume() } }
        #expect(bad.with { $0 } == 0)
        #expect(forbidden.with { $0.count } > 500 && asked.with { $0 } > 1000)
    }
}

@testable import FleetToken
import Foundation
import Testing

/// The app's code asks the very factory that is calling it: nothing wedges, and everybody has an answer in time.
@Suite struct CallsBackTests {
    struct Call: Sendable, CustomTestStringConvertible {
        let name: String
        let make: @Sendable (AuthTokenFactory) async throws -> Void

        init(_ name: String, _ make: @escaping @Sendable (AuthTokenFactory) async throws -> Void) {
            self.name = name
            self.make = make
        }

        var testDescription: String { name }
    }

    /// Where the app's code is called.
    enum Place: CaseIterable { case transport, login }

    private struct Outcome {
        let outer: TokenError.Kind?
        let inner: [TokenError.Kind?]
    }

    private static let v1 = AuthTokenContext.vehicle("v1")
    private static let v2 = AuthTokenContext.vehicle("v2")
    private static let v3 = AuthTokenContext.vehicle("v3")

    static let harmless: [Call] = [
        Call("token of another") { _ = try await $0.token(for: v2) },
        Call("token of another, valid for") { _ = try await $0.token(for: v2, validFor: 60) },
        Call("token of another, by a completion") { _ = try await completed($0, v2) },
        Call("a handle of another") { _ = try await $0.handle(for: v2).token() },
        Call("tryToken of another") { _ = $0.tryToken(for: v2) },
        Call("prefetch of another") { $0.prefetch([v2]) },
        Call("stats") { _ = $0.stats },
        Call("events") { _ = $0.events },
        Call("tryToken") { _ = $0.tryToken(for: v1) },
        Call("prefetch") { $0.prefetch([v1]) },
        Call("handle") { _ = try $0.handle(for: v1) },
        Call("networkAvailable") { $0.networkAvailable() },
        Call("sessionChanged") { $0.sessionChanged() },
        Call("invalidate") { factory in
            let token = try await factory.token(for: v2)
            factory.invalidate(token, for: v2)
            factory.invalidate(token, for: v1)
        },
    ]

    /// They wait for the fetch that waits for them.
    static let ofTheSame: [Call] = [
        Call("token") { _ = try await $0.token(for: v1) },
        Call("token, valid for") { _ = try await $0.token(for: v1, validFor: 60) },
        Call("token, by a completion") { _ = try await completed($0, v1) },
        Call("a handle's token") { _ = try await $0.handle(for: v1).token() },
    ]

    static let everything =
        harmless + ofTheSame + [Call("clear") { $0.clear() }, Call("shutdown") { await $0.shutdown() }]

    private static func completed(_ factory: AuthTokenFactory, _ context: AuthTokenContext) async throws -> AuthToken {
        try await withCheckedThrowingContinuation { done in
            factory.token(for: context) { done.resume(with: $0.mapError { $0 as any Error }) }
        }
    }

    /// Asks for a token of the first, whose fetch makes the call from inside, and tells how both ended.
    private func calling(
        _ call: Call, from place: Place, change: (inout TokenConfiguration) -> Void = { _ in },
        then: (AuthTokenFactory) async throws -> Void = { _ in }
    ) async throws -> Outcome {
        let owner = Locked<AuthTokenFactory?>(nil)
        let begun = Locked(0)
        let inner = Locked<[TokenError.Kind?]>([])
        let callBack: @Sendable () async -> Void = {
            guard let factory = owner.with({ $0 }) else { return }
            begun.with { $0 += 1 }
            let kind = await failure { try await call.make(factory) }?.kind
            inner.with { $0.append(kind) }
        }
        let number = Locked(0)
        let transport = Scripted { request in
            if place == .transport, request.url.hasSuffix("/v1") { await callBack() }
            let next = number.with { number -> Int in
                number += 1
                return number
            }
            return token("SECRET-TOKEN-\(next)")
        }
        struct Login: SessionHeaderProvider {
            let callBack: @Sendable () async -> Void
            let isAsking: Bool
            func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
                if isAsking, context == .vehicle("v1") { await callBack() }
                return [HTTPHeader("authorization", "Bearer SECRET-SESSION-1")]
            }
        }
        var configuration = anyBackend
        configuration.maxAttempts = 1
        change(&configuration)
        let factory = try AuthTokenFactory(
            configuration: configuration, transport: transport,
            session: Login(callBack: callBack, isAsking: place == .login))
        owner.with { $0 = factory }
        let outer = await failure { try await factory.token(for: Self.v1) }?.kind
        try await then(factory)
        // Who asked from inside has an answer, too.
        #expect(await eventually { begun.with { $0 } == inner.with { $0.count } })
        owner.with { $0 = nil }
        return Outcome(outer: outer, inner: inner.with { $0 })
    }

    @Test(arguments: harmless, Place.allCases)
    func fromInsideAFetchEverythingElseMayBeAsked(call: Call, place: Place) async throws {
        let outcome = try await calling(call, from: place)
        #expect(outcome.outer == nil && outcome.inner == [nil])
    }

    /// What the fetch came to; or, where the machine was so busy that the app's code was called when all was over, that it
    /// is too early for another.
    private func expect(_ inner: [TokenError.Kind?], _ kind: TokenError.Kind, atMost: Int) {
        #expect(inner.count <= atMost && inner.allSatisfy { $0 == kind || $0 == .backingOff }, "\(inner)")
    }

    @Test(arguments: ofTheSame, Place.allCases)
    func whoWaitsInsideAFetchForThatSameFetchIsAnsweredAtItsDeadline(call: Call, place: Place) async throws {
        let outcome = try await calling(call, from: place, change: { $0.fetchDeadline = 0.3 }) { factory in
            // The factory lives on: another context is served.
            _ = try await patiently(factory, Self.v3)
        }
        #expect(outcome.outer == .timeout)
        expect(outcome.inner, .timeout, atMost: 1)
    }

    @Test(arguments: ofTheSame, Place.allCases)
    func eachAttemptThatWaitsForItsOwnFetchIsGivenUpAndAllAreAnswered(call: Call, place: Place) async throws {
        let outcome = try await calling(call, from: place) {
            $0.maxAttempts = 3
            $0.attemptTimeout = 0.05
            $0.fetchDeadline = 10
        }
        #expect(outcome.outer == .transport)
        expect(outcome.inner, .transport, atMost: 3)
    }

    @Test(arguments: Place.allCases)
    func aFetchThatClearsOrEndsItsOwnFactoryIsOver(place: Place) async throws {
        let ended = try await calling(Call("shutdown") { await $0.shutdown() }, from: place)
        #expect(ended.outer == .shutDown && ended.inner == [nil])
        let cleared = try await calling(
            Call("clear") { $0.clear() }, from: place, then: { _ = try await $0.token(for: Self.v3) })
        #expect(cleared.outer == .cleared)
    }

    @Test func onePlaceAmongTheRequestsIsNotEnoughForAFetchWithinAFetchWhichEndsAtTheDeadline() async throws {
        let outcome = try await calling(
            Call("token of another") { _ = try await $0.token(for: Self.v2) }, from: .transport,
            change: {
                $0.maxConcurrentFetches = 1
                $0.fetchDeadline = 0.3
            },
            then: { factory in
                factory.networkAvailable()
                _ = try await patiently(factory, Self.v3)
            })
        #expect(outcome.outer == .timeout)
    }

    @Test(arguments: everything)
    func aReaderOfEventsMayAskAndTellEverything(call: Call) async throws {
        let factory = try factory(minting())
        let events = factory.events
        let reader = Task { () -> TokenError.Kind? in
            for await event in events {
                if case .fetchStarted = event { return await failure { try await call.make(factory) }?.kind }
            }
            return .interrupted
        }
        _ = await failure { try await factory.token(for: Self.v1) }
        #expect(await reader.value == nil)
    }

    /// On the queue that the library answers on.
    @Test(arguments: everything)
    func aCompletionMayAskAndTellEverything(call: Call) async throws {
        let factory = try factory(minting())
        let inner: TokenError.Kind? = await withCheckedContinuation { done in
            factory.token(for: Self.v1) { _ in
                Task { done.resume(returning: await failure { try await call.make(factory) }?.kind) }
            }
        }
        #expect(inner == nil)
    }
}

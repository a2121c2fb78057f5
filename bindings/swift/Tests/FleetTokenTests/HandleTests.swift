@testable import FleetToken
import Foundation
import Testing

@Suite struct HandleTests {
    /// With room for one context.
    private func cramped(_ transport: Scripted) throws -> AuthTokenFactory {
        var configuration = anyBackend
        configuration.maxEntries = 1
        return try factory(transport, configuration)
    }

    @Test func aHandleGivesItsContextsToken() async throws {
        let transport = minting()
        let factory = try factory(transport)
        let handle = try factory.handle(for: .vehicle("v1"))
        #expect(handle.context == .vehicle("v1"))
        #expect(handle.tryToken() == nil)
        let token = try await handle.token()
        #expect(try await factory.token(for: .vehicle("v1")) == token)
        #expect(try await handle.token(validFor: 60) == token)
        #expect(handle.tryToken() == token)
        let completed = await withCheckedContinuation { done in handle.token { done.resume(returning: $0) } }
        #expect(completed == .success(token))
        #expect(transport.count == 1)
        #expect(handle.invalidate(token))
        #expect(try await handle.token() != token)
    }

    @Test func aContextIsHeldForAsLongAsItsHandleIs() async throws {
        let transport = minting()
        let factory = try cramped(transport)
        var handle: TokenHandle? = try factory.handle(for: .vehicle("held"))
        let token = try await handle?.token()
        for id in ["v1", "v2"] { _ = try await factory.token(for: .vehicle(id)) }
        #expect(try await handle?.token() == token)
        #expect(transport.count == 3)

        handle = nil
        for id in ["v3", "v4"] { _ = try await factory.token(for: .vehicle(id)) }
        #expect(try await factory.token(for: .vehicle("held")) != token)
    }

    @Test func aHandleKeepsItsFactory() async throws {
        var factory: AuthTokenFactory? = try factory(minting())
        weak var kept = factory
        var handle = try factory?.handle(for: .vehicle("v1"))
        factory = nil
        #expect(kept != nil)
        _ = try await handle?.token()
        handle = nil
        #expect(kept == nil)
    }

    @Test func aHandleThatCannotWorkIsRefused() async throws {
        let factory = try factory(minting())
        #expect(await failure { try factory.handle(for: .vehicle("../v1")) }?.kind == .invalidContext)
        #expect(await failure { try await factory.handle(for: .trip("t1")).token() }?.kind == .noEndpoint)
        let handle = try factory.handle(for: .vehicle("v1"))
        await factory.shutdown()
        #expect(await failure { try await handle.token() }?.kind == .shutDown)
        #expect(handle.tryToken() == nil)
        #expect(await failure { try factory.handle(for: .vehicle("v1")) }?.kind == .shutDown)
    }

    @Test func aHandlePrintsNoToken() async throws {
        let handle = try factory(minting()).handle(for: .vehicle("v1"))
        #expect(try await handle.token().value.contains("SECRET"))
        #expect(!printed(handle).contains("SECRET") && printed(handle).contains("v1"))
    }
}

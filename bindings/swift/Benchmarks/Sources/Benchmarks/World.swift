import FleetToken
import FleetTokenFFI
import Foundation

/// A factory that has a good token for each context, and a handle on each.
final class World: Sendable {
    let factory: AuthTokenFactory
    let ids: [String]
    let contexts: [AuthTokenContext]
    let handles: [TokenHandle]

    init(contexts count: Int) async throws {
        var configuration = TokenConfiguration(endpoints: [.init(.vehicle, "https://backend.test/{vehicleId}")])
        configuration.maxEntries = 16_384
        factory = try AuthTokenFactory(configuration: configuration, transport: AtOnce())
        ids = (0..<count).map { "driver_\(10_000 + $0)" }
        contexts = ids.map { .vehicle($0) }
        let factory = factory
        handles = try contexts.map { try factory.handle(for: $0) }
        for context in contexts { _ = try await factory.token(for: context) }
        check(contexts.allSatisfy { factory.tryToken(for: $0)?.value == tokenValue }, "no copy")
    }

    /// Afterwards: whether all that was measured were hits.
    func end() async {
        check(factory.stats.fetches == UInt64(contexts.count), "what was measured were no hits")
        await factory.shutdown()
    }
}

/// The core without its wrapper, with one token.
func generated() async throws -> (FfiTokenFactory, FfiTokenContext) {
    let endpoint = FfiEndpoint(kind: .vehicle, template: "https://backend.test/{vehicleId}", method: .get)
    let config = FfiConfig(endpoints: [endpoint])
    let core = try FfiTokenFactory(config: config, transport: AtOnceBelow())
    let context = FfiTokenContext(vehicleId: "driver_10000")
    _ = try await core.token(context: context)
    check(core.tryToken(context: context)?.value == tokenValue, "no token")
    return (core, context)
}

func check(_ holds: Bool, _ message: String) {
    if !holds { fatalError(message) }
}

/// Which context a thread asks for next: one after the other, far apart.
struct Turn {
    let among: Int
    private var at = 0

    init(among: Int) { self.among = among }

    @inline(__always)
    mutating func next() -> Int {
        if among == 1 { return 0 }
        at += 7919
        if at >= among { at -= among }
        return at
    }
}

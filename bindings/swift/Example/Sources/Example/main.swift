import FleetToken
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking  // URLSession, on Linux
#endif

struct DemoLogin: SessionHeaderProvider {
    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        [HTTPHeader("Authorization", "Bearer demo-driver-1")]
    }
}

guard CommandLine.arguments.count == 3, let engine = URL(string: CommandLine.arguments[2]) else {
    print("usage: Example TOKEN-BACKEND FLEET-ENGINE")
    exit(2)
}
var configuration = TokenConfiguration(endpoints: [
    .init(.vehicle, CommandLine.arguments[1] + "/token/driver/{vehicleId}")
])
configuration.allowHTTPLoopback = true
let factory = try AuthTokenFactory(configuration: configuration, session: DemoLogin())

do {
    let token = try await factory.token(for: .vehicle("vehicle_1"))
    var request = URLRequest(url: engine.appendingPathComponent("vehicles/vehicle_1"))
    request.setValue("Bearer \(token.value)", forHTTPHeaderField: "Authorization")
    let (_, reply) = try await URLSession.shared.data(for: request)
    print("Fleet Engine answered", (reply as? HTTPURLResponse)?.statusCode ?? 0)

    _ = try await factory.token(for: .vehicle("vehicle_2"))
} catch let error as TokenError {
    print("\(error.kind), status \(error.status ?? 0): \(error)")
}
await factory.shutdown()

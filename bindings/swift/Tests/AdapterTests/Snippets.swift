// As in FleetTokenTests/Snippets.swift: the code that the documentation shows, compiled.

import Adapters
import FleetToken
import Foundation
import GoogleRidesharingConsumer
import GoogleRidesharingDriver

private struct AppLogin: SessionHeaderProvider {
    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] { [] }
}

func makeDriver() throws -> any GMTDAuthorization {
    // snippet: driver
    var configuration = TokenConfiguration(endpoints: [
        .init(.vehicle, "https://backend.example.com/token/driver/{vehicleId}")
    ])
    configuration.safetyMargin = 10 * 60
    let factory = try AuthTokenFactory(configuration: configuration, session: AppLogin())
    let provider = DriverAuthorization(factory, fleet: .onDemand)
    // end
    return provider
}

private func show(_ text: String) {}

// snippet: listener
final class UpdateListener: NSObject, GMTDVehicleReporterListener {
    let provider: DriverAuthorization

    init(provider: DriverAuthorization) {
        self.provider = provider
    }

    func vehicleReporter(_ vehicleReporter: GMTDVehicleReporter, didSucceed vehicleUpdate: GMTDVehicleUpdate) {}

    func vehicleReporter(
        _ vehicleReporter: GMTDVehicleReporter, didFail vehicleUpdate: GMTDVehicleUpdate, withError error: any Error
    ) {
        switch AuthFailure(error) {
        case .unauthenticated: provider.tokenRefused()
        case .permissionDenied: show("wrong vehicle, role or project: \(error)")
        case .noToken(let failure): show("no token: \(String(describing: failure))")
        case nil: show("\(error)")
        }
    }
}
// end

func makeConsumer(_ factory: AuthTokenFactory) -> ConsumerAuthorization {
    // snippet: consumer
    let provider = ConsumerAuthorization(factory)
    // end
    return provider
}

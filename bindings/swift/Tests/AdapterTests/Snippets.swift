// As in FleetTokenTests/Snippets.swift: the code that the documentation shows, compiled.

import Adapters
import FleetToken
import GoogleRidesharingConsumer
import GoogleRidesharingDriver

func makeDriverFactory(session: any SessionHeaderProvider) throws -> any GMTDAuthorization {
    // snippet: driver
    var configuration = TokenConfiguration(endpoints: [
        .init(.vehicle, "https://backend.example.com/token/driver/{vehicleId}")
    ])
    configuration.safetyMargin = 10 * 60
    let factory = try AuthTokenFactory(configuration: configuration, session: session)
    let provider = DriverAuthorization(factory, fleet: .onDemand)
    // end
    return provider
}

func makeConsumer(_ factory: AuthTokenFactory) -> any GMTCAuthorization {
    // snippet: consumer
    let provider = ConsumerAuthorization(factory)
    // end
    return provider
}

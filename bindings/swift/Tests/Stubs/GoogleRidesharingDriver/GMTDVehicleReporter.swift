// What of Google's Driver SDK tells an app that an update failed. Signatures alone, as in GMTDAuthorization.swift.

import Foundation

/// "Use this class only from the main thread."
open class GMTDVehicleReporter: NSObject {}

/// An update of a vehicle's location and state.
open class GMTDVehicleUpdate: NSObject {}

/// Neither is optional.
public protocol GMTDVehicleReporterListener: NSObjectProtocol {
    func vehicleReporter(_ vehicleReporter: GMTDVehicleReporter, didSucceed vehicleUpdate: GMTDVehicleUpdate)
    func vehicleReporter(
        _ vehicleReporter: GMTDVehicleReporter, didFail vehicleUpdate: GMTDVehicleUpdate, withError error: any Error)
}

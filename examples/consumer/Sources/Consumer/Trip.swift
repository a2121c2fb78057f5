import Foundation

/// What a rider's screen shows of a trip: some of the fields of Fleet Engine's `Trip`. Any of them may be missing.
struct Trip: Decodable, Equatable {
    var tripStatus: String?
    var vehicleId: String?
    var remainingDistanceMeters: Int?
    /// RFC 3339.
    var etaToFirstWaypoint: String?
    var lastLocation: VehicleLocation?

    struct VehicleLocation: Decodable, Equatable {
        var location: LatLng?
    }

    struct LatLng: Decodable, Equatable {
        var latitude: Double?
        var longitude: Double?
    }
}

extension Trip {
    /// On one line, for people.
    func line(now: Date) -> String {
        var parts = [status]
        if let remainingDistanceMeters {
            parts.append("\(remainingDistanceMeters) m to go")
        }
        if let eta = etaToFirstWaypoint.flatMap(Trip.date) {
            parts.append("there in \(max(0, Int(eta.timeIntervalSince(now)))) s")
        }
        if let place = lastLocation?.location, let latitude = place.latitude, let longitude = place.longitude {
            parts.append(String(format: "%@ at %.5f, %.5f", vehicleId ?? "the vehicle", latitude, longitude))
        }
        return parts.joined(separator: ", ")
    }

    /// `ENROUTE_TO_PICKUP` as `enroute to pickup`.
    private var status: String {
        (tripStatus ?? "no status").lowercased().replacingOccurrences(of: "_", with: " ")
    }

    /// With or without a fraction of a second, which the formatter wants to be told.
    private static func date(_ text: String) -> Date? {
        let plain = ISO8601DateFormatter()
        let fine = ISO8601DateFormatter()
        fine.formatOptions.insert(.withFractionalSeconds)
        return plain.date(from: text) ?? fine.date(from: text)
    }
}

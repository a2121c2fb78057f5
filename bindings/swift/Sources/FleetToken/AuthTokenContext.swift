/// What a token is for. An absent id and an empty one are the same.
public struct AuthTokenContext: Sendable, Hashable {
    /// An on-demand vehicle.
    public var vehicleID: String? { didSet { digest = digested() } }
    /// An on-demand trip.
    public var tripID: String? { didSet { digest = digested() } }
    /// A delivery vehicle.
    public var deliveryVehicleID: String? { didSet { digest = digested() } }
    /// A scheduled task.
    public var taskID: String? { didSet { digest = digested() } }
    /// A shipment's tracking id.
    public var trackingID: String? { didSet { digest = digested() } }
    /// The service, for contexts that have no id to say it.
    public var serviceType: ServiceType? { didSet { digest = digested() } }

    /// A context is a key wherever tokens are kept, and asked for far more often than made: its ids are hashed once.
    private(set) var digest = 0

    public init(
        vehicleID: String? = nil,
        tripID: String? = nil,
        deliveryVehicleID: String? = nil,
        taskID: String? = nil,
        trackingID: String? = nil,
        serviceType: ServiceType? = nil
    ) {
        self.vehicleID = vehicleID
        self.tripID = tripID
        self.deliveryVehicleID = deliveryVehicleID
        self.taskID = taskID
        self.trackingID = trackingID
        self.serviceType = serviceType
        digest = digested()
    }

    private func digested() -> Int {
        var hasher = Hasher()
        func add(_ field: UInt8, _ id: String?) {
            guard let id else { return }
            hasher.combine(field)
            hasher.combine(id)
        }
        add(1, vehicleID)
        add(2, tripID)
        add(3, deliveryVehicleID)
        add(4, taskID)
        add(5, trackingID)
        if let serviceType { hasher.combine(serviceType) }
        return hasher.finalize()
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }

    public static func == (one: Self, other: Self) -> Bool {
        one.digest == other.digest && one.vehicleID == other.vehicleID && one.tripID == other.tripID
            && one.deliveryVehicleID == other.deliveryVehicleID && one.taskID == other.taskID
            && one.trackingID == other.trackingID && one.serviceType == other.serviceType
    }

    /// For one on-demand vehicle.
    public static func vehicle(_ id: String) -> Self { Self(vehicleID: id) }
    /// For one on-demand trip.
    public static func trip(_ id: String) -> Self { Self(tripID: id) }
    /// For one delivery vehicle, and one of its tasks if there is one.
    public static func deliveryVehicle(_ id: String, task: String? = nil) -> Self {
        Self(deliveryVehicleID: id, taskID: task)
    }
    /// For one scheduled task.
    public static func task(_ id: String) -> Self { Self(taskID: id) }
    /// For one shipment's tracking id.
    public static func tracking(_ id: String) -> Self { Self(trackingID: id) }

    /// The Fleet Engine service that a token is used on.
    public enum ServiceType: Sendable, Hashable, CaseIterable {
        /// On-demand vehicles.
        case vehicle
        /// On-demand trips.
        case trip
        /// Delivery vehicles.
        case deliveryVehicle
        /// Scheduled tasks.
        case task
        /// Everything that a fleet operator may read.
        case fleet
    }

    /// Which kind of context an endpoint serves.
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// One on-demand vehicle.
        case vehicle
        /// One on-demand trip.
        case trip
        /// One delivery vehicle.
        case deliveryVehicle
        /// One delivery vehicle and one of its tasks.
        case deliveryVehicleTask
        /// One scheduled task.
        case task
        /// One shipment's tracking id.
        case tracking
        /// The on-demand vehicle service, without an id.
        case vehicleService
        /// The whole fleet.
        case fleet
    }
}

extension AuthTokenContext: CustomStringConvertible, CustomDebugStringConvertible {
    /// What is set of it.
    public var description: String {
        let ids = [
            ("vehicleID", vehicleID), ("tripID", tripID), ("deliveryVehicleID", deliveryVehicleID), ("taskID", taskID),
            ("trackingID", trackingID),
        ]
        var parts = ids.compactMap { name, id in id.map { "\(name): \"\($0)\"" } }
        if let serviceType { parts.append("serviceType: \(serviceType)") }
        return "AuthTokenContext(\(parts.joined(separator: ", ")))"
    }
    public var debugDescription: String { description }
}

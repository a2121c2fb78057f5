import FleetToken
import Foundation

/// One file of `tests/scenarios`, whose README defines the format.
struct Scenario {
    var name = ""
    var rule = ""
    /// Why this runner does not run it.
    var skipped: String?
    var configuration = TokenConfiguration()
    var jitter = 0.0
    var session: JSON?
    var isRefused = false
    /// How long, in real time, is waited for what must come.
    var patience: TimeInterval = 2
    var deviceAheadMs = 0
    var replies: [Reply] = []
    var steps: [JSON] = []

    init(_ json: JSON) throws {
        try Fields.of(json) { fields in
            name = try fields.string("name") ?? ""
            guard let promise = try fields.string("promise"), promise.hasSuffix(".") else {
                throw Complaint("a promise is a sentence")
            }
            rule = try fields.string("rule") ?? ""
            guard Scenario.rules.contains(rule) else { throw Complaint("the rule is unknown") }
            for need in try fields.array("needs") ?? [] {
                guard need == .string("handle") else { throw Complaint("a need is unknown") }
            }
            if try fields.string("deviation") != nil { skipped = "the core is known to break it" }
            if let config = fields.json("config") { try Fields.of(config) { try configure($0) } }
            isRefused = try fields.yes("config_refused")
            if let clock = fields.json("clock") {
                deviceAheadMs = try Fields.of(clock) { try $0.int("device_ahead_of_server_ms") ?? 0 }
            }
            replies = try (try fields.array("replies") ?? []).map(Reply.init)
            steps = try fields.array("steps") ?? []
            if configuration.endpoints.isEmpty { configuration.endpoints = Scenario.endpoints }
        }
    }

    private mutating func configure(_ fields: Fields) throws {
        let seconds = { (key: String) in try fields.int(key).map { TimeInterval($0) / 1000 } }
        configuration.safetyMargin = try seconds("safety_margin_ms")
        configuration.refreshAhead = try seconds("refresh_ahead_ms")
        configuration.minValidity = try seconds("min_validity_ms")
        configuration.fetchDeadline = try seconds("fetch_deadline_ms")
        configuration.attemptTimeout = try seconds("attempt_timeout_ms")
        configuration.maxLifetime = try seconds("max_lifetime_ms")
        configuration.maxAttempts = try fields.int("max_attempts")
        configuration.maxEntries = try fields.int("max_entries")
        if let unknown = fields.json("unknown_lifetime"), unknown != .string("do_not_cache") {
            configuration.unknownLifetime = try Fields.of(unknown) {
                guard let ms = try $0.int("assume_ms") else { throw Complaint("unknown_lifetime") }
                return TimeInterval(ms) / 1000
            }
        }
        switch try fields.string("scope_check") {
        case nil: break
        case "warn": configuration.scopeCheck = .warn
        case "strict": configuration.scopeCheck = .strict
        case let other?: throw Complaint("there is no scope_check \(other)")
        }
        jitter = try fields.double("jitter") ?? 0
        for (name, value) in try fields.object("endpoints") ?? [:] {
            let kind = Scenario.kinds[name]
            guard kind != nil || name == "default" else { throw Complaint("there is no kind of context \(name)") }
            if case .string(let template) = value {
                configuration.endpoints.append(.init(kind, template))
            } else {
                let template = try Fields.of(value) { try $0.string("post") }
                configuration.endpoints.append(.init(kind, template ?? "", method: .post))
            }
        }
        configuration.allowHTTPLoopback = try fields.bool("allow_http_loopback") ?? false
        if let names = fields.json("response_fields") {
            configuration.responseFields = try Fields.of(names) {
                guard let token = try $0.string("token") else { throw Complaint("response_fields has no token") }
                return .init(
                    token: token, expiresAt: try $0.string("expires_at"), expiresIn: try $0.string("expires_in"))
            }
        }
        session = fields.json("session")
    }

    static let rules: Set<String> = [
        "shapes", "lifetime", "refresh", "single_flight", "failure", "rejection", "scope", "secrets", "bound",
        "context",
        "session", "shutdown",
    ]

    private static let kinds: [String: AuthTokenContext.Kind] = [
        "vehicle": .vehicle, "trip": .trip, "delivery_vehicle": .deliveryVehicle,
        "delivery_vehicle_task": .deliveryVehicleTask, "task": .task, "tracking": .tracking,
        "vehicle_service": .vehicleService, "fleet": .fleet,
    ]

    private static let endpoints: [TokenConfiguration.Endpoint] = [
        .init(.vehicle, "https://backend.test/vehicle/{vehicleId}"),
        .init(.trip, "https://backend.test/trip/{tripId}"),
        .init(.deliveryVehicle, "https://backend.test/delivery_vehicle/{deliveryVehicleId}"),
        .init(.deliveryVehicleTask, "https://backend.test/delivery_vehicle/{deliveryVehicleId}/task/{taskId}"),
        .init(.task, "https://backend.test/task/{taskId}"),
        .init(.tracking, "https://backend.test/tracking/{trackingId}"),
        .init(.vehicleService, "https://backend.test/vehicle_service"),
        .init(.fleet, "https://backend.test/fleet"),
    ]
}

extension AuthTokenContext {
    init(_ json: JSON) throws {
        self = try Fields.of(json) { fields in
            let service = try fields.string("service_type").map { name throws -> ServiceType in
                switch name {
                case "VEHICLE_SERVICE": return .vehicle
                case "TRIP_SERVICE": return .trip
                case "DELIVERY_VEHICLE_SERVICE": return .deliveryVehicle
                case "TASK_SERVICE": return .task
                case "FLEET_SERVICE": return .fleet
                default: throw Complaint("there is no service \(name)")
                }
            }
            return AuthTokenContext(
                vehicleID: try fields.string("vehicle_id"),
                tripID: try fields.string("trip_id"),
                deliveryVehicleID: try fields.string("delivery_vehicle_id"),
                taskID: try fields.string("task_id"),
                trackingID: try fields.string("tracking_id"),
                serviceType: service
            )
        }
    }
}

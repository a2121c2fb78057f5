import FleetToken
import Foundation

/// Everything that an `expect` step can look at.
enum Expectation {
    static func check(_ json: JSON, _ world: World) throws {
        try Fields.of(json) { fields in
            let stats = world.factory.stats
            try world.noSecret(in: stats)
            try same("fetches", try fields.int("fetches"), world.wire.state.with { $0.requests.count })
            try same("flights", try fields.int("flights"), Int(stats.flights))
            for (name, value) in try fields.object("stats") ?? [:] {
                try same(name, try value.asInt(name), Int(try number(name, stats)))
            }
            if let remaining = fields.json("remaining_ms") {
                try Fields.of(remaining) { fields in
                    let token = try world.known(try fields.string("token") ?? "")
                    let left = world.factory.remaining(token).map(milliseconds)
                    try same("remaining_ms", try fields.int("ms"), left)
                }
            }
            try request(fields, world)
            // Last: what fits is taken, and not looked at again.
            if let events = try fields.array("events") { try check(events: events, world) }
        }
    }

    private static func number(_ name: String, _ stats: TokenStats) throws -> UInt64 {
        switch name {
        case "calls": return stats.calls
        case "hits": return stats.hits
        case "waits": return stats.waits
        case "refusals": return stats.refusals
        case "not_ready": return stats.notReady
        case "stale_served": return stats.staleServed
        case "fetches": return stats.fetches
        case "flights": return stats.flights
        case "background_flights": return stats.backgroundFlights
        case "successes": return stats.successes
        case "failures": return stats.failures
        case "rejections": return stats.rejections
        case "evictions": return stats.evictions
        case "entries": return stats.entries
        default: throw Complaint("there is no number \(name) in the stats")
        }
    }

    private static func request(_ fields: Fields, _ world: World) throws {
        let (url, method) = (try fields.string("url"), try fields.string("method"))
        let (headers, body) = (try fields.object("headers") ?? [:], fields.json("body"))
        if url == nil, method == nil, headers.isEmpty, body == nil { return }
        guard let request = world.wire.state.with({ $0.requests.last }) else { throw Complaint("no request was made") }
        try world.noSecret(in: request)
        try same("url", url, request.url)
        try same("method", method, request.method.rawValue)
        if let body {
            let sent = try request.body.map { try JSON(parsing: String(decoding: $0, as: UTF8.self)) }
            try same("body", body, sent)
        }
        for (name, value) in headers {
            let sent = request.headers.first { $0.name.lowercased() == name.lowercased() }?.value
            // The values are secrets.
            guard sent == (value == .null ? nil : try value.asString(name)) else {
                throw Complaint(
                    "expected the scenario's value in header \(name), was \(sent == nil ? "none" : "another")")
            }
        }
    }

    // MARK: - Events

    private static func check(events expected: [JSON], _ world: World) throws {
        let seen = world.events.with { $0 }
        for event in seen { try world.noSecret(in: event) }
        let names = try expected.map { event in
            if case .string(let name) = event { return name }
            return try event.asObject("an event")["name"]?.asString("name") ?? ""
        }
        try same("events", names, seen.map(\.name))
        for (event, wanted) in zip(seen, expected) {
            if case .object = wanted { try Fields.of(wanted) { try details(of: event, $0) } }
        }
        world.events.with { $0.removeFirst(seen.count) }
    }

    private static func details(of event: TokenEvent, _ fields: Fields) throws {
        let name = try fields.string("name") ?? ""
        var actual = Details()
        switch event {
        case .fetchStarted(_, let background): actual.background = background
        case .attemptFailed(_, _, let error, _): actual.error = error.kind.rawValue
        case .fetched(_, let lifetime, _, let attempts):
            (actual.attempts, actual.lifetimeMs) = (attempts, lifetime.map(milliseconds))
        case .fetchFailed(_, let error, let retry):
            (actual.error, actual.retryInMs) = (error.kind.rawValue, milliseconds(retry))
        case .lifetimeClamped(_, _, let used): actual.lifetimeMs = milliseconds(used)
        case .networkAvailable(let ended): actual.endedBackoffs = ended
        default: break
        }
        try same("\(name)'s context", try fields.json("context").map(AuthTokenContext.init), event.context)
        try same("\(name)'s background", try fields.bool("background"), actual.background)
        try same("\(name)'s error", try fields.string("error"), actual.error)
        try same("\(name)'s attempts", try fields.int("attempts"), actual.attempts)
        try same("\(name)'s lifetime_ms", try fields.int("lifetime_ms"), actual.lifetimeMs)
        try same("\(name)'s retry_in_ms", try fields.int("retry_in_ms"), actual.retryInMs)
        try same("\(name)'s ended_backoffs", try fields.int("ended_backoffs"), actual.endedBackoffs)
    }

    private struct Details {
        var background: Bool?
        var error: String?
        var attempts: Int?
        var lifetimeMs: Int?
        var retryInMs: Int?
        var endedBackoffs: Int?
    }
}

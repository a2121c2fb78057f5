import FleetToken
import Foundation

/// One scripted reply. `tests/scenarios/README.md` defines it.
struct Reply: Sendable {
    let end: String?
    let delayMs: Int
    let hangs: Bool
    let error: TransportError?
    private let status: Int
    private let date: JSON?
    private let headers: [String: JSON]
    private let json: JSON?
    private let text: String?
    private let textSize: Int?

    init(_ json: JSON) throws {
        self = try Fields.of(json) { try Reply($0) }
    }

    private init(_ fields: Fields) throws {
        end = try fields.string("for")
        delayMs = try fields.int("delay_ms") ?? 0
        hangs = try fields.yes("hang")
        error = try fields.string("error").map { name in
            switch name {
            case "connect": return .connect(detail: "scripted")
            case "tls": return .tls(detail: "scripted")
            case "timeout": return .timeout
            case "interrupted": return .interrupted
            default: throw Complaint("there is no transport error \(name)")
            }
        }
        status = try fields.int("status") ?? 200
        date = fields.json("date")
        headers = try fields.object("headers") ?? [:]
        json = fields.json("json")
        text = try fields.string("text")
        textSize = try fields.int("text_size")
        if text != nil, json != nil || textSize != nil { throw Complaint("a reply has one body") }
    }

    /// The reply as it leaves the server at `now`, in milliseconds since 1970; and the labels of its tokens.
    func render(at now: Int) throws -> (HTTPResponse, [String: String]) {
        var labels: [String: String] = [:]
        var sent: [String: String] = [:]
        var body = text ?? String(repeating: "x", count: json == nil ? textSize ?? 0 : 0)
        if let json {
            sent["content-type"] = "application/json"
            body = try Reply.filled(json, now, &labels).text
            body += String(repeating: " ", count: max(0, (textSize ?? 0) - body.utf8.count))
        }
        switch date {
        case nil, .bool(true): sent["date"] = Reply.httpDate(now)
        case .bool(false): break
        case let skewed?:
            let offset = try Fields.of(skewed) { try $0.int("offset_ms") }
            guard let offset else { throw Complaint("date has no offset_ms") }
            sent["date"] = Reply.httpDate(now + offset)
        }
        for (name, value) in headers {
            if case .string(let text) = value {
                sent[name.lowercased()] = text
            } else {
                let offset = try Fields.of(value) { try $0.int("http_date") }
                guard let offset else { throw Complaint("a header is a text or an http_date") }
                sent[name.lowercased()] = Reply.httpDate(now + offset)
            }
        }
        let list = sent.map { HTTPHeader($0.key, $0.value) }
        return (HTTPResponse(status: status, headers: list, body: Data(body.utf8)), labels)
    }

    /// A value with every `{"$…": …}` in an object replaced by what it stands for.
    private static func filled(_ json: JSON, _ now: Int, _ labels: inout [String: String]) throws -> JSON {
        if case .array(let values) = json {
            return .array(try values.map { try filled($0, now, &labels) })
        }
        guard case .object(let members) = json else { return json }
        guard let (key, argument) = members.first(where: { $0.key.hasPrefix("$") }) else {
            return .object(try members.mapValues { try filled($0, now, &labels) })
        }
        guard members.count == 1 else { throw Complaint("\(key) stands alone in its object") }
        switch key {
        case "$opaque":
            let label = try argument.asString(key)
            labels["SECRET-TOKEN-\(label)"] = label
            return .string("SECRET-TOKEN-\(label)")
        case "$jwt":
            let (token, label) = try jwt(argument, now)
            labels[token] = label
            return .string(token)
        case "$epoch_ms": return .number(String(now + (try argument.asInt(key))))
        case "$epoch_s": return .number(String(seconds(now + (try argument.asInt(key)))))
        case "$rfc3339": return .string(rfc3339(now + (try argument.asInt(key))))
        default: throw Complaint("\(key) is unknown")
        }
    }

    private static func jwt(_ json: JSON, _ now: Int) throws -> (token: String, label: String) {
        try Fields.of(json) { fields in
            guard let label = try fields.string("id") else { throw Complaint("a $jwt has no id") }
            var payload = try fields.object("payload") ?? [:]
            if let iat = try fields.int("iat_in_s") { payload["iat"] = .number(String(seconds(now) + iat)) }
            if let exp = try fields.int("exp_in_s") { payload["exp"] = .number(String(seconds(now) + exp)) }
            if let claims = try fields.object("claims") { payload["authorization"] = .object(claims) }
            let header = base64url(#"{"alg":"none","typ":"JWT"}"#)
            let parts = [header, base64url(JSON.object(payload).text), base64url("SECRET-TOKEN-\(label)")]
            return (parts.joined(separator: "."), label)
        }
    }

    private static func base64url(_ text: String) -> String {
        Data(text.utf8).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    private static func seconds(_ ms: Int) -> Int { Int((Double(ms) / 1000).rounded(.down)) }

    // MARK: - Dates

    /// RFC 9110 §5.6.7.
    private static func httpDate(_ ms: Int) -> String { formatted(ms, "EEE, dd MMM yyyy HH:mm:ss 'GMT'") }

    private static func rfc3339(_ ms: Int) -> String {
        let fraction = ms - seconds(ms) * 1000
        let padded = String(String(1000 + fraction).dropFirst())
        return formatted(ms, "yyyy-MM-dd'T'HH:mm:ss") + (fraction == 0 ? "" : ".\(padded)") + "Z"
    }

    private static func formatted(_ ms: Int, _ format: String) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = format
        return formatter.string(from: Date(timeIntervalSince1970: Double(seconds(ms))))
    }
}

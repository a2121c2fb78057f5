import FleetToken
import Foundation

/// What a call must come to.
struct Outcome {
    private let shown: String
    private let retryInMs: Int?
    private let status: Int?
    private let isRetryable: Bool?

    init(_ fields: Fields) throws {
        var ways: [String] = []
        if let label = try fields.string("token") { ways.append("token \(label)") }
        let kind = try fields.string("error")
        if let kind { ways.append("error \(kind)") }
        if try fields.yes("none") { ways.append("none") }
        if try fields.yes("pending") { ways.append("pending") }
        guard let way = ways.first, ways.count == 1 else {
            throw Complaint("an outcome is one of token, error, none, pending")
        }
        shown = way
        retryInMs = try fields.int("retry_in_ms")
        status = try fields.int("status")
        isRetryable = try fields.bool("retryable")
        if kind == nil, retryInMs != nil || status != nil || isRetryable != nil {
            throw Complaint("retry_in_ms, status and retryable go with error")
        }
    }

    var isPending: Bool { shown == "pending" }

    func check(_ call: Call, _ world: World) throws {
        let answer = call.answer.with { $0 }
        let actual = Outcome.shown(answer, world)
        guard actual == shown else { throw Complaint("expected \(shown), was \(actual)") }
        guard case .error(let error as TokenError) = answer else { return }
        try same("retry_in_ms", retryInMs, error.retryAfter.map(milliseconds))
        try same("status", status, error.status)
        try same("retryable", isRetryable, error.isRetryable)
    }

    private static func shown(_ answer: Answer?, _ world: World) -> String {
        switch answer {
        case nil: return "pending"
        case .some(.none): return "none"
        case .error(let error as TokenError): return "error \(error.kind.rawValue)"
        case .error: return "an error of another type"
        case .token(let token):
            return "token \(world.wire.state.with { $0.labels[token.value] } ?? "without a label")"
        }
    }
}

/// Only what is expected is compared.
func same<T: Equatable>(_ what: String, _ expected: T?, _ actual: T?) throws {
    if let expected, expected != actual {
        let shown = actual.map { "\($0)" } ?? "none"
        throw Complaint("expected \(what) \(expected), was \(shown)")
    }
}

func milliseconds(_ time: TimeInterval) -> Int { Int((time * 1000).rounded()) }

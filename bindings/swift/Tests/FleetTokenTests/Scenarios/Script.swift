import FleetToken
import FleetTokenFFI
import Foundation

/// A value behind a lock.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    func with<T>(_ work: (inout Value) throws -> T) rethrows -> T {
        lock.lock()
        defer { lock.unlock() }
        return try work(&value)
    }
}

/// 2026-01-01T00:00:00Z in milliseconds, where every scenario's server starts.
let serverStartMs = 1_767_225_600_000

/// The wire: answers requests from the list, in the order in which they arrive.
final class Wire: HTTPTransport {
    struct State {
        var replies: [Reply?]
        var requests: [HTTPRequest] = []
        /// A token's value, and the label that scenarios know it by.
        var labels: [String: String] = [:]
        /// What went wrong with the scenario itself.
        var complaints: [String] = []
    }

    let state: Locked<State>
    private let clock: FfiManualClock
    private let bootedMs: UInt64

    init(replies: [Reply], clock: FfiManualClock) {
        state = Locked(State(replies: replies))
        self.clock = clock
        bootedMs = clock.nowMs()
    }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let reply = taken(for: request), !reply.hangs else {
            await clock.sleepMs(delay: .max)
            throw TransportError.other(detail: "scripted")
        }
        if reply.delayMs > 0 {
            await clock.sleepMs(delay: UInt64(reply.delayMs))
        }
        if let error = reply.error { throw error }
        do {
            let (response, labels) = try reply.render(at: serverStartMs + Int(clock.nowMs() - bootedMs))
            state.with { $0.labels.merge(labels) { _, new in new } }
            return response
        } catch {
            state.with { $0.complaints.append("\(error)") }
            throw TransportError.other(detail: "scripted")
        }
    }

    private func taken(for request: HTTPRequest) -> Reply? {
        state.with { state in
            state.requests.append(request)
            let fitting = state.replies.firstIndex { $0.map { $0.end.map(request.url.hasSuffix) ?? true } ?? false }
            guard let fitting, let reply = state.replies[fitting] else {
                state.complaints.append("request \(state.requests.count) to \(request.url) has no reply")
                return nil
            }
            state.replies[fitting] = nil
            return reply
        }
    }
}

/// The app's own login, as the scenario sets it: the newest counts, the older ones are still secret.
final class Login: SessionHeaderProvider {
    private enum State {
        case headers([String: String])
        case signedOut
        case unavailable
    }

    private let states = Locked<[State]>([])

    func set(_ json: JSON) throws {
        let state: State
        switch json {
        case .string("signed_out"): state = .signedOut
        case .string("unavailable"): state = .unavailable
        default:
            let headers = try Fields.of(json) { try $0.object("headers") }
            guard let headers else { throw Complaint("a session has headers") }
            state = .headers(try headers.mapValues { try $0.asString("a header") })
        }
        states.with { $0.append(state) }
    }

    /// Every login there was, without the word before it.
    var secrets: [String] {
        states.with { states in
            states.flatMap { state -> [String] in
                guard case .headers(let headers) = state else { return [] }
                return headers.values.map { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : $0 }
            }
        }
    }

    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        switch states.with({ $0.last }) {
        case nil, .signedOut: throw SessionError.signedOut
        case .unavailable: throw SessionError.unavailable
        case .headers(let headers): return headers.map { HTTPHeader($0.key, $0.value) }
        }
    }
}

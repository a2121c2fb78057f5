@testable import FleetToken
import FleetTokenFFI
import Foundation

/// A transport that a test writes on the spot.
final class Scripted: HTTPTransport {
    private let answer: @Sendable (HTTPRequest) async throws -> HTTPResponse
    let sent = Locked<[HTTPRequest]>([])

    init(_ answer: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) {
        self.answer = answer
    }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        sent.with { $0.append(request) }
        return try await answer(request)
    }

    var count: Int { sent.with { $0.count } }
}

/// Hands out a new token at each request.
func minting(lifetime: Int = 3600) -> Scripted {
    let count = Locked(0)
    return Scripted { _ in
        let number = count.with { count -> Int in
            count += 1
            return count
        }
        return token("SECRET-TOKEN-\(number)", lifetime: lifetime)
    }
}

func token(_ value: String, lifetime: Int = 3600) -> HTTPResponse {
    HTTPResponse(status: 200, body: Data(#"{"token": "\#(value)", "expiresInSeconds": \#(lifetime)}"#.utf8))
}

var anyBackend: TokenConfiguration {
    TokenConfiguration(endpoints: [.init(.vehicle, "https://backend.test/{vehicleId}")])
}

func factory(_ transport: any HTTPTransport, _ configuration: TokenConfiguration = anyBackend) throws
    -> AuthTokenFactory
{
    try AuthTokenFactory(configuration: configuration, transport: transport)
}

/// A gate that is closed until it is opened.
final class Gate: Sendable {
    private let state = Locked<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.with { state -> Bool in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.with { state -> [CheckedContinuation<Void, Never>] in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A token from a factory whose deadline is too short for a machine that is busy with all tests at once: asked for until it
/// comes.
func patiently(_ factory: AuthTokenFactory, _ context: AuthTokenContext) async throws -> AuthToken {
    for _ in 0..<400 {
        do {
            return try await factory.token(for: context)
        } catch let error as TokenError where error.isRetryable {
            try await Task.sleep(nanoseconds: 50_000_000)
        }
    }
    return try await factory.token(for: context)
}

/// Waits until it is so, for five seconds at most.
func eventually(_ holds: () -> Bool) async -> Bool {
    for _ in 0..<5000 {
        if holds() { return true }
        try? await Task.sleep(nanoseconds: 1_000_000)
    }
    return holds()
}

/// Everything that Swift prints of a value by itself.
func printed(_ value: Any) -> String {
    var text = "\(value) \(String(reflecting: value)) \([value])"
    dump(value, to: &text)
    return text
}

/// The error that this throws; `nil` if it throws none, or one of another type.
func failure<T>(of work: () async throws -> T) async -> TokenError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error as? TokenError
    }
}

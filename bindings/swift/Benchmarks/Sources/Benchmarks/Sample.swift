import FleetToken
import FleetTokenFFI
import Foundation

/// As long as a token of Fleet Engine's.
let tokenValue = "SECRET-TOKEN-" + String(repeating: "x", count: 900)

/// What the samples for Google's SDKs do, and what apps copy: one token, one id and one expiry in plain fields, by the
/// wall clock, without a margin. No lock, and no actor: two threads with two ids may be given each other's.
final class OneSlot: @unchecked Sendable {
    private var token: String?
    private var expiry = Date.distantPast
    private var id: String?

    @inline(never)
    func token(for asked: String) -> String? {
        if let token, expiry > Date(), id == asked {
            return token
        }
        // Never slower than a real one: there is no backend.
        (token, expiry, id) = (tokenValue, Date().addingTimeInterval(3600), asked)
        return token
    }
}

/// What the language itself takes for a call that is async and has its answer at hand.
final class AtOnceAsync: Sendable {
    private let value = tokenValue

    @inline(never)
    func token(for context: AuthTokenContext) async throws -> String? {
        context.vehicleID == nil ? nil : value
    }
}

/// A backend that answers at once.
struct AtOnce: HTTPTransport {
    static let body = Data(#"{"token": "\#(tokenValue)", "expiresInSeconds": 3600}"#.utf8)

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        HTTPResponse(status: 200, body: AtOnce.body)
    }
}

/// The same for the generated binding.
final class AtOnceBelow: FfiHttpTransport {
    func send(request: FfiHttpRequest) async throws -> FfiHttpResponse {
        FfiHttpResponse(status: 200, headers: [], body: AtOnce.body)
    }
}

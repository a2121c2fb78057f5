// The code that the documentation shows, compiled. Each piece between `// snippet:` and `// end` is found there word for
// word; SnippetTests compares.

import FleetToken
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif
#if canImport(Network)
import Network
#endif

// snippet: login
struct AppLogin: SessionHeaderProvider {
    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        guard let session = await storedSession() else { throw SessionError.signedOut }
        return [HTTPHeader("Authorization", "Bearer \(session)")]
    }
}
// end

private func storedSession() async -> String? { nil }

func makeFactory() throws -> AuthTokenFactory {
    // snippet: factory
    let factory = try AuthTokenFactory(
        configuration: TokenConfiguration(endpoints: [
            .init(.vehicle, "https://backend.example.com/token/driver/{vehicleId}"),
            .init(.trip, "https://backend.example.com/token/consumer/{tripId}"),
        ]),
        session: AppLogin()
    )
    // end
    return factory
}

func askOnce(_ factory: AuthTokenFactory) async throws -> AuthToken {
    // snippet: ask
    let token = try await factory.token(for: .trip("trip-1"))
    // end
    return token
}

func callFleetEngine(_ factory: AuthTokenFactory, _ trip: URL) async throws {
    // snippet: calls
    let fleet = try AuthorizedSession(factory)
    let (body, reply) = try await fleet.data(for: URLRequest(url: trip), context: .trip("trip-1"))
    // end
    _ = (body, reply)
}

func callByOwnMeans(_ factory: AuthTokenFactory, _ pinned: URLSession) throws -> AuthorizedSession {
    // snippet: own means
    let fleet = try AuthorizedSession(factory) { request in
        try await pinned.data(for: request)
    }
    // end
    return fleet
}

func upload(_ fleet: AuthorizedSession, _ vehicle: URL, _ file: URL, _ session: URLSession) async throws {
    let context = AuthTokenContext.vehicle("vehicle-1")
    // snippet: upload
    let request = try await fleet.authorize(URLRequest(url: vehicle), for: context)
    let (body, reply) = try await session.upload(for: request, fromFile: file)
    if (reply as? HTTPURLResponse)?.statusCode == 401 {
        fleet.refused(request, for: context)
    }
    // end
    _ = body
}

func ask(_ factory: AuthTokenFactory) {
    // snippet: completion
    factory.token(for: .trip("trip-1")) { result in
        switch result {
        case .success(let token): show("good for \(factory.remaining(token) ?? 0) s")
        case .failure(let error): show("\(error), \(error.isRetryable ? "later" : "not again")")
        }
    }
    // end
}

@Sendable private func show(_ text: String) {}

func follow(_ factory: AuthTokenFactory) async throws {
    // snippet: handle
    let handle = try factory.handle(for: .vehicle("vehicle-1"))
    while let update = await nextLocation() {
        try await send(update, token: handle.token())
    }
    // end
}

private func nextLocation() async -> Int? { nil }
private func send(_ update: Int, token: AuthToken) async throws {}

func watch(_ factory: AuthTokenFactory) {
    // snippet: events
    Task {
        for await event in factory.events {
            if case .fetchFailed(let context, let error, _) = event {
                show("no token for \(context): \(error)")
            }
        }
    }
    // end
}

// snippet: session
@MainActor
final class DriverSession: SessionHeaderProvider {
    private var login: String?

    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        guard let login else { throw SessionError.signedOut }
        return [HTTPHeader("Authorization", "Bearer \(login)")]
    }

    func signIn(_ login: String, _ factory: AuthTokenFactory) {
        signOut(factory)
        self.login = login
        factory.sessionChanged()
    }

    func signOut(_ factory: AuthTokenFactory) {
        login = nil  // first, or a call in between fetches with it
        factory.clear()
    }
}
// end

func tell(_ failure: TokenError) {
    // snippet: failure
    switch (failure.kind, failure.status) {
    case (.session, _), (.sessionRejected, 401): show("sign in again")
    case (.sessionRejected, _): show("not for this login: \(failure)")
    default: show(failure.isRetryable ? "no token yet: \(failure)" : "no token: \(failure)")
    }
    // end
}

func withSettings() throws -> AuthTokenFactory {
    // snippet: settings
    let configuration = TokenConfiguration(endpoints: [
        .init(.trip, "https://backend.example.com/token/consumer/{tripId}")
    ])
    let settings = URLSessionConfiguration.ephemeral
    settings.allowsCellularAccess = false
    let factory = try AuthTokenFactory(
        configuration: configuration,
        transport: URLSessionTransport(configuration: settings),
        session: AppLogin()
    )
    // end
    return factory
}

// snippet: transport
struct AppTransport: HTTPTransport {
    let session: URLSession

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let url = URL(string: request.url) else { throw TransportError.request(detail: "no URL") }
        var sent = URLRequest(url: url, timeoutInterval: max(1, request.timeout.rounded(.up)))
        sent.httpMethod = request.method.rawValue
        sent.httpBody = request.body
        for header in request.headers { sent.addValue(header.value, forHTTPHeaderField: header.name) }
        do {
            let (body, reply) = try await session.data(for: sent)
            guard let reply = reply as? HTTPURLResponse else { throw TransportError.interrupted }
            let headers = ["Date", "Retry-After", "Content-Type", "Age"].compactMap { name in
                reply.value(forHTTPHeaderField: name).map { HTTPHeader(name, $0) }
            }
            return HTTPResponse(status: reply.statusCode, headers: headers, body: body)
        } catch let error as URLError {
            if error.code == .timedOut { throw TransportError.timeout }
            throw TransportError.other(detail: "URLError \(error.code.rawValue)")
        }
    }
}
// end

#if canImport(Network)
func watchNetwork(_ factory: AuthTokenFactory) -> NWPathMonitor {
    // snippet: network
    let monitor = NWPathMonitor()
    monitor.pathUpdateHandler = { path in
        if path.status == .satisfied { factory.networkAvailable() }
    }
    monitor.start(queue: .global())
    // end
    return monitor
}
#endif

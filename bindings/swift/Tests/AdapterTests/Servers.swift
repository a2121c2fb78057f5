import FleetToken
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The two servers that the tests were told of.
struct Servers: Sendable {
    static let backend = ProcessInfo.processInfo.environment["FLEET_TOKEN_BACKEND"] ?? ""
    static let engine = ProcessInfo.processInfo.environment["FLEET_TOKEN_ENGINE"] ?? ""
    static var areThere: Bool { !backend.isEmpty && !engine.isEmpty }

    private let wire = URLSessionTransport()

    func factory(login: String, transport: (any HTTPTransport)? = URLSessionTransport()) throws -> AuthTokenFactory {
        let routes = "\(Servers.backend)/token"
        var configuration = TokenConfiguration(endpoints: [
            .init(.vehicle, "\(routes)/driver/{vehicleId}"),
            .init(.trip, "\(routes)/consumer/{tripId}"),
            .init(.deliveryVehicle, "\(routes)/delivery_driver/{deliveryVehicleId}"),
            .init(.deliveryVehicleTask, "\(routes)/delivery_driver/{deliveryVehicleId}/{taskId}"),
        ])
        configuration.allowHTTPLoopback = true
        return try AuthTokenFactory(configuration: configuration, transport: transport, session: Login(name: login))
    }

    /// What a program prints that SwiftPM built for these tests, and its exit code.
    func run(_ name: String, _ arguments: [String], _ environment: [String: String] = [:]) async throws -> (
        String, Int32
    ) {
        let root = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { file, _ in file.deletingLastPathComponent() }
        let program = Process()
        let output = Pipe()
        program.executableURL = root.appendingPathComponent(".build/debug/\(name)")
        program.arguments = arguments
        program.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        program.standardOutput = output
        try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
            program.terminationHandler = { _ in ended.resume() }
            do { try program.run() } catch { ended.resume(throwing: error) }
        }
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return (said, program.terminationStatus)
    }

    /// Fleet Engine's answer to a call with this token.
    func call(_ resource: String, _ token: String) async throws -> Int {
        let header = HTTPHeader("Authorization", "Bearer \(token)")
        let url = "\(Servers.engine)/\(resource)"
        return try await wire.send(HTTPRequest(url: url, headers: [header], timeout: 10, maxBody: 65_536)).status
    }

    /// The next so many requests whose path holds `part` are answered with this status.
    func fault(_ part: String, status: Int, times: Int = 1) async throws {
        let body = #"[{"match": "\#(part)", "times": \#(times), "fault": {"status": \#(status)}}]"#
        guard try await admin("faults", body).status == 200 else {
            throw TransportError.other(detail: "no fault was set")
        }
    }

    /// The app's own calls, to the emulated Fleet Engine alone.
    func fleet(_ factory: AuthTokenFactory) throws -> AuthorizedSession {
        try AuthorizedSession(factory, origins: [Servers.origin])
    }

    /// The emulated Fleet Engine's URL, without its path.
    static var origin: String { engine.components(separatedBy: "/v1/")[0] }

    /// A request to Fleet Engine, without a token.
    func request(_ resource: String, put body: String? = nil) throws -> URLRequest {
        guard let url = URL(string: "\(Servers.engine)/\(resource)") else {
            throw TransportError.request(detail: resource)
        }
        var request = URLRequest(url: url, timeoutInterval: 20)
        if let body {
            request.httpMethod = "PUT"
            request.httpBody = Data(body.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        return request
    }

    /// The role gets a new key, and Fleet Engine refuses every token of the old one.
    func rotate(_ role: String) async throws {
        let body = #"{"role": "\#(role)"}"#
        guard try await admin("rotate", body).status == 200 else { throw TransportError.other(detail: "not rotated") }
    }

    /// What the servers counted so far under these two names.
    func counted(_ counter: String, _ name: String) async throws -> Int {
        let stats = try JSONSerialization.jsonObject(with: try await admin("stats").body) as? [String: Any]
        return (stats?[counter] as? [String: Int])?[name] ?? 0
    }

    private func admin(_ lever: String, _ body: String? = nil) async throws -> HTTPResponse {
        try await wire.send(
            HTTPRequest(
                method: body == nil ? .get : .post, url: "\(Servers.backend)/admin/\(lever)",
                headers: [HTTPHeader("Content-Type", "application/json")], body: body.map { Data($0.utf8) },
                timeout: 60,  // a key takes long to make on a machine that has other work
                maxBody: 65_536))
    }

    private struct Login: SessionHeaderProvider {
        let name: String

        func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
            [HTTPHeader("Authorization", "Bearer \(name)")]
        }
    }
}

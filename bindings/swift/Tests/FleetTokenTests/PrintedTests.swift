@testable import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Whatever Swift prints of a public type by itself holds no token and no login: its descriptions, a dump, what a mirror
/// shows at any depth, an error as Objective-C sees it.
@Suite struct PrintedTests {
    private static let login = "SECRET-SESSION-printed"
    private let headers = [
        HTTPHeader("authorization", "Bearer \(login)"), HTTPHeader("location", "https://b.test/?t=SECRET-TOKEN-1"),
    ]
    private let body = Data(#"{"token": "SECRET-TOKEN-1"}"#.utf8)

    private struct Login: SessionHeaderProvider {
        func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
            [HTTPHeader("authorization", "Bearer \(PrintedTests.login)")]
        }
    }

    /// Everything that is printed of it, by whatever prints.
    private static func everything(_ value: Any) -> String {
        var text = printed(value)
        text += " \(Optional.some(value) as Any) \(["key": value]) \(Result<Any, Never>.success(value))"
        text += " \(String(describing: value)) " + mirrored(value, depth: 0)
        if let error = value as? any Error {
            let seen = error as NSError
            text += " \(error.localizedDescription) \(seen) \(seen.userInfo) \(seen.localizedDescription)"
            text += " \(seen.localizedFailureReason ?? "")"
        }
        return text
    }

    /// What a debugger or a crash reporter that goes through mirrors sees.
    private static func mirrored(_ value: Any, depth: Int) -> String {
        guard depth < 12 else { return "" }
        let mirror = Mirror(reflecting: value)
        var text = ""
        var next: Mirror? = mirror
        while let level = next {
            for child in level.children {
                text += "\(child.label ?? ""): \(child.value)\n" + mirrored(child.value, depth: depth + 1)
            }
            next = level.superclassMirror
        }
        return text
    }

    private static func holdsSecret(_ text: String) -> Bool {
        let bytes = ["83, 69, 67, 82, 69, 84", "- 83\n"]
        return text.contains("SECRET") || bytes.contains { text.contains($0) }
    }

    /// The names of the types that apps see, protocols left out.
    private func agreed() throws -> Set<String> {
        let lines = try String(contentsOf: Repository.file("api/swift.txt"), encoding: .utf8)
        let kinds = [" | struct ", " | final class ", " | class ", " | enum ", " | actor "]
        let types = lines.split(separator: "\n").filter { line in kinds.contains { line.contains($0) } }
        return Set(types.map { String($0.components(separatedBy: " | ")[0]) })
    }

    private static func name(_ value: Any) -> String {
        String(reflecting: type(of: value)).replacingOccurrences(of: "FleetToken.", with: "")
    }

    /// One of each type at least, made with secrets wherever one fits; errors and events as they come of what backends do.
    private func samples() async throws -> (values: [Any], tokens: [String]) {
        var values: [Any] = []
        var tokens: [String] = []
        let replies: [(Int, String)] = [
            (200, #"{"token": "SECRET-TOKEN-good", "expiresInSeconds": 3600}"#),
            (200, #"{"token": "SECRET-TOKEN-long", "expiresInSeconds": 360000}"#),
            (200, #"{"token": "SECRET-TOKEN-old", "expiresInSeconds": -5}"#),
            (200, #"{"token": null, "error": "SECRET-TOKEN-error"}"#), (200, #"{"tok": "SECRET-TOKEN-cut"#),
            (200, "<html>SECRET-TOKEN-html"), (200, #"{"token": "SECRET-TOKEN-x", "expiresAt": "SECRET-TOKEN-when"}"#),
            (302, "SECRET-TOKEN-moved"), (401, "SECRET-TOKEN-refused"), (403, "SECRET-TOKEN-forbidden"),
            (404, "SECRET-TOKEN-unknown"), (503, "SECRET-TOKEN-busy"),
        ]
        for (status, text) in replies {
            var configuration = anyBackend
            configuration.maxAttempts = 2
            configuration.maxEntries = 1
            let headers = headers + [HTTPHeader("Date", "Thu, 01 Jan 2026 00:00:00 GMT")]
            let factory = try AuthTokenFactory(
                configuration: configuration,
                transport: Scripted { _ in HTTPResponse(status: status, headers: headers, body: Data(text.utf8)) },
                session: Login())
            let events = factory.events
            for context in [AuthTokenContext.vehicle("v1"), .vehicle("v1"), .vehicle("v2"), .vehicle("../up")] {
                do {
                    let token = try await factory.token(for: context)
                    values.append(token)
                    tokens.append(token.value)
                    values.append(factory.invalidate(token, for: context))
                } catch {
                    values.append(error)
                    values.append(AuthFailure(error) as Any)
                }
            }
            let handle = try factory.handle(for: .vehicle("v1"))
            let fetcher = AuthTokenFetcher(factory)
            _ = try? await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                fetcher.fetchToken(for: .vehicle("v1")) { _, error in
                    if let error { done.resume(throwing: error) } else { done.resume() }
                }
            }
            values += [factory, handle, fetcher, factory.stats, events] as [Any]
            values += try await refusedEverywhere(factory)
            await factory.shutdown()
            for await event in events { values.append(event) }
        }
        struct Leak: Error { let text = PrintedTests.login }
        for thrown in [Leak(), TransportError.tls(detail: "expired"), SessionError.signedOut] as [any Error] {
            var configuration = anyBackend
            configuration.maxAttempts = 1
            let factory = try factory(Scripted { _ in throw thrown }, configuration)
            values.append(await failure { try await factory.token(for: .vehicle("v1")) } as Any)
        }
        values += headers as [Any]
        let request = HTTPRequest(
            method: .post, url: "https://b.test/", headers: headers, body: body, timeout: 1, maxBody: 1)
        values += [request, HTTPResponse(status: 200, headers: headers, body: body)] as [Any]
        values += [HTTPMethod.get, SessionError.signedOut, TransportError.timeout] as [Any]
        let endpoint = TokenConfiguration.Endpoint(.vehicle, "https://b.test/{vehicleId}")
        values += [
            anyBackend, endpoint, TokenConfiguration.Preset.lastMileBackend(baseURL: "https://b.test"),
            TokenConfiguration.ResponseFields(token: "t"), TokenConfiguration.ScopeCheck.strict,
        ]
        values += [AuthTokenContext.vehicle("v1"), AuthTokenContext.Kind.fleet, AuthTokenContext.ServiceType.fleet]
        values += [TokenError.Kind.timeout, AuthFailure.noToken(nil)] as [Any]
        return (values, tokens)
    }

    /// A session, and what it throws: no token, no connection, a request to where no token may go.
    private func refusedEverywhere(_ factory: AuthTokenFactory) async throws -> [Any] {
        let session = try AuthorizedSession(factory, origins: ["http://127.0.0.1:1"])
        var values: [Any] = [session]
        let password = "SECRET-SESSION-password"
        for url in ["http://127.0.0.1:1/v1", "https://user:\(password)@b.test/\(password)?\(password)"] {
            do {
                let request = URLRequest(url: try #require(URL(string: url)))
                _ = try await session.data(for: request, context: .vehicle("v1"))
            } catch {
                values.append(error)
            }
        }
        return values
    }

    @Test func nothingThatIsPrintedOfAPublicTypeHoldsASecret() async throws {
        let (values, tokens) = try await samples()
        let names = Set(values.map(Self.name)).union(["URLSessionTransport"])
        let missing = try agreed().subtracting(names)
        #expect(missing.isEmpty, "none was made of \(missing.sorted()): add one, with secrets wherever one fits")
        #expect(tokens.count >= 3)
        for value in values {
            let text = Self.everything(value)
            #expect(!Self.holdsSecret(text), "a secret is in what is printed of a \(Self.name(value))")
            #expect(!tokens.contains { text.contains($0) })
        }
        print("\(values.count) values of \(try agreed().count) public types printed")
    }

    /// It holds the session, and the session every request that is under way, with its headers.
    @Test func nothingIsPrintedOfAnExchangeThatIsUnderWay() async throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try Server { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"token\": \"SECRET-TOKEN-half")
            gate.wait()
        }
        let transport = URLSessionTransport()
        let request = HTTPRequest(
            method: .post, url: server.url("/"), headers: headers, body: body, timeout: 5, maxBody: 65_536)
        let sending = Task { try? await transport.send(request) }
        #expect(await eventually { server.requests.count == 1 })
        for value in [transport, [transport], Optional.some(transport) as Any] as [Any] {
            #expect(!Self.holdsSecret(Self.everything(value)))
        }
        gate.signal()
        _ = await sending.value
    }

    /// The scan of the whole run's output fails where it does not find this.
    @Test func whatTestsPrintIsSearched() {
        print("SECRET-CANARY-swift")
    }

    /// The search finds what it is for, in each of the forms.
    @Test func aTypeThatPrintsItsFieldsWouldBeFound() {
        struct Plain { let value = PrintedTests.login }
        struct Described: CustomStringConvertible {
            let value = PrintedTests.login
            var description: String { "[redacted]" }
        }
        final class Nested { let inner = Described() }
        final class Derived: NSObject { let inner = Described() }
        struct Told: LocalizedError, CustomReflectable {
            let text = PrintedTests.login
            var errorDescription: String? { text }
            var customMirror: Mirror { Mirror(self, children: [:]) }
        }
        struct Bytes { let value = Array("SECRET".utf8) }
        for value in [Plain(), Described(), Nested(), Derived(), Told(), Bytes(), [Plain()], Data("SECRET".utf8)]
            as [Any]
        {
            #expect(Self.holdsSecret(Self.everything(value)), "\(type(of: value))")
        }
    }
}

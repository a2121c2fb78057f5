import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The Swift in the documentation is code that compiles, and all of that code is in the documentation.
@Suite struct SnippetTests {
    private let blocks: [(place: String, code: String)]
    private let snippets: [(name: String, code: String)]

    init() throws {
        let docs = try FileManager.default.contentsOfDirectory(atPath: Repository.file("docs").path)
        let pages = docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
        blocks = try (["README.md", "bindings/swift/README.md"] + pages).flatMap { path in
            let text = try String(contentsOf: Repository.file(path), encoding: .utf8)
            return SnippetTests.pieces(of: text, from: "```swift", to: "```").map { (path, $0.code) }
        }
        let pieces = try ["FleetTokenTests", "AdapterTests"].flatMap { target in
            let file = Repository.file("bindings/swift/Tests/\(target)/Snippets.swift")
            return SnippetTests.pieces(
                of: try String(contentsOf: file, encoding: .utf8), from: "// snippet:", to: "// end")
        }
        // These two are shown whole. EndToEndTests runs the program.
        let whole = try ["Package.swift", "Sources/Example/main.swift"].map { path in
            let file = Repository.file("bindings/swift/Example/\(path)")
            return (
                path, SnippetTests.plain(try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n"))
            )
        }
        snippets = pieces + whole
    }

    @Test func everyBlockIsCompiled() {
        #expect(blocks.count > 8)
        for (place, code) in blocks {
            #expect(snippets.contains { $0.code == code }, "\(place) shows what is not compiled:\n\(code)")
        }
    }

    @Test func everySnippetIsShown() {
        for (name, code) in snippets {
            #expect(blocks.contains { $0.code == code }, "no page shows \(name)")
        }
    }

    /// The transport that an app is told to write does what one has to do.
    @Test func theTransportThatIsShownWorks() async throws {
        let server = try Server { _, connection in
            connection.reply("200 OK", [], #"{"token": "SECRET-TOKEN-1", "expiresInSeconds": 3600}"#)
        }
        let transport = AppTransport(session: URLSession(configuration: .ephemeral))
        var configuration = TokenConfiguration(endpoints: [.init(.vehicle, server.url("/{vehicleId}"))])
        configuration.allowHTTPLoopback = true
        let factory = try AuthTokenFactory(configuration: configuration, transport: transport)
        #expect(try await factory.token(for: .vehicle("v1")).value == "SECRET-TOKEN-1")
        let refused = HTTPRequest(url: "http://127.0.0.1:1/", timeout: 5, maxBody: 1)
        await #expect(throws: TransportError.self) { try await transport.send(refused) }
    }

    /// The session that is shown hands no user's token to the next one.
    @MainActor
    @Test func theSessionThatIsShownChangesUsers() async throws {
        let session = DriverSession()
        let transport = Scripted { request in
            let login = request.headers.first { $0.name.lowercased() == "authorization" }?.value ?? ""
            return FleetTokenTests.token("SECRET-TOKEN-of-\(login.split(separator: " ").last ?? "")")
        }
        let factory = try AuthTokenFactory(configuration: anyBackend, transport: transport, session: session)
        let ask: @Sendable () async throws -> String = { try await factory.token(for: .vehicle("v1")).value }
        #expect(await failure(of: ask)?.kind == .session)
        session.signIn("A", factory)
        #expect(try await ask() == "SECRET-TOKEN-of-A")
        session.signIn("B", factory)
        #expect(try await ask() == "SECRET-TOKEN-of-B")
        session.signOut(factory)
        #expect(factory.tryToken(for: .vehicle("v1")) == nil)
        #expect(await failure(of: ask)?.kind == .session)
        #expect(transport.count == 2)
    }

    /// The pieces between lines that begin so, each with the rest of its first line, without the space around its lines.
    private static func pieces(of text: String, from begin: String, to end: String) -> [(name: String, code: String)] {
        var pieces: [(String, String)] = []
        var open: (name: String, lines: [String])?
        for line in text.components(separatedBy: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if open == nil, line.hasPrefix(begin) {
                open = (line.dropFirst(begin.count).trimmingCharacters(in: .whitespaces), [])
            } else if line == end, let piece = open {
                pieces.append((piece.name, plain(piece.lines)))
                open = nil
            } else {
                open?.lines.append(line)
            }
        }
        return pieces
    }

    /// Without the space around its lines, and without empty ones.
    private static func plain(_ lines: [String]) -> String {
        lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}

@testable import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What its own URLSession does, over real HTTP on the loopback. One after the other: a request under way keeps a core busy
/// on Linux.
@Suite(.serialized) struct AuthorizedSessionHTTPTests {
    private static let v1 = AuthTokenContext.vehicle("v1")

    private func session(_ servers: Server..., backend: any HTTPTransport = minting()) throws -> AuthorizedSession {
        try AuthorizedSession(factory(backend), origins: servers.map { $0.url("/") })
    }

    private func get(_ server: Server, _ path: String, _ session: AuthorizedSession) async throws -> (String, Int) {
        let request = URLRequest(url: try #require(URL(string: server.url(path))), timeoutInterval: 20)
        let (body, reply) = try await session.data(for: request, context: Self.v1)
        return (String(decoding: body, as: UTF8.self), (reply as? HTTPURLResponse)?.statusCode ?? 0)
    }

    @Test func aRedirectToAnotherOriginIsHandedBack() async throws {
        let other = try Server { _, connection in connection.reply("200 OK") }
        let place = other.url("/there")
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let server = try Server { _, connection in connection.reply(status, ["Location: \(place)"], "moved") }
            // Not even if it is an origin that tokens may be sent to: another context's may be the one that it wants.
            let session = try session(server, other)
            #expect(try await get(server, "/", session).1 == Int(status.prefix(3)))
            #expect(server.requests.count == 1)
        }
        #expect(other.requests == [])
    }

    @Test func aRedirectWithinItsOriginIsFollowedWithTheToken() async throws {
        let server = try Server { head, connection in
            if head.hasPrefix("GET /old ") {
                connection.reply("302 Found", ["Location: /new"])
            } else {
                connection.reply("200 OK", [], "there")
            }
        }
        let session = try session(server)
        #expect(try await get(server, "/old", session) == ("there", 200))
        #expect(server.requests.last?.hasPrefix("GET /new ") == true)
        #expect(server.requests.last?.contains("Authorization: Bearer SECRET-TOKEN-1\r\n") == true)
    }

    /// URLSession has ideas of its own about a 401 that says how to log in. Google's says Bearer, with parameters.
    @Test(arguments: [
        "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"", "Basic realm=\"fleet\"",
        "Digest realm=\"fleet\", nonce=\"n\"",
    ])
    func aRefusalThatSaysHowToLogInIsARefusal(challenge: String) async throws {
        let server = try Server { head, connection in
            if head.contains("SECRET-TOKEN-1") {
                connection.reply("401 Unauthorized", ["WWW-Authenticate: \(challenge)"], "who?")
            } else {
                connection.reply("200 OK", [], "you")
            }
        }
        let session = try session(server)
        #expect(try await get(server, "/", session) == ("you", 200))
        #expect(server.requests.count == 2)
    }

    @Test func aSecondRefusalIsHandedBackWithItsBody() async throws {
        let server = try Server { _, connection in
            connection.reply("401 Unauthorized", ["WWW-Authenticate: Bearer realm=\"r\""], "who?")
        }
        #expect(try await get(server, "/", session(server)) == ("who?", 401))
        #expect(server.requests.count == 2)
    }

    @Test func aBodyIsSentAgainWholly() async throws {
        let bodies = Locked<[String]>([])
        let server = try Server { head, connection in
            let body = connection.body(7)
            bodies.with { $0.append(body) }
            connection.reply(head.contains("SECRET-TOKEN-1") ? "401 Unauthorized" : "200 OK")
        }
        var request = URLRequest(url: try #require(URL(string: server.url("/"))))
        request.httpMethod = "PUT"
        request.httpBody = Data(#"{"a":1}"#.utf8)
        let (_, reply) = try await session(server).data(for: request, context: Self.v1)
        #expect((reply as? HTTPURLResponse)?.statusCode == 200)
        #expect(bodies.with { $0 } == [#"{"a":1}"#, #"{"a":1}"#])
        #expect(server.requests.allSatisfy { $0.hasPrefix("PUT / ") })
    }

    @Test func aCallerWhoLeavesWhileItIsSentLeavesAtOnce() async throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try Server { _, _ in gate.wait() }
        let session = try session(server)
        let caller = Task { try await get(server, "/", session) }
        #expect(await eventually { server.requests.count == 1 })
        let began = Date()
        caller.cancel()
        do {
            _ = try await caller.value
            Issue.record("an answer came")
        } catch {
            #expect((error as? URLError)?.code == .cancelled || error is CancellationError)
        }
        // Well before the request's own 20 seconds.
        #expect(Date().timeIntervalSince(began) < 10)
        gate.signal()
    }

    /// Before there is anything to cancel: the call must not wait for an answer that nobody will hear.
    @Test func aCallerWhoHasLeftAlreadyIsToldSo() async throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try Server { _, _ in gate.wait() }
        let own = OwnSession(.ephemeral)
        let request = URLRequest(url: try #require(URL(string: server.url("/"))), timeoutInterval: 20)
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await own.data(for: request)
        }
        let began = Date()
        await #expect(throws: URLError.self) { try await caller.value }
        #expect(Date().timeIntervalSince(began) < 10)
        gate.signal()
    }

    @Test func aRedirectOfAnythingButAGetIsHandedBack() async throws {
        let server = try Server { _, connection in connection.reply("307 Temporary Redirect", ["Location: /new"]) }
        var request = URLRequest(url: try #require(URL(string: server.url("/old"))))
        request.httpMethod = "POST"
        let (_, reply) = try await session(server).data(for: request, context: Self.v1)
        #expect((reply as? HTTPURLResponse)?.statusCode == 307 && server.requests.count == 1)
    }

    @Test func settingsOfTheAppsAreUsed() async throws {
        let server = try Server { _, connection in connection.reply("200 OK") }
        let settings = URLSessionConfiguration.ephemeral
        settings.httpAdditionalHeaders = ["X-App": "1", "Authorization": "Bearer SECRET-SESSION-of-all"]
        let session = try AuthorizedSession(
            factory(minting()), origins: [server.url("")], configuration: settings)
        _ = try await get(server, "/", session)
        let head = try #require(server.requests.first)
        #expect(head.contains("X-App: 1\r\n") && head.contains("Authorization: Bearer SECRET-TOKEN-1\r\n"))
        #expect(!head.contains("of-all"))
    }
}

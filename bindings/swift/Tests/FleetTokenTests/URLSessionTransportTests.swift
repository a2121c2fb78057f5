@testable import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Over real HTTP, on the loopback. One after the other: a request under way keeps a core busy on Linux.
@Suite(.serialized) struct URLSessionTransportTests {
    private let transport = URLSessionTransport()

    private func request(
        _ url: String, method: HTTPMethod = .get, headers: [HTTPHeader] = [], body: Data? = nil, timeout: Double = 5
    ) -> HTTPRequest {
        HTTPRequest(method: method, url: url, headers: headers, body: body, timeout: timeout, maxBody: 65_536)
    }

    private func failure(_ request: HTTPRequest) async -> TransportError? {
        do {
            _ = try await transport.send(request)
            return nil
        } catch {
            return error as? TransportError
        }
    }

    @Test func aReplyComesAsItIs() async throws {
        let server = try Server { _, connection in
            connection.reply("503 Busy", ["Retry-After: 7", "Set-Cookie: a=b"], "later")
        }
        let login = HTTPHeader("Authorization", "Bearer S")
        for _ in 0..<2 {
            let reply = try await transport.send(request(server.url("/v1"), headers: [login]))
            #expect(reply.status == 503 && reply.body == Data("later".utf8))
            #expect(reply.headers.contains { $0.name.lowercased() == "retry-after" && $0.value == "7" })
        }
        #expect(server.requests.allSatisfy { $0.hasPrefix("GET /v1 ") && $0.contains("Authorization: Bearer S\r\n") })
        #expect(server.requests.count == 2 && !server.requests[1].lowercased().contains("cookie"))
    }

    /// URLSession has ideas of its own about a 401 that says how to log in. (Without any parameter, `Bearer` alone, it
    /// crashes in Foundation for Linux, 6.0.3, before anyone is asked.)
    @Test(arguments: ["Bearer realm=\"fleet\"", "Basic realm=\"fleet\"", "Digest realm=\"fleet\", nonce=\"n\""])
    func aRefusedLoginIsAReply(challenge: String) async throws {
        let server = try Server { _, connection in
            connection.reply("401 Unauthorized", ["WWW-Authenticate: \(challenge)", "Retry-After: 7"], "who?")
        }
        let reply = try await transport.send(request(server.url("/"), headers: [HTTPHeader("Authorization", "S")]))
        #expect(reply.status == 401)
        #expect(reply.headers.contains { $0.name.lowercased() == "retry-after" && $0.value == "7" })
        #expect(server.requests.count == 1)
    }

    @Test func aPostCarriesItsBody() async throws {
        let server = try Server { _, connection in connection.reply("200 OK") }
        _ = try await transport.send(request(server.url("/"), method: .post, body: Data("{}".utf8)))
        #expect(server.requests.first?.hasPrefix("POST / ") == true)
        #expect(server.requests.first?.lowercased().contains("content-length: 2") == true)
    }

    @Test func aRedirectToAnotherOriginIsHandedBackAndNotFollowed() async throws {
        let other = try Server { _, connection in connection.reply("200 OK", [], "SECRET") }
        let target = other.url("/")
        let server = try Server { _, connection in connection.reply("302 Found", ["Location: \(target)"]) }
        let reply = try await transport.send(request(server.url("/"), headers: [HTTPHeader("Authorization", "S")]))
        #expect(reply.status == 302)
        #expect(other.requests.isEmpty)
    }

    @Test func aRedirectWithinTheOriginIsFollowedWithTheLogin() async throws {
        let server = try Server { head, connection in
            head.hasPrefix("GET /old ") ? connection.reply("302 Found", ["Location: /new"]) : connection.reply("200 OK")
        }
        let reply = try await transport.send(request(server.url("/old"), headers: [HTTPHeader("Authorization", "S")]))
        #expect(reply.status == 200)
        #expect(server.requests.last?.hasPrefix("GET /new ") == true)
        #expect(server.requests.last?.contains("Authorization: S\r\n") == true)
    }

    @Test func aRedirectOfAPostIsHandedBack() async throws {
        let server = try Server { _, connection in connection.reply("307 Temporary Redirect", ["Location: /new"]) }
        let reply = try await transport.send(request(server.url("/old"), method: .post, body: Data("{}".utf8)))
        #expect(reply.status == 307 && server.requests.count == 1)
    }

    @Test func aBodyWithoutEndIsCut() async throws {
        let server = try Server { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            for _ in 0..<64 { connection.write(String(repeating: "x", count: 65_536)) }
        }
        let reply = try await transport.send(request(server.url("/")))
        #expect(reply.status == 200 && reply.body.count == 65_537)
    }

    @Test func aServerThatSaysNothingIsATimeout() async throws {
        let gate = DispatchSemaphore(value: 0)
        let server = try Server { _, _ in gate.wait() }
        let began = Date()
        #expect(await failure(request(server.url("/"), timeout: 0.2)) == .timeout)
        #expect(Date().timeIntervalSince(began) < 4)
        gate.signal()
    }

    /// A continuation that is resumed twice ends the process.
    @Test func anExchangeThatEndsTwiceIsAnsweredOnce() async throws {
        let exchanges = Exchanges()
        let session = URLSession(configuration: .ephemeral, delegate: exchanges, delegateQueue: nil)
        let task = session.dataTask(with: try #require(URL(string: "http://127.0.0.1:1/")).absoluteURL)
        await #expect(throws: URLError.self) {
            _ = try await withCheckedThrowingContinuation { continuation in
                exchanges.begin(task, Exchange(maxBody: 1, continuation: continuation))
                exchanges.urlSession(session, task: task, didCompleteWithError: URLError(.timedOut))
                exchanges.urlSession(session, task: task, didCompleteWithError: nil)
            }
        }
        // Nor is one that is over.
        exchanges.urlSession(session, dataTask: task, didReceive: Data("late".utf8))
        session.invalidateAndCancel()
    }

    @Test func settingsOfTheAppsAreUsedButNoCookies() async throws {
        let server = try Server { _, connection in connection.reply("200 OK", ["Set-Cookie: a=b"]) }
        let configuration = URLSessionConfiguration.default
        configuration.httpAdditionalHeaders = ["X-App": "1"]
        let transport = URLSessionTransport(configuration: configuration)
        for _ in 0..<2 { _ = try await transport.send(request(server.url("/"))) }
        #expect(server.requests.allSatisfy { $0.contains("X-App: 1\r\n") && !$0.lowercased().contains("cookie") })
        #expect(configuration.httpShouldSetCookies)
    }

    @Test func whatCannotBeSentIsATypedError() async throws {
        let server = try Server { _, connection in connection.reply("200 OK") }
        let closed = server.url("/").replacingOccurrences(of: ":\(server.port)", with: ":1")
        guard case .connect? = await failure(request(closed)) else {
            Issue.record("a refused connection is no connect error")
            return
        }
        let broken = try Server { _, connection in connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") }
        #expect(await failure(request(broken.url("/"))) != nil)
    }

    @Test func aTokenComesOverRealHTTP() async throws {
        let server = try Server { head, connection in
            let id = head.split(separator: " ")[1].dropFirst()
            connection.reply(
                "200 OK", ["Content-Type: application/json"],
                #"{"token": "SECRET-TOKEN-\#(id)", "expiresInSeconds": 3600}"#)
        }
        var configuration = TokenConfiguration(endpoints: [.init(.vehicle, server.url("/{vehicleId}"))])
        configuration.allowHTTPLoopback = true
        let factory = try AuthTokenFactory(configuration: configuration)
        #expect(try await factory.token(for: .vehicle("v 1")).value == "SECRET-TOKEN-v%201")
        await factory.shutdown()
    }
}

@testable import FleetToken
import Foundation
import Testing
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What is put on a request, where it may go, and what an answer does to the token: without a network.
@Suite struct AuthorizedSessionTests {
    private static let v1 = AuthTokenContext.vehicle("v1")

    private func request(_ url: String = "https://fleet.test/v1/vehicles/v1", body: Data? = nil) throws -> URLRequest {
        var request = URLRequest(url: try #require(URL(string: url)))
        request.httpBody = body
        return request
    }

    private func session(
        _ transport: any HTTPTransport = minting(), _ fleet: Fleet, origins: [String] = ["https://fleet.test"]
    ) throws -> AuthorizedSession {
        try AuthorizedSession(factory(transport), origins: origins, sending: fleet.send)
    }

    @Test func aRequestCarriesTheTokenOfItsContext() async throws {
        let fleet = Fleet { _ in 200 }
        let session = try session(minting(), fleet)
        var request = try request(body: Data("{}".utf8))
        request.setValue("1", forHTTPHeaderField: "X-App")
        let (body, reply) = try await session.data(for: request, context: Self.v1)
        #expect((reply as? HTTPURLResponse)?.statusCode == 200 && body == Data("1".utf8))
        #expect(fleet.tokens == ["Bearer SECRET-TOKEN-1"])
        #expect(fleet.sent.first?.value(forHTTPHeaderField: "X-App") == "1")
        #expect(request.value(forHTTPHeaderField: "Authorization") == nil)
    }

    @Test func aRefusedTokenIsReplacedAndTheRequestSentOnceMore() async throws {
        let fleet = Fleet { $0 == "Bearer SECRET-TOKEN-1" ? 401 : 200 }
        let backend = minting()
        let session = try session(backend, fleet)
        let (body, _) = try await session.data(for: request(body: Data("{}".utf8)), context: Self.v1)
        #expect(body == Data("2".utf8), "the answer to the second")
        #expect(fleet.tokens == ["Bearer SECRET-TOKEN-1", "Bearer SECRET-TOKEN-2"])
        #expect(fleet.sent.allSatisfy { $0.httpBody == Data("{}".utf8) })
        _ = try await session.data(for: request(), context: Self.v1)
        #expect(fleet.tokens.last == "Bearer SECRET-TOKEN-2" && backend.count == 2)
    }

    @Test func aRequestIsNeverSentAThirdTime() async throws {
        let fleet = Fleet { _ in 401 }
        let backend = minting()
        let (_, reply) = try await session(backend, fleet).data(for: request(), context: Self.v1)
        #expect((reply as? HTTPURLResponse)?.statusCode == 401)
        #expect(fleet.sent.count == 2 && backend.count == 2)
    }

    @Test func aTokenThatIsRefusedTheSecondTimeIsNotServedAgainEither() async throws {
        let fleet = Fleet { $0 == "Bearer SECRET-TOKEN-3" ? 200 : 401 }
        let session = try session(minting(), fleet)
        _ = try await session.data(for: request(), context: Self.v1)
        let (_, reply) = try await session.data(for: request(), context: Self.v1)
        #expect((reply as? HTTPURLResponse)?.statusCode == 200)
        #expect(fleet.tokens == [1, 2, 3].map { "Bearer SECRET-TOKEN-\($0)" })
    }

    /// The app's own session has followed a redirect: whoever answers there was sent no token, or should not have been.
    @Test func whatIsAnsweredElsewhereSaysNothingOfTheToken() async throws {
        let backend = minting()
        let sent = Locked(0)
        let session = try AuthorizedSession(factory(backend), origins: ["https://fleet.test"]) { _ in
            sent.with { $0 += 1 }
            guard let url = URL(string: "https://other.test/login"),
                let reply = HTTPURLResponse(url: url, statusCode: 401, httpVersion: "HTTP/1.1", headerFields: [:])
            else { throw Complaint("no reply can be made") }
            return (Data(), reply)
        }
        for _ in 0..<2 {
            let (_, reply) = try await session.data(for: request(), context: Self.v1)
            #expect((reply as? HTTPURLResponse)?.statusCode == 401)
        }
        #expect(sent.with { $0 } == 2 && backend.count == 1)
    }

    @Test(arguments: [200, 400, 403, 404, 429, 500, 503])
    func anyOtherAnswerIsHandedBackAndChangesNothing(status: Int) async throws {
        let fleet = Fleet { _ in status }
        let backend = minting()
        let session = try session(backend, fleet)
        for _ in 0..<2 {
            let (_, reply) = try await session.data(for: request(), context: Self.v1)
            #expect((reply as? HTTPURLResponse)?.statusCode == status)
        }
        #expect(fleet.tokens == ["Bearer SECRET-TOKEN-1", "Bearer SECRET-TOKEN-1"] && backend.count == 1)
    }

    @Test func aStreamIsNotSentTwiceButItsTokenIsDropped() async throws {
        let fleet = Fleet { $0 == "Bearer SECRET-TOKEN-1" ? 401 : 200 }
        let session = try session(minting(), fleet)
        var upload = try request()
        upload.httpMethod = "POST"
        upload.httpBodyStream = InputStream(data: Data("{}".utf8))
        let (_, refused) = try await session.data(for: upload, context: Self.v1)
        #expect((refused as? HTTPURLResponse)?.statusCode == 401 && fleet.sent.count == 1)
        _ = try await session.data(for: request(), context: Self.v1)
        #expect(fleet.tokens.last == "Bearer SECRET-TOKEN-2")
    }

    /// All are on their way with the same token before the first is refused.
    @Test func requestsThatAreRefusedTogetherCauseOneFetch() async throws {
        let count = 8
        let together = Latch(count)
        let fleet = Fleet {
            $0 == "Bearer SECRET-TOKEN-1" ? 401 : 200
        } before: { _ in
            await together.arrive()
        }
        let backend = minting()
        let session = try session(backend, fleet)
        let request = try request()
        try await withThrowingTaskGroup(of: Data.self) { callers in
            for _ in 0..<count {
                callers.addTask { try await session.data(for: request, context: Self.v1).0 }
            }
            for try await _ in callers {}
        }
        let tokens = fleet.tokens
        #expect(tokens.filter { $0 == "Bearer SECRET-TOKEN-1" }.count == count)
        #expect(tokens.filter { $0 == "Bearer SECRET-TOKEN-2" }.count == count)
        #expect(backend.count == 2)
    }

    /// The token that was sent is dropped, not whichever is current when the refusal comes.
    @Test func aRefusalThatComesLateDropsNoNewerToken() async throws {
        let late = Gate()
        let fleet = Fleet {
            $0 == "Bearer SECRET-TOKEN-1" ? 401 : 200
        } before: { number in
            if number == 1 { await late.pass() }
        }
        let backend = minting()
        let session = try session(backend, fleet)
        let request = try request()
        let slow = Task { try await session.data(for: request, context: Self.v1) }
        #expect(await eventually { fleet.sent.count == 1 })
        _ = try await session.data(for: request, context: Self.v1)
        late.open()
        _ = try await slow.value
        #expect(fleet.tokens.suffix(2) == ["Bearer SECRET-TOKEN-2", "Bearer SECRET-TOKEN-2"])
        #expect(fleet.tokens.count == 4 && backend.count == 2)
    }

    @Test(arguments: [
        "https://other.test/v1", "https://fleet.test:8443/v1", "http://fleet.test/v1", "https://www.fleet.test/v1",
        "https://fleet.test./v1", "https://fleet.test@other.test/v1", "https://fleet.test.other.test/v1",
        "wss://fleet.test/v1", "/v1",
    ])
    func aTokenGoesNowhereElse(url: String) async throws {
        let fleet = Fleet { _ in 200 }
        let backend = minting()
        let session = try session(backend, fleet)
        await #expect(throws: OriginNotAllowed.self) {
            try await session.data(for: request(url), context: Self.v1)
        }
        await #expect(throws: OriginNotAllowed.self) { try await session.authorize(request(url), for: Self.v1) }
        #expect(fleet.sent.isEmpty && backend.count == 0)
    }

    @Test(arguments: ["https://fleet.test/v1", "https://FLEET.test:443/", "HTTPS://fleet.test?x=1"])
    func anOriginMayBeWrittenInAnyWay(url: String) async throws {
        let fleet = Fleet { _ in 200 }
        for origin in ["https://fleet.test", "https://fleet.test/", "HTTPS://Fleet.Test:443"] {
            let session = try session(minting(), fleet, origins: ["https://other.test", origin])
            _ = try await session.data(for: request(url), context: Self.v1)
        }
        #expect(fleet.tokens.count == 3)
    }

    @Test func theOriginThatIsRefusedIsNamedAndNothingElseOfTheURL() async throws {
        let session = try session(minting(), Fleet { _ in 200 })
        let url = "https://SECRET-SESSION-u:SECRET-SESSION-p@other.test:444/SECRET-TOKEN-a?SECRET-TOKEN-b"
        do {
            _ = try await session.authorize(request(url), for: Self.v1)
            Issue.record("a token may go anywhere")
        } catch {
            #expect("\(error)" == "https://other.test:444 is not among the origins that tokens may be sent to")
            #expect(error.localizedDescription == "\(error)" && !printed(error).contains("SECRET"))
        }
    }

    @Test(arguments: [
        "http://fleet.test", "fleet.test", "", "https://", "ftp://fleet.test", "https://fleet.test/v1",
        "https://fleet.test?x", "https://fleet.test#x", "https://user:password@fleet.test", "http://127.fleet.test",
        "http://localhost.fleet.test", "http://127.0.0.1.test",
    ])
    func whatIsNoOriginIsABadConfiguration(origin: String) throws {
        do {
            _ = try session(minting(), Fleet { _ in 200 }, origins: ["https://fleet.test", origin])
            Issue.record("\(origin) was taken for an origin")
        } catch {
            #expect((error as? TokenError)?.kind == .invalidConfiguration && !printed(error).contains("password"))
        }
    }

    @Test(arguments: ["http://127.0.0.1:8081", "http://localhost", "http://[::1]:8081", "http://127.9.9.9"])
    func thisMachineMayBeAskedWithoutTLS(origin: String) async throws {
        let fleet = Fleet { _ in 200 }
        let session = try session(minting(), fleet, origins: [origin])
        _ = try await session.data(for: request(origin + "/v1"), context: Self.v1)
        #expect(fleet.tokens.count == 1)
    }

    @Test func fleetEngineIsTheOriginUnlessOthersAreNamed() async throws {
        let fleet = Fleet { _ in 200 }
        let session = try AuthorizedSession(factory(minting()), sending: fleet.send)
        let trip = "https://fleetengine.googleapis.com/v1/providers/p/trips/t"
        _ = try await session.data(for: request(trip), context: Self.v1)
        #expect(fleet.tokens == ["Bearer SECRET-TOKEN-1"])
        await #expect(throws: OriginNotAllowed.self) { try await session.authorize(request(), for: Self.v1) }
    }

    @Test func anAuthorizationOfTheAppsOwnIsLeftAsItIs() async throws {
        let fleet = Fleet { _ in 401 }
        let backend = minting()
        let session = try session(backend, fleet)
        var request = try request()
        request.setValue("Bearer SECRET-SESSION-own", forHTTPHeaderField: "authorization")
        _ = try await session.data(for: request, context: Self.v1)
        #expect(fleet.tokens == ["Bearer SECRET-SESSION-own"] && backend.count == 0)
        #expect(try await session.authorize(request, for: Self.v1) == request)
    }

    @Test func withoutATokenNothingIsSent() async throws {
        let fleet = Fleet { _ in 200 }
        let session = try session(Scripted { _ in HTTPResponse(status: 403) }, fleet)
        #expect(await failure { try await session.data(for: request(), context: Self.v1) }?.kind == .sessionRejected)
        #expect(fleet.sent.isEmpty)
    }

    /// Why there is no second token is worth more than the 401 that the app cannot mend.
    @Test func withoutASecondTokenTheReasonIsThrown() async throws {
        let fleet = Fleet { _ in 401 }
        let number = Locked(0)
        let backend = Scripted { _ in
            let isFirst = number.with { number -> Bool in
                number += 1
                return number == 1
            }
            return isFirst ? token("SECRET-TOKEN-1") : HTTPResponse(status: 403)
        }
        let session = try session(backend, fleet)
        #expect(await failure { try await session.data(for: request(), context: Self.v1) }?.kind == .sessionRejected)
        #expect(fleet.sent.count == 1)
    }

    @Test func whoeverSendsByOtherMeansReportsTheRefusal() async throws {
        let session = try session(minting(), Fleet { _ in 200 })
        let first = try await session.authorize(request(), for: Self.v1)
        #expect(first.value(forHTTPHeaderField: "Authorization") == "Bearer SECRET-TOKEN-1")
        #expect(session.refused(first, for: Self.v1))
        #expect(!session.refused(first, for: Self.v1), "a token is dropped once")
        #expect(try !session.refused(request(), for: Self.v1))
        let second = try await session.authorize(request(), for: Self.v1)
        #expect(second.value(forHTTPHeaderField: "Authorization") == "Bearer SECRET-TOKEN-2")
    }

    @Test func aCallerWhoLeavesWhileThereIsNoTokenLeavesAtOnce() async throws {
        let gate = Gate()
        let fleet = Fleet { _ in 200 }
        let backend = Scripted { _ in
            await gate.pass()
            return token("SECRET-TOKEN-1")
        }
        let session = try session(backend, fleet)
        let request = try request()
        let caller = Task { try await session.data(for: request, context: Self.v1) }
        #expect(await eventually { backend.count == 1 })
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        gate.open()
        #expect(fleet.sent.isEmpty)
        // The fetch went on for the next one.
        _ = try await session.data(for: request, context: Self.v1)
        #expect(backend.count == 1)
    }
}

/// What stands in for Fleet Engine: answers with a status that depends on the `Authorization` it was sent, and with the
/// number of the request as the body.
private final class Fleet: Sendable {
    private let status: @Sendable (String) -> Int
    private let before: @Sendable (Int) async -> Void
    private let requests = Locked<[URLRequest]>([])

    init(_ status: @escaping @Sendable (String) -> Int, before: @escaping @Sendable (Int) async -> Void = { _ in }) {
        self.status = status
        self.before = before
    }

    var sent: [URLRequest] { requests.with { $0 } }
    var tokens: [String] { sent.map { $0.value(forHTTPHeaderField: "Authorization") ?? "none" } }

    @Sendable func send(_ request: URLRequest) async throws -> (Data, URLResponse) {
        let number = requests.with { requests -> Int in
            requests.append(request)
            return requests.count
        }
        await before(number)
        let token = request.value(forHTTPHeaderField: "Authorization") ?? ""
        guard let url = request.url,
            let reply = HTTPURLResponse(
                url: url, statusCode: status(token), httpVersion: "HTTP/1.1", headerFields: [:])
        else { throw Complaint("no reply can be made") }
        return (Data("\(number)".utf8), reply)
    }
}

/// Lets nobody pass until so many have come; then everybody.
private final class Latch: Sendable {
    private let missing: Locked<Int>
    private let gate = Gate()

    init(_ count: Int) { missing = Locked(count) }

    func arrive() async {
        let isLast = missing.with { missing -> Bool in
            missing -= 1
            return missing == 0
        }
        if isLast { gate.open() }
        await gate.pass()
    }
}

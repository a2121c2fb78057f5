import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends the app's own requests to Fleet Engine, each with the token of its context.
///
/// - A token goes to the origins that were named, and to no other.
/// - A 401 has the token dropped that was sent, and the request sent once more with a new one, unless its body is a
///   stream, which cannot be sent twice. What several requests were refused with at the same time is replaced by one fetch.
/// - A 403 is handed back: the token is good, but not for this.
///
/// One for the app. It may be used from any thread.
public final class AuthorizedSession: Sendable {
    /// Where Fleet Engine is.
    public static let fleetEngine = "https://fleetengine.googleapis.com"

    private let factory: AuthTokenFactory
    private let origins: Set<Origin>
    private let sending: @Sendable (URLRequest) async throws -> (Data, URLResponse)

    /// On a `URLSession` of its own with these settings, which ends with it. It follows the redirect of a GET within its origin,
    /// with the token; any other is handed back as its 3xx reply.
    ///
    /// An origin is a scheme and a host, and a port if it is not the scheme's: `https`, or `http` on this machine's loopback.
    ///
    /// Throws a `TokenError` of kind `invalidConfiguration` if one of the origins is none.
    public convenience init(
        _ factory: AuthTokenFactory, origins: [String] = [fleetEngine],
        configuration: URLSessionConfiguration = .ephemeral
    ) throws {
        let own = OwnSession(configuration)
        try self.init(factory, origins: origins) { try await own.data(for: $0) }
    }

    /// By the app's own means, such as a session that pins by its delegate. They are given each request with its token, and
    /// must not carry it to another origin: a `URLSession` whose delegate does not refuse them follows redirects.
    ///
    /// Throws a `TokenError` of kind `invalidConfiguration` if one of the origins is none.
    public init(
        _ factory: AuthTokenFactory, origins: [String] = [fleetEngine],
        sending: @escaping @Sendable (URLRequest) async throws -> (Data, URLResponse)
    ) throws {
        self.factory = factory
        self.origins = Set(try origins.map(Origin.init(configured:)))
        self.sending = sending
    }

    /// Sends the request with the context's token, and once more with a new one if the first was refused (401).
    ///
    /// A request with an `Authorization` of its own is sent as it is, and once.
    ///
    /// Throws a `TokenError` if there is no token; ``OriginNotAllowed``, without asking for one, if the request goes elsewhere;
    /// `CancellationError` if the task is cancelled while it waits for a token; else what sending throws, a `URLError`.
    public func data(for request: URLRequest, context: AuthTokenContext) async throws -> (Data, URLResponse) {
        if request.value(forHTTPHeaderField: Self.header) != nil {
            return try await sending(request)
        }
        let first = try await authorize(request, for: context)
        let answer = try await sending(first)
        guard refuses(answer.1, first, for: context), request.httpBodyStream == nil else { return answer }
        let second = try await authorize(request, for: context)
        let last = try await sending(second)
        _ = refuses(last.1, second, for: context)
        return last
    }

    /// Whether the token was refused; it is dropped then. What is answered elsewhere, after a redirect that the app's own
    /// session has followed, says nothing of it.
    private func refuses(_ reply: URLResponse, _ request: URLRequest, for context: AuthTokenContext) -> Bool {
        guard (reply as? HTTPURLResponse)?.statusCode == 401, reply.url.map(Origin.init) == request.url.map(Origin.init)
        else { return false }
        refused(request, for: context)
        return true
    }

    /// The request with the context's token, for what ``data(for:context:)`` does not do: uploads, downloads, streams. The
    /// result holds the token: a dump of it shows it.
    ///
    /// Throws as ``data(for:context:)`` does, and sends nothing.
    public func authorize(_ request: URLRequest, for context: AuthTokenContext) async throws -> URLRequest {
        if request.value(forHTTPHeaderField: Self.header) != nil {
            return request
        }
        let origin = request.url.map(Origin.init)
        guard let origin, origins.contains(origin) else {
            throw OriginNotAllowed(origin: origin?.description ?? "nowhere")
        }
        var authorized = request
        authorized.setValue(
            Self.scheme + (try await factory.token(for: context)).value, forHTTPHeaderField: Self.header)
        return authorized
    }

    /// Reports that a request was answered with 401, as ``authorize(_:for:)`` had made it: its token is not served again.
    /// Whether that was the current one; if not, another has replaced it already.
    @discardableResult
    public func refused(_ request: URLRequest, for context: AuthTokenContext) -> Bool {
        guard let header = request.value(forHTTPHeaderField: Self.header), header.hasPrefix(Self.scheme) else {
            return false
        }
        return factory.invalidate(value: String(header.dropFirst(Self.scheme.count)), for: context)
    }

    private static let header = "Authorization"
    private static let scheme = "Bearer "
}

extension AuthorizedSession: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "AuthorizedSession" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers, which would otherwise reach the tokens inside.
    public var customMirror: Mirror { Mirror(self, children: [:], displayStyle: .class) }
}

/// A request was to go where no token may go. Nothing was sent, and no token was asked for.
public struct OriginNotAllowed: Error, Sendable, Equatable {
    /// Where to: scheme, host and port.
    public let origin: String
}

extension OriginNotAllowed: CustomStringConvertible, LocalizedError {
    public var description: String { "\(origin) is not among the origins that tokens may be sent to" }
    public var errorDescription: String? { description }
}

extension Origin {
    /// As an app wrote it: nothing but an origin, and one where nobody else can read the token on the way.
    fileprivate init(configured text: String) throws {
        guard let url = URL(string: text), ["", "/"].contains(url.path), url.query == nil, url.fragment == nil,
            url.user == nil, url.password == nil
        else { throw TokenError.notAnOrigin("is no origin: write a scheme, a host and, if need be, a port") }
        self.init(url)
        guard let host, !host.isEmpty, scheme == "https" || scheme == "http" && Origin.isLoopback(host) else {
            throw TokenError.notAnOrigin("is neither https nor http on this machine's loopback")
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return ["localhost", "::1", "[::1]"].contains(host)
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension TokenError {
    /// The text is not repeated: it may hold a password.
    fileprivate static func notAnOrigin(_ reason: String) -> Self {
        TokenError(
            kind: .invalidConfiguration, underlying: nil, isRetryable: false, retryAfter: nil, status: nil,
            description: "one of the origins \(reason)")
    }
}

/// A session that ends with its owner.
final class OwnSession: Sendable {
    private let session: URLSession
    private let exchanges = Exchanges()

    init(_ configuration: URLSessionConfiguration) {
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
    }

    deinit {
        // Else the session, and with it its delegate, would live for ever.
        session.finishTasksAndInvalidate()
    }

    /// As URLSession's own, with what `Exchanges` refuses.
    func data(for request: URLRequest) async throws -> (Data, URLResponse) {
        let task = session.dataTask(with: request)
        // A task that is cancelled before it was begun may never say that it has ended: this does.
        let leave: @Sendable () -> Void = { [exchanges, session] in
            exchanges.urlSession(session, task: task, didCompleteWithError: URLError(.cancelled))
            task.cancel()
        }
        return try await withTaskCancellationHandler {
            let (body, reply) = try await withCheckedThrowingContinuation { continuation in
                exchanges.begin(task, Exchange(maxBody: nil, continuation: continuation))
                task.resume()
                if Task.isCancelled { leave() }
            }
            return (body, reply)
        } onCancel: {
            leave()
        }
    }
}

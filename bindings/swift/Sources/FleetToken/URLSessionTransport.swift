import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// HTTP by the platform: its trust store, proxies, VPN and App Transport Security hold. Keeps no cookie and no cache.
public final class URLSessionTransport: HTTPTransport {
    private let session: URLSession
    private let exchanges = Exchanges()

    /// With a session of its own, which is ended with the transport.
    public convenience init() {
        self.init(configuration: .ephemeral)
    }

    /// With a session of its own on these settings, such as a proxy or a policy for cellular networks. Cookies and
    /// caches stay off whatever they say.
    public init(configuration: URLSessionConfiguration) {
        let configuration = configuration.copy() as? URLSessionConfiguration ?? .ephemeral
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.urlCache = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
    }

    deinit {
        // Else the session, and with it its delegate, would live for ever.
        session.finishTasksAndInvalidate()
    }

    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard let url = URL(string: request.url) else {
            throw TransportError.request(detail: "the URL cannot be read")
        }
        var sent = URLRequest(url: url)
        sent.httpMethod = request.method.rawValue
        sent.httpBody = request.body
        // Cut to whole seconds on some systems, where less than one fails at once. The exact time is kept by the core.
        sent.timeoutInterval = max(1, request.timeout.rounded(.up))
        for header in request.headers {
            sent.addValue(header.value, forHTTPHeaderField: header.name)
        }
        let task = session.dataTask(with: sent)
        // The session's time-out starts anew with every byte; this one does not.
        let end = DispatchWorkItem { task.cancel() }
        DispatchQueue.global().asyncAfter(deadline: .now() + sent.timeoutInterval, execute: end)
        defer { end.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            exchanges.begin(task, Exchange(maxBody: request.maxBody, continuation: continuation))
            task.resume()
        }
    }
}

extension URLSessionTransport: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "URLSessionTransport" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers. The session holds the headers and replies of what is under way, and on Linux pointers that
    /// nobody can follow: a dump of it ends the process.
    public var customMirror: Mirror { Mirror(self, children: [:], displayStyle: .class) }
}

/// What has come so far.
struct Exchange {
    let maxBody: Int
    let continuation: CheckedContinuation<HTTPResponse, any Error>
    var response: HTTPURLResponse?
    var body = Data()
    /// Enough has come: how it ends does not matter any more.
    var isComplete = false
}

/// The session's delegate: one for all, since redirects can be refused on every system only here.
final class Exchanges: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lock = NSLock()
    private var running: [Int: Exchange] = [:]

    func begin(_ task: URLSessionTask, _ exchange: Exchange) {
        locked { running[task.taskIdentifier] = exchange }
    }

    /// The login must not follow a redirect to another origin; its 3xx reply is handed back instead. So is that to a
    /// POST, which would be repeated as a GET or twice.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        guard let from = task.originalRequest, from.httpMethod == HTTPMethod.get.rawValue,
            let old = response.url, let new = request.url, Origin(old) == Origin(new)
        else { return completionHandler(nil) }
        var next = request
        // Some systems leave the login out of the request that follows.
        for (name, value) in from.allHTTPHeaderFields ?? [:] {
            next.setValue(value, forHTTPHeaderField: name)
        }
        completionHandler(next)
    }

    /// No login but the factory's is sent: neither one that the device has stored, nor one that it would ask for.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        guard let refusal = challenge.failureResponse as? HTTPURLResponse, !challenge.protectionSpace.isProxy() else {
            // The server's certificate, or a proxy on the way: the system's business.
            return completionHandler(.performDefaultHandling, nil)
        }
        #if canImport(FoundationNetworking)
        // There a challenge that is not met never ends with its reply.
        locked {
            running[task.taskIdentifier]?.response = refusal
            running[task.taskIdentifier]?.isComplete = true
        }
        completionHandler(.cancelAuthenticationChallenge, nil)
        #else
        completionHandler(.rejectProtectionSpace, nil)
        #endif
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        locked { running[dataTask.taskIdentifier]?.response = response as? HTTPURLResponse }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = locked {
            guard var exchange = running[dataTask.taskIdentifier] else { return false }
            exchange.body.append(data.prefix(exchange.maxBody + 1 - exchange.body.count))
            exchange.isComplete = exchange.body.count > exchange.maxBody
            running[dataTask.taskIdentifier] = exchange
            return exchange.isComplete
        }
        if isTooLong {
            dataTask.cancel()
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let exchange = locked({ running.removeValue(forKey: task.taskIdentifier) }) else { return }
        if let error, !exchange.isComplete {
            return exchange.continuation.resume(throwing: TransportError(error))
        }
        guard let response = exchange.response ?? task.response as? HTTPURLResponse else {
            return exchange.continuation.resume(throwing: TransportError.interrupted)
        }
        let headers = response.allHeaderFields.compactMap { name, value -> HTTPHeader? in
            guard let name = name as? String, let value = value as? String else { return nil }
            return HTTPHeader(name, value)
        }
        exchange.continuation.resume(
            returning: HTTPResponse(status: response.statusCode, headers: headers, body: exchange.body))
    }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

/// RFC 6454.
private struct Origin: Equatable {
    let scheme: String?
    let host: String?
    let port: Int?

    init(_ url: URL) {
        scheme = url.scheme?.lowercased()
        host = url.host?.lowercased()
        port = url.port ?? (scheme == "https" ? 443 : scheme == "http" ? 80 : nil)
    }
}

extension TransportError {
    /// By its code alone: its text and its `userInfo` hold the URL.
    init(_ error: any Error) {
        let code = (error as? URLError)?.code ?? .unknown
        let detail = "URLError \(code.rawValue)"
        switch code {
        case .timedOut, .cancelled:
            // Nobody but our own timer cancels.
            self = .timeout
        case .cannotFindHost, .cannotConnectToHost, .dnsLookupFailed, .notConnectedToInternet, .dataNotAllowed,
            .internationalRoamingOff, .callIsActive:
            self = .connect(detail: detail)
        case .networkConnectionLost, .badServerResponse, .cannotParseResponse:
            self = .interrupted
        case .secureConnectionFailed, .serverCertificateHasBadDate, .serverCertificateUntrusted,
            .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid, .clientCertificateRejected,
            .clientCertificateRequired, .appTransportSecurityRequiresSecureConnection:
            self = .tls(detail: detail)
        case .badURL, .unsupportedURL:
            self = .request(detail: detail)
        default:
            self = .other(detail: detail)
        }
    }
}

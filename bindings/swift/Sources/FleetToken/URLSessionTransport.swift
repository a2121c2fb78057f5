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
        do {
            let (body, reply) = try await withCheckedThrowingContinuation { continuation in
                exchanges.begin(task, Exchange(maxBody: request.maxBody, continuation: continuation))
                task.resume()
            }
            let headers = reply.allHeaderFields.compactMap { name, value -> HTTPHeader? in
                guard let name = name as? String, let value = value as? String else { return nil }
                return HTTPHeader(name, value)
            }
            return HTTPResponse(status: reply.statusCode, headers: headers, body: body)
        } catch {
            throw TransportError(error)
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

import Foundation

/// Sends one request and reads one reply. `URLSessionTransport` unless the app has its own.
///
/// It must verify the server's certificate, follow no redirect to another origin but hand back its 3xx reply, give up
/// after the request's time-out, read no more of a body than asked, and log neither headers nor bodies. A call is never
/// aborted: an answer that comes after its caller has left is dropped.
public protocol HTTPTransport: Sendable {
    /// Sends the request and reads the whole reply, whatever its status. Throws a `TransportError`; any other error is
    /// taken for a failure whose text is not repeated.
    func send(_ request: HTTPRequest) async throws -> HTTPResponse
}

/// How the backend is asked.
public enum HTTPMethod: String, Sendable, Equatable {
    /// The context is in the URL.
    case get = "GET"
    /// The context is in the body too, as JSON.
    case post = "POST"
}

/// One header. Its value may be a login: it is never printed.
public struct HTTPHeader: Sendable, Equatable {
    /// In any case.
    public var name: String
    /// Printed nowhere.
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What is sent. Headers and body are never printed.
public struct HTTPRequest: Sendable, Equatable {
    /// GET, unless the endpoint says POST.
    public var method: HTTPMethod
    /// An absolute URL whose ids are percent-encoded already.
    public var url: String
    /// The headers, the app's own login among them. A name may come twice.
    public var headers: [HTTPHeader]
    /// A JSON body, for POST.
    public var body: Data?
    /// How many seconds the exchange may take.
    public var timeout: TimeInterval
    /// How many bytes of a body may be read; a longer one may be cut after one byte more.
    public var maxBody: Int

    public init(
        method: HTTPMethod = .get, url: String, headers: [HTTPHeader] = [], body: Data? = nil, timeout: TimeInterval,
        maxBody: Int
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maxBody = maxBody
    }
}

/// What came back. The body is never printed.
public struct HTTPResponse: Sendable, Equatable {
    /// Whatever the backend said; no status is an error to a transport.
    public var status: Int
    /// Looked at are Date, Age, Retry-After and Content-Type.
    public var headers: [HTTPHeader]
    /// As it came, decompressed.
    public var body: Data

    public init(status: Int, headers: [HTTPHeader] = [], body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Why no whole reply came. No text may hold a secret.
public enum TransportError: Error, Sendable, Equatable {
    /// No connection: refused, no route, no DNS.
    case connect(detail: String)
    /// The certificate or the TLS handshake failed.
    case tls(detail: String)
    /// It took too long.
    case timeout
    /// The connection broke before the whole reply had come.
    case interrupted
    /// The request could not be sent as it is.
    case request(detail: String)
    /// Anything else.
    case other(detail: String)
}

/// Supplies the headers that show the app's backend who is asking. Called at each attempt, bounded by its time-out,
/// never aborted.
public protocol SessionHeaderProvider: Sendable {
    /// The headers for one request. Throws a `SessionError`; any other error is taken for `unavailable`.
    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader]
}

/// Why the app's own login could not be had.
public enum SessionError: Error, Sendable, Equatable {
    /// Nobody is signed in. Not retried.
    case signedOut
    /// The session could not be read or renewed just now.
    case unavailable
}

// MARK: - Nothing prints a login or a token

extension HTTPHeader: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(name): [redacted]" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["name": name], displayStyle: .struct) }
}

extension HTTPRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(method.rawValue) \(url) \(headers)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror {
        Mirror(self, children: ["method": method, "url": url, "headers": headers], displayStyle: .struct)
    }
}

extension HTTPResponse: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(status) \(headers) [\(body.count) bytes]" }
    public var debugDescription: String { description }
    public var customMirror: Mirror {
        Mirror(self, children: ["status": status, "headers": headers, "bytes": body.count], displayStyle: .struct)
    }
}

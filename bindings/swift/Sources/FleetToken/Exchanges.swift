// What URLSession tells of exchanges that carry a login or a token.

import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What has come so far.
struct Exchange {
    /// How many bytes of the body are read, and one more; `nil` for all.
    let maxBody: Int?
    let continuation: CheckedContinuation<(Data, HTTPURLResponse), any Error>
    var response: HTTPURLResponse?
    var body = Data()
    /// Enough has come: how it ends does not matter any more.
    var isComplete = false
}

/// The delegate of a session with secrets in its requests: one for all of them, since redirects can be refused on every
/// system only here.
final class Exchanges: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lock = NSLock()
    private var running: [Int: Exchange] = [:]

    func begin(_ task: URLSessionTask, _ exchange: Exchange) {
        locked { running[task.taskIdentifier] = exchange }
    }

    /// A login or a token must not follow a redirect to another origin, as it would on Linux; its 3xx reply is handed back
    /// instead. So is that to a POST, which would be repeated as a GET or twice.
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        guard let from = task.originalRequest, from.httpMethod == HTTPMethod.get.rawValue,
            let old = response.url, let new = request.url, Origin(old) == Origin(new)
        else { return completionHandler(nil) }
        var next = request
        // Some systems leave Authorization out of the request that follows.
        for (name, value) in from.allHTTPHeaderFields ?? [:] {
            next.setValue(value, forHTTPHeaderField: name)
        }
        completionHandler(next)
    }

    /// No login but the request's own is sent: neither one that the device has stored, nor one that it would ask for.
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
            let room = exchange.maxBody.map { $0 + 1 - exchange.body.count } ?? data.count
            exchange.body.append(data.prefix(room))
            exchange.isComplete = exchange.maxBody.map { exchange.body.count > $0 } ?? false
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
            return exchange.continuation.resume(throwing: error)
        }
        guard let response = exchange.response ?? task.response as? HTTPURLResponse else {
            return exchange.continuation.resume(throwing: URLError(.badServerResponse))
        }
        exchange.continuation.resume(returning: (exchange.body, response))
    }

    private func locked<T>(_ work: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return work()
    }
}

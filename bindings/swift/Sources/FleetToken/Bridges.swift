// The app's code, as the core calls it.

import Foundation
internal import FleetTokenFFI

/// The app's transport.
final class TransportBridge: FfiHttpTransport {
    private let transport: any HTTPTransport

    init(_ transport: any HTTPTransport) {
        self.transport = transport
    }

    func send(request: FfiHttpRequest) async throws -> FfiHttpResponse {
        do {
            let reply = try await transport.send(HTTPRequest(request))
            guard let status = UInt16(exactly: reply.status) else {
                throw TransportError.other(detail: "the app's transport answered with an impossible status")
            }
            return FfiHttpResponse(status: status, headers: reply.headers.map { $0.crossing() }, body: reply.body)
        } catch let error as TransportError {
            throw error.crossing()
        } catch {
            // What was thrown is not repeated: its text may hold the URL, a header or a body.
            throw FfiTransportError.Other(detail: "the app's transport threw an error that it does not declare")
        }
    }
}

/// The app's login.
final class SessionBridge: FfiSessionHeaderProvider {
    private let provider: any SessionHeaderProvider

    init(_ provider: any SessionHeaderProvider) {
        self.provider = provider
    }

    func headers(context: FfiTokenContext) async throws -> [FfiHeader] {
        do {
            return try await provider.headers(for: AuthTokenContext(context)).map { $0.crossing() }
        } catch SessionError.signedOut {
            throw FfiSessionError.SignedOut
        } catch {
            throw FfiSessionError.Unavailable
        }
    }
}

/// One stream of events. Holds the copies, not the factory, which could never be freed otherwise.
final class EventBridge: FfiTokenEventListener, @unchecked Sendable {
    private let continuation: AsyncStream<TokenEvent>.Continuation
    private let copies: Copies
    /// The core tells one event at a time, but not always from the same thread.
    private let lock = NSLock()
    private var missed: UInt64 = 0

    init(continuation: AsyncStream<TokenEvent>.Continuation, copies: Copies) {
        self.continuation = continuation
        self.copies = copies
    }

    func onEvent(event: FfiTokenEvent, epoch: UInt64) throws {
        copies.see(epoch: epoch)
        tell(TokenEvent(event))
        if case .shutDown = event {
            continuation.finish()
        }
    }

    /// To a reader who is too far behind nothing is told but, later, how much was missed.
    private func tell(_ event: TokenEvent) {
        lock.lock()
        defer { lock.unlock() }
        if missed > 0, case .enqueued = continuation.yield(.missed(count: missed)) {
            missed = 0
        }
        if case .dropped = continuation.yield(event) {
            missed += 1
        }
    }
}

import FleetToken
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking  // URLSession, on Linux
#endif

/// Follows one trip: asks for it every second, and says what changed.
struct Follower {
    let fleet: AuthorizedSession
    let trip: URL
    let context: AuthTokenContext
    let say: @Sendable (String) -> Void

    /// How it went.
    struct Outcome {
        var updates = 0
        /// Answers that are no trip. Fleet Engine's 403 and 404 are among them; a 401 only if a second token got it as well.
        var refusals = 0
        /// No answer, or no token: the next second is tried again.
        var misses = 0
    }

    /// Until then, or until the task is cancelled.
    func follow(until end: Date) async -> Outcome {
        var outcome = Outcome()
        var shown = ""
        while Date() < end, !Task.isCancelled {
            do {
                let (body, reply) = try await fleet.data(for: URLRequest(url: trip), context: context)
                let status = (reply as? HTTPURLResponse)?.statusCode ?? 0
                if status == 200 {
                    outcome.updates += 1
                    let line = try JSONDecoder().decode(Trip.self, from: body).line(now: Date())
                    // A map would be told every time; a person reads what is new.
                    if line != shown { say("trip    \(line)") }
                    shown = line
                } else {
                    outcome.refusals += 1
                    say("trip    Fleet Engine answered \(status): \(meaning(of: status))")
                }
            } catch let error as TokenError {
                // There is no need for a timer of one's own: the factory knows when the backend may be asked again.
                outcome.misses += 1
                say("trip    no token: \(error)\(error.isRetryable ? "" : ", and asking again will not help")")
            } catch {
                outcome.misses += 1
                say("trip    no answer: \(error.localizedDescription)")
            }
            try? await Task.sleep(nanoseconds: 1_000_000_000)
        }
        return outcome
    }

    private func meaning(of status: Int) -> String {
        switch status {
        case 401: "not even the new token is accepted; look at the backend's key and clock"
        case 403: "this rider's token is not for this trip"
        case 404: "there is no such trip"
        default: "not what a trip looks like"
        }
    }
}

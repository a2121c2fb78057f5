// What a consumer app does while a rider waits, without its screen: FleetToken for the tokens, URLSession for the calls.

import FleetToken
import Foundation

/// The rider's login with the app's own backend, which decides whose trip it is.
struct RiderLogin: SessionHeaderProvider {
    let session: String

    func headers(for context: AuthTokenContext) async throws -> [HTTPHeader] {
        [HTTPHeader("Authorization", "Bearer \(session)")]
    }
}

let started = Date()
let say: @Sendable (String) -> Void = { line in
    let line = String(format: "%6.1f s  ", Date().timeIntervalSince(started)) + line + "\n"
    FileHandle.standardOutput.write(Data(line.utf8))  // at once, even into a pipe
}

guard
    let arguments = Arguments(Array(CommandLine.arguments.dropFirst()), ProcessInfo.processInfo.environment),
    let trip = URL(string: "\(arguments.engine)/v1/providers/\(arguments.provider)/trips/\(arguments.trip)")
else {
    print(Arguments.usage)
    exit(2)
}

// One factory for the app. The endpoint is the app's own backend, which alone may mint tokens.
var configuration = TokenConfiguration(endpoints: [
    .init(.trip, "\(arguments.backend)/token/consumer/{tripId}")
])
configuration.allowHTTPLoopback = true  // for a backend under development; a real one has https
let factory = try AuthTokenFactory(configuration: configuration, session: RiderLogin(session: arguments.login))

// One session for its calls. An app that calls Google's leaves out the origins.
let fleet = try AuthorizedSession(factory, origins: [arguments.engine])

// What an app would count or log. No event holds a token.
let watching = Task {
    for await event in factory.events {
        switch event {
        case .fetchStarted(_, let background):
            say("token   \(event.name)\(background ? ", in the background" : "")")
        case .fetched(_, let lifetime, let number, _):
            let good = lifetime.map { String(format: "good for %.0f s", $0) } ?? "good for nobody knows how long"
            say("token   \(event.name): number \(number), \(good)")
        case .fetchFailed(_, let error, let retry):
            say("token   \(event.name): \(error); asked again in \(Int(retry)) s at the earliest")
        default:
            say("token   \(event.name)")
        }
    }
}

let follower = Follower(fleet: fleet, trip: trip, context: .trip(arguments.trip), say: say)
let end = arguments.seconds.map { started.addingTimeInterval($0) } ?? .distantFuture
let outcome = await follower.follow(until: end)

let stats = factory.stats
await factory.shutdown()
await watching.value
say(
    "\(outcome.updates) updates of the trip with \(stats.successes) tokens, \(outcome.refusals) refused, \(outcome.misses) missed"
)
say("\(stats)")
exit(outcome.updates > 0 && outcome.refusals == 0 ? 0 : 1)

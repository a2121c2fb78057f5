@testable import FleetToken
import FleetTokenFFI
import Foundation

/// What a call came to.
enum Answer: Sendable {
    case token(AuthToken)
    case error(any Error)
    case none
}

/// A call that was made.
final class Call: @unchecked Sendable {
    let id: String?
    let answer = Locked<Answer?>(nil)
    var task: Task<Void, Never>?
    // Only the runner's thread looks at these.
    var isChecked = false
    var isSeen = false

    init(id: String?) {
        self.id = id
    }

    var isPending: Bool { answer.with { $0 == nil } }
}

/// The world around the factory under test: a scripted wire and login, a clock that stands still.
final class World {
    let factory: AuthTokenFactory
    let clock: FfiManualClock
    let wire: Wire
    let login: Login
    let events = Locked<[TokenEvent]>([])
    private let reader: Task<Void, Never>
    private let patience: TimeInterval
    var calls: [Call] = []
    /// One for each context that was asked for through a handle, until the scenario ends.
    private var handles: [AuthTokenContext: TokenHandle] = [:]
    /// The newest token of each label that a call has brought.
    var tokens: [String: AuthToken] = [:]

    init(_ scenario: Scenario) throws {
        patience = scenario.patience
        clock = try FfiManualClock(wallMs: UInt64(serverStartMs + scenario.deviceAheadMs))
        wire = Wire(replies: scenario.replies, clock: clock)
        login = Login()
        if let session = scenario.session { try login.set(session) }
        let (transport, session, clock) = (wire, scenario.session == nil ? nil : SessionBridge(login), clock)
        let core = try TokenError.rethrown {
            try FfiTokenFactory.forTesting(
                config: scenario.configuration.crossing(), transport: TransportBridge(transport), session: session,
                clock: clock, jitter: scenario.jitter)
        }
        factory = AuthTokenFactory(core: core, now: { clock.nowMs() })
        let (stream, events) = (factory.events, events)
        reader = Task.detached {
            for await event in stream { events.with { $0.append(event) } }
        }
    }

    deinit {
        reader.cancel()
    }

    func handle(for context: AuthTokenContext) throws -> TokenHandle {
        if let handle = handles[context] { return handle }
        let handle = try factory.handle(for: context)
        try noSecret(in: handle)
        handles[context] = handle
        return handle
    }

    // MARK: - Settling

    /// Lets everything run that is ready in the core. Those in Swift whom it has answered may take a moment longer.
    func settle() throws {
        guard clock.settle() else { throw Complaint("it did not settle") }
    }

    /// Looks again and again until it is so: what always comes, on however busy a machine.
    func soon(_ otherwise: String, _ holds: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(20)
        while try !holds() {
            if Date() > end { throw Complaint(otherwise) }
            usleep(100)
        }
    }

    /// Looks again and again until nothing is wrong, for as long as there is patience.
    func eventually(_ look: () throws -> Void) throws {
        let end = Date().addingTimeInterval(patience)
        while true {
            do {
                return try look()
            } catch  where Date() < end && wire.state.with({ $0.complaints.isEmpty }) {
                usleep(200)
                try settle()
            }
        }
    }

    /// Gives what must not happen the time to happen.
    func stayQuiet() {
        usleep(2000)
    }

    // MARK: - Secrets

    /// Nothing that is printed, in any way that Swift prints, holds a token or a login.
    func noSecret(in value: Any) throws {
        var dumped = ""
        dump(value, to: &dumped)
        var printed = [dumped, String(describing: value), String(reflecting: value)]
        if let error = value as? any Error { printed.append(error.localizedDescription) }
        let secrets = wire.state.with { Array($0.labels.keys) } + login.secrets
        for secret in secrets where printed.contains(where: { $0.contains(secret) }) {
            throw Complaint("a secret was printed")
        }
    }
}

import Foundation

/// What the program is told by its command line and its environment.
struct Arguments {
    static let usage = """
        usage: Consumer [--trip ID] [--login NAME] [--provider ID] [--seconds N]

        Follows a trip. FLEET_TOKEN_BACKEND and FLEET_TOKEN_ENGINE are the URLs of the token backend and of Fleet Engine:
        `cargo xtask example consumer` starts both and sets them. Without --seconds it goes on until it is stopped.
        """

    var trip = "trip_1"
    /// The rider's login with the app's own backend. In an app: the stored session.
    var login = "demo-rider-1"
    var provider = "demo"
    var seconds: Double?
    let backend: String
    /// Scheme, host and port.
    let engine: String

    /// `nil` if the program cannot go by them.
    init?(_ words: [String], _ environment: [String: String]) {
        guard let backend = environment["FLEET_TOKEN_BACKEND"], let engine = environment["FLEET_TOKEN_ENGINE"],
            words.count.isMultiple(of: 2)
        else { return nil }
        self.backend = backend
        self.engine = engine
        for place in stride(from: 0, to: words.count, by: 2) {
            let value = words[place + 1]
            switch words[place] {
            case "--trip": trip = value
            case "--login": login = value
            case "--provider": provider = value
            case "--seconds":
                guard let seconds = Double(value), seconds > 0 else { return nil }
                self.seconds = seconds
            default: return nil
            }
        }
    }
}

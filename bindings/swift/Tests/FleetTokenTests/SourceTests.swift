import Foundation
import Testing

/// What a compiler on Linux does not see.
@Suite struct SourceTests {
    /// Newer than iOS 15. On Linux `@available` means nothing, so that only this finds them.
    private static let tooNew = [
        "Duration", "ContinuousClock", "SuspendingClock", "Mutex", "Atomic", "Synchronization", "OSAllocatedUnfairLock",
        "Regex", "Observation", "URL.path()", "sleep(for", "sleep(until", "withLock", "makeStream",
        "withDiscardingTaskGroup",
        "DiscardingTaskGroup", "Data(contentsOf", "appending(path", "ISO8601FormatStyle", "host(percentEncoded",
    ]

    private let sources: [(name: String, text: String)]

    init() throws {
        sources =
            try Repository.texts(in: "bindings/swift/Sources/FleetToken", ending: "swift")
            + Repository.texts(in: "bindings/swift/Adapters", ending: "swift")
    }

    @Test func everySourceIsLookedAt() {
        #expect(sources.count > 14)
        #expect(
            sources.contains { $0.name == "AuthTokenFactory" } && sources.contains { $0.name == "DriverAuthorization" })
    }

    @Test func nothingNewerThanIOS15IsUsed() throws {
        // What apps copy from the documentation and the example runs there too.
        let copied =
            try Repository.texts(in: "bindings/swift/Tests/FleetTokenTests", ending: "swift")
            .filter { $0.name == "Snippets" }
            + Repository.texts(in: "examples/consumer/Sources/Consumer", ending: "swift")
        #expect(copied.count > 3)
        for (name, text) in sources + copied {
            for word in SourceTests.tooNew { #expect(!text.contains(word), "\(name) uses \(word)") }
        }
    }

    /// Its types print secrets in a dump: none may be part of what apps see.
    @Test func whatIsGeneratedIsImportedInternally() {
        for (name, text) in sources {
            let imports = text.components(separatedBy: "\n").filter { $0.hasSuffix("import FleetTokenFFI") }
            #expect(imports.allSatisfy { $0 == "internal import FleetTokenFFI" }, "\(name)")
        }
    }

    @Test func nothingIsPrintedOrLogged() {
        for (name, text) in sources {
            for word in ["print(", "NSLog", "os_log", "Logger(", "dump("] {
                #expect(!text.contains(word), "\(name) uses \(word)")
            }
        }
    }
}

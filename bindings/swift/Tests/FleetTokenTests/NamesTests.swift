@testable import FleetToken
import Foundation
import Testing

/// Events, errors and counters are called as in every other language: `tests/names`.
@Suite struct NamesTests {
    private func listed(_ file: String) throws -> [String] {
        try String(contentsOf: Repository.file("tests/names/\(file).txt"), encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    /// One of each, in the order of the source.
    private func everyEvent() -> [TokenEvent] {
        let of = AuthTokenContext.vehicle("v1")
        let error = TokenError.interrupted
        return [
            .fetchStarted(context: of, background: true),
            .attemptFailed(context: of, attempt: 1, error: error, next: 1),
            .fetched(context: of, lifetime: 1, generation: 1, attempts: 1),
            .fetchFailed(context: of, error: error, retry: 1), .staleServed(context: of, left: 1),
            .rejected(context: of), .breakerTripped(context: of),
            .lifetimeClamped(context: of, claimed: 2, used: 1), .scopeWarning(context: of, description: ""),
            .clockSkew(context: of, by: 1, deviceAhead: true), .evicted(context: of, wasValid: true), .cleared,
            .networkAvailable(endedBackoffs: 1), .sessionChanged(endedRefusals: 1), .shutDown, .missed(count: 1),
        ]
    }

    @Test func everyEventIsNamedAsInEveryLanguage() throws {
        let names = try listed("events")
        #expect(everyEvent().map(\.name) == names)
    }

    @Test func everyEventOfAContextSaysWhich() {
        let ofAll = ["cleared", "network_available", "session_changed", "shut_down", "missed"]
        for event in everyEvent() {
            #expect(event.context == (ofAll.contains(event.name) ? nil : .vehicle("v1")), "\(event.name)")
        }
    }

    @Test func everyErrorIsNamedAsInEveryLanguage() throws {
        // No call blocks here and no app writes a fetcher; a call that is cancelled throws Swift's own error.
        let absent = ["blocking_in_async", "fetcher", "cancelled"]
        let names = try (listed("errors") + listed("errors-of-wrappers")).filter { !absent.contains($0) }
        #expect(TokenError.Kind.allCases.map(\.rawValue) == names)
    }

    @Test func everyCounterIsNamedAsInEveryLanguage() throws {
        let fields = Mirror(reflecting: someStats()).children.compactMap(\.label)
        let names = try listed("stats").map { name -> String in
            let words = name.components(separatedBy: "_")
            return words[0] + words.dropFirst().map(\.capitalized).joined()
        }
        #expect(fields == names)
    }

    @Test func theCountersReadAsInEveryLanguage() {
        #expect(
            "\(someStats())" == """
                calls 1204: hits 1190, waits 9, refusals 3, not ready 2; stale served 0; flights 12: background 10, \
                successes 11, failures 1; fetches 14; rejections 1; evictions 0; entries 4
                """)
    }

    private func someStats() -> TokenStats {
        TokenStats(
            calls: 1204, hits: 1190, waits: 9, refusals: 3, notReady: 2, staleServed: 0, fetches: 14, flights: 12,
            backgroundFlights: 10, successes: 11, failures: 1, rejections: 1, evictions: 0, entries: 4)
    }
}

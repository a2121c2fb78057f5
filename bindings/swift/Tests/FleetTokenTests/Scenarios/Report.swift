import Foundation

/// How a scenario went.
enum Verdict: Sendable {
    case kept
    case skipped(String)
    case broken(String)
}

/// One scenario and its verdict.
struct Row: Sendable {
    /// `nil` if the file could not be read so far.
    let rule: String?
    let name: String
    let verdict: Verdict

    /// What went wrong, for people.
    var problem: String? {
        guard case .broken(let problem) = verdict else { return nil }
        return "\(name): \(problem)"
    }
}

/// The verdicts for whoever compares the languages: a line `scenario RULE NAME VERDICT` for each scenario.
enum Report {
    /// Names the file; nothing is written without.
    private static let variable = "FLEET_TOKEN_SCENARIO_REPORT"

    static func write(_ rows: [Row]) throws {
        guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { return }
        try text(rows).write(toFile: path, atomically: true, encoding: .utf8)
    }

    static func text(_ rows: [Row]) -> String {
        rows.map { row in
            let word =
                switch row.verdict {
                case .kept: "ok"
                case .skipped: "skipped"
                case .broken: "failed"
                }
            return "scenario \(row.rule ?? "unknown") \(row.name) \(word)\n"
        }.joined()
    }
}

import Foundation
import Testing

/// The portable scenarios of `tests/scenarios`, as they are for every language.
@Suite struct ScenarioTests {
    @Test func everyScenarioHolds() async throws {
        let files = try Repository.texts(in: "tests/scenarios", ending: "json")
        #expect(files.count >= 48)
        let rows = await ScenarioTests.onAThreadOfItsOwn {
            files.map { file, text in
                let (rule, verdict) = ScenarioTests.verdict(file, text)
                return Row(rule: rule, name: file, verdict: verdict)
            }
        }
        // Before anything is judged: a report is for the failures above all.
        try Report.write(rows)
        let problems = rows.compactMap(\.problem)
        #expect(
            problems.isEmpty,
            "\(problems.count) of \(files.count) scenarios failed\n\(problems.joined(separator: "\n"))")
    }

    @Test func aReportHasALineForEachScenario() {
        let rows = [
            Row(rule: "shapes", name: "a", verdict: .kept), Row(rule: "bound", name: "b", verdict: .skipped("why")),
            Row(rule: nil, name: "c", verdict: .broken("what")),
        ]
        #expect(
            Report.text(rows) == """
                scenario shapes a ok
                scenario bound b skipped
                scenario unknown c failed

                """)
    }

    @Test func theRunnerFindsWhatIsNotSo() async {
        let cases = [
            ("", nil),
            (
                #", {"call": {"context": {"vehicle_id": "v1"}, "expect": {"token": "T2"}}}"#,
                "expected token T2, was token T1"
            ),
            (#", {"call": {"context": {"vehicle_id": "v1"}, "expect": {"pending": true}}}"#, "expected pending"),
            (#", {"expect": {"fetches": 2}}"#, "expected fetches 2, was 1"),
            (#", {"expect": {"stats": {"hits": 1}}}"#, "expected hits 1, was 0"),
            (#", {"expect": {"events": ["fetched"]}}"#, "expected events"),
            (#", {"expect": {"fetchs": 1}}"#, "fetchs is unknown"),
            (#", {"call": {"context": {"vehicle_id": "v1"}, "id": "c1"}}"#, "nobody looked"),
            (#", {"call": {"context": {"vehicle_id": "v2"}, "id": "c1"}}"#, "has no reply"),
        ]
        for (steps, expected) in cases {
            let verdict = await ScenarioTests.onAThreadOfItsOwn {
                ScenarioTests.verdict("x", ScenarioTests.withSteps(steps), patience: 0.5).1
            }
            switch (verdict, expected) {
            case (.kept, nil): break
            case (.broken(let problem), let expected?): #expect(problem.contains(expected))
            default: Issue.record("\(steps): \(verdict)")
            }
        }
    }

    /// The scenario's rule, if it could be read, and how it went.
    private static func verdict(_ file: String, _ text: String, patience: TimeInterval = 2) -> (String?, Verdict) {
        do {
            var scenario = try Scenario(try JSON(parsing: text))
            scenario.patience = patience
            guard scenario.name == file else { return (scenario.rule, .broken("its name is \(scenario.name)")) }
            if let reason = scenario.skipped { return (scenario.rule, .skipped(reason)) }
            return (scenario.rule, Runner.failure(scenario).map(Verdict.broken) ?? .kept)
        } catch {
            return (nil, .broken("cannot be read: \(error)"))
        }
    }

    /// A scenario with one call and these steps after it, and the reply that the call gets.
    private static func withSteps(_ steps: String) -> String {
        #"""
        {"name": "x", "promise": "X.", "rule": "shapes",
         "replies": [{"json": {"token": {"$opaque": "T1"}, "expiresInSeconds": 3600}}],
         "steps": [{"call": {"context": {"vehicle_id": "v1"}, "expect": {"token": "T1"}}}
        """# + steps + "]}"
    }

    private static func onAThreadOfItsOwn<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: work()) }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }
}

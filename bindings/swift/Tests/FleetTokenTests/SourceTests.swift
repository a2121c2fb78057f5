import Foundation
import Testing

/// What a compiler on Linux does not see.
@Suite struct SourceTests {
    /// Newer than iOS 15. On Linux `@available` means nothing, so that only this finds them.
    private static let tooNew = [
        "Duration", "ContinuousClock", "SuspendingClock", "Mutex", "Atomic", "Synchronization", "OSAllocatedUnfairLock",
        "Regex", "Observation", "URL.path()", "sleep(for", "sleep(until", "withLock", "makeStream", "withDiscardingTaskGroup",
        "DiscardingTaskGroup", "Data(contentsOf", "appending(path", "ISO8601FormatStyle", "host(percentEncoded",
    ]

    @Test func nothingNewerThanIOS15IsUsed() throws {
        // bindings/swift/Tests/FleetTokenTests/SourceTests.swift
        let package = (0..<3).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let folder = package.appendingPathComponent("Sources/FleetToken")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count > 8)
        for file in files where file.pathExtension == "swift" {
            let source = try String(contentsOf: file, encoding: .utf8)
            for name in SourceTests.tooNew {
                #expect(!source.contains(name), "\(file.lastPathComponent) uses \(name)")
            }
            // Its types print secrets in a dump: none may be part of what apps see.
            let imports = source.components(separatedBy: "\n").filter { $0.hasSuffix("import FleetTokenFFI") }
            #expect(imports.allSatisfy { $0 == "internal import FleetTokenFFI" }, "\(file.lastPathComponent)")
            #expect(!source.contains("print(") && !source.contains("NSLog"), "\(file.lastPathComponent) prints")
        }
    }
}

import Foundation

/// The checkout that the tests were built from.
enum Repository {
    // bindings/swift/Tests/FleetTokenTests/Repository.swift
    private static let root = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
        url.deletingLastPathComponent()
    }

    static func file(_ path: String) -> URL { root.appendingPathComponent(path) }

    /// The text files with this ending in a folder, its subfolders left out, with their names without the ending.
    static func texts(in folder: String, ending: String) throws -> [(name: String, text: String)] {
        let paths = try FileManager.default.contentsOfDirectory(at: file(folder), includingPropertiesForKeys: nil)
        return try paths.filter { $0.pathExtension == ending }
            .map { ($0.deletingPathExtension().lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
            .sorted { $0.0 < $1.0 }
    }
}

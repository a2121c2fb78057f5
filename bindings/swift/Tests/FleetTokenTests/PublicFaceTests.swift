import Foundation
import Testing

/// What apps see, as the compiler says it, against what was agreed: `api/swift.txt`. A change that is
/// meant is agreed by running this test with FLEET_TOKEN_WRITE_API=1 and committing the file.
#if os(Linux)  // On other systems some conformances have other names.
@Suite struct PublicFaceTests {
    private let graph: SymbolGraph

    init() throws {
        // Written whenever the package is compiled; see Package.swift.
        let file = Repository.file(".build/symbols/FleetToken.symbols.json")
        graph = try JSONDecoder().decode(SymbolGraph.self, from: try Data(contentsOf: file))
    }

    @Test func appsSeeWhatWasAgreed() throws {
        let file = Repository.file("api/swift.txt")
        let lines = graph.lines
        if ProcessInfo.processInfo.environment["FLEET_TOKEN_WRITE_API"] == "1" {
            try (lines.joined(separator: "\n") + "\n").write(to: file, atomically: true, encoding: .utf8)
        }
        let agreed = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count > 150)
        let (added, removed) = (Set(lines).subtracting(agreed), Set(agreed).subtracting(lines))
        #expect(added.isEmpty, "not agreed:\n\(added.sorted().joined(separator: "\n"))")
        #expect(removed.isEmpty, "gone:\n\(removed.sorted().joined(separator: "\n"))")
    }

    @Test func everythingThatAppsSeeIsExplained() {
        let plain = graph.declared.filter { $0.docComment == nil && !$0.isObvious }.map(\.path)
        #expect(plain.isEmpty, "without a word: \(plain.sorted().joined(separator: ", "))")
    }

    @Test func nothingGeneratedIsSeen() {
        #expect(graph.lines.filter { $0.contains("Ffi") || $0.contains("Uniffi") } == [])
    }
}

/// What is read of the compiler's symbol graph.
private struct SymbolGraph: Decodable {
    let symbols: [Symbol]
    let relationships: [Relationship]

    struct Symbol: Decodable {
        let identifier: Identifier
        let pathComponents: [String]
        let declarationFragments: [Fragment]
        let docComment: Comment?

        var path: String { pathComponents.joined(separator: ".") }
        /// Written by the compiler, such as `!=` for whatever has `==`.
        var isSynthesized: Bool { identifier.precise.contains("::SYNTHESIZED::") }
        /// Says only what its name or its type says.
        var isObvious: Bool {
            let name = pathComponents.last ?? ""
            return name.hasPrefix("init(")
                || [
                    "description", "debugDescription", "errorDescription", "customMirror", "errorDomain",
                    "errorUserInfo",
                ]
                .contains(name)
        }
    }
    struct Identifier: Decodable { let precise: String }
    struct Fragment: Decodable { let spelling: String }
    struct Comment: Decodable {}
    struct Relationship: Decodable {
        let kind: String
        let source: String
        let target: String
        let targetFallback: String?
    }

    var declared: [Symbol] { symbols.filter { !$0.isSynthesized } }

    /// One line for each declaration, and for each protocol that one of the types conforms to.
    var lines: [String] {
        let names = Dictionary(symbols.map { ($0.identifier.precise, $0.path) }) { first, _ in first }
        let conformances = relationships.filter { $0.kind == "conformsTo" }.compactMap { relationship -> String? in
            guard let type = names[relationship.source] else { return nil }
            // Of a module or of another: those of the standard library move between its parts.
            let full = names[relationship.target] ?? relationship.targetFallback ?? relationship.target
            let name = full.split(separator: ".").last ?? ""
            // Said of some types and not of others, and true of all.
            return name == "Copyable" ? nil : "\(type) : \(name)"
        }
        let declarations = declared.map { "\($0.path) | \($0.declarationFragments.map(\.spelling).joined())" }
        return Set(declarations + conformances).sorted()
    }
}
#endif

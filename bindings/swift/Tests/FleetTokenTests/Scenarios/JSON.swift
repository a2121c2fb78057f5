/// JSON as the scenarios need it: numbers as they are written, and strict.
indirect enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(parsing text: String) throws {
        var parser = Parser(scalars: Array(text.unicodeScalars))
        self = try parser.document()
    }

    /// As it is sent.
    var text: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let digits): return digits
        case .string(let text): return JSON.quoted(text)
        case .array(let values): return "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }
            return "{" + sorted.map { JSON.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private struct Parser {
        let scalars: [Unicode.Scalar]
        var at = 0

        init(scalars: [Unicode.Scalar]) {
            self.scalars = scalars
        }

        mutating func document() throws -> JSON {
            let value = try value()
            skipSpace()
            guard at == scalars.count else { throw Complaint("something follows the JSON") }
            return value
        }

        private mutating func value() throws -> JSON {
            skipSpace()
            switch try peek() {
            case "{":
                var members: [String: JSON] = [:]
                try list(to: "}") { parser in
                    parser.skipSpace()
                    let key = try parser.string()
                    parser.skipSpace()
                    try parser.expect(":")
                    guard members.updateValue(try parser.value(), forKey: key) == nil else {
                        throw Complaint("\(key) is there twice")
                    }
                }
                return .object(members)
            case "[":
                var values: [JSON] = []
                try list(to: "]") { values.append(try $0.value()) }
                return .array(values)
            case "\"": return .string(try string())
            default: return try word()
            }
        }

        private mutating func list(to end: Unicode.Scalar, _ item: (inout Parser) throws -> Void) throws {
            at += 1
            skipSpace()
            if try peek() == end {
                at += 1
                return
            }
            while true {
                try item(&self)
                skipSpace()
                if try peek() == end {
                    at += 1
                    return
                }
                try expect(",")
            }
        }

        private mutating func word() throws -> JSON {
            let start = at
            while at < scalars.count,
                scalars[at].properties.isAlphabetic || "0123456789+-.".unicodeScalars.contains(scalars[at])
            {
                at += 1
            }
            var word = ""
            word.unicodeScalars.append(contentsOf: scalars[start..<at])
            switch word {
            case "null": return .null
            case "true": return .bool(true)
            case "false": return .bool(false)
            default:
                guard Double(word) != nil else { throw Complaint("\(word) is no JSON") }
                return .number(word)
            }
        }

        private mutating func string() throws -> String {
            try expect("\"")
            var text = String.UnicodeScalarView()
            while true {
                let scalar = try next()
                switch scalar {
                case "\"": return String(text)
                case "\\": text.append(try escape())
                default: text.append(scalar)
                }
            }
        }

        private mutating func escape() throws -> Unicode.Scalar {
            switch try next() {
            case "n": return "\n"
            case "r": return "\r"
            case "t": return "\t"
            case "b": return "\u{8}"
            case "f": return "\u{c}"
            case "u":
                var unit = try hex()
                if (0xD800..<0xDC00).contains(unit) {
                    try expect("\\")
                    try expect("u")
                    unit = 0x10000 + (unit - 0xD800) << 10 + (try hex() - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(unit) else { throw Complaint("a lone surrogate") }
                return scalar
            case let plain: return plain
            }
        }

        private mutating func hex() throws -> UInt32 {
            var digits = ""
            for _ in 0..<4 { digits.unicodeScalars.append(try next()) }
            guard let value = UInt32(digits, radix: 16) else { throw Complaint("\\u\(digits)") }
            return value
        }

        private mutating func skipSpace() {
            while at < scalars.count, " \n\r\t".unicodeScalars.contains(scalars[at]) { at += 1 }
        }

        private func peek() throws -> Unicode.Scalar {
            guard at < scalars.count else { throw Complaint("the JSON ends too early") }
            return scalars[at]
        }

        private mutating func next() throws -> Unicode.Scalar {
            let scalar = try peek()
            at += 1
            return scalar
        }

        private mutating func expect(_ wanted: Unicode.Scalar) throws {
            guard try next() == wanted else { throw Complaint("\(wanted) is missing") }
        }
    }
}

/// What is not as it should be, in words.
struct Complaint: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The members of an object, each to be taken once; what nobody takes is a key that the format does not know.
final class Fields {
    private var left: [String: JSON]

    init(_ json: JSON) throws {
        guard case .object(let members) = json else { throw Complaint("an object is missing") }
        left = members
    }

    /// Reads all of it.
    static func of<T>(_ json: JSON, _ read: (Fields) throws -> T) throws -> T {
        let fields = try Fields(json)
        let value = try read(fields)
        if let stray = fields.left.keys.sorted().first { throw Complaint("\(stray) is unknown") }
        return value
    }

    func json(_ key: String) -> JSON? { left.removeValue(forKey: key) }

    func has(_ key: String) -> Bool { left[key] != nil }

    var rest: [String: JSON] {
        defer { left = [:] }
        return left
    }

    func string(_ key: String) throws -> String? { try json(key)?.asString(key) }

    func int(_ key: String) throws -> Int? { try json(key)?.asInt(key) }

    func double(_ key: String) throws -> Double? {
        guard let json = json(key) else { return nil }
        guard case .number(let digits) = json, let value = Double(digits) else { throw Complaint("\(key) is a number") }
        return value
    }

    func bool(_ key: String) throws -> Bool? {
        guard let json = json(key) else { return nil }
        guard case .bool(let value) = json else { throw Complaint("\(key) is true or false") }
        return value
    }

    /// A key that is either there, as `true`, or not.
    func yes(_ key: String) throws -> Bool {
        guard let value = try bool(key) else { return false }
        guard value else { throw Complaint("\(key) is true or absent") }
        return true
    }

    func object(_ key: String) throws -> [String: JSON]? { try json(key)?.asObject(key) }

    func array(_ key: String) throws -> [JSON]? {
        guard let json = json(key) else { return nil }
        guard case .array(let values) = json else { throw Complaint("\(key) is a list") }
        return values
    }
}

extension JSON {
    func asString(_ what: String) throws -> String {
        guard case .string(let text) = self else { throw Complaint("\(what) is a text") }
        return text
    }

    func asInt(_ what: String) throws -> Int {
        guard case .number(let digits) = self, let value = Int(digits) else { throw Complaint("\(what) is a number") }
        return value
    }

    func asObject(_ what: String) throws -> [String: JSON] {
        guard case .object(let members) = self else { throw Complaint("\(what) is an object") }
        return members
    }
}

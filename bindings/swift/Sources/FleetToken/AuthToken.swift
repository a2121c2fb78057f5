/// A Fleet Engine token. Only `value` gives the secret away: nothing that Swift prints or dumps by itself does.
public struct AuthToken: Sendable, Equatable {
    /// The secret itself, for the `Authorization` header and for Google's SDKs.
    public let value: String
    /// Grows with every token of its context.
    public let generation: UInt64
    /// When it ends, on the factory's clock, in milliseconds; `nil` if nobody said.
    let expiresAtMs: UInt64?

    init(value: String, generation: UInt64, expiresAtMs: UInt64?) {
        self.value = value
        self.generation = generation
        self.expiresAtMs = expiresAtMs
    }

    /// The same token of the same context. Its end is rounded at each crossing, by a millisecond at most.
    public static func == (one: AuthToken, other: AuthToken) -> Bool {
        one.value == other.value && one.generation == other.generation
    }
}

extension AuthToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "AuthToken([redacted], generation: \(generation))" }
    public var debugDescription: String { description }
    /// For `dump` and debuggers, which would otherwise show the fields.
    public var customMirror: Mirror { Mirror(self, children: ["generation": generation], displayStyle: .struct) }
}

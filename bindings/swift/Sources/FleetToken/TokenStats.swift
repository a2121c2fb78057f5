/// What a factory has done since it was made.
public struct TokenStats: Sendable, Equatable {
    /// Questions asked.
    public var calls: UInt64
    /// Answered at once with a token.
    public var hits: UInt64
    /// Answered after waiting for a fetch.
    public var waits: UInt64
    /// Answered at once with an error.
    public var refusals: UInt64
    /// `tryToken` calls that found nothing to serve yet.
    public var notReady: UInt64
    /// Answers with a token inside its safety margin, because no newer one could be had.
    public var staleServed: UInt64
    /// Requests made, attempts counted one by one.
    public var fetches: UInt64
    /// Fetches begun, each of one or more attempts.
    public var flights: UInt64
    /// Those of them that renewed a token which was still good.
    public var backgroundFlights: UInt64
    /// Fetches that brought a token.
    public var successes: UInt64
    /// Fetches that failed.
    public var failures: UInt64
    /// Tokens reported as refused while they were current.
    public var rejections: UInt64
    /// Entries dropped to keep the bound.
    public var evictions: UInt64
    /// Entries now.
    public var entries: UInt64
}

extension TokenStats: CustomStringConvertible {
    /// All of it on one line, the same in every language.
    public var description: String {
        "calls \(calls): hits \(hits), waits \(waits), refusals \(refusals), not ready \(notReady);"
            + " stale served \(staleServed); flights \(flights): background \(backgroundFlights),"
            + " successes \(successes), failures \(failures); fetches \(fetches); rejections \(rejections);"
            + " evictions \(evictions); entries \(entries)"
    }
}

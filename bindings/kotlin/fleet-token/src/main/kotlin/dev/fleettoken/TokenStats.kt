package dev.fleettoken

import dev.fleettoken.ffi.FfiStats

/** What a factory has done since it was made. */
public class TokenStats internal constructor(stats: FfiStats) {
    /** Questions asked. */
    public val calls: Long = stats.calls.toLong()

    /** Answered at once with a token. */
    public val hits: Long = stats.hits.toLong()

    /** Answered after waiting for a fetch. */
    public val waits: Long = stats.waits.toLong()

    /** Answered at once with an error. */
    public val refusals: Long = stats.refusals.toLong()

    /** [AuthTokenFactory.tryToken] calls that found nothing to serve yet. */
    public val notReady: Long = stats.notReady.toLong()

    /** Answers with a token inside its safety margin, because no newer one could be had. */
    public val staleServed: Long = stats.staleServed.toLong()

    /** Requests made, attempts counted one by one. */
    public val fetches: Long = stats.fetches.toLong()

    /** Fetches begun, each of one or more attempts. */
    public val flights: Long = stats.flights.toLong()

    /** Those of them that renewed a token which was still good. */
    public val backgroundFlights: Long = stats.backgroundFlights.toLong()

    /** Fetches that brought a token. */
    public val successes: Long = stats.successes.toLong()

    /** Fetches that failed. */
    public val failures: Long = stats.failures.toLong()

    /** Tokens reported as refused while they were current. */
    public val rejections: Long = stats.rejections.toLong()

    /** Entries dropped to keep the bound. */
    public val evictions: Long = stats.evictions.toLong()

    /** Entries now. */
    public val entries: Long = stats.entries.toLong()

    /** All of them on one line, the same in every language, such as `calls 12: hits 10, waits 1, …; entries 1`. */
    override fun toString(): String =
        "calls $calls: hits $hits, waits $waits, refusals $refusals, not ready $notReady; stale served $staleServed; " +
            "flights $flights: background $backgroundFlights, successes $successes, failures $failures; " +
            "fetches $fetches; rejections $rejections; evictions $evictions; entries $entries"
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenEvent

/**
 * Something that happened to the tokens of one context, or to all. Holds no secret.
 *
 * [toString] is a line for a log: the [name], whose token, and all that is known, such as
 * `fetch_failed AuthTokenContext(vehicleId=v1): SESSION_REJECTED, the backend answered 401, …; not again within 5000 ms`.
 */
public sealed class TokenEvent(
    /** For a log, such as `fetch_failed`. */
    public val name: String,
    /** Whose token, unless it happened to all. */
    public val context: AuthTokenContext?,
) {
    /** A fetch was started. */
    public class FetchStarted internal constructor(
        context: AuthTokenContext,
        /** Whether nobody waits for it. */
        public val background: Boolean,
    ) : TokenEvent("fetch_started", context)

    /** One attempt failed; another follows within the same fetch. */
    public class AttemptFailed internal constructor(
        context: AuthTokenContext,
        /** Which one; the first is 1. */
        public val attempt: Int,
        /** Why. */
        public val error: TokenException,
        /** How many milliseconds until the next one. */
        public val nextInMillis: Long,
    ) : TokenEvent("attempt_failed", context)

    /** A token came. */
    public class Fetched internal constructor(
        context: AuthTokenContext,
        /** How many milliseconds it lives, if anybody said. */
        public val lifetimeMillis: Long?,
        /** Its [AuthToken.generation]. */
        public val generation: Long,
        /** How many attempts it took. */
        public val attempts: Int,
    ) : TokenEvent("fetched", context)

    /** A fetch failed for good. */
    public class FetchFailed internal constructor(
        context: AuthTokenContext,
        /** Why. */
        public val error: TokenException,
        /** How many milliseconds until the backend is asked again. */
        public val retryInMillis: Long,
    ) : TokenEvent("fetch_failed", context)

    /** A caller was given a token inside its safety margin, because no newer one could be had. */
    public class StaleServed internal constructor(
        context: AuthTokenContext,
        /** How many milliseconds it was still valid. */
        public val leftMillis: Long,
    ) : TokenEvent("stale_served", context)

    /** A token was reported as refused by Fleet Engine, and dropped. */
    public class Rejected internal constructor(context: AuthTokenContext) : TokenEvent("rejected", context)

    /** Too many tokens of one context were rejected in a short time. */
    public class BreakerTripped internal constructor(context: AuthTokenContext) : TokenEvent("breaker_tripped", context)

    /** The reply claims a longer life than a Fleet Engine token can have. */
    public class LifetimeClamped internal constructor(
        context: AuthTokenContext,
        /** How many milliseconds it claims. */
        public val claimedMillis: Long,
        /** How many milliseconds are believed. */
        public val usedMillis: Long,
    ) : TokenEvent("lifetime_clamped", context)

    /** The token is wider or vaguer than asked. */
    public class ScopeWarning internal constructor(
        context: AuthTokenContext,
        /** In what way. */
        public val description: String,
    ) : TokenEvent("scope_warning", context)

    /** The device's wall clock is more than a minute off the server's. */
    public class ClockSkew internal constructor(
        context: AuthTokenContext,
        /** How many milliseconds. */
        public val byMillis: Long,
        /** Whether the device is ahead, or else behind. */
        public val deviceAhead: Boolean,
    ) : TokenEvent("clock_skew", context)

    /** A context's entry was dropped to keep the number of entries bounded. */
    public class Evicted internal constructor(
        context: AuthTokenContext,
        /** Whether its token could still have been served. */
        public val wasValid: Boolean,
    ) : TokenEvent("evicted", context)

    /** Everything was forgotten. */
    public class Cleared internal constructor() : TokenEvent("cleared", null)

    /** The app reported the network. */
    public class NetworkAvailable internal constructor(
        /** How many waits ended. */
        public val endedBackoffs: Int,
    ) : TokenEvent("network_available", null)

    /** The app reported a new login. */
    public class SessionChanged internal constructor(
        /** How many remembered refusals ended. */
        public val endedRefusals: Int,
    ) : TokenEvent("session_changed", null)

    /** The factory was shut down. The last event. */
    public class ShutDown internal constructor() : TokenEvent("shut_down", null)

    /** This collector was too slow and missed events. */
    public class Missed internal constructor(
        /** How many. */
        public val count: Long,
    ) : TokenEvent("missed", null)

    final override fun toString(): String {
        val whose = listOfNotNull(name, context).joinToString(" ")
        return listOfNotNull(whose, details()).joinToString(": ")
    }

    private fun details(): String? =
        when (this) {
            is FetchStarted -> if (background) "in the background" else null
            is AttemptFailed -> "attempt $attempt, ${said(error)}; the next in $nextInMillis ms"
            is Fetched -> "${lifetime()}, generation $generation, attempts $attempts"
            is FetchFailed -> "${said(error)}; not again within $retryInMillis ms"
            is StaleServed -> "$leftMillis ms left"
            is LifetimeClamped -> "claims $claimedMillis ms, $usedMillis ms are believed"
            is ScopeWarning -> description
            is ClockSkew -> "the device is $byMillis ms ${if (deviceAhead) "ahead" else "behind"}"
            is Evicted -> if (wasValid) "its token was still good" else null
            is NetworkAvailable -> "$endedBackoffs backoffs ended"
            is SessionChanged -> "$endedRefusals refusals ended"
            is Missed -> "$count events"
            is Rejected, is BreakerTripped, is Cleared, is ShutDown -> null
        }

    private fun Fetched.lifetime() = if (lifetimeMillis == null) "lifetime unknown" else "lives $lifetimeMillis ms"

    private fun said(error: TokenException) = "${error.kind}, ${error.message}"

    internal companion object {
        fun of(event: FfiTokenEvent): TokenEvent =
            when (event) {
                is FfiTokenEvent.FetchStarted -> FetchStarted(AuthTokenContext.of(event.context), event.background)
                is FfiTokenEvent.AttemptFailed ->
                    AttemptFailed(
                        AuthTokenContext.of(event.context),
                        event.attempt.toInt(),
                        TokenException.of(event.failure),
                        event.nextInMs.saturated(),
                    )
                is FfiTokenEvent.Fetched ->
                    Fetched(
                        AuthTokenContext.of(event.context),
                        event.lifetimeMs?.saturated(),
                        event.generation.toLong(),
                        event.attempts.toInt(),
                    )
                is FfiTokenEvent.FetchFailed ->
                    FetchFailed(
                        AuthTokenContext.of(event.context),
                        TokenException.of(event.failure),
                        event.retryInMs.saturated(),
                    )
                is FfiTokenEvent.StaleServed ->
                    StaleServed(AuthTokenContext.of(event.context), event.leftMs.saturated())
                is FfiTokenEvent.Rejected -> Rejected(AuthTokenContext.of(event.context))
                is FfiTokenEvent.BreakerTripped -> BreakerTripped(AuthTokenContext.of(event.context))
                is FfiTokenEvent.LifetimeClamped ->
                    LifetimeClamped(
                        AuthTokenContext.of(event.context),
                        event.claimedMs.saturated(),
                        event.usedMs.saturated(),
                    )
                is FfiTokenEvent.ScopeWarning -> ScopeWarning(AuthTokenContext.of(event.context), event.description)
                is FfiTokenEvent.ClockSkew ->
                    ClockSkew(AuthTokenContext.of(event.context), event.byMs.saturated(), event.deviceAhead)
                is FfiTokenEvent.Evicted -> Evicted(AuthTokenContext.of(event.context), event.wasValid)
                is FfiTokenEvent.Cleared -> Cleared()
                is FfiTokenEvent.NetworkAvailable -> NetworkAvailable(event.endedBackoffs.toInt())
                is FfiTokenEvent.SessionChanged -> SessionChanged(event.endedRefusals.toInt())
                is FfiTokenEvent.ShutDown -> ShutDown()
                is FfiTokenEvent.Missed -> Missed(event.count.saturated())
            }
    }
}

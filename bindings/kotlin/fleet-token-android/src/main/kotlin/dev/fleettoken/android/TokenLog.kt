package dev.fleettoken.android

import android.util.Log
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenEvent
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Writes a factory's events to Android's log: what needs somebody's attention as a warning, the rest for debugging,
 * which the system leaves out unless asked (`adb shell setprop log.tag.FleetToken DEBUG`).
 *
 * No line holds a token or a login. Lines do hold ids of vehicles, trips and tasks.
 */
public class TokenLog private constructor(private val tag: String) : AutoCloseable {
    private val scope = CoroutineScope(Dispatchers.Default)

    private fun start(tokens: AuthTokenFactory) {
        scope.launch { tokens.events.collect(::write) }
    }

    /** Stops writing. */
    override fun close(): Unit = scope.cancel()

    private fun write(event: TokenEvent) {
        val level = level(event)
        if (level >= Log.WARN || Log.isLoggable(tag, level)) Log.println(level, tag, line(event))
    }

    public companion object {
        internal const val DEFAULT_TAG = "FleetToken"

        /**
         * Begins to write what happens from now on, until it is closed or the factory is.
         *
         * @param tag at most 23 characters, which is what devices before Android 8 take.
         */
        @JvmStatic
        @JvmOverloads
        public fun start(tokens: AuthTokenFactory, tag: String = DEFAULT_TAG): TokenLog {
            // Old devices throw at the first line, which is too late to be seen where the tag was chosen.
            require(tag.length <= LONGEST_TAG) { "a tag has at most $LONGEST_TAG characters" }
            return TokenLog(tag).apply { start(tokens) }
        }

        private const val LONGEST_TAG = 23

        private fun level(event: TokenEvent): Int =
            when (event) {
                is TokenEvent.FetchFailed,
                is TokenEvent.StaleServed,
                is TokenEvent.Rejected,
                is TokenEvent.BreakerTripped,
                is TokenEvent.LifetimeClamped,
                is TokenEvent.ScopeWarning,
                is TokenEvent.ClockSkew,
                is TokenEvent.Missed,
                -> Log.WARN

                is TokenEvent.Evicted -> if (event.wasValid) Log.WARN else Log.DEBUG

                is TokenEvent.FetchStarted,
                is TokenEvent.AttemptFailed,
                is TokenEvent.Fetched,
                is TokenEvent.Cleared,
                is TokenEvent.NetworkAvailable,
                is TokenEvent.SessionChanged,
                is TokenEvent.ShutDown,
                -> Log.DEBUG
            }

        /** The event's name, whose it is, and what else it says. An exception's text is free of secrets by promise. */
        private fun line(event: TokenEvent): String {
            val more =
                when (event) {
                    is TokenEvent.FetchStarted -> if (event.background) "in the background" else null
                    is TokenEvent.AttemptFailed ->
                        "attempt ${event.attempt}: ${event.error.message}; again in ${event.nextInMillis} ms"
                    is TokenEvent.Fetched ->
                        "lives ${event.lifetimeMillis ?: "?"} ms, generation ${event.generation}, ${event.attempts} attempt(s)"
                    is TokenEvent.FetchFailed -> "${event.error.message}; not before ${event.retryInMillis} ms"
                    is TokenEvent.StaleServed -> "${event.leftMillis} ms left"
                    is TokenEvent.LifetimeClamped -> "claims ${event.claimedMillis} ms, used ${event.usedMillis} ms"
                    is TokenEvent.ScopeWarning -> event.description
                    is TokenEvent.ClockSkew ->
                        "the device is ${event.byMillis} ms ${if (event.deviceAhead) "ahead" else "behind"}"
                    is TokenEvent.Evicted -> if (event.wasValid) "its token was still good" else null
                    is TokenEvent.NetworkAvailable -> "${event.endedBackoffs} backoff(s) ended"
                    is TokenEvent.SessionChanged -> "${event.endedRefusals} refusal(s) ended"
                    is TokenEvent.Missed -> "${event.count} event(s)"
                    is TokenEvent.Rejected,
                    is TokenEvent.BreakerTripped,
                    is TokenEvent.Cleared,
                    is TokenEvent.ShutDown,
                    -> null
                }
            return listOfNotNull(event.toString(), more).joinToString(": ")
        }
    }
}

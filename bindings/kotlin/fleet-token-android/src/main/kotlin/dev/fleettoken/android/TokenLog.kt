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
        if (level >= Log.WARN || Log.isLoggable(tag, level)) Log.println(level, tag, event.toString())
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
    }
}

package dev.fleettoken.android

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.SessionHeaderProvider

/** The app's login for apps in Java: a [SessionHeaderProvider] without coroutines. */
public class BlockingSessionHeaders(private val source: Source) : SessionHeaderProvider {
    /** Where the headers come from. */
    public fun interface Source {
        /**
         * The headers for one request, such as `Authorization`. Called at each attempt, on a thread that may be blocked.
         *
         * Throw [dev.fleettoken.SignedOutException] when nobody is signed in.
         */
        @Throws(Exception::class)
        public fun headers(context: AuthTokenContext): Map<String, String>
    }

    override suspend fun headers(context: AuthTokenContext): Map<String, String> = source.headers(context)
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiHeader
import dev.fleettoken.ffi.FfiSessionException
import dev.fleettoken.ffi.FfiSessionHeaderProvider
import dev.fleettoken.ffi.FfiTokenContext

/** Supplies the headers that show the app's backend who is asking, such as `Authorization`. */
public fun interface SessionHeaderProvider {
    /**
     * The headers for one request. Called at each attempt, on a thread that may be blocked; never aborted. An attempt's
     * time-out bounds the wait for it.
     *
     * Throw [SignedOutException] when nobody is signed in. Anything else that is thrown counts as a login that cannot
     * be had just now, and is not repeated anywhere: its text may hold a secret.
     */
    @Throws(Exception::class)
    public suspend fun headers(context: AuthTokenContext): Map<String, String>
}

/** Nobody is signed in. Not retried, until [AuthTokenFactory.sessionChanged]. */
public class SignedOutException : Exception("nobody is signed in")

/** The app's provider as the core calls it. */
internal class SessionCrossing(private val provider: SessionHeaderProvider) : FfiSessionHeaderProvider {
    // Also an Error: uniffi would leave the core waiting for ever, and end the process.
    @Suppress("TooGenericExceptionCaught")
    override suspend fun headers(context: FfiTokenContext): List<FfiHeader> =
        try {
            val headers = inAppsThreads { provider.headers(AuthTokenContext.of(context)) }
            // Half a login is none.
            require(headers.all { (name, value) -> name.isText && value.isText })
            headers.map { (name, value) -> FfiHeader(name, value) }
        } catch (_: SignedOutException) {
            throw FfiSessionException.SignedOut()
        } catch (_: Throwable) {
            throw FfiSessionException.Unavailable()
        }
}

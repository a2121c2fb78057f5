@file:JvmName("Requests")

package dev.fleettoken.okhttp

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenException
import java.io.IOException
import java.io.InterruptedIOException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.Interceptor
import okhttp3.Request
import okhttp3.Response

/**
 * Puts the token on the app's own calls to Fleet Engine, and replaces it if it is refused. Goes into
 * `OkHttpClient.Builder.addInterceptor`.
 *
 * - A call gets the token of the [AuthTokenContext] that its request carries as a tag: see [authTokenContext].
 *   Without one, or with an `Authorization` of its own, it passes as it is.
 * - No other origin than those named here sees a token. A request with a context that goes elsewhere fails with
 *   [NoTokenException] before anything is sent. A redirect to another origin is followed without the token: OkHttp
 *   takes the header off.
 * - 401: that token is dropped for good, and the call is sent once more with the next one, unless its body can be
 *   written only once, or a redirect told that it was done. However many calls are refused with one token, one fetch
 *   replaces it. A second 401 is the caller's, and so is a 403, which a new token would not change.
 * - A call that has to wait for a token waits at most for the factory's fetch deadline, and ends at once, or nearly,
 *   when it is cancelled. Without a token it fails with [NoTokenException].
 *
 * One class in place of an interceptor and an `Authenticator`: a client has one authenticator only, which stays the
 * app's. An application interceptor, since a network interceptor can send nothing twice. Interceptors that are added
 * after it see the token, and those that change a URL belong before it.
 *
 * Takes OkHttp 4.12 and newer.
 *
 * @param origins scheme, host and port that tokens are for, such as `https://fleetengine.googleapis.com`. Https, but
 *   for this machine.
 * @throws IllegalArgumentException if one of them is no origin, or is not safe.
 */
public class AuthTokenInterceptor @JvmOverloads constructor(
    private val tokens: AuthTokenFactory,
    origins: Collection<String> = listOf(FLEET_ENGINE),
) : Interceptor {
    private val origins: Set<Origin> = origins.mapTo(LinkedHashSet()) { Origin.parse(it) }

    /** Called by OkHttp. */
    @Throws(IOException::class)
    override fun intercept(chain: Interceptor.Chain): Response {
        check(chain.connection() == null) { "a network interceptor can send nothing twice: use addInterceptor" }
        val request = chain.request()
        val context = request.tag(AuthTokenContext::class.java)
        if (context == null || request.header(AUTHORIZATION) != null) return chain.proceed(request)
        val origin = Origin.of(request.url)
        if (origin !in origins) throw NoTokenException("$origin is none of the origins that tokens are for: $origins")

        val first = token(context, chain.call())
        val reply = chain.proceed(request.with(first))
        if (!isRefused(reply, context, first) || !request.canBeSentAgain(reply)) return reply
        // Also if there is no other token.
        val second = reply.use { token(context, chain.call()) }
        return chain.proceed(request.with(second)).also { isRefused(it, context, second) }
    }

    /** Not where the call ended up elsewhere, or was sent with something else, for then nobody has judged the token. */
    private fun isRefused(reply: Response, context: AuthTokenContext, token: AuthToken): Boolean {
        val refused = reply.code == UNAUTHENTICATED && reply.request.header(AUTHORIZATION) == bearer(token)
        if (refused) tokens.invalidate(context, token)
        return refused
    }

    private fun token(context: AuthTokenContext, call: Call): AuthToken =
        try {
            runBlocking {
                // Not begun where nobody waits. OkHttp tells nobody but an event listener, of which a client has one.
                val watch = launch {
                    while (!call.isCanceled()) delay(LOOK_MILLIS)
                    this@runBlocking.cancel()
                }
                try {
                    tokens.token(context)
                } finally {
                    watch.cancel()
                }
            }
        } catch (none: TokenException) {
            throw NoTokenException(none)
        } catch (_: CancellationException) {
            throw IOException("Canceled")
        } catch (_: InterruptedException) {
            Thread.currentThread().interrupt()
            throw InterruptedIOException("interrupted")
        }

    override fun toString(): String = "AuthTokenInterceptor($origins)"

    public companion object {
        /** Google's Fleet Engine. */
        public const val FLEET_ENGINE: String = "https://fleetengine.googleapis.com"

        private const val AUTHORIZATION = "Authorization"
        private const val UNAUTHENTICATED = 401
        private const val LOOK_MILLIS = 50L

        private fun bearer(token: AuthToken) = "Bearer ${token.value}"

        private fun Request.with(token: AuthToken) = newBuilder().header(AUTHORIZATION, bearer(token)).build()

        /** Not where a redirect made a GET of it: it was done, and what came of it is refused. */
        private fun Request.canBeSentAgain(reply: Response) =
            reply.request.method == method && body?.run { !isOneShot() && !isDuplex() } ?: true
    }
}

/**
 * What this request's token is for, where an [AuthTokenInterceptor] is to put one on it.
 *
 * In Java `tag(AuthTokenContext.class, context)`; with Retrofit a parameter `@Tag context: AuthTokenContext`.
 */
@JvmSynthetic
public fun Request.Builder.authTokenContext(context: AuthTokenContext): Request.Builder =
    tag(AuthTokenContext::class.java, context)

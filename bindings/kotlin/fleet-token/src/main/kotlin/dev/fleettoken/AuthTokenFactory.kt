package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import dev.fleettoken.ffi.FfiTokenContext
import dev.fleettoken.ffi.FfiTokenException
import dev.fleettoken.ffi.FfiTokenFactoryInterface
import dev.fleettoken.ffi.InternalException
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.withContext

/**
 * Gets, keeps and refreshes Fleet Engine tokens: one for the whole app, made with [builder].
 *
 * However many callers ask for one context at a time, one request is made. A caller who is cancelled loses no work: the
 * fetch goes on, and the next caller has the token. Every call is answered within the fetch deadline.
 *
 * Safe to use from any thread. Nothing that it prints or throws holds a token or a login.
 */
@Suppress("TooManyFunctions")
public class AuthTokenFactory internal constructor(
    private val native: FfiTokenFactoryInterface,
    internal val copies: Copies,
    private val platform: Platform,
) : AutoCloseable {
    @Volatile
    internal var isClosed: Boolean = false
        private set

    /** Orders listening and closing: who listens before is told of the end. */
    private val lifecycle = Any()

    /**
     * A valid token: at once if there is one, else after a fetch.
     *
     * @throws TokenException if there is none.
     */
    public suspend fun token(context: AuthTokenContext): AuthToken = copy(context) ?: ask(context, null)

    /**
     * A token that is valid for at least this long.
     *
     * @throws TokenException of the kind [TokenErrorKind.LIFETIME_TOO_SHORT] if the backend gives none that is, or as
     *   [token] does.
     */
    @JvmSynthetic
    public suspend fun tokenValidFor(context: AuthTokenContext, time: Duration): AuthToken =
        tokenValidFor(context, time.inWholeMilliseconds, TimeUnit.MILLISECONDS)

    /** The same with a time in [unit]. */
    public suspend fun tokenValidFor(context: AuthTokenContext, time: Long, unit: TimeUnit): AuthToken {
        require(time >= 0) { "a time is not negative" }
        return ask(context, unit.toMillis(time).toULong())
    }

    /**
     * The same as [token] for a thread that may wait, at most for the fetch deadline.
     *
     * @throws TokenException if there is no token, and always on Android's main thread, which must not wait.
     */
    @Throws(TokenException::class)
    public fun getToken(context: AuthTokenContext): AuthToken {
        // Also when there is a copy, so that the mistake is found in the first test.
        mayBlock()
        return copy(context) ?: askBlocking(context)
    }

    /** The token if one can be served at once. What is due, spent or missing is fetched in the background. */
    public fun tryToken(context: AuthTokenContext): AuthToken? = copy(context) ?: tryAsking(context)

    /**
     * A handle on one context, for a loop that asks for its token again and again. While it is open, the context's
     * entry is never evicted.
     *
     * @throws TokenException if no token can be had for this context whatever the backend says, or this was closed.
     */
    @Throws(TokenException::class)
    public fun handle(context: AuthTokenContext): TokenHandle =
        TokenHandle(this, context, typed { native.handle(asked(context)) }).also { lookForEvictions() }

    /**
     * Reports that Fleet Engine refused this token with UNAUTHENTICATED; it is not served again.
     *
     * @return whether it was the current one; if not, another has replaced it already.
     */
    public fun invalidate(context: AuthTokenContext, token: AuthToken): Boolean {
        val done = native.invalidate(context.ffi, token.value)
        copies.seen(done.epoch.toLong())
        return done.wasCurrent
    }

    /** Forgets everything, as when the user signs out. */
    public fun clear() {
        copies.seen(native.clear().toLong())
    }

    /** Fetches, in the background, what is not there yet. */
    public fun prefetch(contexts: Iterable<AuthTokenContext>) {
        beforeAsking()
        native.prefetch(contexts.filter { it.isText }.map { it.ffi })
        lookForEvictions()
    }

    /** Fetches, in the background, what is not there yet. */
    public fun prefetch(vararg contexts: AuthTokenContext): Unit = prefetch(contexts.asList())

    /** Reports that the network is back: the next calls ask the backend at once. */
    public fun networkAvailable(): Unit = native.networkAvailable()

    /** Reports that the user signed in: what the backend refused is asked for again at the next call. */
    public fun sessionChanged(): Unit = native.sessionChanged()

    /** The counters. */
    public fun stats(): TokenStats {
        tellHits()
        return TokenStats(native.stats())
    }

    /**
     * What happens from when it is collected, until the factory is closed; then it completes.
     *
     * A slow collector holds up nothing: it misses events, and is told how many with [TokenEvent.Missed].
     */
    public val events: Flow<TokenEvent> =
        callbackFlow {
            val listener = FlowListener(channel)
            val subscription =
                synchronized(lifecycle) { if (isClosed) null else native.listen(listener) }
            if (subscription == null) channel.close()
            awaitClose { subscription?.stop() }
        }.buffer(EVENTS_KEPT)

    /**
     * Ends everything: who waits gets [TokenException.Ended] at once, and so does who asks later. Waits for fetches to
     * end, a second at most.
     */
    public suspend fun shutdown() {
        endServing()
        // Half an end would be none.
        val epoch = withContext(NonCancellable) { native.shutdown() }
        copies.seen(epoch.toLong())
    }

    /** The same as [shutdown] without waiting for fetches to end. */
    override fun close() {
        endServing()
        copies.seen(native.shutDownNow().toLong())
    }

    override fun toString(): String = "AuthTokenFactory(${stats()})"

    private fun copy(context: AuthTokenContext) = if (isClosed) null else copies.fresh(context)

    internal suspend fun ask(context: AuthTokenContext, validForMs: ULong?): AuthToken {
        val ffi = asked(context)
        val asked = beforeAsking()
        // uniffi polls on the caller's thread, and the first call into the core loads classes: not where one draws.
        val served =
            if (platform.isMainThread()) {
                withContext(Dispatchers.Default) { typed { native.token(ffi, validForMs) } }
            } else {
                typed { native.token(ffi, validForMs) }
            }
        return kept(context, served, asked)
    }

    internal fun askBlocking(context: AuthTokenContext): AuthToken {
        val ffi = asked(context)
        val asked = beforeAsking()
        val served = typed { native.tokenBlocking(ffi) }
        return kept(context, served, asked)
    }

    internal fun tryAsking(context: AuthTokenContext): AuthToken? {
        if (!context.isText) return null
        val asked = beforeAsking()
        val served = native.tryToken(context.ffi)
        if (served == null) lookForEvictions()
        return served?.let { kept(context, it, asked) }
    }

    private fun asked(context: AuthTokenContext): FfiTokenContext {
        if (!context.isText) throw TokenException.unreadableId()
        return context.ffi
    }

    internal fun mayBlock() {
        if (platform.isMainThread()) throw TokenException.blockingOnMainThread()
    }

    private fun beforeAsking(): CopyClock.Asked {
        tellHits()
        return platform.clock.beforeCall()
    }

    private fun tellHits() {
        val hits = copies.takeHits()
        if (hits.isNotEmpty()) native.noteHits(hits)
    }

    private fun kept(context: AuthTokenContext, served: FfiToken, asked: CopyClock.Asked): AuthToken {
        val since = asked.served(served)
        val token = AuthToken.of(served, since)
        copies.keep(context, served, token, since)
        return token
    }

    private fun endServing() {
        synchronized(lifecycle) { isClosed = true }
    }

    /** What a call has evicted is told with its token, or has to be asked for if it brought none. */
    private fun lookForEvictions() = copies.evicted(native.stats().evictions.toLong())

    private inline fun <T> typed(call: () -> T): T =
        try {
            call()
        } catch (failed: FfiTokenException) {
            lookForEvictions()
            throw TokenException.of(failed)
        } catch (_: InternalException) {
            // A panic in the library, whose text is not for the app.
            throw TokenException.interrupted()
        }

    public companion object {
        private const val EVENTS_KEPT = 256

        /** Begins to build a factory. */
        @JvmStatic
        public fun builder(): AuthTokenFactoryBuilder = AuthTokenFactoryBuilder()
    }
}

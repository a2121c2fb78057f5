package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenHandle
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.time.Duration

/**
 * A factory and one context, for a loop that asks for the same token again and again: it finds its token without a
 * lookup, and while it is open the context's entry is never evicted. Made by [AuthTokenFactory.handle].
 *
 * Close it when the loop ends; closing the factory ends its handles too. Safe to use from any thread.
 */
public class TokenHandle internal constructor(
    private val factory: AuthTokenFactory,
    /** What its tokens are for. */
    public val context: AuthTokenContext,
    private val native: FfiTokenHandle,
) : AutoCloseable {
    private val place = factory.copies.hold(context)
    private val isClosed = AtomicBoolean()

    /**
     * As [AuthTokenFactory.token].
     *
     * @throws TokenException as there, and [TokenException.Ended] if this was closed.
     */
    public suspend fun token(): AuthToken = fresh() ?: factory.ask(open(), null)

    /**
     * As [AuthTokenFactory.tokenValidFor].
     *
     * @throws TokenException as there, and [TokenException.Ended] if this was closed.
     */
    @JvmSynthetic
    public suspend fun tokenValidFor(time: Duration): AuthToken = factory.tokenValidFor(open(), time)

    /** The same with a time in [unit]. */
    public suspend fun tokenValidFor(time: Long, unit: TimeUnit): AuthToken = factory.tokenValidFor(open(), time, unit)

    /**
     * As [AuthTokenFactory.getToken].
     *
     * @throws TokenException as there, and [TokenException.Ended] if this was closed.
     */
    @Throws(TokenException::class)
    public fun getToken(): AuthToken {
        factory.mayBlock()
        return fresh() ?: factory.askBlocking(open())
    }

    /** As [AuthTokenFactory.tryToken]; null also if this was closed. */
    public fun tryToken(): AuthToken? = if (isClosed.get()) null else fresh() ?: factory.tryAsking(context)

    /** As [AuthTokenFactory.invalidate], also after this was closed. */
    public fun invalidate(token: AuthToken): Boolean = factory.invalidate(context, token)

    /** Lets go of the context. */
    override fun close() {
        if (!isClosed.compareAndSet(false, true)) return
        factory.copies.release(place)
        native.close()
    }

    override fun toString(): String = "TokenHandle($context)"

    private fun fresh() = if (isClosed.get() || factory.isClosed) null else place.fresh()

    private fun open(): AuthTokenContext {
        if (isClosed.get()) throw TokenException.handleClosed()
        return context
    }
}

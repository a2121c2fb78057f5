package dev.fleettoken.android

import android.os.Handler
import android.os.Looper
import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.future.future
import kotlinx.coroutines.launch

/** Told of one answer, exactly once, unless it was cancelled before. */
public interface TokenCallback {
    /** There is a token. */
    public fun onToken(token: AuthToken)

    /** There is none. */
    public fun onFailure(failure: TokenException)
}

/** Told of what happens to a factory's tokens. */
public fun interface TokenEventListener {
    /** Something happened. */
    public fun onEvent(event: TokenEvent)
}

/** Something that was asked for and can be called off. */
public fun interface Cancellable {
    /** Calls it off. Called on the thread that would be told, it makes sure that nothing is told any more. */
    public fun cancel()
}

/**
 * The factory's questions without coroutines, for Java: by future and by callback. Never blocks, on no thread.
 *
 * Needs no closing: with the factory everything ends.
 *
 * @param executor runs callbacks and listeners; by default the main thread, so that they may touch views. What it
 *   rejects is told to nobody.
 */
public class AsyncTokens @JvmOverloads constructor(
    private val tokens: AuthTokenFactory,
    private val executor: Executor = MainThread,
) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    /** [AuthTokenFactory.token] as a future, which fails with a [TokenException]. Cancelling it loses no work. */
    public fun token(context: AuthTokenContext): CompletableFuture<AuthToken> = scope.future { tokens.token(context) }

    /** [AuthTokenFactory.tokenValidFor] as a future, which fails with a [TokenException]. */
    public fun tokenValidFor(context: AuthTokenContext, time: Long, unit: TimeUnit): CompletableFuture<AuthToken> =
        scope.future { tokens.tokenValidFor(context, time, unit) }

    /** [AuthTokenFactory.token], told to a callback: never within this call. */
    public fun token(context: AuthTokenContext, callback: TokenCallback): Cancellable = calling { tell ->
        val outcome =
            try {
                val token = tokens.token(context)
                Runnable { callback.onToken(token) }
            } catch (failure: TokenException) {
                Runnable { callback.onFailure(failure) }
            }
        // Not in the `try`: what the callback throws is no failure of the question.
        tell(outcome)
    }

    /** Tells what happens from shortly after this call, until it is cancelled or the factory closed. */
    public fun listen(listener: TokenEventListener): Cancellable = calling { tell ->
        tokens.events.collect { event -> tell { listener.onEvent(event) } }
    }

    private fun calling(ask: suspend (tell: (Runnable) -> Unit) -> Unit): Cancellable {
        val cancelled = AtomicBoolean()
        val job: Job = scope.launch { ask { told -> unless(cancelled, told) } }
        return Cancellable {
            cancelled.set(true)
            job.cancel()
        }
    }

    private fun unless(cancelled: AtomicBoolean, told: Runnable) {
        try {
            executor.execute { if (!cancelled.get()) told.run() }
        } catch (_: RejectedExecutionException) {
            // Shut down by the app, which wants to hear no more.
        }
    }

    private object MainThread : Executor {
        private val handler by lazy { Handler(Looper.getMainLooper()) }

        override fun execute(task: Runnable) {
            handler.post(task)
        }
    }
}

package driver

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.math.cos
import kotlin.math.sin
import kotlin.time.TimeSource

/**
 * What Google's Driver SDK does in an app: on a thread of its own, once a second, it asks for the token and sends where
 * the vehicle is. It keeps no token; neither does this. The factory answers from memory, and says when it cannot.
 *
 * On Android all of this is the SDK's, and the factory goes into `DriverContext.Builder.setAuthTokenFactory` as a
 * `DriverTokenFactory`.
 */
class LocationUpdates(
    private val engine: FleetEngine,
    private val tokens: AuthTokenFactory,
    private val vehicle: AuthTokenContext,
    private val told: (number: Int, seconds: Double, Answer) -> Unit,
) : AutoCloseable {
    private val thread = Executors.newSingleThreadScheduledExecutor()
    private var number = 0

    fun start() {
        thread.scheduleAtFixedRate(::update, 0, 1, TimeUnit.SECONDS)
    }

    private fun update() {
        number++
        val began = TimeSource.Monotonic.markNow()
        val answer =
            try {
                send()
            } catch (none: TokenException) {
                Answer.NoToken(none)
            } catch (broken: Exception) {
                Answer.Broken(broken.javaClass.simpleName)
            }
        told(number, began.elapsedNow().inWholeMilliseconds / 1000.0, answer)
    }

    /** Blocks, at most for the fetch deadline, and only if there is no token that is good. */
    private fun send(): Answer {
        val token = tokens.getToken(vehicle)
        val status = engine.moveTo(vehicle, place(), token)
        if (status != UNAUTHENTICATED) return Answer.Told(status)
        // Fleet Engine refuses a token that looked good. Not for 403: that one means the wrong id or role.
        tokens.invalidate(vehicle, token)
        return Answer.Told(engine.moveTo(vehicle, place(), tokens.getToken(vehicle)))
    }

    /** Round and round the Theresienwiese. */
    private fun place(): Place {
        val angle = number * 0.1
        return Place(48.1313 + 0.004 * sin(angle), 11.5496 + 0.004 * cos(angle))
    }

    override fun close() {
        thread.shutdown()
        thread.awaitTermination(40, TimeUnit.SECONDS)
    }

    private companion object {
        const val UNAUTHENTICATED = 401
    }
}

/** What became of one update. */
sealed class Answer(val said: String) {
    class Told(status: Int) : Answer(if (status == 200) "accepted" else "Fleet Engine answered $status") {
        val isAccepted = status == 200
    }

    class NoToken(why: TokenException) : Answer("not sent: ${why.kind}, ${why.message}")

    class Broken(what: String) : Answer("not sent: $what")
}

package dev.fleettoken

import java.util.concurrent.ConcurrentHashMap
import kotlin.coroutines.resume
import kotlin.coroutines.suspendCoroutine
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** Answers of the app's code that come when nobody wants them any more, or twice. */
class LateTest {
    /** Answers the requests that are held when they are let go, all others at once. */
    private class Held(vararg held: Int) {
        private val gates = held.associateWith { CompletableDeferred<Unit>() }
        private val answered = ConcurrentHashMap<Int, CompletableDeferred<Unit>>()

        val backend = Backend { _, number ->
            gates[number]?.await()
            reply(number).also { done(number).complete(Unit) }
        }

        private fun done(number: Int) = answered.getOrPut(number) { CompletableDeferred() }

        /** Answers, and gives the answer time to get to where it is dropped. */
        suspend fun letGo(number: Int) {
            gates.getValue(number).complete(Unit)
            withTimeout(20.seconds) { done(number).await() }
            delay(50)
        }
    }

    private fun number(token: AuthToken?) = token?.value?.substringAfterLast('-')?.toInt()

    @Test
    fun `an answer after its attempt's time is dropped, and the next attempt's is served`() = runBlocking<Unit> {
        val held = Held(1)
        held.backend.factory { maxAttempts(2).attemptTimeout(100.milliseconds) }.use { factory ->
            assertEquals(2, number(factory.token(v1)))
            held.letGo(1)
            assertEquals(2, number(factory.tryToken(v1)))
            assertEquals(listOf(2L, 1L), factory.stats().let { listOf(it.fetches, it.successes) })
        }
    }

    @Test
    fun `an answer after the deadline is dropped`() = runBlocking<Unit> {
        val held = Held(1)
        held.backend.factory { fetchDeadline(100.milliseconds) }.use { factory ->
            assertEquals(TokenErrorKind.TIMEOUT, kindOf { factory.token(v1) })
            held.letGo(1)
            assertNull(factory.tryToken(v1))
            assertEquals(0, factory.stats().successes)
        }
    }

    @Test
    fun `an answer from before a rejection is asked for once more`() = runBlocking<Unit> {
        val held = Held(2)
        held.backend.factory().use { factory ->
            val first = factory.token(v1)
            assertEquals(1, number(first))
            // It lives for an hour, and some of that is over: whoever asks for all of it waits for another.
            delay(10)
            val waiting = async(Dispatchers.Default) { kindOf { factory.tokenValidFor(v1, 1.hours - 1.milliseconds) } }
            until { held.backend.sent.get() == 2 }
            assertTrue(factory.invalidate(v1, first))
            held.letGo(2)
            // That one, too, may live no longer than asked by now.
            assertTrue(withTimeout(20.seconds) { waiting.await() } in setOf(null, TokenErrorKind.LIFETIME_TOO_SHORT))
            assertEquals(3, held.backend.sent.get())
            assertEquals(3, number(factory.tryToken(v1)))
        }
    }

    @Test
    fun `an answer from before a clear is nobody's`() = runBlocking<Unit> {
        val held = Held(1)
        held.backend.factory().use { factory ->
            val waiting = async(Dispatchers.Default) { kindOf { factory.token(v1) } }
            until { held.backend.sent.get() == 1 }
            factory.clear()
            assertEquals(TokenErrorKind.CLEARED, withTimeout(5.seconds) { waiting.await() })
            held.letGo(1)
            assertEquals(0, factory.stats().successes)
            assertEquals(2, number(factory.token(v1)), "the new session has a token of its own")
        }
    }

    @Test
    fun `a login that comes late or twice changes nothing`() = runBlocking<Unit> {
        val release = CompletableDeferred<Unit>()
        val second = CompletableDeferred<Throwable?>()
        val over = CompletableDeferred<Unit>()
        val backend = Backend()
        val login = mapOf("Authorization" to "Bearer SECRET-SESSION-1")
        backend
            .factory {
                fetchDeadline(200.milliseconds).sessionHeaders {
                    if (it == v1) {
                        release.await()
                        over.complete(Unit)
                        login
                    } else {
                        suspendCoroutine { waiting ->
                            waiting.resume(login)
                            second.complete(runCatching { waiting.resume(login) }.exceptionOrNull())
                        }
                    }
                }
            }.use { factory ->
                assertEquals(TokenErrorKind.TIMEOUT, kindOf { factory.token(v1) })
                release.complete(Unit)
                over.await()
                assertEquals(1, number(factory.token(v2)), "nothing was sent for the late one")
                assertTrue(second.await() is IllegalStateException)
            }
    }
}

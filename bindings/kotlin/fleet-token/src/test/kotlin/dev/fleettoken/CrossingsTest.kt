package dev.fleettoken

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/** What is served from a copy, and what is asked of the core. */
class CrossingsTest {
    private val backend = Backend()

    @Test
    fun `a hit does not cross`() = runBlocking<Unit> {
        val (factory, crossings) = backend.counted()
        factory.use {
            val token = factory.token(v1)
            val handle = factory.handle(v1)
            val before = crossings.total
            repeat(1000) { assertSame(token, factory.token(v1)) }
            assertSame(token, factory.getToken(AuthTokenContext(vehicleId = "v1")))
            assertSame(token, factory.tryToken(v1))
            repeat(1000) { assertSame(token, handle.token()) }
            assertSame(token, handle.getToken())
            assertSame(token, handle.tryToken())
            assertEquals(before, crossings.total, "${crossings.byName}")

            val stats = factory.stats()
            assertEquals(listOf(1L, 2005L, 2004L), listOf(stats.fetches, stats.calls, stats.hits))
            assertEquals(1, crossings.byName["noteHits"], "hits are told together")
            assertEquals(token.value, factory.tokenValidFor(v1, 1.minutes).value)
            assertEquals(2, crossings.byName["token"], "asking for more life crosses")
        }
    }

    @Test
    fun `a hundred threads that hit do not cross`() {
        val (factory, crossings) = backend.counted()
        factory.use {
            val token = factory.getToken(v1)
            val before = crossings.total
            val threads = List(100) { thread { repeat(100) { assertSame(token, factory.getToken(v1)) } } }
            threads.forEach { it.join() }
            assertEquals(before, crossings.total)
            assertEquals(10_001, factory.stats().calls)
        }
    }

    @Test
    fun `what the core evicts is fetched at the very next call`() = runBlocking<Unit> {
        val (factory, _) = backend.counted { maxEntries(1) }
        factory.use {
            listOf(v1, v2, v1).forEach { factory.token(it) }
            assertEquals(3, backend.sent.get())
            assertEquals(2, factory.stats().evictions)
            factory.prefetch(v2)
            assertNotEquals("SECRET-TOKEN-3", factory.token(v1).value, "evicted by a prefetch")
        }
        val (other, _) = backend.counted { maxEntries(1) }
        other.use {
            other.token(v1)
            assertNull(other.tryToken(v2))
            assertNull(other.tryToken(v1), "evicted by one that is not there yet")
        }
    }

    @Test
    fun `what a failing call evicts is fetched at the very next call`() = runBlocking<Unit> {
        val choosy = Backend { request, number -> if (request.url.endsWith("v2")) error("no v2") else reply(number) }
        choosy.factory { maxEntries(1) }.use { factory ->
            factory.token(v1)
            assertEquals(TokenErrorKind.TRANSPORT, kindOf { factory.token(v2) })
            assertEquals("SECRET-TOKEN-3", factory.token(v1).value)
        }
    }

    @Test
    fun `what a handle holds stays, and its copy too`() = runBlocking<Unit> {
        val (factory, crossings) = backend.counted { maxEntries(1) }
        factory.use {
            val handle = factory.handle(v1)
            val token = handle.token()
            factory.token(v2)
            assertSame(token, handle.token())
            assertEquals(0, factory.stats().evictions)
            val before = crossings.total
            assertSame(token, factory.token(v1))
            assertEquals(before, crossings.total)
            handle.close()
            factory.token(AuthTokenContext.vehicle("v3"))
            assertEquals("SECRET-TOKEN-4", factory.token(v1).value, "it is held no more")
        }
    }

    /** Holds a thread up between the core's answer and the keeping of it, and does something meanwhile. */
    private fun late(
        change: AuthTokenFactoryBuilder.() -> Unit = {},
        meanwhile: (AuthTokenFactory, AuthToken) -> Unit,
    ) {
        val (factory, crossings) = backend.counted(change)
        factory.use {
            // It brings no token, so that the thread has to ask.
            factory.prefetch(v1)
            runBlocking { until { factory.stats().successes == 1L } }
            val answered = CountDownLatch(1)
            val goOn = CountDownLatch(1)
            crossings.onReturn = { name ->
                if (name == "tryToken") {
                    crossings.onReturn = {}
                    answered.countDown()
                    goOn.await(20, TimeUnit.SECONDS)
                }
            }
            var brought: AuthToken? = null
            val slow = thread { brought = factory.tryToken(v1) }
            assertTrue(answered.await(20, TimeUnit.SECONDS))
            val first = factory.getToken(v1)
            meanwhile(factory, first)
            goOn.countDown()
            slow.join()
            assertEquals(first.value, brought?.value, "it was served before")
            val handle = runCatching { factory.handle(v1) }.getOrNull()
            assertNotEquals(first.value, handle?.tryToken()?.value)
            assertNotEquals(first.value, factory.tryToken(v1)?.value)
        }
    }

    @Test
    fun `a slower thread does not put back a rejected token`() =
        late { factory, token -> factory.invalidate(v1, token) }

    @Test
    fun `a slower thread does not put back a cleared token`() = late { factory, _ -> factory.clear() }

    @Test
    fun `a slower thread does not put back an evicted token`() =
        late({ maxEntries(1) }) { factory, _ -> factory.getToken(v2) }

    @Test
    fun `a slower thread does not put back a token after the end`() = late { factory, _ -> factory.close() }

    @Test
    fun `a rejected or cleared token is never served again, however many ask`() = runBlocking<Unit> {
        backend.factory().use { factory ->
            val stop = AtomicBoolean()
            val handle = factory.handle(v1)
            // Threads of their own: busy coroutines would keep the transport's from ever running.
            val asking =
                List(4) { n ->
                    thread { while (!stop.get()) if (n % 2 == 0) factory.tryToken(v1) else handle.tryToken() }
                }
            var rounds = 0
            try {
                repeat(200) { round ->
                    // A clear may come between a fetch's end and its waiter.
                    val token = runCatching { factory.token(v1) }.getOrNull() ?: return@repeat
                    rounds++
                    if (round % 2 == 0) factory.invalidate(v1, token) else factory.clear()
                    repeat(20) {
                        assertTrue(factory.tryToken(v1)?.value != token.value, "it was put back")
                        assertTrue(handle.tryToken()?.value != token.value, "it was put back")
                    }
                    // Lets the breaker go.
                    if (round % 2 == 0) factory.clear()
                }
            } finally {
                stop.set(true)
                asking.forEach { it.join() }
            }
            assertTrue(rounds > 100, "only $rounds rounds had a token to reject or clear")
        }
    }
}

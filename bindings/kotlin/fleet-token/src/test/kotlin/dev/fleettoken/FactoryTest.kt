package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenEvent
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.toList
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** On real threads and clocks, as in an app. What the core decides is the scenarios' business. */
class FactoryTest {
    private val sent = AtomicInteger()
    private val v1 = AuthTokenContext.vehicle("v1")

    private fun body(number: Int) = """{"token":"SECRET-TOKEN-$number","expiresInSeconds":3600}""".toByteArray()

    private fun factory(
        change: AuthTokenFactoryBuilder.() -> Unit = {},
        answer: suspend (Int) -> HttpResponse = { HttpResponse(200, emptyList(), body(it)) },
    ): AuthTokenFactory =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
            .maxAttempts(1)
            .transport { answer(sent.incrementAndGet()) }
            .apply(change)
            .build()

    @Test
    fun `a hit does not cross and is counted all the same`() = runBlocking<Unit> {
        factory().use { factory ->
            val token = factory.token(v1)
            repeat(1000) { assertSame(token, factory.token(v1)) }
            assertSame(token, factory.getToken(v1))
            assertSame(token, factory.tryToken(v1))
            val stats = factory.stats()
            assertEquals(listOf(1L, 1003L, 1002L), listOf(stats.fetches, stats.calls, stats.hits))
            assertEquals("SECRET-TOKEN-1", token.value)
            assertTrue(token.remaining!! in 59.minutes..60.minutes)
            assertEquals(token.value, factory.tokenValidFor(v1, 1.minutes).value)
            assertEquals(
                TokenErrorKind.LIFETIME_TOO_SHORT,
                assertFailsWith<TokenException.BadToken> { factory.tokenValidFor(v1, 2.hours) }.kind,
            )
        }
    }

    @Test
    fun `a hundred threads with ten contexts make ten requests`() {
        factory { delay(50); HttpResponse(200, emptyList(), body(it)) }.let { factory ->
            val pool = Executors.newFixedThreadPool(100)
            val go = CountDownLatch(1)
            val asked = (0 until 100).map { n ->
                pool.submit<String> { go.await().let { factory.getToken(AuthTokenContext.vehicle("v${n % 10}")).value } }
            }
            go.countDown()
            assertEquals(10, asked.map { it.get(20, TimeUnit.SECONDS) }.toSet().size)
            assertEquals(10, sent.get())
            pool.shutdown()
            factory.close()
        }
    }

    @Test
    fun `a caller who is cancelled loses no work`() = runBlocking<Unit> {
        val answer = CompletableDeferred<Unit>()
        factory { answer.await(); HttpResponse(200, emptyList(), body(it)) }.use { factory ->
            val caller = launch(Dispatchers.Default) { factory.token(v1) }
            withTimeout(5.seconds) { while (sent.get() == 0) delay(2) }
            caller.cancelAndJoin()
            answer.complete(Unit)
            assertEquals("SECRET-TOKEN-1", factory.token(v1).value)
            assertEquals(1, sent.get())
        }
    }

    @Test
    fun `closing answers waiters at once and later callers clearly`() = runBlocking<Unit> {
        val factory = factory { awaitCancellation() }
        val waiting = List(5) { async(Dispatchers.Default) { runCatching { factory.token(v1) } } }
        val blocked = async(Dispatchers.IO) { runCatching { factory.getToken(v1) } }
        withTimeout(5.seconds) { while (factory.stats().calls < 6) delay(2) }
        factory.close()
        val answers = withTimeout(2.seconds) { waiting.awaitAll() + blocked.await() }
        assertEquals(setOf(TokenErrorKind.SHUT_DOWN), answers.map { (it.exceptionOrNull() as TokenException).kind }.toSet())
        assertFailsWith<TokenException.Ended> { factory.token(v1) }
        assertFailsWith<TokenException.Ended> { factory.getToken(v1) }
        assertNull(factory.tryToken(v1))
        factory.close()
        factory.shutdown()
        factory.clear()
        factory.prefetch(v1)
        assertEquals(emptyList(), factory.events.toList())
    }

    @Test
    fun `what a transport throws is a typed error that repeats nothing`() = runBlocking<Unit> {
        val thrown =
            listOf(IllegalStateException("SECRET-SESSION-1"), NotImplementedError("SECRET-SESSION-1"), OutOfMemoryError())
        for (problem in thrown) {
            factory { throw problem }.use { factory ->
                val error = withTimeout(5.seconds) { assertFailsWith<TokenException.Network> { factory.token(v1) } }
                assertEquals(TokenErrorKind.TRANSPORT, error.kind)
                assertFalse("SECRET" in error.stackTraceToString())
            }
        }
        val signedOut = factory({ sessionHeaders { throw SignedOutException() } })
        assertEquals(TokenErrorKind.SESSION, assertFailsWith<TokenException.SignIn> { signedOut.token(v1) }.kind)
        signedOut.close()
    }

    @Test
    fun `bad ids and settings are typed errors and nothing is sent`() = runBlocking<Unit> {
        factory().use { factory ->
            for (id in listOf("", "a".repeat(65), "../x")) {
                assertFailsWith<TokenException.Misuse>(id) { factory.token(AuthTokenContext.vehicle(id)) }
            }
            val error = assertFailsWith<TokenException.Misuse> { factory.token(AuthTokenContext.trip("t1")) }
            assertEquals(TokenErrorKind.NO_ENDPOINT, error.kind)
        }
        assertEquals(0, sent.get())
        val refused = assertFailsWith<TokenException.Misuse> { AuthTokenFactory.builder().build() }
        assertEquals(TokenErrorKind.INVALID_CONFIG, refused.kind)
        assertFailsWith<IllegalArgumentException> { AuthTokenFactory.builder().maxAttempts(-1) }
    }

    @Test
    fun `a rejected or cleared token is never served again, however many ask`() = runBlocking<Unit> {
        factory().use { factory ->
            val stop = AtomicInteger()
            // Threads of their own: busy coroutines would keep the transport's from ever running.
            val asking = List(3) { thread { while (stop.get() == 0) runCatching { factory.tryToken(v1) } } }
            var rounds = 0
            try {
                repeat(200) { round ->
                    // A clear may come between a fetch's end and its waiter.
                    val token = runCatching { factory.token(v1) }.getOrNull() ?: return@repeat
                    rounds++
                    if (round % 2 == 0) factory.invalidate(v1, token) else factory.clear()
                    if (round % 2 == 0) {
                        repeat(20) { assertTrue(factory.tryToken(v1)?.value != token.value, "it was put back") }
                        // Lets the breaker go.
                        factory.clear()
                    }
                }
            } finally {
                stop.set(1)
                asking.forEach { it.join() }
            }
            assertTrue(rounds > 100, "only $rounds rounds had a token to reject or clear")
        }
    }

    @Test
    fun `a slow collector holds up nothing and is told what it missed`() = runBlocking<Unit> {
        val channel = Channel<TokenEvent>(capacity = 2)
        val listener = FlowListener(channel)
        repeat(5) { listener.onEvent(FfiTokenEvent.Cleared, 0u) }
        assertEquals(List(2) { "cleared" }, List(2) { channel.receive().name })
        listener.onEvent(FfiTokenEvent.Cleared, 0u)
        assertEquals(3, assertIs<TokenEvent.Missed>(channel.receive()).count)
        assertIs<TokenEvent.Cleared>(channel.receive())
        listener.onEvent(FfiTokenEvent.ShutDown, 0u)
        assertEquals(listOf("shut_down"), channel.toList().map { it.name })
    }

    @Test
    fun `events come in order and end with the factory`() = runBlocking<Unit> {
        val factory = factory()
        val listening = CompletableDeferred<Unit>()
        val seen = async(Dispatchers.Default) {
            factory.events.onEach { listening.complete(Unit) }.filter { it !is TokenEvent.NetworkAvailable }.toList()
        }
        withTimeout(5.seconds) {
            while (!listening.isCompleted) {
                factory.networkAvailable()
                delay(2)
            }
        }
        factory.invalidate(v1, factory.token(v1))
        factory.clear()
        factory.shutdown()
        val names = withTimeout(5.seconds) { seen.await() }.map { it.name }
        assertEquals(listOf("fetch_started", "fetched", "rejected", "cleared", "shut_down"), names)
    }

    @Test
    fun `five hundred factories leave no thread`() = runBlocking<Unit> {
        factory().use { it.token(v1) }
        val before = Thread.activeCount()
        repeat(500) { factory().use { factory -> factory.token(v1) } }
        assertTrue(Thread.activeCount() <= before + 8, "${Thread.activeCount()} threads, $before before")
    }

    @Test
    fun `nothing prints a secret`() = runBlocking<Unit> {
        factory().use { factory ->
            val token = factory.token(v1)
            val request = HttpRequest("POST", "https://b.test/", listOf("a" to "SECRET-1"), "SECRET-2".toByteArray(), 1, 1)
            val reply = HttpResponse(200, listOf("a" to "SECRET-1"), "SECRET-2".toByteArray())
            val printed = "$token $factory ${factory.stats()} $v1 $request $reply"
            assertFalse("SECRET" in printed, "printed a secret")
            assertContains(printed, "[redacted]")
            assertContains(printed, "AuthTokenContext(vehicleId=v1)")
        }
    }
}

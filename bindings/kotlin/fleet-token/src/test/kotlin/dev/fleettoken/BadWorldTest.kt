package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import dev.fleettoken.ffi.FfiTokenContext
import dev.fleettoken.ffi.FfiTokenFactory
import dev.fleettoken.ffi.FfiTokenFactoryInterface
import dev.fleettoken.ffi.InternalException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.resume
import kotlin.coroutines.suspendCoroutine
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** Code of the app's that misbehaves, callers who go away, and calls that come too late. */
class BadWorldTest {
    private val secret = "SECRET-SESSION-1"
    private val anything =
        listOf(
            IllegalStateException(secret),
            CancellationException(secret),
            NotImplementedError(secret),
            OutOfMemoryError(secret),
            StackOverflowError(secret),
            LinkageError(secret),
        )

    private suspend fun failure(factory: AuthTokenFactory): TokenException =
        withTimeout(20.seconds) { assertFailsWith<TokenException> { factory.token(v1) } }
            .also { assertFalse(holdsSecret(it.stackTraceToString()), "it was repeated") }

    @Test
    fun `whatever a transport throws is a typed error that repeats nothing`() = runBlocking<Unit> {
        for (thrown in anything) {
            Backend { _, _ -> throw thrown }.factory().use { factory ->
                assertEquals(TokenErrorKind.TRANSPORT, failure(factory).kind, "${thrown.javaClass}")
                // The factory lives on.
                assertEquals(TokenErrorKind.BACKING_OFF, kindOf { factory.getToken(v1) })
            }
        }
        for (status in listOf(-1, 65_536 + 200)) {
            Backend { _, _ -> HttpResponse(status, emptyList(), reply(1).body) }.factory().use { factory ->
                assertEquals(TokenErrorKind.TRANSPORT, failure(factory).kind)
            }
        }
    }

    @Test
    fun `whatever a session provider throws is a typed error that repeats nothing, and sends nothing`() =
        runBlocking<Unit> {
            for (thrown in anything + SignedOutException()) {
                val backend = Backend()
                backend.factory { sessionHeaders { throw thrown } }.use { factory ->
                    val failed = failure(factory)
                    assertEquals(TokenErrorKind.SESSION, failed.kind)
                    assertEquals(thrown !is SignedOutException, failed.retryable, "${thrown.javaClass}")
                }
                assertEquals(0, backend.sent.get())
            }
        }

    @Test
    fun `a transport that hangs runs into the deadline, and holds up nothing else`() {
        val release = CountDownLatch(1)
        val backend =
            Backend { request, number ->
                when {
                    request.url.endsWith("/suspends") -> awaitCancellation()
                    request.url.endsWith("/v1") -> reply(number)
                    // Blocks its thread, more of them than there are threads to compute on.
                    else -> reply(number).also { release.await(60, TimeUnit.SECONDS) }
                }
            }
        val hanging = List(32) { "blocks$it" } + "suspends"
        backend.factory { fetchDeadline(500, TimeUnit.MILLISECONDS) }.use { factory ->
            try {
                runBlocking {
                    val asked =
                        hanging.map { id ->
                            async(Dispatchers.IO) { kindOf { factory.token(AuthTokenContext.vehicle(id)) } }
                        }
                    until { backend.sent.get() == hanging.size }
                    assertEquals("SECRET-TOKEN-34", factory.token(v1).value)
                    val kinds = withTimeout(20.seconds) { asked.awaitAll() }
                    assertEquals(setOf(TokenErrorKind.TIMEOUT), kinds.toSet())
                }
            } finally {
                release.countDown()
            }
        }
    }

    @Test
    fun `a session provider that hangs runs into the deadline, and nothing is sent`() = runBlocking<Unit> {
        val backend = Backend()
        val hanging = backend.factory { sessionHeaders { awaitCancellation() }.fetchDeadline(300.milliseconds) }
        hanging.use { assertEquals(TokenErrorKind.TIMEOUT, failure(it).kind) }
        assertEquals(0, backend.sent.get())
    }

    @Test
    fun `a transport that answers twice is heard once`() = runBlocking<Unit> {
        val second = CompletableDeferred<Throwable?>()
        val backend =
            Backend { _, _ ->
                suspendCoroutine { waiting ->
                    waiting.resume(reply(1))
                    second.complete(runCatching { waiting.resume(reply(2)) }.exceptionOrNull())
                }
            }
        backend.factory().use { factory ->
            assertEquals("SECRET-TOKEN-1", factory.token(v1).value)
            assertTrue(second.await() is IllegalStateException)
            assertEquals(1, factory.stats().successes)
        }
    }

    @Test
    fun `an answer that comes after the end is dropped`() = runBlocking<Unit> {
        val answer = CompletableDeferred<Unit>()
        val answered = CompletableDeferred<Unit>()
        val backend = Backend { _, number -> answer.await().let { reply(number) }.also { answered.complete(Unit) } }
        val factory = backend.factory()
        val waiting = async(Dispatchers.IO) { kindOf { factory.token(v1) } }
        until { backend.sent.get() == 1 }
        factory.close()
        assertEquals(TokenErrorKind.SHUT_DOWN, withTimeout(5.seconds) { waiting.await() })
        answer.complete(Unit)
        answered.await()
        assertEquals(TokenErrorKind.SHUT_DOWN, kindOf { factory.token(v1) })
        assertEquals(0, factory.stats().successes)
    }

    @Test
    fun `closing answers all who wait at once`() = runBlocking<Unit> {
        val backend = Backend { _, _ -> awaitCancellation() }
        for (end in listOf<suspend (AuthTokenFactory) -> Unit>({ it.close() }, { it.shutdown() })) {
            val factory = backend.factory()
            val handle = factory.handle(v1)
            val asking =
                listOf<suspend () -> Unit>(
                    { factory.token(v1) },
                    { factory.getToken(v1) },
                    { factory.tokenValidFor(v1, 1.minutes) },
                    { handle.token() },
                    { handle.getToken() },
                )
            val waiting = asking.map { ask -> async(Dispatchers.IO) { kindOf(ask) } }
            until { factory.stats().calls == 5L }
            end(factory)
            assertEquals(List(5) { TokenErrorKind.SHUT_DOWN }, withTimeout(5.seconds) { waiting.awaitAll() })
        }
    }

    @Test
    fun `use after the end is a clear error or does nothing`() = runBlocking<Unit> {
        val backend = Backend()
        val factory = backend.factory()
        val handle = factory.handle(v1)
        val token = handle.token()
        repeat(2) { factory.close() }
        factory.shutdown()
        val asking =
            listOf<suspend () -> Unit>(
                { factory.token(v1) },
                { factory.getToken(v1) },
                { factory.tokenValidFor(v1, 1.minutes) },
                { factory.handle(v2) },
                { handle.token() },
                { handle.getToken() },
                { handle.tokenValidFor(1.minutes) },
            )
        assertEquals(List(7) { TokenErrorKind.SHUT_DOWN }, asking.map { kindOf(it) })
        assertNull(factory.tryToken(v1))
        assertNull(handle.tryToken())
        factory.invalidate(v1, token)
        handle.invalidate(token)
        factory.clear()
        factory.prefetch(v1)
        factory.networkAvailable()
        factory.sessionChanged()
        assertEquals(1, factory.stats().fetches)
        assertEquals(emptyList(), withTimeout(5.seconds) { factory.events.toList() })
        repeat(2) { handle.close() }
        assertEquals(1, backend.sent.get())
    }

    @Test
    fun `a closed handle says so, and its factory lives on`() = runBlocking<Unit> {
        Backend().factory().use { factory ->
            val handle = factory.handle(v1)
            val token = handle.token()
            repeat(2) { handle.close() }
            val asking =
                listOf<suspend () -> Unit>(
                    { handle.token() },
                    { handle.getToken() },
                    { handle.tokenValidFor(1.minutes) },
                )
            for (ask in asking) {
                val error = assertFailsWith<TokenException.Ended> { ask() }
                assertEquals("the handle was closed", error.message)
            }
            assertNull(handle.tryToken())
            assertEquals(token.value, factory.token(v1).value)
            // A report is not lost.
            assertTrue(handle.invalidate(token))
            assertEquals("SECRET-TOKEN-2", factory.token(v1).value)
        }
    }

    @Test
    fun `ids that cannot be are typed errors, and nothing is sent`() = runBlocking<Unit> {
        val backend = Backend()
        backend.factory().use { factory ->
            for (id in listOf("", "a".repeat(65), "../v1", "a/b", "*", "a?b", "a#b")) {
                val context = AuthTokenContext.vehicle(id)
                assertFailsWith<TokenException.Misuse>(id) { factory.token(context) }
                assertFailsWith<TokenException.Misuse>(id) { factory.getToken(context) }
                assertFailsWith<TokenException.Misuse>(id) { factory.handle(context) }
                assertNull(factory.tryToken(context))
                factory.prefetch(context)
            }
            assertEquals(TokenErrorKind.NO_ENDPOINT, kindOf { factory.token(AuthTokenContext.trip("t1")) })
        }
        assertEquals(0, backend.sent.get())
        assertEquals(TokenErrorKind.INVALID_CONFIG, kindOf { AuthTokenFactory.builder().build() })
        assertFailsWith<IllegalArgumentException> { AuthTokenFactory.builder().maxAttempts(-1) }
        assertFailsWith<IllegalArgumentException> { AuthTokenFactory.builder().safetyMargin((-1).milliseconds) }
    }

    @Test
    fun `a collector that throws ends alone`() = runBlocking<Unit> {
        Backend().factory().use { factory ->
            val seen = AtomicInteger()
            supervisorScope {
                val bad = async(Dispatchers.Default) { factory.events.collect { error("a collector's own") } }
                val good = launch(Dispatchers.Default) { factory.events.collect { seen.incrementAndGet() } }
                until { factory.networkAvailable().let { bad.isCompleted && seen.get() > 0 } }
                assertEquals("a collector's own", assertFailsWith<IllegalStateException> { bad.await() }.message)
                val before = seen.get()
                assertEquals("SECRET-TOKEN-1", factory.token(v1).value)
                until { seen.get() > before }
                good.cancelAndJoin()
            }
        }
    }

    @Test
    fun `a hundred threads with ten contexts make ten requests`() = runBlocking<Unit> {
        val goOn = CompletableDeferred<Unit>()
        val backend = Backend { _, number -> goOn.await().let { reply(number) } }
        backend.factory().use { factory ->
            val pool = Executors.newFixedThreadPool(100)
            val vehicles = List(10) { AuthTokenContext.vehicle("v$it") }
            val asked = List(100) { n -> pool.submit<String> { factory.getToken(vehicles[n % 10]).value } }
            until { factory.stats().calls == 100L }
            goOn.complete(Unit)
            val tokens = asked.map { it.get(20, TimeUnit.SECONDS) }
            assertEquals(10, backend.sent.get())
            assertEquals(10, tokens.toSet().size)
            // Each has its own context's.
            assertEquals(tokens.take(10), vehicles.map { factory.getToken(it).value })
            pool.shutdown()
        }
    }

    @Test
    fun `a panic in the library is a typed error that repeats nothing`() {
        val panicking =
            Backend().builder().build(Platform.here) { config, transport, session ->
                val native = FfiTokenFactory(config, transport, session)
                object : FfiTokenFactoryInterface by native {
                    override fun tokenBlocking(context: FfiTokenContext): FfiToken = throw InternalException(secret)
                }
            }
        panicking.use { factory ->
            val failure = assertFailsWith<TokenException> { factory.getToken(v1) }
            assertEquals(TokenErrorKind.INTERRUPTED, failure.kind)
            assertFalse(holdsSecret(failure.stackTraceToString()))
        }
    }

    @Test
    fun `a scope that is cancelled during a fetch loses no work`() = runBlocking<Unit> {
        val answer = CompletableDeferred<Unit>()
        val backend = Backend { _, number -> answer.await().let { reply(number) } }
        backend.factory().use { factory ->
            val screen = CoroutineScope(Job() + Dispatchers.Default)
            val callers = List(3) { screen.launch { factory.token(v1) } }
            until { factory.stats().calls == 3L && backend.sent.get() == 1 }
            screen.coroutineContext[Job]!!.cancel()
            withTimeout(5.seconds) { callers.joinAll() }
            answer.complete(Unit)
            assertEquals("SECRET-TOKEN-1", factory.token(v1).value)
            assertEquals(1, backend.sent.get())
        }
    }
}

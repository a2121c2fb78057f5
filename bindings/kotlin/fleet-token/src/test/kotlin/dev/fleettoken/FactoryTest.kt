package dev.fleettoken

import dev.fleettoken.ffi.FfiFailure
import dev.fleettoken.ffi.FfiTokenContext
import dev.fleettoken.ffi.FfiTokenErrorKind
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
import kotlin.test.assertNotEquals
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

private const val V1 = "AuthTokenContext(vehicleId=v1)"

/** What the factory tells and prints. What the core decides is the scenarios' business. */
class FactoryTest {
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
        val factory = Backend().factory()
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
    fun `an event's line says all that it knows`() {
        val v1 = FfiTokenContext("v1", null, null, null, null, null)
        val failure = FfiFailure(FfiTokenErrorKind.UNAVAILABLE, null, true, null, 503u, "the backend answered 503")
        val refused =
            FfiFailure(FfiTokenErrorKind.SESSION_REJECTED, null, false, null, 403u, "the backend answered 403")
        val lines =
            mapOf(
                FfiTokenEvent.FetchStarted(v1, true) to "fetch_started $V1: in the background",
                FfiTokenEvent.FetchStarted(v1, false) to "fetch_started $V1",
                FfiTokenEvent.AttemptFailed(v1, 2u, failure, 250u) to
                    "attempt_failed $V1: attempt 2, UNAVAILABLE, the backend answered 503; the next in 250 ms",
                FfiTokenEvent.Fetched(v1, 1000u, 7u, 2u) to "fetched $V1: lives 1000 ms, generation 7, attempts 2",
                FfiTokenEvent.Fetched(v1, null, 7u, 1u) to
                    "fetched $V1: lifetime unknown, generation 7, attempts 1",
                FfiTokenEvent.FetchFailed(v1, refused, 5000u) to
                    "fetch_failed $V1: SESSION_REJECTED, the backend answered 403; not again within 5000 ms",
                FfiTokenEvent.StaleServed(v1, 60u) to "stale_served $V1: 60 ms left",
                FfiTokenEvent.Rejected(v1) to "rejected $V1",
                FfiTokenEvent.BreakerTripped(v1) to "breaker_tripped $V1",
                FfiTokenEvent.LifetimeClamped(v1, 9u, 5u) to "lifetime_clamped $V1: claims 9 ms, 5 ms are believed",
                FfiTokenEvent.ScopeWarning(v1, "too wide") to "scope_warning $V1: too wide",
                FfiTokenEvent.ClockSkew(v1, 9u, true) to "clock_skew $V1: the device is 9 ms ahead",
                FfiTokenEvent.ClockSkew(v1, 9u, false) to "clock_skew $V1: the device is 9 ms behind",
                FfiTokenEvent.Evicted(v1, true) to "evicted $V1: its token was still good",
                FfiTokenEvent.Evicted(v1, false) to "evicted $V1",
                FfiTokenEvent.Cleared to "cleared",
                FfiTokenEvent.NetworkAvailable(3u) to "network_available: 3 backoffs ended",
                FfiTokenEvent.SessionChanged(3u) to "session_changed: 3 refusals ended",
                FfiTokenEvent.ShutDown to "shut_down",
                FfiTokenEvent.Missed(3u) to "missed: 3 events",
            )
        assertEquals(lines.values.toList(), lines.keys.map { TokenEvent.of(it).toString() })
        val kinds = FfiTokenEvent::class.java.declaredClasses.filter { FfiTokenEvent::class.java.isAssignableFrom(it) }
        assertEquals(kinds.toSet(), lines.keys.map { it.javaClass }.toSet<Class<*>>(), "of every kind")
        val names = lines.keys.map { TokenEvent.of(it).name }.distinct()
        assertEquals(listed("events.txt"), names, "as in every language")
    }

    @Test
    fun `a kind of error is printed as the documentation calls it`() {
        assertEquals(TokenErrorKind.entries.map { it.name }, TokenErrorKind.entries.map { "$it" })
    }

    @Test
    fun `a token is itself however often it was served, and never another's`() {
        val since = Since { 0 }
        val token = { value: String, generation: Long -> AuthToken(value, generation, 1000, since) }
        assertEquals(token("T", 1), AuthToken("T", 1, 999, since))
        assertEquals(token("T", 1).hashCode(), token("T", 1).hashCode())
        assertNotEquals(token("T", 1), token("T", 2))
        assertNotEquals(token("T", 1), token("U", 1))
    }

    @Test
    fun `nothing prints a secret`() = runBlocking<Unit> {
        Backend().factory().use { factory ->
            val token = factory.token(v1)
            val request =
                HttpRequest("POST", "https://b.test/", listOf("a" to "SECRET-1"), "SECRET-2".toByteArray(), 1, 1)
            val reply = HttpResponse(200, listOf("a" to "SECRET-1"), "SECRET-2".toByteArray())
            val printed = "$token $factory ${factory.handle(v1)} ${factory.stats()} $v1 $request $reply"
            assertFalse("SECRET" in printed, "printed a secret")
            assertContains(printed, "[redacted]")
            assertContains(printed, "AuthTokenContext(vehicleId=v1)")
        }
    }
}

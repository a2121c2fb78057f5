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

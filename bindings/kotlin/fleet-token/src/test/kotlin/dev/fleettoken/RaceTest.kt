package dev.fleettoken

import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/**
 * Hits on threads of their own while tokens are rejected, cleared, replaced and evicted, each thousands of times.
 *
 * Tokens are numbered as they are asked for. Whoever has rejected, cleared or replaced says which number is too low from
 * then on. Whoever asks reads that number first, and may then be served only a higher one; and none lower than it has
 * seen before.
 */
class RaceTest {
    /** How a token is asked for. */
    private class Face(val name: String, val ask: (AuthTokenFactory, TokenHandle?) -> AuthToken?)

    private val plain =
        listOf(
            Face("tryToken") { factory, _ -> factory.tryToken(v1) },
            Face("getToken") { factory, _ -> factory.getToken(v1) },
            Face("token") { factory, _ -> runBlocking { factory.token(v1) } },
        )
    private val held =
        listOf(
            Face("handle.tryToken") { _, handle -> handle?.tryToken() },
            Face("handle.getToken") { _, handle -> handle?.getToken() },
        )

    private val AuthToken.number: Long get() = value.substringAfterLast('-').toLong()

    /**
     * Each lives ten seconds longer than the one before. One that is under way no longer lives for its whole life: who
     * asks for that is given the next one.
     */
    private fun life(number: Long) = 600 + 10 * number

    private val number = AtomicInteger()
    private val backend =
        Backend { _, _ ->
            val number = number.incrementAndGet()
            val body = """{"token":"SECRET-TOKEN-$number","expiresInSeconds":${life(number.toLong())}}"""
            HttpResponse(200, emptyList(), body.toByteArray())
        }

    /** The highest number of `v1` that is too low. */
    private val tooLow = AtomicLong()
    private val wrong = ConcurrentLinkedQueue<String>()
    private val asked = AtomicLong()

    /** Asks, judges what comes, and returns it. Errors are part of the game: a fetch that is cleared ends with one. */
    private fun judged(face: Face, factory: AuthTokenFactory, handle: TokenHandle?, seen: Long): Long {
        val limit = tooLow.get()
        val token = runCatching { face.ask(factory, handle) }.getOrNull() ?: return seen
        asked.incrementAndGet()
        if (token.number <= limit) wrong += "${face.name} served ${token.number} after $limit was over"
        if (token.number < seen) wrong += "${face.name} served ${token.number} after $seen"
        return maxOf(seen, token.number)
    }

    private fun race(rounds: Int, faces: List<Face>, factory: AuthTokenFactory, handle: TokenHandle?) {
        val stop = AtomicBoolean()
        val asking =
            faces.map { face ->
                thread {
                    var seen = 0L
                    while (!stop.get()) {
                        repeat(ASKED_IN_A_ROW) { seen = judged(face, factory, handle, seen) }
                        // Else those who fetch wait for a core all the time.
                        Thread.yield()
                    }
                }
            }
        val done = IntArray(3)
        try {
            repeat(rounds) { round ->
                val token = runCatching { factory.getToken(v1) }.getOrNull() ?: return@repeat
                // Too low from when the call has returned.
                val over =
                    when (round % 3) {
                        0 -> token.number.also { factory.invalidate(v1, token) }
                        1 -> replaced(factory, token).also { if (it <= token.number) return@repeat } - 1
                        else -> number.get().toLong().also { factory.clear() }
                    }
                tooLow.accumulateAndGet(over, ::maxOf)
                done[round % 3]++
                faces.forEach { judged(it, factory, handle, 0) }
            }
        } finally {
            stop.set(true)
            asking.forEach { it.join() }
        }
        assertEquals(emptyList(), wrong.take(10))
        assertTrue(done.all { it > rounds / 6 } && asked.get() > rounds, "${done.toList()} rounds, $asked answers")
    }

    /**
     * The number of a newer token, asked for by this one's whole life until the clock has ticked: before that it still
     * has it all. This one's if none came.
     */
    private fun replaced(factory: AuthTokenFactory, token: AuthToken): Long = runBlocking {
        repeat(ASKED_UNTIL_TICK) {
            val newer = runCatching { factory.tokenValidFor(v1, life(token.number).seconds) }.getOrNull()?.number
            if (newer != null && newer > token.number) return@runBlocking newer
        }
        token.number
    }

    private fun factory(change: AuthTokenFactoryBuilder.() -> Unit = {}) = backend.factory {
        maxLifetime(1000, TimeUnit.HOURS)
        change()
    }

    @Test
    fun `what was rejected, cleared or replaced is served by no later hit, by whichever face`() =
        factory().use { factory -> race(3000, plain + held, factory, factory.handle(v1)) }

    @Test
    fun `nor while contexts are evicted all the time`() = factory { maxEntries(1) }.use { factory ->
        val stop = AtomicBoolean()
        val others = List(100) { AuthTokenContext.vehicle("other-$it") }
        val evicting = thread { while (!stop.get()) others.forEach { runCatching { factory.getToken(it) } } }
        try {
            race(1500, plain, factory, null)
        } finally {
            stop.set(true)
            evicting.join()
        }
        assertTrue(factory.stats().evictions > 500, "${factory.stats()}")
    }

    private companion object {
        const val ASKED_IN_A_ROW = 20

        /** Far more often than anybody can in a tick of the library's clock, 10 ms at most. */
        const val ASKED_UNTIL_TICK = 10_000
    }
}

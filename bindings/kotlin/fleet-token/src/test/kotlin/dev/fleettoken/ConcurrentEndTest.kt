package dev.fleettoken

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/** One thread ends the factory while others ask it: each call ends with a token or says that it is over. */
class ConcurrentEndTest {
    private class Asking(val name: String, val ask: suspend (AuthTokenFactory, AuthTokenContext) -> AuthToken?)

    private val askings =
        listOf(
            Asking("token") { factory, context -> factory.token(context) },
            Asking("getToken") { factory, context -> factory.getToken(context) },
            Asking("tokenValidFor") { factory, context -> factory.tokenValidFor(context, 1.minutes) },
            Asking("a handle's token") { factory, context -> factory.handle(context).use { it.token() } },
            Asking("a handle's getToken") { factory, context -> factory.handle(context).use { it.getToken() } },
            // A null at the end, and before it when the token is not there yet.
            Asking("tryToken") { factory, context -> factory.tryToken(context) },
        )

    @Test
    fun `a call that races with the end has a token, or is told of the end`() {
        val outcomes = ConcurrentHashMap<String, AtomicInteger>()
        val raced = AtomicInteger()
        val rounds = 200
        repeat(rounds) { round ->
            val factory = Backend().factory()
            val ids = AtomicInteger()
            val start = CyclicBarrier(askings.size + 1)
            // How many calls have been made: the end comes somewhere among them, in each round elsewhere.
            val made = AtomicInteger()
            val moment = AtomicInteger()
            val threads =
                askings.map { asking ->
                    thread {
                        start.await(20, TimeUnit.SECONDS)
                        var last = false
                        while (!last) {
                            last = moment.get() == OVER
                            val before = moment.get()
                            // Half of them at contexts that nobody has asked for.
                            val id = ids.incrementAndGet().let { if (it % 2 == 0) "v$it" else "v1" }
                            var told = "a token"
                            try {
                                val token = runBlocking { asking.ask(factory, AuthTokenContext.vehicle(id)) }
                                if (token == null) told = "null"
                            } catch (failed: TokenException) {
                                told = "${failed.kind}"
                            } catch (other: Throwable) {
                                told = "$other"
                            }
                            made.incrementAndGet()
                            val now = moment.get()
                            if (before < OVER && now > BEFORE) raced.incrementAndGet()
                            // After the end there is nothing but the end.
                            if (before == OVER) told = "after the end: $told"
                            outcomes.computeIfAbsent("${asking.name}: $told") { AtomicInteger() }.incrementAndGet()
                            // One call more, when it is over.
                            val isTold = now > BEFORE && !told.endsWith("a token")
                            while (isTold && moment.get() < OVER) Thread.yield()
                        }
                    }
                }
            start.await(20, TimeUnit.SECONDS)
            while (made.get() < round % 60) Thread.yield()
            moment.set(DURING)
            if (round % 2 == 0) factory.close() else runBlocking { factory.shutdown() }
            moment.set(OVER)
            threads.forEach { it.join(20_000) }
            assertTrue(threads.none { it.isAlive }, "a caller has no answer")
        }
        println("calls that raced with an end: $raced in $rounds rounds; ${outcomes.toSortedMap()}")
        val allowed =
            askings.flatMap { (name) ->
                val end = if (name == "tryToken") "null" else "SHUT_DOWN"
                listOf("$name: a token", "$name: $end", "$name: after the end: $end")
            }
        assertEquals(emptySet(), outcomes.keys - allowed.toSet())
        assertEquals(emptySet(), allowed.toSet() - outcomes.keys, "never came about")
        assertTrue(raced.get() >= rounds, "only $raced calls raced")
    }

    private operator fun Asking.component1() = name

    private companion object {
        const val BEFORE = 0
        const val DURING = 1
        const val OVER = 2
    }
}

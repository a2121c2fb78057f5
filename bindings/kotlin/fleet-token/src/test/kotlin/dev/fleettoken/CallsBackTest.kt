package dev.fleettoken

import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** The app's code asks the very factory that is calling it: nothing wedges, and everybody has an answer in time. */
class CallsBackTest {
    private class Call(val name: String, val make: suspend (AuthTokenFactory) -> Unit)

    private val v3 = AuthTokenContext.vehicle("v3")

    private val ofAnother =
        listOf(
            Call("token of another") { it.token(v2) },
            Call("getToken of another") { it.getToken(v2) },
            Call("tokenValidFor of another") { it.tokenValidFor(v2, 1.minutes) },
            Call("tryToken of another") { it.tryToken(v2) },
            Call("a handle of another") { factory -> factory.handle(v2).use { it.getToken() } },
            Call("prefetch of another") { it.prefetch(v2) },
        )
    private val harmless =
        listOf(
            Call("stats") { it.stats() },
            Call("tryToken") { it.tryToken(v1) },
            Call("prefetch") { it.prefetch(v1) },
            Call("handle") { it.handle(v1).close() },
            Call("networkAvailable") { it.networkAvailable() },
            Call("sessionChanged") { it.sessionChanged() },
            Call("toString") { "$it" },
        )

    /** They wait for the fetch that waits for them. */
    private val ofTheSame =
        listOf(
            Call("token") { it.token(v1) },
            Call("getToken") { it.getToken(v1) },
            Call("tokenValidFor") { it.tokenValidFor(v1, 1.minutes) },
            Call("a handle's token") { factory -> factory.handle(v1).use { it.token() } },
            Call("a handle's getToken") { factory -> factory.handle(v1).use { it.getToken() } },
        )
    private val ends = listOf(Call("close") { it.close() }, Call("shutdown") { it.shutdown() })

    private enum class Place { TRANSPORT, LOGIN }

    private class Outcome(val outer: TokenErrorKind?, val inner: List<TokenErrorKind?>)

    /** Asks for a token of [v1], whose fetch makes the call from inside, and tells how both ended. */
    private fun calling(
        place: Place,
        call: Call,
        change: AuthTokenFactoryBuilder.() -> Unit = {},
        then: suspend (AuthTokenFactory) -> Unit = {},
    ) = runBlocking {
        val made = CompletableDeferred<AuthTokenFactory>()
        val inner = CopyOnWriteArrayList<TokenErrorKind?>()
        val begun = CopyOnWriteArrayList<Unit>()
        val callBack: suspend (Boolean) -> Unit = { isOuter ->
            if (isOuter) {
                begun += Unit
                inner += kindOf { call.make(made.await()) }
            }
        }
        val backend =
            Backend { request, number ->
                if (place == Place.TRANSPORT) callBack(request.url.endsWith("/v1"))
                reply(number)
            }
        val factory =
            backend.factory {
                sessionHeaders { context ->
                    if (place == Place.LOGIN) callBack(context == v1)
                    mapOf("Authorization" to "Bearer SECRET-SESSION-1")
                }
                change()
            }
        factory.use {
            made.complete(factory)
            val outer = withTimeout(20.seconds) { kindOf { factory.token(v1) } }
            then(factory)
            // Who asked from inside has an answer, too.
            until { inner.size == begun.size }
            Outcome(outer, inner)
        }
    }

    private fun everywhere(calls: List<Call>, check: (Place, Call) -> Unit) =
        Place.entries.forEach { place -> calls.forEach { check(place, it) } }

    @Test
    fun `from inside a fetch everything else may be asked`() =
        everywhere(ofAnother + harmless) { place, call ->
            val outcome = calling(place, call)
            assertEquals(null to listOf(null), outcome.outer to outcome.inner, "${call.name} from the $place")
        }

    /**
     * What the fetch came to; or, where the machine was so busy that the app's code was called when all was over, that it is
     * too early for another.
     */
    private fun check(outcome: Outcome, kind: TokenErrorKind, atMost: Int, what: String) {
        val allowed = setOf(kind, TokenErrorKind.BACKING_OFF)
        assertTrue(outcome.inner.size <= atMost && allowed.containsAll(outcome.inner), "${outcome.inner}: $what")
    }

    @Test
    fun `who waits inside a fetch for that same fetch is answered at its deadline`() =
        everywhere(ofTheSame) { place, call ->
            val deadline = { builder: AuthTokenFactoryBuilder -> builder.fetchDeadline(300.milliseconds) }
            val outcome = calling(place, call, { deadline(this) }) { factory ->
                // The factory lives on: another context is served at once.
                assertTrue(factory.token(v3).value.isNotEmpty())
            }
            assertEquals(TokenErrorKind.TIMEOUT, outcome.outer, "${call.name} from the $place")
            check(outcome, TokenErrorKind.TIMEOUT, 1, "${call.name} from the $place")
        }

    @Test
    fun `each attempt that waits for its own fetch is given up, and all of them are answered`() =
        everywhere(ofTheSame.take(2)) { place, call ->
            val change: AuthTokenFactoryBuilder.() -> Unit =
                { maxAttempts(3).attemptTimeout(50.milliseconds).fetchDeadline(10.seconds) }
            val outcome = calling(place, call, change)
            assertEquals(TokenErrorKind.TRANSPORT, outcome.outer, "${call.name} from the $place")
            check(outcome, TokenErrorKind.TRANSPORT, 3, "${call.name} from the $place")
        }

    @Test
    fun `a fetch that clears or ends its own factory is over, and its callers are told why`() {
        everywhere(ends) { place, call ->
            val outcome = calling(place, call)
            assertEquals(TokenErrorKind.SHUT_DOWN, outcome.outer, "${call.name} from the $place")
            assertEquals<List<Any?>>(listOf(null), outcome.inner, "${call.name} from the $place")
        }
        everywhere(listOf(Call("clear") { it.clear() })) { place, call ->
            val outcome = calling(place, call) { it.token(v3) }
            assertEquals(TokenErrorKind.CLEARED, outcome.outer, "${call.name} from the $place")
        }
    }

    @Test
    fun `a fetch that reports a token as refused goes on`() = everywhere(listOf(Call("") {})) { place, _ ->
        var first: AuthToken? = null
        val reporting = Call("invalidate") { factory -> first?.let { factory.invalidate(v2, it) } }
        val outcome = calling(
            place,
            Call("token, then invalidate") {
                first =
                    it.token(v2).also { _ -> reporting.make(it) }
            },
        )
        assertEquals(null to listOf(null), outcome.outer to outcome.inner, "$place")
    }

    @Test
    fun `one place among the requests is not enough for a fetch within a fetch, which ends at the deadline`() {
        val one: AuthTokenFactoryBuilder.() -> Unit = { maxConcurrentFetches(1).fetchDeadline(300.milliseconds) }
        val outcome = calling(Place.TRANSPORT, ofAnother.first(), one) {
            it.networkAvailable()
            it.token(v3)
        }
        assertEquals(TokenErrorKind.TIMEOUT, outcome.outer)
    }

    /** Collectors in threads of their own, and one that is run by whoever tells it, which is a thread of the library. */
    private fun collecting(call: Call, on: CoroutineDispatcher) = runBlocking {
        Backend().factory { fetchDeadline(5.seconds) }.use { factory ->
            val told = CompletableDeferred<TokenErrorKind?>()
            val listening = CompletableDeferred<Unit>()
            val collector =
                CoroutineScope(Job() + on).launch {
                    factory.events.collect { event ->
                        listening.complete(Unit)
                        if (event is TokenEvent.FetchStarted && !told.isCompleted && event.context == v1) {
                            told.complete(kindOf { call.make(factory) })
                        }
                    }
                }
            until { factory.networkAvailable().let { listening.isCompleted } }
            val outer = withTimeout(20.seconds) { kindOf { factory.token(v1) } }
            val inner = withTimeout(20.seconds) { told.await() }
            collector.cancel()
            outer to inner
        }
    }

    @Test
    fun `a collector of events may ask and tell everything`() {
        for (on in listOf(Dispatchers.Default, Dispatchers.IO, Dispatchers.Unconfined)) {
            for (call in ofAnother + harmless + ofTheSame) {
                val (outer, inner) = collecting(call, on)
                assertEquals(null, outer, "${call.name} on $on")
                // A thread of the library's own may not be blocked: it says so, and goes on.
                val blocks = "getToken" in call.name || "a handle" in call.name
                val refused = on == Dispatchers.Unconfined && blocks
                val allowed = if (refused) setOf(null, TokenErrorKind.BLOCKING_IN_ASYNC) else setOf(null)
                assertTrue(inner in allowed, "$inner: ${call.name} on $on")
            }
            for (call in ends) {
                val (outer, inner) = collecting(call, on)
                // It may have its token before the collector hears of the fetch.
                assertTrue(outer in setOf(null, TokenErrorKind.SHUT_DOWN), "$outer: ${call.name} on $on")
                assertEquals(null, inner, "${call.name} on $on")
            }
        }
    }

    @Test
    fun `a caller whose coroutine goes on in the library's own thread may do everything there`() = runBlocking<Unit> {
        val calls = ofAnother + harmless + ofTheSame + ends
        var elsewhere = 0
        for (call in calls) {
            val answer = CompletableDeferred<Unit>()
            val backend = Backend { _, number -> answer.await().let { reply(number) } }
            backend.factory().use { factory ->
                val there = CompletableDeferred<String>()
                val caller =
                    async(Dispatchers.Default) {
                        withContext(Dispatchers.Unconfined) {
                            factory.token(v1)
                            there.complete(Thread.currentThread().name)
                            kindOf { call.make(factory) }
                        }
                    }
                until { backend.sent.get() == 1 }
                answer.complete(Unit)
                val inner = withTimeout(20.seconds) { caller.await() }
                assertTrue(inner == null || inner == TokenErrorKind.BLOCKING_IN_ASYNC, "$inner: ${call.name}")
                if ("DefaultDispatcher" !in there.await()) elsewhere++
            }
        }
        // An answer that comes before its caller waits finds it where it was; were that the rule, this proved nothing.
        assertTrue(elsewhere > calls.size / 2, "$elsewhere of ${calls.size}")
    }
}

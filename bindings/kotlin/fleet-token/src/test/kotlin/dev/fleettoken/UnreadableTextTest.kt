package dev.fleettoken

import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** Text that is no Unicode, such as half of an emoji that was cut: the core cannot be given it. */
class UnreadableTextTest {
    private val half = "\uD83D"

    /** The kind of error, if any, with which a call ends that is answered long before any deadline. */
    private fun outcome(factory: AuthTokenFactory) =
        factory.use { runBlocking { withTimeout(5.seconds) { kindOf { factory.token(v1) } } } }

    @Test
    fun `a reply's header that is no text is left out`() {
        val backend =
            Backend { _, number ->
                HttpResponse(200, listOf("x-a" to half, half to "b", "Date" to half), reply(number).body)
            }
        assertNull(outcome(backend.factory()))
    }

    @Test
    fun `a failure that is no text is told, and its caller answered`() {
        for (kind in TransportException.Kind.entries) {
            val backend = Backend { _, _ -> throw TransportException(kind, "cut $half") }
            assertEquals(TokenErrorKind.TRANSPORT, outcome(backend.factory()), "$kind")
        }
    }

    @Test
    fun `a login that is no text is not sent, and its caller answered`() {
        for (headers in listOf(mapOf("Authorization" to "Bearer SECRET-SESSION-$half"), mapOf(half to "x"))) {
            val backend = Backend()
            assertEquals(TokenErrorKind.SESSION, outcome(backend.factory { sessionHeaders { headers } }))
            assertEquals(0, backend.sent.get())
        }
    }

    @Test
    fun `an id that is no text is a bad id`() = runBlocking<Unit> {
        val backend = Backend()
        val bad = AuthTokenContext.vehicle("v$half")
        backend.factory().use { factory ->
            val token = factory.token(v1)
            val asking =
                listOf<suspend () -> Unit>(
                    { factory.token(bad) },
                    { factory.getToken(bad) },
                    { factory.tokenValidFor(bad, 1.minutes) },
                    { factory.handle(bad) },
                )
            assertEquals(List(4) { TokenErrorKind.INVALID_CONTEXT }, asking.map { kindOf(it) })
            assertNull(factory.tryToken(bad))
            factory.prefetch(bad, v2)
            until { backend.sent.get() == 2 }
            factory.invalidate(bad, token)
        }
    }

    @Test
    fun `only what is no text is replaced`() {
        val pair = "\uD83D\uDE97"
        for (text in listOf("", "v1", "é", pair, "a${pair}b$pair")) assertEquals(text, text.crossing())
        val low = pair.takeLast(1)
        for (text in listOf(half, low, "$low$half", "$half$half", "a$half", "$pair$low")) {
            val crossed = text.crossing()
            assertEquals(text.length, crossed.length)
            assertTrue(crossed.isText && crossed != text)
        }
        assertEquals("$pair\uFFFD", "$pair$low".crossing())
    }

    /** What Java lets an app return. */
    @Suppress("UNCHECKED_CAST")
    private fun <T> nothing(): T = null as T

    @Test
    fun `an answer that is none is a failure`() {
        assertEquals(TokenErrorKind.TRANSPORT, outcome(Backend { _, _ -> nothing() }.factory()))
        val headers = listOf<List<Pair<String, String>>>(nothing(), listOf(nothing()), listOf("a" to nothing()))
        for (bad in headers) {
            val reply = runCatching { HttpResponse(200, bad, ByteArray(0)) }
            assertEquals(TokenErrorKind.TRANSPORT, outcome(Backend { _, _ -> reply.getOrThrow() }.factory()))
        }
        for (bad in listOf<Map<String, String>>(nothing(), mapOf("a" to nothing()), mapOf(nothing<String>() to "b"))) {
            assertEquals(TokenErrorKind.SESSION, outcome(Backend().factory { sessionHeaders { bad } }))
        }
    }

    @Test
    fun `a body without end is cut where it may be`() {
        val most = 64 * 1024
        for (size in listOf(most, most + 1, 20_000_000)) {
            val text = reply(1).body
            val body = text + ByteArray(size - text.size) { ' '.code.toByte() }
            val expected = if (size > most) TokenErrorKind.BAD_RESPONSE else null
            assertEquals(expected, outcome(Backend { _, _ -> HttpResponse(200, emptyList(), body) }.factory()))
        }
    }

    @Test
    fun `settings that are no text make no sense`() {
        for (template in listOf("https://backend.test/$half/{vehicleId}", "https://$half.test/{vehicleId}")) {
            val builder = AuthTokenFactory.builder().endpoint(ContextKind.VEHICLE, template)
            assertFailsWith<TokenException.Misuse> { builder.build() }
        }
        assertFailsWith<TokenException.Misuse> { Backend().factory { responseFields("tok$half") } }
    }
}

package dev.fleettoken.okhttp

import com.sun.net.httpserver.HttpServer
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.AuthTokenFactoryBuilder
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.HttpTransport
import dev.fleettoken.SecretsWatch
import dev.fleettoken.TokenErrorKind
import java.io.IOException
import java.io.InterruptedIOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith

/** Where tokens must not go, and calls that end before they have one. On servers and tokens of the test's own. */
@ExtendWith(SecretsWatch::class)
class InterceptorEdgesTest {
    private val trip = AuthTokenContext.trip("t1")
    private val threads = Executors.newCachedThreadPool()
    private val servers = mutableListOf<Listening>()
    private val fetches = AtomicInteger()

    /** Opened at each test's end: whoever hangs on purpose hangs on this. */
    private val over = CountDownLatch(1)

    /** A server and the authorizations that it was sent. */
    private inner class Listening(
        private val status: Int,
        private val location: String? = null,
        private val redirect: Int = 307,
    ) {
        val seen = mutableListOf<String?>()
        private val server = HttpServer.create(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0)
        val origin = "http://127.0.0.1:${server.address.port}"

        init {
            servers += this
            server.executor = threads
            server.createContext("/") { exchange ->
                synchronized(seen) { seen += exchange.requestHeaders.getFirst("Authorization") }
                val moves = location != null && exchange.requestURI.path != "/there"
                if (moves) exchange.responseHeaders.add("Location", location)
                exchange.sendResponseHeaders(if (moves) redirect else status, -1)
                exchange.close()
            }
            server.start()
        }

        fun stop() = server.stop(0)
    }

    @AfterEach
    fun down() {
        over.countDown()
        servers.forEach { it.stop() }
        threads.shutdownNow()
    }

    private fun tokens(
        change: AuthTokenFactoryBuilder.() -> Unit = {},
        transport: HttpTransport = HttpTransport {
            val body = """{"token":"SECRET-TOKEN-${fetches.incrementAndGet()}","expiresInSeconds":3600}"""
            HttpResponse(200, emptyList(), body.toByteArray())
        },
    ): AuthTokenFactory =
        AuthTokenFactory.builder().endpoint(ContextKind.TRIP, "https://backend.test/{tripId}").transport(transport)
            .apply(change).build()

    private val hanging = HttpTransport {
        fetches.incrementAndGet()
        over.await(60, TimeUnit.SECONDS)
        HttpResponse(200, emptyList(), """{"token":"SECRET-TOKEN-1","expiresInSeconds":3600}""".toByteArray())
    }

    private fun client(tokens: AuthTokenFactory, vararg origins: String, change: OkHttpClient.Builder.() -> Unit = {}) =
        OkHttpClient.Builder().addInterceptor(AuthTokenInterceptor(tokens, origins.asList())).apply(change).build()

    private fun ask(url: String) = Request.Builder().url(url).authTokenContext(trip).build()

    private fun OkHttpClient.status(request: Request) = newCall(request).execute().use { it.code }

    @Test
    fun `a request that goes elsewhere is not sent, and nothing is fetched for it`() {
        val (engine, other) = List(2) { Listening(200) }
        tokens().use { tokens ->
            val client = client(tokens, engine.origin)
            val elsewhere = listOf(other.origin, engine.origin.replace("127.0.0.1", "localhost"), "https://127.0.0.1:1")
            for (origin in elsewhere) {
                val failed = assertFailsWith<NoTokenException> { client.status(ask("$origin/x")) }
                assertContains(failed.message.orEmpty(), origin)
                assertNull(failed.cause)
            }
            assertEquals(200, client.status(ask("${engine.origin}/x")))
            assertEquals(1L to 0, tokens.stats().calls to other.seen.size)
        }
    }

    /** What the other origin says of a call without a token is no word on the token. */
    @Test
    fun `a redirect to another origin goes without the token, and a 401 from there rejects none`() {
        val other = Listening(401)
        val engine = Listening(200, "${other.origin}/there")
        tokens().use { tokens ->
            assertEquals(401, client(tokens, engine.origin).status(ask("${engine.origin}/here")))
            assertEquals(listOf<String?>("Bearer SECRET-TOKEN-1") to listOf<String?>(null), engine.seen to other.seen)
            assertEquals(0, tokens.stats().rejections)
        }
    }

    @Test
    fun `a redirect within the origin keeps the token`() {
        val engine = Listening(200, "/there")
        tokens().use { tokens ->
            assertEquals(200, client(tokens, engine.origin).status(ask("${engine.origin}/here")))
            assertEquals(List<String?>(2) { "Bearer SECRET-TOKEN-1" }, engine.seen)
        }
    }

    /** 303: it was done, and what came of it is there. */
    @Test
    fun `what was done before a redirect is not done again`() {
        tokens().use { tokens ->
            for ((redirect, times) in listOf(303 to 2, 307 to 4)) {
                val engine = Listening(401, "/there", redirect)
                val post = ask("${engine.origin}/here").newBuilder().post("{}".toRequestBody()).build()
                assertEquals(401, client(tokens, engine.origin).status(post))
                assertEquals(times, engine.seen.size, "$redirect")
            }
            assertEquals(3, tokens.stats().rejections)
        }
    }

    @Test
    fun `an authenticator of the app's that answers first is left to it`() {
        val engine = Listening(401)
        tokens().use { tokens ->
            val client =
                client(tokens, engine.origin) {
                    authenticator { _, refused ->
                        val again = refused.request.newBuilder().header("Authorization", "its own")
                        if (refused.priorResponse == null) again.build() else null
                    }
                }
            assertEquals(401, client.status(ask(engine.origin)))
            assertEquals(listOf<String?>("Bearer SECRET-TOKEN-1", "its own"), engine.seen)
            assertEquals(0, tokens.stats().rejections)
        }
    }

    @Test
    fun `a call that is cancelled while it waits ends, and the fetch is not lost`() {
        val engine = Listening(200)
        tokens(transport = hanging).use { tokens ->
            val client = client(tokens, engine.origin)
            val call = client.newCall(ask(engine.origin))
            val told = CompletableFuture<Int>()
            call.enqueue(Told(told))
            await { fetches.get() == 1 }
            call.cancel()
            val failed = assertFailsWith<ExecutionException> { told.get(20, TimeUnit.SECONDS) }.cause
            assertEquals("Canceled", (failed as IOException).message)
            over.countDown()
            assertEquals(200, client.status(ask(engine.origin)))
            assertEquals(1, fetches.get())
        }
    }

    @Test
    fun `the client's call time-out ends the wait for a token, too`() {
        val engine = Listening(200)
        tokens(transport = hanging).use { tokens ->
            val hurried = client(tokens, engine.origin) { callTimeout(300, TimeUnit.MILLISECONDS) }
            val began = TimeSource.Monotonic.markNow()
            assertFailsWith<InterruptedIOException> { hurried.status(ask(engine.origin)) }
            assertTrue(began.elapsedNow() < 20.seconds, "not the fetch deadline's 30")
            assertTrue(engine.seen.isEmpty())
        }
    }

    @Test
    fun `the wait is bounded by the fetch deadline`() {
        val engine = Listening(200)
        tokens(transport = hanging, change = { fetchDeadline(500.milliseconds) }).use {
            val failed = assertFailsWith<NoTokenException> { client(it, engine.origin).status(ask(engine.origin)) }
            assertEquals(TokenErrorKind.TIMEOUT, failed.cause?.kind)
            assertFalse("SECRET" in failed.stackTraceToString())
        }
    }

    @Test
    fun `a thread that is interrupted stops waiting and stays interrupted`() {
        val engine = Listening(200)
        tokens(transport = hanging).use { tokens ->
            val client = client(tokens, engine.origin)
            val ended = CompletableFuture<Pair<Throwable?, Boolean>>()
            val waiting =
                thread {
                    val thrown = runCatching { client.status(ask(engine.origin)) }.exceptionOrNull()
                    ended.complete(thrown to Thread.currentThread().isInterrupted)
                }
            await { fetches.get() == 1 }
            waiting.interrupt()
            val (thrown, interrupted) = ended.get(20, TimeUnit.SECONDS)
            assertTrue(thrown is InterruptedIOException && interrupted, "$thrown")
        }
    }

    @Test
    fun `as a network interceptor it says where it belongs`() {
        val engine = Listening(200)
        tokens().use { tokens ->
            val attaching = AuthTokenInterceptor(tokens, listOf(engine.origin))
            val wrong = OkHttpClient.Builder().addNetworkInterceptor(attaching).build()
            val failed = assertFailsWith<IllegalStateException> { wrong.status(ask(engine.origin)) }
            assertContains(failed.message.orEmpty(), "addInterceptor")
        }
    }

    @Test
    fun `only what is an origin and safe is taken for one, and no login in it is repeated`() {
        tokens().use { tokens ->
            val origins = { text: String -> AuthTokenInterceptor(tokens, listOf(text)).toString().substringAfter('(') }
            assertEquals(
                "AuthTokenInterceptor([https://fleetengine.googleapis.com])",
                "${AuthTokenInterceptor(tokens)}",
            )
            assertEquals("[https://e.test])", origins("HTTPS://E.test:443/"))
            assertEquals("[https://e.test:8443])", origins("https://e.test:8443"))
            assertEquals("[http://[::1]])", origins("http://[::1]"))
            assertEquals("[http://localhost:8081])", origins("http://localhost:8081"))
            val wrong =
                listOf(
                    "e.test",
                    "",
                    "ftp://e.test",
                    "http://e.test",
                    "http://127.evil.test",
                    "http://10.0.2.2:8081",
                    "https://e.test/v1",
                    "https://e.test?x=SECRET-SESSION-1",
                    "https://SECRET-SESSION-1@e.test",
                    "https://e.test/#SECRET-SESSION-1",
                    "https://SECRET-SESSION-1:x@",
                )
            for (text in wrong) {
                val refused = assertFailsWith<IllegalArgumentException>(text) { origins(text) }
                assertFalse("SECRET" in refused.message.orEmpty())
            }
        }
    }

    /** Looks again and again until it is so. Fails after 20 seconds. */
    private fun await(isSo: () -> Boolean) {
        val began = TimeSource.Monotonic.markNow()
        while (!isSo()) {
            assertTrue(began.elapsedNow() < 20.seconds)
            Thread.yield()
        }
    }
}

package dev.fleettoken.okhttp

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.SecretsWatch
import dev.fleettoken.Serve
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import java.io.IOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Interceptor
import okhttp3.MediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okio.BufferedSink
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.api.extension.ExtendWith

/** The app's own calls, on the reference backend and the emulated Fleet Engine. Run once more on the oldest OkHttp. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@ExtendWith(SecretsWatch::class)
class AuthTokenInterceptorTest {
    private lateinit var serve: Serve
    private val vehicle = AuthTokenContext.vehicle("vehicle_1")

    @BeforeAll
    fun up() {
        serve = Serve()
    }

    @AfterAll
    fun down() {
        if (::serve.isInitialized) serve.close()
    }

    private fun client(tokens: AuthTokenFactory, at: Serve = serve, vararg below: Interceptor) =
        OkHttpClient.Builder()
            .addInterceptor(AuthTokenInterceptor(tokens, listOf(at.engine.substringBefore("/v1"))))
            .apply { below.forEach(::addInterceptor) }
            .build()

    private fun at(path: String, serve: Serve = this.serve) = Request.Builder().url("${serve.engine}/$path")

    private fun look(id: String = "vehicle_1", serve: Serve = this.serve) =
        at("vehicles/$id", serve).authTokenContext(vehicle).build()

    private fun OkHttpClient.status(request: Request) = newCall(request).execute().use { it.code }

    private fun minted() = serve.stats().getAsJsonObject("minted").entrySet().sumOf { it.value.asInt }

    /**
     * Has Fleet Engine refuse the token that is served, once the second of its minting is over: who signs twice in a second
     * writes the same token twice, and then others would be refused with it.
     */
    private fun revoked(tokens: AuthTokenFactory): AuthToken {
        val token = tokens.getToken(vehicle)
        val minted = System.currentTimeMillis() / 1000
        while (System.currentTimeMillis() / 1000 == minted) Thread.yield()
        serve.revoke(token)
        return token
    }

    private fun update(body: RequestBody) =
        at("vehicles/vehicle_1?updateMask=lastLocation").authTokenContext(vehicle).put(body).build()

    private val location = """{"lastLocation": {"location": {"latitude": 48.14, "longitude": 11.58}}}"""

    @Test
    fun `calls from many threads go on while tokens are renewed`() {
        Serve("--token-lifetime", "8").use { serve ->
            serve.builder("demo-driver-1").safetyMargin(10.minutes).build().use { tokens ->
                val client = client(tokens, serve)
                val began = TimeSource.Monotonic.markNow()
                val statuses =
                    List(3) { CompletableFuture<List<Int>>() }.onEach { mine ->
                        thread {
                            val seen = mutableListOf<Int>()
                            try {
                                while (tokens.stats().successes < 3 && began.elapsedNow() < 60.seconds) {
                                    seen += client.status(look(serve = serve))
                                }
                                mine.complete(seen)
                            } catch (failed: IOException) {
                                mine.completeExceptionally(failed)
                            }
                        }
                    }.flatMap { it.get(90, TimeUnit.SECONDS) }
                assertEquals(setOf(200), statuses.toSet())
                assertTrue(tokens.stats().successes >= 3, "${tokens.stats()}")
                assertEquals(0, tokens.stats().rejections)
            }
        }
    }

    @Test
    fun `a revoked token is replaced within the call, with its body, and never served again`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val client = client(tokens)
            val before = minted()
            val first = revoked(tokens)
            client.newCall(update(location.toRequestBody())).execute().use {
                assertEquals(200, it.code)
                assertContains(it.body.string(), "11.58")
            }
            assertEquals(2, minted() - before)
            assertEquals(1 to 2, tokens.stats().rejections.toInt() to tokens.stats().fetches.toInt())
            assertNotEquals(first, tokens.getToken(vehicle))
        }
    }

    /** Neither gives its 401 back before the other has one too: both were sent with the revoked token. */
    @Test
    fun `two calls that are refused at a time bring one new token`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val both = CyclicBarrier(2)
            val refused = AtomicInteger()
            val client =
                client(tokens, serve, { chain ->
                    chain.proceed(chain.request()).also {
                        if (it.code == 401) {
                            refused.incrementAndGet()
                            both.await(20, TimeUnit.SECONDS)
                        }
                    }
                })
            val before = minted()
            revoked(tokens)
            val statuses = List(2) { CompletableFuture<Int>() }
            statuses.forEach { client.newCall(look()).enqueue(Told(it)) }
            assertEquals(listOf(200, 200), statuses.map { it.get(30, TimeUnit.SECONDS) })
            assertEquals(2, refused.get())
            assertEquals(2, minted() - before)
        }
    }

    @Test
    fun `what the token may not do is the caller's to hear, once`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val sent = AtomicInteger()
            val client =
                client(tokens, serve, {
                    sent.incrementAndGet()
                    it.proceed(it.request())
                })
            assertEquals(403, client.status(look("vehicle_2")))
            assertEquals(1, sent.get())
            assertEquals(0L to 1L, tokens.stats().let { it.rejections to it.fetches })
        }
    }

    @Test
    fun `a call is sent twice at most, and no token that was refused is served again`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val sent = mutableListOf<String?>()
            val client =
                client(tokens, serve, {
                    sent += it.request().header("Authorization")
                    it.proceed(it.request())
                })
            repeat(2) { serve.fault("/v1/", """{"status": 401}""") }
            assertEquals(401, client.status(look()))
            assertEquals(2, sent.size)
            assertEquals(200, client.status(look()))
            assertEquals(3, sent.toSet().size)
            assertEquals(2, tokens.stats().rejections)
        }
    }

    private class Once(private val text: String) : RequestBody() {
        val written = AtomicInteger()

        override fun isOneShot() = true

        override fun contentType(): MediaType? = null

        override fun writeTo(sink: BufferedSink) {
            written.incrementAndGet()
            sink.writeUtf8(text)
        }
    }

    @Test
    fun `a body that can be written only once is, and the next call has another token`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val client = client(tokens)
            val first = revoked(tokens)
            val body = Once(location)
            assertEquals(401, client.status(update(body)))
            assertEquals(1, body.written.get())
            assertEquals(200, client.status(update(Once(location))))
            assertTrue(tokens.getToken(vehicle).generation > first.generation)
        }
    }

    @Test
    fun `a call without a context, or with an authorization of its own, passes as it is`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val client = client(tokens)
            assertEquals(401, client.status(at("vehicles/vehicle_1").build()))
            assertEquals(401, client.status(look().newBuilder().header("authorization", "Bearer its own").build()))
            assertEquals(0, tokens.stats().calls)

            val own: AuthToken = tokens.getToken(vehicle)
            val signed = look().newBuilder().header("Authorization", "Bearer ${own.value}").build()
            assertEquals(200, client.status(signed))
            assertEquals(own, revoked(tokens))
            assertEquals(401, client.status(signed))
            assertEquals(own, tokens.getToken(vehicle), "whose refusal it was is not known")
        }
    }

    @Test
    fun `without a token the call fails with the reason, also when it is enqueued`() {
        serve.builder("nobody").build().use { tokens ->
            val failed = assertFailsWith<NoTokenException> { client(tokens).newCall(look()).execute() }
            val cause = failed.cause as TokenException.SignIn
            assertEquals(TokenErrorKind.SESSION_REJECTED to 401, cause.kind to cause.status)

            val told = CompletableFuture<Int>()
            client(tokens).newCall(look()).enqueue(Told(told))
            val thrown = runCatching { told.get(20, TimeUnit.SECONDS) }.exceptionOrNull()?.cause
            assertEquals(TokenErrorKind.SESSION_REJECTED, (thrown as NoTokenException).cause?.kind)
            assertEquals(1, tokens.stats().fetches, "what was refused a moment ago is not asked again")
        }
    }

    @Test
    fun `where no other token can be had the refused reply is closed and the reason told`() {
        serve.builder("demo-driver-1").maxAttempts(1).build().use { tokens ->
            val client = client(tokens)
            revoked(tokens)
            serve.fault("/token/driver/", """{"status": 503}""")
            val failed = assertFailsWith<NoTokenException> { client.newCall(look()).execute() }
            assertTrue(failed.cause is TokenException.Backend && failed.cause?.retryable == true, "${failed.cause}")
            val pool = client.connectionPool
            assertEquals(pool.connectionCount(), pool.idleConnectionCount(), "a reply was left open")
        }
    }

    @Test
    fun `nothing that is printed on the way holds the token`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            val printed = mutableListOf<String>()
            val requests = mutableListOf<String>()
            val client =
                client(tokens, serve, {
                    val reply = it.proceed(it.request())
                    printed += listOf(it.request().headers, reply, it.call()).map(Any::toString)
                    requests += listOf(it.request(), reply.request).map(Any::toString)
                    reply
                })
            client.interceptors.forEach { printed += it.toString() }
            val call = client.newCall(look())
            call.execute().use { printed += listOf(call.toString(), it.toString()) }
            val token = tokens.getToken(vehicle).value
            assertTrue(printed.size >= 6 && requests.size == 2)
            assertFalse(printed.any { token in it || "demo-driver" in it }, "a token was printed")
            // OkHttp prints a request's headers, until 5.0 all of them.
            val printsAll = System.getProperty("fleet.okhttp").startsWith("4.")
            assertEquals(printsAll, requests.any { token in it }, "what the pages say of OkHttp 4")
            val origin = serve.engine.substringBefore("/v1")
            assertEquals("AuthTokenInterceptor([$origin])", printed.first { "AuthTokenInter" in it })
        }
    }
}

/** The status, or why there was none. */
internal class Told(private val status: CompletableFuture<Int>) : Callback {
    override fun onFailure(call: Call, e: IOException) {
        status.completeExceptionally(e)
    }

    override fun onResponse(call: Call, response: Response) {
        response.use { status.complete(it.code) }
    }
}

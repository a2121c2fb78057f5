package dev.fleettoken.okhttp

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpRequest
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import dev.fleettoken.TransportException
import dev.fleettoken.TransportException.Kind
import java.net.InetAddress
import java.nio.file.Path
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import okhttp3.Cache
import okhttp3.Call
import okhttp3.Callback
import okhttp3.ConnectionSpec
import okhttp3.Cookie
import okhttp3.CookieJar
import okhttp3.Dispatcher
import okhttp3.HttpUrl
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okhttp3.tls.HandshakeCertificates
import okhttp3.tls.HeldCertificate
import okio.Buffer
import okio.GzipSink
import okio.buffer
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** What only OkHttp has. The contract of all transports is another class's. */
class OkHttpTransportTest {
    private val plain = OkHttpClient()
    private val server = MockWebServer()
    private val loopback = InetAddress.getByName("127.0.0.1")

    @AfterEach
    fun stop() = server.close()

    private fun url(host: String = "127.0.0.1"): String {
        server.start(loopback, 0)
        return server.url("/t").newBuilder().host(host).build().toString()
    }

    private fun reply(code: Int = 200, body: String = "x", vararg headers: String) =
        server.enqueue(MockResponse.Builder().code(code).body(body).apply { headers.forEach(::addHeader) }.build())

    private fun send(client: OkHttpClient, url: String, header: String = "Bearer SECRET-SESSION-1") = runBlocking {
        val headers = listOf("authorization" to header)
        OkHttpTransport(client).send(HttpRequest("GET", url, headers, null, timeoutMillis = 20_000, maxBody = 65_536))
    }

    private fun failure(client: OkHttpClient, url: String, header: String = "Bearer SECRET-SESSION-1"): Kind {
        val failed = assertFailsWith<TransportException> { send(client, url, header) }
        assertFalse("SECRET" in failed.stackTraceToString(), "a text from outside")
        return failed.kind
    }

    @Test
    fun `neither the client's cache nor one on the way is to keep a token`(
        @TempDir folder: Path,
    ) {
        val cache = Cache(folder.toFile(), 1_000_000)
        repeat(2) { reply(headers = arrayOf("Cache-Control: max-age=3600")) }
        val url = url()
        val caching = plain.newBuilder().cache(cache).build()
        repeat(2) { send(caching, url) }
        assertEquals(listOf("no-store", "no-store"), List(2) { server.takeRequest().headers["Cache-Control"] })
        assertEquals(0L to 0, cache.size() to cache.requestCount())
        cache.close()
    }

    @Test
    fun `a zipped reply is read, and its bound is of what comes out`() {
        fun zipped(body: ByteArray) = Buffer().also { out -> GzipSink(out).buffer().use { it.write(body) } }
        for (size in listOf(1000, 1_000_000)) {
            val zip = zipped(ByteArray(size))
            server.enqueue(MockResponse.Builder().addHeader("Content-Encoding: gzip").body(zip).build())
        }
        val url = url()
        assertEquals(1000, send(plain, url).body.size)
        assertEquals(65_537, send(plain, url).body.size)
    }

    @Test
    fun `the client's authenticator, cookies and interceptors stay`() {
        val jar = object : CookieJar {
            override fun loadForRequest(url: HttpUrl) =
                listOf(Cookie.Builder().domain("127.0.0.1").name("login").value("SECRET-SESSION-2").build())

            override fun saveFromResponse(url: HttpUrl, cookies: List<Cookie>) {}
        }
        reply(401)
        reply()
        val client =
            plain.newBuilder()
                .cookieJar(jar)
                .authenticator { _, refused -> refused.request.newBuilder().header("authorization", "new").build() }
                .addInterceptor { it.proceed(it.request().newBuilder().header("x-app", "1").build()) }
                .build()
        assertEquals(200, send(client, url()).status)
        val (first, second) = List(2) { server.takeRequest().headers }
        assertEquals(listOf("Bearer SECRET-SESSION-1", "new"), listOf(first["authorization"], second["authorization"]))
        assertEquals("login=SECRET-SESSION-2" to "1", second["cookie"] to second["x-app"])
    }

    @Test
    fun `a certificate is trusted if the client trusts it`() {
        val held = HeldCertificate.Builder().addSubjectAlternativeName("127.0.0.1").build()
        server.useHttps(HandshakeCertificates.Builder().heldCertificate(held).build().sslSocketFactory())
        reply()
        val url = url()
        val trust = HandshakeCertificates.Builder().addTrustedCertificate(held.certificate).build()
        val trusting = plain.newBuilder().sslSocketFactory(trust.sslSocketFactory(), trust.trustManager).build()
        assertEquals(Kind.TLS, failure(plain, url))
        assertEquals(Kind.TLS, failure(trusting, url.replace("127.0.0.1", "localhost")))
        assertEquals(200, send(trusting, url).status)
    }

    @Test
    fun `a time-out of the client's own counts as one`() {
        val hurried = plain.newBuilder().callTimeout(200, TimeUnit.MILLISECONDS).build()
        assertEquals(Kind.TIMEOUT, failure(hurried, url()))
        val impatient = plain.newBuilder().readTimeout(200, TimeUnit.MILLISECONDS).build()
        assertEquals(Kind.TIMEOUT, failure(impatient, server.url("/t").toString()))
    }

    @Test
    fun `what cannot be sent says so and no more`() {
        val tlsOnly = plain.newBuilder().connectionSpecs(listOf(ConnectionSpec.MODERN_TLS)).build()
        assertEquals(Kind.REQUEST, failure(tlsOnly, url()))
        assertEquals(Kind.REQUEST, failure(plain, "http://127.0.0.1/", header = "SECRET-SESSION-1\n"))
    }

    @Test
    fun `the app's own calls hold up no token`() {
        val over = CountDownLatch(1)
        val busy = CountDownLatch(1)
        val client =
            plain.newBuilder()
                .dispatcher(Dispatcher().apply { maxRequests = 1 })
                .addInterceptor {
                    if (it.request().url.encodedPath == "/busy") {
                        busy.countDown()
                        over.await(60, TimeUnit.SECONDS)
                    }
                    it.proceed(it.request())
                }
                .build()
        reply()
        val url = url()
        client.newCall(Request.Builder().url(server.url("/busy")).build()).enqueue(Ignoring)
        assertTrue(busy.await(20, TimeUnit.SECONDS))
        assertEquals(200, send(client, url).status)
        over.countDown()
    }

    @Test
    fun `tokens come through it, and an interceptor that throws ends one fetch only`() {
        val thrown =
            mutableListOf<Throwable>(IllegalStateException("SECRET-SESSION-1"), NotImplementedError("SECRET-1"))
        val client =
            plain.newBuilder()
                .addInterceptor { chain ->
                    thrown.removeFirstOrNull()?.let { throw it }
                    chain.proceed(chain.request())
                }
                .build()
        reply(body = """{"token":"SECRET-TOKEN-1","expiresInSeconds":3600}""")
        val base = url()
        val factory =
            AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "$base/{vehicleId}")
                .allowHttpLoopback()
                .maxAttempts(1)
                .transport(OkHttpTransport(client))
                .build()
        factory.use {
            for (id in listOf("v1", "v2")) {
                val failed = assertFailsWith<TokenException.Network> { it.getToken(AuthTokenContext.vehicle(id)) }
                assertEquals(TokenErrorKind.TRANSPORT, failed.kind)
                assertFalse("SECRET" in failed.stackTraceToString())
            }
            assertEquals("SECRET-TOKEN-1", it.getToken(AuthTokenContext.vehicle("v3")).value)
        }
    }

    private object Ignoring : Callback {
        override fun onFailure(call: Call, e: java.io.IOException) = Unit

        override fun onResponse(call: Call, response: Response) = response.close()
    }
}

package dev.fleettoken

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlin.time.measureTime
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test

/** What every transport of ours does, whatever its HTTP stack. A subclass only says which transport. */
abstract class TransportContract {
    /** The one under test. */
    abstract val transport: HttpTransport

    protected val loopback: InetAddress = InetAddress.getByName("127.0.0.1")
    private val seen = mutableListOf<String>()
    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(loopback, 0), 0).apply { executor = threads }
    private val base = "http://127.0.0.1:${server.address.port}"

    /** Opened by each test's end: whoever hangs on purpose hangs on this. */
    private val over = CountDownLatch(1)

    init {
        server.start()
    }

    @AfterEach
    fun down() {
        over.countDown()
        server.stop(0)
        threads.shutdownNow()
    }

    private fun on(path: String, act: (HttpExchange) -> Unit) {
        server.createContext(path) { exchange ->
            synchronized(seen) { seen += "${exchange.requestMethod} ${exchange.requestURI}" }
            try {
                act(exchange)
            } finally {
                exchange.close()
            }
        }
    }

    private fun HttpExchange.answer(status: Int, body: ByteArray, vararg headers: Pair<String, String>) {
        headers.forEach { (name, value) -> responseHeaders.add(name, value) }
        sendResponseHeaders(status, if (body.isEmpty()) -1 else body.size.toLong())
        if (body.isNotEmpty()) responseBody.write(body)
    }

    /** One connection that is answered with what `act` writes, whatever was asked, and then closed. */
    private fun raw(act: (Socket) -> Unit): Int {
        val listening = ServerSocket(0, 1, loopback)
        threads.submit {
            listening.use {
                it.accept().use { socket ->
                    socket.getInputStream().read(ByteArray(8192))
                    act(socket)
                }
            }
        }
        return listening.localPort
    }

    private fun Socket.say(text: String) = getOutputStream().run {
        write(text.toByteArray())
        flush()
    }

    protected fun request(url: String, body: String? = null, timeoutMs: Long = 10_000, maxBody: Long = 65_536) =
        HttpRequest(
            method = if (body == null) "GET" else "POST",
            url = url,
            headers =
                listOfNotNull(
                    "authorization" to "Bearer SECRET-SESSION-1",
                    "accept" to "application/json",
                    "x-twice" to "1",
                    "x-twice" to "2",
                    ("content-type" to "application/json").takeIf { body != null },
                ),
            body = body?.toByteArray(),
            timeoutMillis = timeoutMs,
            maxBody = maxBody,
        )

    protected fun send(url: String, body: String? = null, timeoutMs: Long = 10_000, maxBody: Long = 65_536) =
        runBlocking { transport.send(request(url, body, timeoutMs, maxBody)) }

    protected fun failure(url: String, timeoutMs: Long = 10_000): TransportException {
        val failed = assertFailsWith<TransportException> { send(url, timeoutMs = timeoutMs) }
        assertFalse("SECRET" in failed.stackTraceToString(), "a text from outside")
        return failed
    }

    @Test
    fun `a request arrives as it is and its reply comes back whole`() {
        var posted = emptyList<String?>()
        on("/t") {
            val headers = it.requestHeaders
            posted =
                listOf("authorization", "content-type").map(headers::getFirst) +
                headers["x-twice"].orEmpty() + String(it.requestBody.readBytes())
            it.answer(503, "wait".toByteArray(), "Retry-After" to "7")
        }
        val reply = send("$base/t", body = "{}")
        assertEquals(listOf("Bearer SECRET-SESSION-1", "application/json"), posted.take(2))
        assertEquals(setOf("1", "2", "{}"), posted.drop(2).toSet())
        assertEquals(503, reply.status)
        assertEquals("7", reply.headers.single { it.first.equals("retry-after", ignoreCase = true) }.second)
        assertContentEquals("wait".toByteArray(), reply.body)
    }

    @Test
    fun `nothing is answered from a cache`() {
        on("/t") { it.answer(200, "x".toByteArray(), "Cache-Control" to "max-age=3600") }
        repeat(2) { send("$base/t") }
        assertEquals(2, seen.size)
    }

    @Test
    fun `an error without a body is a reply too`() {
        on("/401") { it.answer(401, ByteArray(0)) }
        on("/204") { it.answer(204, ByteArray(0)) }
        assertEquals(401 to 0, send("$base/401").let { it.status to it.body.size })
        assertEquals(204 to 0, send("$base/204").let { it.status to it.body.size })
    }

    @Test
    fun `a refusal is a reply whatever was sent and whatever it says`() {
        on("/401") { it.answer(401, "who?".toByteArray(), "WWW-Authenticate" to "Bearer realm=\"x\"") }
        on("/bare") { it.answer(401, "who?".toByteArray()) }
        for (path in listOf("/401", "/bare")) {
            assertEquals(401, send("$base$path").status)
            assertEquals(401, send("$base$path", body = "{}").status)
        }
        assertEquals(4, seen.size)
    }

    @Test
    fun `a redirect is followed within the origin and handed back to any other`() {
        on("/here") { it.answer(302, ByteArray(0), "Location" to "/there?x=1") }
        on("/there") { it.answer(200, "ok".toByteArray()) }
        on("/away") { it.answer(307, ByteArray(0), "Location" to "http://localhost:${server.address.port}/there") }
        on("/port") { it.answer(308, ByteArray(0), "Location" to "http://127.0.0.1:1/there") }
        on("/scheme") { it.answer(301, ByteArray(0), "Location" to "https://127.0.0.1:${server.address.port}/there") }
        on("/nowhere") { it.answer(302, ByteArray(0)) }
        on("/round") { it.answer(302, ByteArray(0), "Location" to "/round") }
        assertEquals(200, send("$base/here").status)
        assertEquals(307, send("$base/away").status)
        assertEquals(308, send("$base/port").status)
        assertEquals(301, send("$base/scheme").status)
        assertEquals(302, send("$base/nowhere").status)
        assertEquals(302, send("$base/here", body = "{}").status)
        assertEquals(302, send("$base/round").status)
        assertEquals(listOf("GET /here", "GET /there?x=1", "GET /away"), seen.take(3))
        assertEquals(1, seen.count { "/there" in it })
        assertEquals(6, seen.count { it == "GET /round" })
    }

    @Test
    fun `a body is read to one byte more than allowed`() {
        on("/big") { exchange -> runCatching { exchange.answer(200, ByteArray(1_000_000)) } }
        assertEquals(65_537, send("$base/big").body.size)
        on("/fits") { it.answer(200, ByteArray(65_536)) }
        assertEquals(65_536, send("$base/fits").body.size)
        on("/bad") { exchange -> runCatching { exchange.answer(500, ByteArray(1_000_000)) } }
        assertEquals(65_537, send("$base/bad").body.size)
    }

    @Test
    fun `a server that drips runs into the time-out of the whole exchange`() {
        on("/drip") { exchange ->
            runCatching {
                exchange.sendResponseHeaders(200, 0)
                do {
                    exchange.responseBody.write('x'.code)
                    exchange.responseBody.flush()
                } while (!over.await(50, TimeUnit.MILLISECONDS))
            }
        }
        val took = measureTime {
            assertEquals(TransportException.Kind.TIMEOUT, failure("$base/drip", timeoutMs = 300).kind)
        }
        assertTrue(took.inWholeMilliseconds in 250..5000, "$took")
    }

    @Test
    fun `a server that never answers runs into the time-out`() {
        ServerSocket(0, 1, loopback).use { silent ->
            val slow = failure("http://127.0.0.1:${silent.localPort}/", timeoutMs = 200)
            assertEquals(TransportException.Kind.TIMEOUT, slow.kind)
        }
    }

    @Test
    fun `redirects share one time-out`() {
        on("/slow") { exchange ->
            over.await(150, TimeUnit.MILLISECONDS)
            exchange.answer(302, ByteArray(0), "Location" to "/slow")
        }
        assertEquals(TransportException.Kind.TIMEOUT, failure("$base/slow", timeoutMs = 400).kind)
    }

    @Test
    fun `a caller who is cancelled is let go at once`() = runBlocking<Unit> {
        val asked = CountDownLatch(1)
        on("/hang") {
            asked.countDown()
            over.await(60, TimeUnit.SECONDS)
        }
        val caller = launch(Dispatchers.Default) { transport.send(request("$base/hang", timeoutMs = 60_000)) }
        assertTrue(asked.await(20, TimeUnit.SECONDS))
        caller.cancel()
        val left = CountDownLatch(1)
        caller.invokeOnCompletion { left.countDown() }
        // Not by joining in a coroutine: what must not hang here would hang there.
        assertTrue(left.await(10, TimeUnit.SECONDS))
    }

    @Test
    fun `nobody listening is no connection`() {
        val closed = ServerSocket(0, 1, loopback).use { it.localPort }
        assertEquals(TransportException.Kind.CONNECT, failure("http://127.0.0.1:$closed/SECRET").kind)
        assertEquals(TransportException.Kind.CONNECT, failure("http://no-such-host.invalid/SECRET").kind)
    }

    @Test
    fun `a connection that breaks in the reply is an interruption`() {
        val short = raw { it.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"token\":\"SECRET") }
        assertEquals(TransportException.Kind.INTERRUPTED, failure("http://127.0.0.1:$short/").kind)
        val chunked = raw { it.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nSECRET") }
        assertEquals(TransportException.Kind.INTERRUPTED, failure("http://127.0.0.1:$chunked/").kind)
        val reset =
            raw {
                it.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nSECRET")
                it.setSoLinger(true, 0)
            }
        assertEquals(TransportException.Kind.INTERRUPTED, failure("http://127.0.0.1:$reset/").kind)
        val noHttp = raw { it.say("SECRET this is no HTTP\r\n\r\n") }
        assertEquals(TransportException.Kind.INTERRUPTED, failure("http://127.0.0.1:$noHttp/").kind)
    }

    @Test
    fun `a server without TLS is a TLS failure`() {
        val plain = raw { it.say("HTTP/1.1 400 x\r\n\r\n") }
        assertEquals(TransportException.Kind.TLS, failure("https://127.0.0.1:$plain/").kind)
    }

    @Test
    fun `what is no HTTP URL cannot be sent`() {
        assertEquals(TransportException.Kind.REQUEST, failure("file:///SECRET").kind)
    }
}

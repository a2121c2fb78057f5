package dev.fleettoken

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.util.concurrent.Executors
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlin.time.measureTime
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test

class HttpUrlConnectionTransportTest {
    private val loopback = InetAddress.getByName("127.0.0.1")
    private val seen = mutableListOf<String>()
    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(loopback, 0), 0).apply { executor = threads }
    private val base = "http://127.0.0.1:${server.address.port}"

    init {
        server.start()
    }

    @AfterEach
    fun down() {
        server.stop(0)
        threads.shutdownNow()
    }

    private fun on(path: String, act: (HttpExchange) -> Unit) {
        server.createContext(path) { exchange ->
            synchronized(seen) { seen += "${exchange.requestMethod} ${exchange.requestURI}" }
            exchange.use(act)
        }
    }

    private fun HttpExchange.use(act: (HttpExchange) -> Unit) =
        try {
            act(this)
        } finally {
            close()
        }

    private fun HttpExchange.answer(status: Int, body: ByteArray, vararg headers: Pair<String, String>) {
        headers.forEach { (name, value) -> responseHeaders.add(name, value) }
        sendResponseHeaders(status, if (body.isEmpty()) -1 else body.size.toLong())
        if (body.isNotEmpty()) responseBody.write(body)
    }

    private fun send(url: String, body: String? = null, timeoutMs: Long = 5000, maxBody: Long = 65_536) = runBlocking {
        val headers = listOf("authorization" to "Bearer SECRET-SESSION-1", "accept" to "application/json")
        val method = if (body == null) "GET" else "POST"
        HttpUrlConnectionTransport().send(HttpRequest(method, url, headers, body?.toByteArray(), timeoutMs, maxBody))
    }

    private fun failure(url: String, timeoutMs: Long = 5000) =
        assertFailsWith<TransportException> { send(url, timeoutMs = timeoutMs) }

    @Test
    fun `a request arrives as it is and its reply comes back whole`() {
        var posted = ""
        on("/t") {
            posted = it.requestHeaders.getFirst("authorization") + String(it.requestBody.readBytes())
            it.answer(503, "wait".toByteArray(), "Retry-After" to "7")
        }
        val reply = send("$base/t", body = "{}")
        assertEquals("Bearer SECRET-SESSION-1{}", posted)
        assertEquals(503, reply.status)
        assertEquals("7", reply.headers.single { it.first.equals("retry-after", ignoreCase = true) }.second)
        assertContentEquals("wait".toByteArray(), reply.body)
    }

    @Test
    fun `a redirect is followed within the origin and handed back to any other`() {
        on("/here") { it.answer(302, ByteArray(0), "Location" to "/there?x=1") }
        on("/there") { it.answer(200, "ok".toByteArray()) }
        on("/away") { it.answer(307, ByteArray(0), "Location" to "http://localhost:${server.address.port}/there") }
        on("/round") { it.answer(302, ByteArray(0), "Location" to "/round") }
        assertEquals(200, send("$base/here").status)
        assertEquals(307, send("$base/away").status)
        assertEquals(302, send("$base/here", body = "{}").status)
        assertEquals(302, send("$base/round").status)
        assertEquals(listOf("GET /here", "GET /there?x=1", "GET /away", "POST /here"), seen.take(4))
        assertEquals(6, seen.count { it == "GET /round" })
    }

    @Test
    fun `a body is read to one byte more than allowed`() {
        on("/big") { exchange -> runCatching { exchange.answer(200, ByteArray(1_000_000)) } }
        assertEquals(65_537, send("$base/big").body.size)
        on("/fits") { it.answer(200, ByteArray(65_536)) }
        assertEquals(65_536, send("$base/fits").body.size)
    }

    @Test
    fun `a server that drips runs into the time-out of the whole exchange`() {
        on("/drip") { exchange ->
            runCatching {
                exchange.sendResponseHeaders(200, 0)
                repeat(100) {
                    exchange.responseBody.write('x'.code)
                    exchange.responseBody.flush()
                    Thread.sleep(50)
                }
            }
        }
        val took = measureTime {
            assertEquals(TransportException.Kind.TIMEOUT, failure("$base/drip", timeoutMs = 300).kind)
        }
        assertTrue(took.inWholeMilliseconds in 250..2500, "$took")
    }

    @Test
    fun `what goes wrong has its kind and no text from outside`() {
        val closed = ServerSocket(0, 1, loopback).use { it.localPort }
        val refused = failure("http://127.0.0.1:$closed/SECRET")
        assertEquals(TransportException.Kind.CONNECT, refused.kind)
        assertTrue("SECRET" !in refused.stackTraceToString())
        ServerSocket(0, 1, loopback).use { silent ->
            val slow = failure("http://127.0.0.1:${silent.localPort}/", timeoutMs = 200)
            assertEquals(TransportException.Kind.TIMEOUT, slow.kind)
        }
        ServerSocket(0, 1, loopback).use { plain ->
            threads.submit { plain.accept().use { it.getOutputStream().write("HTTP/1.1 400 x\r\n\r\n".toByteArray()) } }
            assertEquals(TransportException.Kind.TLS, failure("https://127.0.0.1:${plain.localPort}/").kind)
        }
        assertEquals(TransportException.Kind.REQUEST, failure("file:///").kind)
    }
}

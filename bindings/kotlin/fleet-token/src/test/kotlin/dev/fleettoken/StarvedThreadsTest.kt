package dev.fleettoken

import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/** Callers who block hold every thread that coroutines usually run on. Whoever answers them must need none of those. */
class StarvedThreadsTest {
    private fun served(callers: Int, on: CoroutineDispatcher, builder: AuthTokenFactoryBuilder) =
        // Else a failure would take as long as the deadline is usually.
        builder.fetchDeadline(10, TimeUnit.SECONDS).build().use { factory ->
            runBlocking { List(callers) { async(on) { factory.getToken(v1).value } }.awaitAll() }
        }

    private val slow = Backend { _, number ->
        delay(200)
        reply(number)
    }

    @Test
    fun `callers who block all default threads are answered`() {
        assertEquals(setOf("SECRET-TOKEN-1"), served(64, Dispatchers.Default, slow.builder()).toSet())
    }

    @Test
    fun `callers who block all threads for blocking are answered`() {
        assertEquals(setOf("SECRET-TOKEN-1"), served(200, Dispatchers.IO, slow.builder()).toSet())
    }

    @Test
    fun `the default transport answers them too`() {
        val server = HttpServer.create(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0)
        server.createContext("/") { exchange ->
            val body = reply(7).body
            exchange.sendResponseHeaders(200, body.size.toLong())
            exchange.responseBody.use { it.write(body) }
        }
        server.start()
        try {
            for (threads in listOf(Dispatchers.Default, Dispatchers.IO)) {
                val builder =
                    AuthTokenFactory.builder().allowHttpLoopback()
                        .endpoint(ContextKind.VEHICLE, "http://127.0.0.1:${server.address.port}/{vehicleId}")
                        .sessionHeaders { mapOf("Authorization" to "Bearer SECRET-SESSION-1") }
                assertEquals(setOf("SECRET-TOKEN-7"), served(100, threads, builder).toSet())
            }
        } finally {
            server.stop(0)
        }
    }
}

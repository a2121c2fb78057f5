package dev.fleettoken

import java.io.File
import java.lang.ref.WeakReference
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test

/** Factories that come and go leave nothing behind. */
class LeakTest {
    private class Counted(private val number: Int) : HttpTransport {
        val begun = CompletableDeferred<Unit>()
        val goOn = CompletableDeferred<Unit>()

        /** Whoever holds the transport holds this, too. */
        var owner: AuthTokenFactory? = null

        override suspend fun send(request: HttpRequest): HttpResponse {
            if (request.url.endsWith("/held")) {
                begun.complete(Unit)
                goOn.await()
            }
            return reply(number)
        }
    }

    private class Login(private val number: Int) : SessionHeaderProvider {
        var owner: AuthTokenFactory? = null

        override suspend fun headers(context: AuthTokenContext) =
            mapOf("Authorization" to "Bearer SECRET-SESSION-$number")
    }

    private fun make(transport: HttpTransport, login: SessionHeaderProvider) =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
            .transport(transport)
            .sessionHeaders(login)
            .build()

    /**
     * A factory that is used in every way and ended, or only let go of; what must go with it. Of four, one each is closed
     * with a handle and a collector, closed without them, closed during a fetch, and let go of during a fetch.
     */
    private fun oneLife(number: Int): List<WeakReference<Any>> = runBlocking {
        val transport = Counted(number)
        val session = Login(number)
        val factory = make(transport, session)
        val listening = launch(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { factory.events.collect {} }
        val handle = factory.handle(v1)
        assertEquals("SECRET-TOKEN-$number", handle.token().value)
        factory.tryToken(v2)
        val isClosed = number % 4 != 3
        if (number % 4 >= 2) {
            val waiting = async(Dispatchers.Default) { kindOf { factory.token(AuthTokenContext.vehicle("held")) } }
            transport.begun.await()
            if (isClosed) {
                factory.close()
                assertEquals(TokenErrorKind.SHUT_DOWN, withTimeout(20.seconds) { waiting.await() })
            } else {
                waiting.cancelAndJoin()
            }
        }
        if (number % 2 == 0 || !isClosed) {
            handle.close()
            listening.cancelAndJoin()
        }
        if (isClosed) factory.close()
        listening.join()
        // The fetch that was under way comes to its end when there is no factory any more.
        transport.goOn.complete(Unit)
        listOf<Any>(transport, session, factory, handle).map { WeakReference(it) }
    }

    private fun collected(what: List<WeakReference<Any>>) = runBlocking {
        until {
            System.gc()
            what.all { it.get() == null }
        }
    }

    @Test
    fun `a thousand factories leave no thread, no file, no object and no memory`() {
        collected((1..100).flatMap(::oneLife))
        val before = Size.now()
        repeat(10) { round -> collected((1..100).flatMap { oneLife(round * 100 + it) }) }
        val after = Size.now()
        println("before 1000 factories: $before, after: $after")
        assertTrue(after.threads <= before.threads + 8, "threads: $before, then $after")
        assertTrue(after.files <= before.files + 4, "open files: $before, then $after")
        assertTrue(after.heap <= before.heap + 4 * MIB, "heap: $before, then $after")
        assertTrue(after.resident <= before.resident + 16 * MIB, "memory: $before, then $after")
    }

    /** As one does that belongs to the app's own session, which has the factory too. */
    private fun owned(end: suspend (AuthTokenFactory) -> Unit): List<WeakReference<Any>> = runBlocking {
        val transport = Counted(1)
        val login = Login(1)
        val factory = make(transport, login)
        transport.owner = factory
        login.owner = factory
        factory.token(v1)
        end(factory)
        listOf<Any>(transport, login, factory).map { WeakReference(it) }
    }

    @Test
    fun `a transport or a login that holds its factory goes with it`() {
        collected(owned { it.close() })
        collected(owned { it.shutdown() })
    }

    private class Size(val threads: Int, val files: Int, val heap: Long, val resident: Long) {
        override fun toString() =
            "$threads threads, $files open files, heap ${heap / 1024} KiB, resident ${resident / 1024} KiB"

        companion object {
            fun now(): Size {
                repeat(3) { System.gc() }
                val runtime = Runtime.getRuntime()
                // Native threads and memory too, where the system tells.
                val status = File("/proc/self/status").takeIf { it.exists() }?.readLines().orEmpty()
                val told = { name: String ->
                    status.firstOrNull { it.startsWith("$name:") }?.split(Regex("\\s+"))?.get(1)?.toLong()
                }
                return Size(
                    threads = told("Threads")?.toInt() ?: Thread.activeCount(),
                    files = File("/proc/self/fd").list()?.size ?: 0,
                    heap = runtime.totalMemory() - runtime.freeMemory(),
                    resident = (told("VmRSS") ?: 0) * 1024,
                )
            }
        }
    }

    private companion object {
        const val MIB = 1024L * 1024
    }
}

package dev.fleettoken

import java.io.File
import java.lang.ref.WeakReference
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/** Factories that come and go leave nothing behind. */
class LeakTest {
    private class Counted(val number: Int) : HttpTransport {
        override suspend fun send(request: HttpRequest): HttpResponse = reply(number)
    }

    /** A factory that is used in every way and closed; what must go with it. */
    private fun oneLife(number: Int): List<WeakReference<Any>> = runBlocking {
        val transport = Counted(number)
        val session = SessionHeaderProvider { mapOf("Authorization" to "Bearer SECRET-SESSION-$number") }
        val factory =
            AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
                .transport(transport)
                .sessionHeaders(session)
                .build()
        val listening = launch(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { factory.events.collect {} }
        val handle = factory.handle(v1)
        assertEquals("SECRET-TOKEN-$number", handle.token().value)
        factory.tryToken(v2)
        // Every other one lets go of its handle, and of its collector.
        if (number % 2 == 0) {
            handle.close()
            listening.cancelAndJoin()
        }
        factory.close()
        listening.join()
        listOf<Any>(transport, session, factory, handle).map { WeakReference(it) }
    }

    private fun collected(what: List<WeakReference<Any>>) = runBlocking {
        until {
            System.gc()
            what.all { it.get() == null }
        }
    }

    @Test
    fun `five hundred factories leave no thread, no object and no memory`() {
        collected((1..100).flatMap(::oneLife))
        val before = Size.now()
        repeat(5) { round -> collected((1..100).flatMap { oneLife(round * 100 + it) }) }
        val after = Size.now()
        println("before 500 factories: $before, after: $after")
        assertTrue(after.threads <= before.threads + 8, "threads: $before, then $after")
        assertTrue(after.heap <= before.heap + 4 * MIB, "heap: $before, then $after")
        assertTrue(after.resident <= before.resident + 16 * MIB, "memory: $before, then $after")
    }

    private class Size(val threads: Int, val heap: Long, val resident: Long) {
        override fun toString() = "$threads threads, heap ${heap / 1024} KiB, resident ${resident / 1024} KiB"

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

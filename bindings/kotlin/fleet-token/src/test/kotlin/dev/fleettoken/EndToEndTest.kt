package dev.fleettoken

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicReference
import kotlin.concurrent.thread
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance

/** Everything real but the fleet: the default transport, the reference backend, the emulated Fleet Engine. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EndToEndTest {
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

    @Test
    fun `threads that ask for each call are served one token that Fleet Engine accepts`() {
        serve.builder("demo-driver-1").build().use { factory ->
            val statuses = List(4) { mutableListOf<Int>() }
            val look = { serve.get("vehicles/vehicle_1", factory.getToken(vehicle)) }
            val threads = statuses.map { mine -> thread { repeat(25) { mine += look() } } }
            threads.forEach { it.join() }
            assertEquals(List(100) { 200 }, statuses.flatten(), "${serve.stats()}")
            val told = factory.stats()
            assertEquals(1L to 100L, told.fetches to told.calls)
            assertEquals(401, serve.get("vehicles/vehicle_1", null))
        }
    }

    @Test
    fun `the program in the README works`() {
        val printed = ByteArrayOutputStream()
        val out = System.out
        System.setOut(PrintStream(printed, true))
        try {
            dev.fleettoken.snippets.main(arrayOf(serve.backend, serve.engine))
        } finally {
            System.setOut(out)
        }
        assertContains(printed.toString(), "Fleet Engine answered 200; the token is good for 59m")
    }

    @Test
    fun `a backend in trouble is asked again, and a login it does not know is not`() = runBlocking<Unit> {
        serve.builder("demo-rider-1").build().use { factory ->
            serve.fault("/token/consumer/", """{"status": 503}""")
            val trip = AuthTokenContext.trip("trip_1")
            val token = factory.token(trip)
            assertEquals(2, factory.stats().fetches)
            assertEquals(200, serve.get("trips/trip_1", token))
            assertTrue(factory.invalidate(trip, token))
            assertNotEquals(token.generation, factory.token(trip).generation)
        }
        serve.builder("nobody").build().use { factory ->
            val error = assertFailsWith<TokenException.SignIn> { factory.token(AuthTokenContext.trip("trip_1")) }
            assertTrue(error.status in setOf(401, 403) && !error.retryable)
            assertEquals(1, factory.stats().fetches)
        }
    }

    /** One update of a location as Google's SDK makes it: ask for the token each time, and once more after a 401. */
    @Test
    fun `the HTTP inside the library fetches what Fleet Engine accepts`() {
        serve.builder("demo-driver-1").libraryHttp().build().use { factory ->
            val token = factory.getToken(AuthTokenContext.vehicle("vehicle_1"))
            assertEquals(200, serve.get("vehicles/vehicle_1", token))
            assertEquals(1, factory.stats().fetches)
        }
    }

    private class Driver(private val serve: Serve, private val factory: AuthTokenFactory) {
        private val vehicle = AuthTokenContext.vehicle("vehicle_1")
        val statuses = mutableListOf<Int>()
        val generations = mutableListOf<Long>()
        val bodies = mutableListOf<String>()

        fun update() {
            val token = factory.getToken(vehicle)
            val refused = send(token) == 401
            if (refused) {
                factory.invalidate(vehicle, token)
                send(factory.getToken(vehicle))
            }
        }

        private fun send(token: AuthToken): Int {
            val (status, body) = serve.updateVehicle("vehicle_1", token, statuses.size)
            statuses += status
            bodies += body
            generations += token.generation
            return status
        }
    }

    /** Tokens live for 6 seconds, so that an hour's run takes seconds; the thread asks as much more often. */
    @Test
    fun `a location thread drives through rotations and a refused token`() {
        Serve("--token-lifetime", "6").use { serve ->
            serve.builder("demo-driver-1").safetyMargin(10.minutes).build().use { factory ->
                val driver = Driver(serve, factory)
                val done = CountDownLatch(1)
                val failed = AtomicReference<Throwable>()
                val location = Executors.newSingleThreadScheduledExecutor()
                location.scheduleAtFixedRate(
                    {
                        try {
                            driver.update()
                            if (driver.statuses.size == 5) serve.fault("/v1/", """{"status": 401}""")
                            // The refused one's successor, and two that were renewed in time.
                            if (driver.generations.toSet().size >= 4) done.countDown()
                        } catch (thrown: Throwable) {
                            failed.set(thrown)
                            done.countDown()
                        }
                    },
                    0,
                    100,
                    TimeUnit.MILLISECONDS,
                )
                assertTrue(done.await(60, TimeUnit.SECONDS))
                location.shutdown()
                assertTrue(location.awaitTermination(20, TimeUnit.SECONDS))
                failed.get()?.let { throw it }

                val refused = driver.statuses.withIndex().filter { it.value != 200 }
                assertEquals(listOf(401), refused.map { it.value }, "${driver.statuses} ${serve.stats()}")
                val at = refused.single().index
                assertContains(driver.bodies[at], "UNAUTHENTICATED")
                assertTrue(driver.generations[at + 1] > driver.generations[at], "the retry has another token")
                assertEquals(driver.generations.sorted(), driver.generations)
                assertContains(driver.bodies.last(), "lastLocation")

                val stats = factory.stats()
                // None if it was being renewed just then, anyway.
                assertTrue(stats.rejections <= 1, "$stats")
                assertTrue(stats.backgroundFlights >= 1, "renewed while the old one was served: $stats")
                assertEquals(stats.calls, stats.hits + stats.waits, "$stats")
                assertTrue(stats.hits > stats.fetches, "$stats")
            }
        }
    }
}

package dev.fleettoken

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance

/** Everything real but the fleet: the default transport, the reference backend, the emulated Fleet Engine. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EndToEndTest {
    private lateinit var server: Process
    private lateinit var backend: String
    private lateinit var engine: String

    @BeforeAll
    fun up() {
        val program = System.getProperty("fleet.cli").orEmpty()
        assumeTrue(program.isNotEmpty(), "no fleet-token program: `cargo xtask kotlin` builds and names it")
        server = ProcessBuilder(program, "serve").redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val lines = server.inputStream.bufferedReader()
        val said = generateSequence { lines.readLine() }.onEach { line ->
            if (line.startsWith("token backend")) backend = line.split(Regex(" +"))[2]
            if (line.startsWith("Fleet Engine")) engine = line.split(Regex(" +"))[2]
        }
        said.first { "Ctrl-C" in it }
        thread(isDaemon = true) { runCatching { lines.forEachLine {} } }
    }

    @AfterAll
    fun down() {
        if (!::server.isInitialized) return
        server.destroy()
        assertTrue(server.waitFor(10, TimeUnit.SECONDS))
    }

    private fun factory(login: String) =
        AuthTokenFactory.builder()
            .allowHttpLoopback()
            .endpoint(ContextKind.VEHICLE, "$backend/token/driver/{vehicleId}")
            .endpoint(ContextKind.TRIP, "$backend/token/consumer/{tripId}")
            .sessionHeaders { mapOf("Authorization" to "Bearer $login") }
            .build()

    private fun call(url: String, token: AuthToken? = null, post: String? = null): Pair<Int, String> {
        val connection = URL(url).openConnection() as HttpURLConnection
        token?.let { connection.setRequestProperty("Authorization", "Bearer ${it.value}") }
        post?.let {
            connection.doOutput = true
            connection.setRequestProperty("Content-Type", "application/json")
            connection.outputStream.use { out -> out.write(it.toByteArray()) }
        }
        val status = connection.responseCode
        return status to (if (status < 400) connection.inputStream.use { String(it.readBytes()) } else "")
    }

    private fun engine(what: String, token: AuthToken?) = call("$engine/$what", token).first

    private fun stats(): JsonObject = JsonParser.parseString(call("$backend/admin/stats").second).asJsonObject

    @Test
    fun `a location thread that asks for each call is served one token that Fleet Engine accepts`() {
        factory("demo-driver-1").use { factory ->
            val vehicle = AuthTokenContext.vehicle("vehicle_1")
            val statuses = List(4) { mutableListOf<Int>() }
            val threads = statuses.map { mine ->
                thread { repeat(25) { mine += engine("vehicles/vehicle_1", factory.getToken(vehicle)) } }
            }
            threads.forEach { it.join() }
            assertEquals(List(100) { 200 }, statuses.flatten(), "${stats()}")
            val told = factory.stats()
            assertEquals(1L to 100L, told.fetches to told.calls)
            assertEquals(401, engine("vehicles/vehicle_1", null))
        }
    }

    @Test
    fun `a backend in trouble is asked again, and a login it does not know is not`() = runBlocking<Unit> {
        factory("demo-rider-1").use { factory ->
            val fault = """[{"match": "/token/consumer/", "times": 1, "fault": {"status": 503}}]"""
            assertEquals(200, call("$backend/admin/faults", post = fault).first)
            val trip = AuthTokenContext.trip("trip_1")
            val token = factory.token(trip)
            assertEquals(2, factory.stats().fetches)
            assertEquals(200, engine("trips/trip_1", token))
            assertTrue(factory.invalidate(trip, token))
            assertNotEquals(token.generation, factory.token(trip).generation)
        }
        factory("nobody").use { factory ->
            val error = assertFailsWith<TokenException.SignIn> { factory.token(AuthTokenContext.trip("trip_1")) }
            assertTrue(error.status in setOf(401, 403) && !error.retryable)
            assertEquals(1, factory.stats().fetches)
        }
    }
}

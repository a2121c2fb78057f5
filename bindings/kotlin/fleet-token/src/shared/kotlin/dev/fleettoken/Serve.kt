package dev.fleettoken

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue

/** `fleet-token serve`: the reference backend and the emulated Fleet Engine. */
internal class Serve(vararg options: String) : AutoCloseable {
    private val process: Process
    val backend: String

    /** Up to and with the provider. */
    val engine: String

    init {
        val program = System.getProperty("fleet.cli").orEmpty()
        assumeTrue(program.isNotEmpty(), "no fleet-token program: `cargo xtask kotlin` builds and names it")
        process = ProcessBuilder(program, "serve", *options).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val lines = process.inputStream.bufferedReader()
        val said = generateSequence { lines.readLine() }.takeWhile { "Ctrl-C" !in it }.toList()
        val url = { name: String -> said.first { it.startsWith(name) }.removePrefix(name).trim().substringBefore(' ') }
        backend = url("token backend")
        engine = url("Fleet Engine")
        thread(isDaemon = true) { runCatching { lines.forEachLine {} } }
    }

    override fun close() {
        process.destroy()
        assertTrue(process.waitFor(10, TimeUnit.SECONDS))
    }

    fun builder(login: String): AuthTokenFactoryBuilder =
        AuthTokenFactory.builder()
            .allowHttpLoopback()
            .endpoint(ContextKind.VEHICLE, "$backend/token/driver/{vehicleId}")
            .endpoint(ContextKind.TRIP, "$backend/token/consumer/{tripId}")
            .sessionHeaders { mapOf("Authorization" to "Bearer $login") }

    fun stats(): JsonObject = JsonParser.parseString(call("GET", "$backend/admin/stats").second).asJsonObject

    /** The next request to `match` goes wrong in this way. */
    fun fault(match: String, fault: String) {
        val script = """[{"match": "$match", "times": 1, "fault": $fault}]"""
        assertEquals(200, call("POST", "$backend/admin/faults", null, script).first)
    }

    /** Has Fleet Engine refuse this token from now on. */
    fun revoke(token: AuthToken) {
        assertEquals(200, call("POST", "$backend/admin/revocations", json = token.value).first)
    }

    /** Asks Fleet Engine; the status. */
    fun get(resource: String, token: AuthToken?): Int = call("GET", "$engine/$resource", token).first

    /** What a driver's app does every few seconds; status and body. */
    fun updateVehicle(id: String, token: AuthToken, step: Int): Pair<Int, String> {
        val location = """{"lastLocation": {"location": {"latitude": 48.1, "longitude": ${11.5 + step / 1000.0}}}}"""
        return call("PUT", "$engine/vehicles/$id?updateMask=lastLocation", token, location)
    }

    private fun call(method: String, url: String, token: AuthToken? = null, json: String? = null): Pair<Int, String> {
        val connection = URL(url).openConnection() as HttpURLConnection
        connection.requestMethod = method
        token?.let { connection.setRequestProperty("Authorization", "Bearer ${it.value}") }
        json?.let {
            connection.doOutput = true
            connection.setRequestProperty("Content-Type", "application/json")
            connection.outputStream.use { out -> out.write(it.toByteArray()) }
        }
        val status = connection.responseCode
        val body = if (status < 400) connection.inputStream else connection.errorStream
        return status to body?.use { String(it.readBytes()) }.orEmpty()
    }
}

package driver

import dev.fleettoken.AuthTokenFactory
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit

/**
 * Makes the demo's token backend drop every connection for five seconds, at the time at which the first token is due for
 * renewal. Only `fleet-token serve` can be asked for that.
 */
class Outage(private val backend: String, private val tokens: AuthTokenFactory, private val log: Log) : AutoCloseable {
    private val thread = Executors.newSingleThreadScheduledExecutor()

    @Volatile
    var isOn = false
        private set

    fun start() {
        thread.schedule(::begin, 4, TimeUnit.SECONDS)
        thread.schedule(::end, 9, TimeUnit.SECONDS)
    }

    private fun begin() {
        isOn = ask("POST", """[{"match": "/token/driver/", "times": null, "fault": {"kind": "reset"}}]""")
        val said = "the token backend drops every connection for 5 s, just as a token is due"
        log.say("OUTAGE", if (isOn) said else "not of this backend: only that of `fleet-token serve` has them on demand")
    }

    private fun end() {
        if (!isOn) return
        isOn = false
        ask("DELETE", null)
        log.say("OUTAGE OVER", "the app reports it (networkAvailable)")
        // On Android `NetworkWatch` does so. Else it would be asked again shortly before the old token ends.
        tokens.networkAvailable()
    }

    private fun ask(method: String, json: String?): Boolean =
        try {
            val call = URL("$backend/admin/faults").openConnection() as HttpURLConnection
            call.requestMethod = method
            if (json != null) {
                call.doOutput = true
                call.outputStream.use { it.write(json.toByteArray()) }
            }
            call.responseCode == 200
        } catch (_: IOException) {
            false
        }

    override fun close() {
        thread.shutdownNow()
    }
}

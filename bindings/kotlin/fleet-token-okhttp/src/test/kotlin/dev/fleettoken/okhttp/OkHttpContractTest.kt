package dev.fleettoken.okhttp

import dev.fleettoken.HttpTransport
import dev.fleettoken.TransportContract
import kotlin.test.assertEquals
import okhttp3.OkHttpClient
import org.junit.jupiter.api.Test

/** OkHttp keeps the contract of all transports. Run once more on the oldest OkHttp that apps may have. */
class OkHttpContractTest : TransportContract() {
    override val transport: HttpTransport = OkHttpTransport(OkHttpClient())

    @Test
    fun `it is the OkHttp that is meant`() {
        // Read when it runs: a constant would be the one that this was compiled against.
        val version = Class.forName("okhttp3.OkHttp").getField("VERSION").get(null)
        assertEquals(System.getProperty("fleet.okhttp"), version)
    }
}

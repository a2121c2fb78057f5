package dev.fleettoken.aar

import dev.fleettoken.PublicApi
import java.io.File
import org.junit.jupiter.api.Test

class PublicApiTest {
    @Test
    fun `the public API is the one that was reviewed`() {
        // The factory's own are fleet-token's to review, and generated ones nobody's.
        val all = File(System.getProperty("aar.classes"), "dev/fleettoken")
        PublicApi.assertReviewed("kotlin-android.api", listOf("android", "fleetengine").map(all::resolve))
    }
}

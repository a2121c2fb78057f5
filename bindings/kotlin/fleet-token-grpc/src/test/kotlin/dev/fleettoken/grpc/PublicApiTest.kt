package dev.fleettoken.grpc

import dev.fleettoken.PublicApi
import java.io.File
import org.junit.jupiter.api.Test

class PublicApiTest {
    @Test
    fun `the public API is the one that was reviewed`() {
        PublicApi.assertReviewed("kotlin-grpc.api", listOf(File(System.getProperty("fleet.classes"))))
    }
}

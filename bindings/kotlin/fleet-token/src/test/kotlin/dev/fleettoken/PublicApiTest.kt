package dev.fleettoken

import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

class PublicApiTest {
    @Test
    fun `the public API is the one that was reviewed`() {
        val dump = PublicApi.assertReviewed("kotlin.api", listOf(File(System.getProperty("fleet.classes"))))
        // Generated classes are no part of it: they change with every version.
        val callable = dump.lines().filter { " synthetic " !in it }
        assertTrue(callable.none { "dev/fleettoken/ffi" in it })
    }

    /** Kotlin reads what one version newer wrote. That programs in 2.1 compile and run with it was tried by hand. */
    @Test
    fun `apps on Kotlin 2_1 can use it`() {
        val shipped = listOf(AuthTokenFactory::class, TokenEvent::class, dev.fleettoken.ffi.FfiToken::class)
        for (type in shipped) {
            val written = type.java.getAnnotation(Metadata::class.java).metadataVersion
            assertEquals(listOf(2, 2), written.take(2), "$type")
        }
        assertEquals(2 to 2, KotlinVersion.CURRENT.let { it.major to it.minor }, "the standard library that apps get")
    }
}

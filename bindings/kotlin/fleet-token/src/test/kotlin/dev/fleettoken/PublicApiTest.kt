package dev.fleettoken

import java.io.File
import java.util.ServiceLoader
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory
import org.junit.jupiter.api.Test

/** What apps can call is what `api/fleet-token.api` says, so that no change of it goes unseen. */
class PublicApiTest {
    @Test
    fun `the public API is the one that was reviewed`() {
        val classes = File(System.getProperty("fleet.classes")).walk().filter { it.extension == "class" }.asIterable()
        val dump = StringBuilder()
        val none = emptySet<String>()
        ServiceLoader.load(AbiToolsFactory::class.java).single().get()
            .printJvmDump(dump, classes, AbiFilters(none, none, none, none))
        val reviewed = File("api/fleet-token.api")
        if (System.getProperty("fleet.api.write") == "true") {
            reviewed.parentFile.mkdirs()
            reviewed.writeText(dump.toString())
        }
        assertEquals(
            reviewed.readText(),
            dump.toString(),
            "if it is meant: run with -Dfleet.api.write=true, and review",
        )
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

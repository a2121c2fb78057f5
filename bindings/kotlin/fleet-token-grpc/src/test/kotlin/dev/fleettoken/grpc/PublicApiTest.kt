package dev.fleettoken.grpc

import java.io.File
import java.util.ServiceLoader
import kotlin.test.assertEquals
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory
import org.junit.jupiter.api.Test

/** What apps can call is what `api/fleet-token-grpc.api` says, so that no change of it goes unseen. */
class PublicApiTest {
    @Test
    fun `the public API is the one that was reviewed`() {
        val classes = File(System.getProperty("fleet.classes")).walk().filter { it.extension == "class" }.asIterable()
        val dump = StringBuilder()
        val none = emptySet<String>()
        ServiceLoader.load(AbiToolsFactory::class.java).single().get()
            .printJvmDump(dump, classes, AbiFilters(none, none, none, none))
        val reviewed = File("api/fleet-token-grpc.api")
        if (System.getProperty("fleet.api.write") == "true") {
            reviewed.parentFile.mkdirs()
            reviewed.writeText(dump.toString())
        }
        assertEquals(
            reviewed.readText(),
            dump.toString(),
            "if it is meant: run with -Dfleet.api.write=true, and review",
        )
    }
}

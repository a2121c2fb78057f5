package dev.fleettoken

import java.io.File
import java.util.ServiceLoader
import kotlin.test.assertEquals
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory

/** What apps can call is what a file of the repository's `api` says, so that no change of it goes unseen. */
internal object PublicApi {
    /** Fails where it is not so; with `-Dfleet.api.write=true` writes the file anew. What apps can call. */
    fun assertReviewed(name: String, folders: List<File>): String {
        val classes = folders.flatMap { folder -> folder.walk().filter { it.extension == "class" } }
        val dump = StringBuilder()
        val none = emptySet<String>()
        ServiceLoader.load(AbiToolsFactory::class.java).single().get()
            .printJvmDump(dump, classes, AbiFilters(none, none, none, none))
        val reviewed = File(System.getProperty("fleet.repository"), "api/$name")
        if (System.getProperty("fleet.api.write") == "true") reviewed.writeText("$dump")
        assertEquals(reviewed.readText(), "$dump", "if it is meant: run with -Dfleet.api.write=true, and review")
        return "$dump"
    }
}

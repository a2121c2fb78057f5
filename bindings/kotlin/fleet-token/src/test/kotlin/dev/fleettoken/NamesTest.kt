package dev.fleettoken

import dev.fleettoken.ffi.FfiStats
import java.io.File
import kotlin.test.assertEquals
import org.junit.jupiter.api.Test

/** Errors and counters are named as in every other language: `tests/names`. For events see [FactoryTest]. */
class NamesTest {
    @Test
    fun `errors are named as in every language`() {
        val all = listed("errors.txt") + listed("errors-of-wrappers.txt")
        assertEquals(all.toSet(), TokenErrorKind.entries.map { it.name.lowercase() }.toSet())
    }

    @Test
    fun `counters are named as in every language`() {
        val getters = TokenStats::class.java.declaredMethods.map { it.name }.filter { it.startsWith("get") }
        val names = getters.map { it.removePrefix("get").replaceFirstChar(Char::lowercase) }
        val snake = names.map { name -> name.replace(Regex("[A-Z]")) { "_" + it.value.lowercase() } }
        assertEquals(listed("stats.txt").toSet(), snake.toSet())
    }

    /** The same text as Rust's and Swift's, and each counter in its place. */
    @Test
    fun `counters are printed as in every language`() {
        val stats = FfiStats(1204u, 1190u, 9u, 3u, 2u, 5u, 14u, 12u, 10u, 11u, 1u, 6u, 7u, 4u)
        assertEquals(
            "calls 1204: hits 1190, waits 9, refusals 3, not ready 2; stale served 5; flights 12: background 10, " +
                "successes 11, failures 1; fetches 14; rejections 6; evictions 7; entries 4",
            TokenStats(stats).toString(),
        )
    }
}

/** A file of `tests/names`, a name a line. */
internal fun listed(file: String): List<String> =
    File(System.getProperty("fleet.repository"), "tests/names/$file").readLines().also { check(it.isNotEmpty()) }

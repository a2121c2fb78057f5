package driver

import java.util.Locale
import kotlin.time.TimeSource

/** Lines with the time since the start. */
class Log {
    private val began = TimeSource.Monotonic.markNow()

    fun say(what: String, more: String) {
        val seconds = began.elapsedNow().inWholeMilliseconds / 1000.0
        println(String.format(Locale.ROOT, "%5.1f s  %-16s %s", seconds, what, more).trimEnd())
    }

    /** Whether all of it was so. */
    fun verdict(lines: List<Pair<Boolean, String>>): Boolean {
        lines.forEach { (isSo, line) -> println("${if (isSo) "✓" else "✗"} $line") }
        return lines.all { it.first }
    }
}

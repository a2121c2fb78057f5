package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import kotlin.math.abs
import kotlin.math.max

/** How old what a call brought is. */
internal fun interface Since {
    /** Milliseconds since it was served, or since before; never less. */
    fun elapsedMs(): Long
}

/** A clock as it is read: by a call that makes no object of the number, as one of Kotlin's function types would. */
internal fun interface Reading {
    fun now(): Long
}

/** The clock that copies age on. */
internal fun interface CopyClock {
    /** Read before a call. What comes of it tells the age of what the call brought. */
    fun beforeCall(): Asked

    /** A call that is under way. */
    fun interface Asked {
        fun served(token: FfiToken): Since
    }
}

/** The core's own clock, `elapsedRealtime` on Android, which counts the time that a device sleeps. */
internal class CoreClock(private val ms: Reading) : CopyClock {
    private val asked =
        CopyClock.Asked { token ->
            val servedAtMs = token.servedAtMs.saturated()
            // Before it was served is not possible, unless this clock is another: Robolectric's starts near zero.
            Since { (ms.now() - servedAtMs).let { age -> if (age < 0) Long.MAX_VALUE else age } }
        }

    override fun beforeCall() = asked
}

/**
 * A JVM's clocks, neither of which is the core's, so it counts from before the call.
 *
 * `nanoTime` stands still while the machine sleeps, and the wall clock can be moved. Taking the greater of both, with a
 * wall clock that went back counting as one that went forward, can only make a copy look too old.
 */
internal class JvmClock(
    private val nanoTime: Reading = Reading(System::nanoTime),
    private val wallMs: Reading = Reading(System::currentTimeMillis),
) : CopyClock {
    override fun beforeCall(): CopyClock.Asked {
        val startedNs = nanoTime.now()
        val startedMs = wallMs.now()
        val since = Since { max((nanoTime.now() - startedNs) / NS_PER_MS, abs(wallMs.now() - startedMs)) }
        return CopyClock.Asked { since }
    }

    private companion object {
        const val NS_PER_MS = 1_000_000
    }
}

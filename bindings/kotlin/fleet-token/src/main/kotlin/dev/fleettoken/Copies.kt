package dev.fleettoken

import dev.fleettoken.ffi.FfiHits
import dev.fleettoken.ffi.FfiToken
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.atomic.AtomicLong

/**
 * The tokens that are served without a call into the core, which costs microseconds and garbage.
 *
 * - Reading takes no lock.
 * - A token that was just rejected or cleared is never put back by a slower thread: each carries the core's epoch from
 *   before it was asked for, and is kept only if no higher epoch has been seen. Comparing and keeping are one step.
 * - What was served from here is counted, and told to the core before it is asked for anything else.
 */
internal class Copies(private val bound: Int) {
    private class Copy(val token: AuthToken, val epoch: Long, private val freshForMs: Long, private val since: Since) {
        fun isFresh() = since.elapsedMs() < freshForMs
    }

    // Not by their class: its `keySet` has another type on old Androids.
    private val copies: ConcurrentMap<AuthTokenContext, Copy> = ConcurrentHashMap()
    private val uses: ConcurrentMap<AuthTokenContext, AtomicLong> = ConcurrentHashMap()

    /** Whether any use has not been told: saves the look through all of them. */
    @Volatile
    private var untold = false

    /** Guards keeping and dropping, not reading. */
    private val lock = Any()
    private var seenEpoch = 0L

    /** The token, if it can be served without asking. */
    fun fresh(context: AuthTokenContext): AuthToken? {
        val copy = copies[context] ?: return null
        if (!copy.isFresh()) return null
        uses.getOrPut(context) { AtomicLong() }.incrementAndGet()
        untold = true
        return copy.token
    }

    /** Keeps what the core served, if it may be. */
    fun keep(context: AuthTokenContext, served: FfiToken, token: AuthToken, since: Since) {
        val epoch = served.epoch.toLong()
        val freshForMs = served.freshForMs.saturated()
        synchronized(lock) {
            if (epoch < seenEpoch) return
            val kept = copies[context]
            when {
                // A slower thread's.
                kept != null && kept.token.generation > token.generation -> return
                freshForMs == 0L -> copies.remove(context)
                else -> {
                    if (kept == null && copies.size >= bound) makeRoom()
                    copies[context] = Copy(token, epoch, freshForMs, since)
                }
            }
        }
    }

    /** Drops what is from before this epoch, and keeps nothing from before it from now on. */
    fun seen(epoch: Long) {
        synchronized(lock) {
            if (epoch <= seenEpoch) return
            seenEpoch = epoch
            copies.values.removeAll { it.epoch < epoch }
        }
    }

    /** The core has no entry for this any more. */
    fun drop(context: AuthTokenContext) {
        synchronized(lock) { copies.remove(context) }
    }

    /** What was served since the last time this was asked. */
    fun takeHits(): List<FfiHits> {
        if (!untold) return emptyList()
        untold = false
        val taken = uses.mapNotNull { (context, count) ->
            count.getAndSet(0).takeIf { it > 0 }?.let { FfiHits(context.ffi, it.toULong()) }
        }
        // Seldom, since a use that is noted at this moment is lost.
        if (uses.size > 2 * bound) uses.keys.removeAll { !copies.containsKey(it) }
        return taken
    }

    /** Drops what is spent; if nothing is, any. The core has them all. */
    private fun makeRoom() {
        if (!copies.values.removeAll { !it.isFresh() }) copies.keys.firstOrNull()?.let(copies::remove)
    }
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiHits
import dev.fleettoken.ffi.FfiToken
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.atomic.LongAdder

/**
 * The tokens that are served without a call into the core, which costs microseconds and garbage.
 *
 * - Reading takes no lock.
 * - A token that was just rejected, cleared or evicted is never put back by a slower thread: each comes with the core's
 *   epoch from before it was asked for and the number of evictions from after, and is kept only if neither is lower
 *   than any seen. Comparing and keeping are one step under the lock.
 * - When either rises, all copies go: one token may have been handed out for several contexts, and which were evicted
 *   is not told. Those that are left are copied again when they are asked for.
 * - A token that is older than one that was handed out for its context, kept or not, is not kept either. (Two threads
 *   may bring them in the other order, with an eviction or a rejection between.)
 * - What was served from here is counted, and told to the core before it is asked for anything else.
 */
internal class Copies(private val bound: Int) {
    private class Copy(val token: AuthToken, private val freshForMs: Long, private val since: Since) {
        fun isFresh() = since.elapsedMs() < freshForMs
    }

    /** Where the copy of one context is, if there is one. A handle holds its place, and so needs no lookup. */
    inner class Place internal constructor(internal val context: AuthTokenContext) {
        // Written under the lock. A place that is not in the map any more has none.
        @Volatile
        private var copy: Copy? = null

        // Not one number, which threads that ask for the same token would take from each other at each hit.
        private val uses = LongAdder()

        /** How many of the uses were told; under the lock. */
        private var told = 0L

        /** The generation of the newest token that was handed out, kept or not; under the lock. */
        private var newest = 0L

        /** How many handles hold it; under the lock. */
        internal var holders = 0

        /** The token, if it can be served without asking. */
        fun fresh(): AuthToken? {
            val copy = copy ?: return null
            if (!copy.isFresh()) return null
            uses.increment()
            if (!untold) untold = true
            return copy.token
        }

        /** Whether there is no copy; under the lock. */
        internal val isEmpty: Boolean get() = copy == null

        /** Whether this token is as new as all that were handed out; under the lock. */
        internal fun hand(token: AuthToken): Boolean {
            if (token.generation < newest) return false
            newest = token.generation
            return true
        }

        internal fun put(token: AuthToken, freshForMs: Long, since: Since) {
            copy = Copy(token, freshForMs, since)
        }

        internal fun empty() {
            copy = null
        }

        internal fun takeHits(): FfiHits? {
            // A use that is noted meanwhile is in this sum or in the next.
            val all = uses.sum()
            val hits = all - told
            told = all
            return if (hits > 0) FfiHits(context.ffi, hits.toULong()) else null
        }
    }

    // Not by their class: its `keySet` has another type on old Androids.
    private val places: ConcurrentMap<AuthTokenContext, Place> = ConcurrentHashMap()

    /** Whether any use has not been told: saves the look through all places. */
    @Volatile
    private var untold = false

    /** Guards keeping and dropping, not reading. */
    private val lock = Any()
    private var seenEpoch = 0L
    private var seenEvictions = 0L

    /** How many places have a copy. */
    private var kept = 0

    /** Uses of places that are gone. */
    private val gone = mutableListOf<FfiHits>()

    /** The token, if it can be served without asking. */
    fun fresh(context: AuthTokenContext): AuthToken? = places[context]?.fresh()

    /** Keeps what the core served, if it may be. */
    fun keep(context: AuthTokenContext, served: FfiToken, token: AuthToken, since: Since) {
        val epoch = served.epoch.toLong()
        val evictions = served.evictions.toLong()
        synchronized(lock) {
            rise(epoch, evictions)
            if (places.size >= maxOf(bound, REMEMBERED) && context !in places) forget()
            val place = place(context)
            if (!place.hand(token)) return
            empty(place)
            val freshForMs = served.freshForMs.saturated()
            if (epoch < seenEpoch || evictions < seenEvictions || freshForMs == 0L) return
            if (kept >= bound) drop { it.holders == 0 }
            place.put(token, freshForMs, since)
            kept++
        }
    }

    /** Serves nothing from before this epoch from now on. */
    fun seen(epoch: Long) = synchronized(lock) { rise(epoch, seenEvictions) }

    /** The core has evicted so many contexts. */
    fun evicted(evictions: Long) = synchronized(lock) { rise(seenEpoch, evictions) }

    /** The place of a context that a handle holds, until it is [released][release]. */
    fun hold(context: AuthTokenContext): Place = synchronized(lock) { place(context).also { it.holders++ } }

    fun release(place: Place): Unit = synchronized(lock) { place.holders-- }

    /** What was served since the last time this was asked. */
    fun takeHits(): List<FfiHits> {
        if (!untold) return emptyList()
        untold = false
        return synchronized(lock) {
            val taken = gone + places.values.mapNotNull { it.takeHits() }
            gone.clear()
            taken
        }
    }

    internal val placeCount: Int get() = places.size

    private fun place(context: AuthTokenContext) = places.getOrPut(context) { Place(context) }

    private fun rise(epoch: Long, evictions: Long) {
        if (epoch <= seenEpoch && evictions <= seenEvictions) return
        seenEpoch = maxOf(seenEpoch, epoch)
        seenEvictions = maxOf(seenEvictions, evictions)
        drop { true }
    }

    private inline fun drop(which: (Place) -> Boolean) = places.values.filter(which).forEach(::empty)

    private fun empty(place: Place) {
        if (place.isEmpty) return
        place.empty()
        kept--
    }

    /** Makes room among the places. A handle's stays. */
    private fun forget() {
        for (place in places.values.filter { it.holders == 0 }) {
            empty(place)
            // A use that is noted at this moment is lost.
            place.takeHits()?.let(gone::add)
            places.remove(place.context)
        }
    }

    private companion object {
        /** Places are kept without copies, too, for what they know of tokens: so many at least. */
        const val REMEMBERED = 1024
    }
}

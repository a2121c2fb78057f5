package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import java.util.concurrent.atomic.AtomicLong
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

class CopiesTest {
    private var nowMs = 0L
    private val clock = CoreClock { nowMs }
    private val copies = Copies(bound = 2)
    private val v1 = AuthTokenContext.vehicle("v1")

    private fun served(
        epoch: Long = 0,
        generation: Long = 1,
        freshForMs: Long = 1000,
        servedAtMs: Long = 0,
        evictions: Long = 0,
    ) =
        FfiToken(
            "SECRET-TOKEN-$generation",
            generation.toULong(),
            epoch.toULong(),
            freshForMs.toULong(),
            2000uL,
            servedAtMs.toULong(),
            evictions.toULong(),
        )

    private fun keep(context: AuthTokenContext, served: FfiToken): AuthToken {
        val since = clock.beforeCall().served(served)
        return AuthToken.of(served, since).also { copies.keep(context, served, it, since) }
    }

    @Test
    fun `a copy is served until it is no longer fresh`() {
        nowMs = 400
        val token = keep(v1, served(servedAtMs = 100))
        assertSame(token, copies.fresh(v1))
        nowMs = 1099
        assertSame(token, copies.fresh(AuthTokenContext(vehicleId = "v1", tripId = "")))
        nowMs = 1100
        assertNull(copies.fresh(v1))
        assertEquals(1000, token.remainingMillis)
        nowMs = 5000
        assertEquals(0, token.remainingMillis)
    }

    @Test
    fun `a token from before a rejection is not kept`() {
        keep(v1, served())
        copies.seen(1)
        assertNull(copies.fresh(v1))
        keep(v1, served(epoch = 0))
        assertNull(copies.fresh(v1))
        keep(v1, served(epoch = 1))
        assertNotNull(copies.fresh(v1))
        copies.seen(0)
        assertNotNull(copies.fresh(v1), "an older epoch says nothing new")
    }

    @Test
    fun `an older token does not replace a newer one and one that is not fresh is not kept`() {
        val newer = keep(v1, served(generation = 2))
        keep(v1, served(generation = 1))
        assertSame(newer, copies.fresh(v1))
        keep(v1, served(generation = 3, freshForMs = 0))
        assertNull(copies.fresh(v1))
    }

    @Test
    fun `the number of copies is bounded`() {
        for (id in 1..20) {
            keep(AuthTokenContext.vehicle("v$id"), served())
            assertTrue((1..20).count { copies.fresh(AuthTokenContext.vehicle("v$it")) != null } in 1..2)
        }
    }

    @Test
    fun `an eviction ends all copies, and a token from before it is not kept`() {
        val v2 = AuthTokenContext.vehicle("v2")
        keep(v1, served())
        keep(v2, served(evictions = 1))
        assertNull(copies.fresh(v1))
        assertNotNull(copies.fresh(v2))
        keep(v1, served(evictions = 0))
        assertNull(copies.fresh(v1))
        copies.evicted(2)
        assertNull(copies.fresh(v2))
        copies.evicted(1)
        keep(v2, served(evictions = 2))
        assertNotNull(copies.fresh(v2), "a lower number says nothing new")
    }

    @Test
    fun `who holds a place finds there what is kept, and nothing that was dropped`() {
        keep(v1, served())
        val place = copies.hold(v1)
        assertNotNull(place.fresh())
        copies.seen(1)
        assertNull(place.fresh())
        val token = keep(v1, served(epoch = 1))
        assertSame(token, place.fresh())
        // A second one, and room made: the place is still the one that is kept to.
        copies.release(copies.hold(v1))
        for (id in 2..5) keep(AuthTokenContext.vehicle("v$id"), served(epoch = 1))
        assertSame(token, place.fresh())
        assertSame(keep(v1, served(epoch = 1, generation = 2)), place.fresh())
        copies.release(place)
        copies.seen(2)
        assertNull(place.fresh())
    }

    @Test
    fun `what is older than what was handed out is not kept, though nothing is kept by now`() {
        keep(v1, served(generation = 2, evictions = 1))
        copies.evicted(2)
        // A slow thread's: it was asked for before, and read the number of evictions after.
        keep(v1, served(generation = 1, evictions = 2))
        assertNull(copies.fresh(v1))
        // The newer one comes from before a rejection, so that it is not kept, and the older one from after it.
        val v2 = AuthTokenContext.vehicle("v2")
        copies.seen(1)
        keep(v2, served(generation = 4, epoch = 0, evictions = 2))
        keep(v2, served(generation = 3, epoch = 1, evictions = 2))
        assertNull(copies.fresh(v2))
    }

    @Test
    fun `places are forgotten before there are too many, but not one that is held`() {
        val held = copies.hold(v1)
        for (id in 1..5000) keep(AuthTokenContext.vehicle("other-$id"), served())
        assertTrue(copies.placeCount in 1..1024)
        val token = keep(v1, served(generation = 2))
        assertSame(token, held.fresh())
    }

    @Test
    fun `hits are told once`() {
        keep(v1, served())
        repeat(3) { copies.fresh(v1) }
        assertEquals(listOf(v1.ffi to 3uL), copies.takeHits().map { it.context to it.count })
        assertEquals(emptyList(), copies.takeHits())
        val place = copies.hold(v1)
        repeat(2) { place.fresh() }
        copies.fresh(v1)
        copies.seen(1)
        assertEquals(listOf(v1.ffi to 3uL), copies.takeHits().map { it.context to it.count }, "of what is gone too")
    }

    /** As `src/ffi` says: compare and keep in one step, or a slower thread puts the rejected token back. */
    @Test
    fun `racing threads never keep a rejected token`() {
        val epoch = AtomicLong()
        val asking = List(3) {
            thread {
                while (epoch.get() < 20_000) {
                    // The core reads the epoch before the token: what it serves was good at that epoch or later.
                    val before = epoch.get()
                    // Comes with it just when it was rejected, as often as can be.
                    var patience = 100
                    while (epoch.get() == before && patience-- > 0) Thread.yield()
                    keep(v1, served(epoch = before, generation = 1 + before))
                }
            }
        }
        repeat(20_000) {
            val rejected = epoch.get()
            copies.seen(epoch.incrementAndGet())
            repeat(10) {
                val kept = copies.fresh(v1)
                assertTrue(kept == null || kept.generation > 1 + rejected, "a rejected token was put back")
            }
        }
        asking.forEach { it.join() }
    }
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

/** Stands for android.os.SystemClock. */
public object Booted {
    @JvmStatic
    public fun elapsedRealtime(): Long = 1234
}

/** Stands for android.os.Looper on the main thread. */
public object MainLooper {
    @JvmStatic
    public fun getMainLooper(): Any = this

    @JvmStatic
    public fun myLooper(): Any? = if (Thread.currentThread().name == "main-of-test") this else null
}

/** Stands for the android.jar of local unit tests. */
public object NotMocked {
    @JvmStatic
    public fun elapsedRealtime(): Long = throw IllegalStateException("not mocked")
}

class PlatformTest {
    private val served = FfiToken("SECRET-TOKEN-1", 1u, 0u, 5000u, null, 1000u, 0u)
    private val android =
        Platform.of { if (it.endsWith("SystemClock")) Booted::class.java else MainLooper::class.java }

    @Test
    fun `Android is found by its classes and counts on the core's clock`() {
        assertIs<CoreClock>(android.clock)
        assertEquals(234, android.clock.beforeCall().served(served).elapsedMs())
    }

    @Test
    fun `a clock that is not the core's makes a copy look too old`() {
        val since = CoreClock { 999 }.beforeCall().served(served)
        assertEquals(Long.MAX_VALUE, since.elapsedMs())
    }

    @Test
    fun `a JVM and local unit tests of an Android app are no Android`() {
        for (find in listOf<(String) -> Class<*>>({ Class.forName(it) }, { NotMocked::class.java })) {
            val platform = Platform.of(find)
            assertIs<JvmClock>(platform.clock)
            assertFalse(platform.isMainThread())
        }
    }

    @Test
    fun `blocking Android's main thread is refused, also for a copy`() {
        val native = AuthTokenFactory.builder().endpoint(ContextKind.VEHICLE, "https://b.test/{vehicleId}")
        native.transport { error("nothing is sent") }.maxAttempts(1).build(android) { config, transport, session ->
            dev.fleettoken.ffi.FfiTokenFactory(config, transport, session)
        }.use { factory ->
            fun refused(): TokenErrorKind =
                assertFailsWith<TokenException> { factory.getToken(AuthTokenContext.vehicle("v1")) }.kind
            assertEquals(TokenErrorKind.TRANSPORT, refused())
            var onMain: TokenErrorKind? = null
            Thread({ onMain = refused() }, "main-of-test").apply { start() }.join()
            assertEquals(TokenErrorKind.BLOCKING_IN_ASYNC, onMain)
        }
    }

    @Test
    fun `a JVM's sleep and a moved wall clock can only age a copy`() {
        var nanos = 0L
        var wall = 0L
        val since = JvmClock({ nanos }, { wall }).beforeCall().served(served)
        nanos = 3_999_999
        assertEquals(3, since.elapsedMs())
        // The machine slept: nanoTime stood still.
        wall = 60_000
        assertEquals(60_000, since.elapsedMs())
        wall = -60_000
        assertTrue(since.elapsedMs() >= 60_000)
    }
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import dev.fleettoken.ffi.FfiTokenFactory
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
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

    /** What a call comes to on the thread that draws. */
    private fun <T> onMain(call: () -> T): Result<T> {
        var result: Result<T>? = null
        Thread({ result = runCatching(call) }, "main-of-test").apply { start() }.join()
        return result!!
    }

    @Test
    fun `blocking Android's main thread is refused, also for a copy`() {
        // A copy would be too old at once on the clock that stands for Android's.
        val platform = Platform(JvmClock(), android.isMainThread)
        val backend = Backend()
        val factory =
            backend.builder().build(platform) { config, transport, session ->
                FfiTokenFactory(config, transport, session)
            }
        factory.use {
            val refused = {
                val failed = onMain { factory.getToken(v1) }.exceptionOrNull()
                assertEquals(TokenErrorKind.BLOCKING_IN_ASYNC, (failed as TokenException.Misuse).kind)
            }
            refused()
            assertEquals(0, backend.sent.get())
            val token = factory.getToken(v1)
            refused()
            val handle = factory.handle(v1)
            assertIs<TokenException.Misuse>(onMain { handle.getToken() }.exceptionOrNull())
            assertSame(token, onMain { factory.tryToken(v1) }.getOrThrow())
            assertSame(token, onMain { runBlocking { handle.token() } }.getOrThrow())
            assertEquals("SECRET-TOKEN-2", onMain { runBlocking { factory.token(v2) } }.getOrThrow().value)
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

package dev.fleettoken.android

import android.Manifest
import android.app.Application
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.os.Looper
import android.util.Log
import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLog
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities

/** On Android's own classes; the test's thread is the main one. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [24, 35], manifest = Config.NONE)
class OnAndroidTest {
    private val v1 = AuthTokenContext.vehicle("v1")
    private val sent = AtomicInteger()

    @Volatile
    private var status = 200

    private val tokens =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://b.test/{vehicleId}")
            .maxAttempts(1)
            .sessionHeaders(BlockingSessionHeaders { mapOf("Authorization" to "Bearer SECRET-SESSION-1") })
            .transport {
                val body = """{"token":"SECRET-TOKEN-${sent.incrementAndGet()}","expiresInSeconds":3600}"""
                HttpResponse(status, emptyList(), body.toByteArray())
            }
            .build()

    private val app: Application = RuntimeEnvironment.getApplication()
    private val connectivity = app.getSystemService(ConnectivityManager::class.java)

    @After
    fun close() {
        tokens.close()
        assertFalse(ShadowLog.getLogs().any { "SECRET" in "${it.msg} ${it.throwable}" }, "a secret in the log")
    }

    /** Until it is so; the main thread's own work goes on meanwhile. */
    private fun until(done: () -> Boolean) {
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (!done()) {
            shadowOf(Looper.getMainLooper()).idle()
            check(System.nanoTime() < end) { "it never came" }
            Thread.yield()
        }
    }

    /** How many networks were told of, whenever it is asked. */
    private inner class Networks {
        private val networks = AtomicInteger()
        private val marks = AtomicInteger()

        @Volatile
        private var hears = false

        init {
            AsyncTokens(tokens) { it.run() }.listen { event ->
                when (event) {
                    is TokenEvent.NetworkAvailable -> networks.incrementAndGet()
                    is TokenEvent.SessionChanged -> marks.incrementAndGet()
                    else -> hears = true
                }
            }
            until {
                tokens.clear()
                hears
            }
        }

        /** Events come in order: what was sent before this mark has been heard when the mark is. */
        fun count(): Int {
            val mark = marks.get() + 1
            tokens.sessionChanged()
            until { marks.get() == mark }
            return networks.get()
        }
    }

    @Test
    fun `the main thread must not block, and need not`() {
        assertEquals(Looper.getMainLooper(), Looper.myLooper())
        val refused = assertFailsWith<TokenException.Misuse> { tokens.getToken(v1) }
        assertEquals(TokenErrorKind.BLOCKING_IN_ASYNC, refused.kind)
        assertEquals("SECRET-TOKEN-1", runBlocking { tokens.token(v1) }.value)
        var elsewhere: AuthToken? = null
        thread { elsewhere = tokens.getToken(v1) }.join()
        assertEquals("SECRET-TOKEN-1", elsewhere?.value)
        assertEquals(1, sent.get())
    }

    @Test
    fun `a network that comes back ends the backoff`() {
        NetworkWatch.start(app, tokens).use { watch ->
            assertEquals(NetworkWatch.State.WATCHING, watch.state)
            val callback = shadowOf(connectivity).networkCallbacks.single()
            status = 503
            val async = AsyncTokens(tokens)

            fun asked(): TokenErrorKind {
                val answer = async.token(v1)
                until { answer.isDone }
                return (assertFailsWith<Exception> { answer.get() }.cause as TokenException).kind
            }
            assertEquals(TokenErrorKind.UNAVAILABLE, asked())
            assertEquals(TokenErrorKind.BACKING_OFF, asked())
            callback.onAvailable(ShadowNetwork.newInstance(7))
            assertEquals(TokenErrorKind.UNAVAILABLE, asked())
            assertEquals(2, sent.get())
        }
        assertTrue(shadowOf(connectivity).networkCallbacks.isEmpty())
    }

    @Test
    fun `a network is told when it is there and once it is found to work`() {
        val networks = Networks()
        val watch = NetworkWatch.start(app, tokens)
        val callback = shadowOf(connectivity).networkCallbacks.single()
        val portal = ShadowNetworkCapabilities.newInstance()
        val works = ShadowNetworkCapabilities.newInstance()
        shadowOf(works).addCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        val (wifi, mobile) = List(2) { ShadowNetwork.newInstance(it + 1) }

        fun tells(count: Int, act: () -> Unit) {
            val before = networks.count()
            act()
            assertEquals(before + count, networks.count())
        }
        tells(1) { callback.onAvailable(wifi) }
        tells(0) { callback.onCapabilitiesChanged(wifi, portal) }
        tells(1) { callback.onCapabilitiesChanged(wifi, works) }
        tells(0) { callback.onCapabilitiesChanged(wifi, works) }
        tells(2) { switch(callback, mobile, works) }
        callback.onLost(mobile)
        tells(2) { switch(callback, mobile, works) }
        watch.close()
        watch.close()
        assertEquals(NetworkWatch.State.CLOSED, watch.state)
        tokens.close()
        callback.onAvailable(wifi)
    }

    private fun switch(callback: ConnectivityManager.NetworkCallback, to: Network, with: NetworkCapabilities) {
        callback.onAvailable(to)
        callback.onCapabilitiesChanged(to, with)
    }

    @Test
    @Config(shadows = [NoPermission::class])
    fun `without the permission nothing is watched and nothing crashes`() {
        NetworkWatch.start(app, tokens).use { watch ->
            assertEquals(NetworkWatch.State.NO_PERMISSION, watch.state)
            assertEquals(1, ShadowLog.getLogsForTag("FleetToken").count { "NO_PERMISSION" in it.msg })
        }
    }

    @Test
    fun `what happens is in the log, warnings always and the rest when asked for`() {
        ShadowLog.setLoggable("FleetToken", Log.DEBUG)
        val log = TokenLog.start(tokens)

        fun lines() = ShadowLog.getLogsForTag("FleetToken")
        until {
            tokens.networkAvailable()
            lines().isNotEmpty()
        }
        val token = runBlocking { tokens.token(v1) }
        tokens.invalidate(v1, token)
        status = 401
        assertFailsWith<TokenException.SignIn> { runBlocking { tokens.token(v1) } }
        until { lines().any { "fetch_failed" in it.msg } }

        fun level(name: String) = lines().first { it.msg.startsWith(name) }.type
        assertEquals(
            listOf(Log.DEBUG, Log.DEBUG, Log.WARN, Log.WARN),
            listOf("fetch_started", "fetched", "rejected", "fetch_failed").map(::level),
        )
        assertTrue(lines().any { "vehicleId=v1" in it.msg && "401" in it.msg }, "${lines().map { it.msg }}")

        ShadowLog.setLoggable("FleetToken", Log.INFO)
        tokens.clear()
        tokens.sessionChanged()
        assertFailsWith<TokenException.SignIn> { runBlocking { tokens.token(v1) } }
        until { lines().count { "fetch_failed" in it.msg } == 2 }
        assertFalse(lines().any { it.msg.startsWith("cleared") })
        log.close()
    }

    @Test
    fun `a callback is told on the main thread, once, and never within the call`() {
        val async = AsyncTokens(tokens)
        var told = 0
        val where = CompletableFuture<Looper?>()
        val callback = object : TokenCallback {
            override fun onToken(token: AuthToken) {
                told++
                where.complete(Looper.myLooper())
            }

            override fun onFailure(failure: TokenException) {
                told++
                where.completeExceptionally(failure)
            }
        }
        repeat(3) { round ->
            async.token(v1, callback)
            assertEquals(round, told, "within the call")
            until { told == round + 1 }
        }
        assertEquals(Looper.getMainLooper(), where.get())
        status = 403
        async.token(AuthTokenContext.vehicle("v2"), callback)
        until { told == 4 }
        // Called off on the main thread after it was told, so to speak, but before it ran.
        val called = async.token(v1, callback)
        val behind = async.token(v1)
        while (!behind.isDone) Thread.yield()
        called.cancel()
        repeat(10) { shadowOf(Looper.getMainLooper()).idle() }
        assertEquals(4, told)
    }

    @Test
    fun `an executor that was shut down, and a future that was cancelled, harm nobody`() {
        val uncaught = AtomicInteger()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, _ -> uncaught.incrementAndGet() }
        try {
            // Many, since what becomes of the last one is seen no more.
            repeat(20) {
                val rejected = CountDownLatch(1)
                val shutDown = Executor {
                    rejected.countDown()
                    throw RejectedExecutionException()
                }
                AsyncTokens(tokens, shutDown).token(v1) { error("never told") }
                assertTrue(rejected.await(30, TimeUnit.SECONDS))
            }
            AsyncTokens(tokens).token(AuthTokenContext.vehicle("v2")).cancel(true)
            assertIs<AuthToken>(AsyncTokens(tokens).token(AuthTokenContext.vehicle("v2")).get(30, TimeUnit.SECONDS))
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        assertEquals(0, uncaught.get())
    }

    @Test
    fun `a callback that throws is not told twice`() {
        val thrown = assertFailsWith<TokenException> { tokens.handle(AuthTokenContext.vehicle("../x")) }
        val told = CopyOnWriteArrayList<Any>()
        val uncaught = AtomicInteger()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, _ -> uncaught.incrementAndGet() }
        try {
            AsyncTokens(tokens) { it.run() }.token(v1) {
                told += it
                throw thrown
            }
            until { uncaught.get() > 0 }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        assertIs<AuthToken>(told.single())
    }

    @Test
    fun `a tag that old devices do not take is refused everywhere`() {
        assertFailsWith<IllegalArgumentException> { TokenLog.start(tokens, "x".repeat(24)) }
        TokenLog.start(tokens, "x".repeat(23)).close()
    }

    private fun AsyncTokens.token(context: AuthTokenContext, told: (Any) -> Unit) =
        token(
            context,
            object : TokenCallback {
                override fun onToken(token: AuthToken) = told(token)

                override fun onFailure(failure: TokenException) = told(failure)
            },
        )
}

package dev.fleettoken.grpc

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.SecretsWatch
import io.grpc.CallCredentials
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.ClientCall
import io.grpc.ClientInterceptor
import io.grpc.ClientInterceptors
import io.grpc.Context
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener
import io.grpc.Metadata
import io.grpc.MethodDescriptor
import io.grpc.Status
import io.grpc.stub.ClientCalls
import io.grpc.stub.MetadataUtils
import io.grpc.stub.StreamObserver
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith

/** The app's own calls over gRPC, real ones on loopback. */
@ExtendWith(SecretsWatch::class)
class AuthTokenClientInterceptorTest {
    private val first = "Bearer SECRET-TOKEN-1"
    private val second = "Bearer SECRET-TOKEN-2"

    private val refusing: (String?) -> Status = { if (it == first) Status.UNAUTHENTICATED else Status.OK }

    @Test
    fun `a call gets the token of its context, and one without a context passes as it is`() {
        Listening().use { engine ->
            Tokens().factory().use { tokens ->
                val channel = engine.with(tokens)
                assertEquals("x+", channel.ask())
                assertEquals("y+", channel.ask("y", CallOptions.DEFAULT))
                assertEquals(listOf(first, null), engine.authorizations)
            }
        }
    }

    @Test
    fun `a refused call is sent once more as it was, with the next token`() {
        Listening(refusing).use { engine ->
            Tokens().factory().use { tokens ->
                val own = Metadata().apply { put(Metadata.Key.of("x-own", Metadata.ASCII_STRING_MARSHALLER), "kept") }
                val channel =
                    ClientInterceptors.intercept(
                        engine.with(tokens),
                        MetadataUtils.newAttachHeadersInterceptor(own),
                    )
                assertEquals("x+", channel.ask())
                assertEquals(listOf<String?>(first, second), engine.authorizations)
                assertEquals(listOf<String?>("kept", "kept"), engine.headers("x-own"))
                assertEquals(listOf("x"), engine.messages)
                assertEquals(1L to 2L, tokens.stats().let { it.rejections to it.flights })
                assertEquals("y+", channel.ask("y"))
                assertEquals(second, engine.authorizations.last())
            }
        }
    }

    @Test
    fun `a call is sent twice at most, and no token that was refused is served again`() {
        Listening { Status.UNAUTHENTICATED.withDescription("no") }.use { engine ->
            Tokens().factory().use { tokens ->
                val status = statusOf { engine.with(tokens).ask() }
                assertEquals(Status.Code.UNAUTHENTICATED to "no", status.code to status.description)
                assertEquals(listOf<String?>(first, second), engine.authorizations)
                assertEquals(2, tokens.stats().rejections)
            }
        }
    }

    @Test
    fun `what the token may not do is the caller's to hear, once`() {
        Listening { Status.PERMISSION_DENIED }.use { engine ->
            Tokens().factory().use { tokens ->
                assertEquals(Status.Code.PERMISSION_DENIED, statusOf { engine.with(tokens).ask() }.code)
                assertEquals(listOf<String?>(first), engine.authorizations)
                assertEquals(0, tokens.stats().rejections)
            }
        }
    }

    /** The server answers neither before both are there: both were sent with the token that it refuses. */
    @Test
    fun `two calls that are refused at a time bring one new token`() {
        val both = CyclicBarrier(2)
        val judge = { sent: String? ->
            if (sent == first) both.await(20, TimeUnit.SECONDS)
            refusing(sent)
        }
        Listening(judge).use { engine ->
            Tokens().factory().use { tokens ->
                val channel = engine.with(tokens)
                val answers = List(2) { CompletableFuture<String>() }
                answers.forEach { thread { it.complete(channel.ask()) } }
                assertEquals(listOf("x+", "x+"), answers.map { it.get(30, TimeUnit.SECONDS) })
                assertEquals(listOf<String?>(first, first, second, second), engine.authorizations.sortedBy { it })
                assertEquals(2, tokens.stats().fetches)
            }
        }
    }

    @Test
    fun `a stream is not sent again, and the next one has another token`() {
        Listening(refusing).use { engine ->
            Tokens().factory().use { tokens ->
                val stream = {
                    ClientCalls.blockingServerStreamingCall(engine.with(tokens), watch, forTrip, "x".toByteArray())
                        .asSequence().count()
                }
                assertEquals(Status.Code.UNAUTHENTICATED, statusOf { stream() }.code)
                assertEquals(listOf<String?>(first), engine.authorizations)
                assertEquals(2, stream())
                assertEquals(listOf<String?>(first, second), engine.authorizations)
            }
        }
    }

    private object Theirs : CallCredentials() {
        override fun applyRequestMetadata(info: RequestInfo, appExecutor: Executor, applier: MetadataApplier) =
            applier.apply(Metadata().apply { put(AuthTokenCallCredentials.AUTHORIZATION, "theirs") })
    }

    @Test
    fun `credentials and an authorization of the caller's own are left`() {
        Listening { Status.UNAUTHENTICATED }.use { engine ->
            Tokens().factory().use { tokens ->
                val channel = engine.with(tokens)
                val own = Metadata().apply { put(AuthTokenCallCredentials.AUTHORIZATION, "its own") }
                val signed =
                    ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(own))
                assertEquals(Status.Code.UNAUTHENTICATED, statusOf { signed.ask() }.code)
                val credentials = forTrip.withCallCredentials(Theirs)
                assertEquals(Status.Code.UNAUTHENTICATED, statusOf { channel.ask(options = credentials) }.code)
                assertEquals(listOf<String?>("its own", "theirs"), engine.authorizations)
                assertEquals(0, tokens.stats().calls)
            }
        }
    }

    @Test
    fun `a call to another authority is not sent, and nothing is fetched for it`() {
        Listening().use { engine ->
            Tokens().factory().use { tokens ->
                val google =
                    ClientInterceptors.intercept(engine.channel, AuthTokenClientInterceptor(tokens))
                val status = statusOf { google.ask() }
                assertEquals(Status.Code.INTERNAL, status.code)
                assertEquals(
                    "${engine.authority} is none of the authorities that tokens are for: [fleetengine.googleapis.com]",
                    status.description,
                )
                assertEquals(0L to 0, tokens.stats().calls to engine.authorizations.size)
            }
        }
    }

    @Test
    fun `a fetch holds up no thread of the app's executor, and a call that is cancelled meanwhile ends`() {
        val over = CountDownLatch(1)
        val one = Executors.newSingleThreadExecutor()
        val backend = Tokens(over)
        Listening().use { engine ->
            backend.factory().use { tokens ->
                val channel = engine.with(tokens)
                val cancelled = Context.current().withCancellation()
                val slow = CompletableFuture<Status>()
                val options = forTrip.withExecutor(one)
                cancelled.run {
                    val call = channel.newCall(get, options)
                    ClientCalls.asyncUnaryCall(call, "slow".toByteArray(), Heard(slow))
                }
                await { backend.fetches.get() == 1 }
                val quick = CompletableFuture<Status>()
                val without = CallOptions.DEFAULT.withExecutor(one)
                ClientCalls.asyncUnaryCall(channel.newCall(get, without), "quick".toByteArray(), Heard(quick))
                assertTrue(quick.get(20, TimeUnit.SECONDS).isOk)
                assertFalse(slow.isDone)
                cancelled.cancel(null)
                assertEquals(Status.Code.CANCELLED, slow.get(20, TimeUnit.SECONDS).code)
                over.countDown()
                assertEquals("x+", channel.ask())
                assertEquals(1, backend.fetches.get(), "the fetch was not lost")
                assertEquals(listOf("quick", "x"), engine.messages)
            }
        }
        one.shutdownNow()
    }

    @Test
    fun `a call waits for its token no longer than its own deadline`() {
        val over = CountDownLatch(1)
        Listening().use { engine ->
            Tokens(over).factory().use { tokens ->
                val began = TimeSource.Monotonic.markNow()
                val hurried = forTrip.withDeadlineAfter(300, TimeUnit.MILLISECONDS)
                val status = statusOf { engine.with(tokens).ask(options = hurried) }
                assertEquals(Status.Code.DEADLINE_EXCEEDED, status.code)
                assertTrue(began.elapsedNow() < 20.seconds)
                over.countDown()
            }
        }
    }

    /** Cancels the app's call at the very moment at which it is refused. */
    private class Cancelling(private val sent: AtomicInteger) : ClientInterceptor {
        lateinit var call: ClientCall<*, *>

        override fun <Q, R> interceptCall(
            method: MethodDescriptor<Q, R>,
            options: CallOptions,
            next: Channel,
        ): ClientCall<Q, R> =
            object : SimpleForwardingClientCall<Q, R>(next.newCall(method, options)) {
                override fun start(listener: Listener<R>, headers: Metadata) {
                    sent.incrementAndGet()
                    val cancelling =
                        object : SimpleForwardingClientCallListener<R>(listener) {
                            override fun onClose(status: Status, trailers: Metadata) {
                                call.cancel("enough", null)
                                super.onClose(status, trailers)
                            }
                        }
                    super.start(cancelling, headers)
                }
            }
    }

    @Test
    fun `a call that is cancelled is not sent again`() {
        Listening { Status.UNAUTHENTICATED }.use { engine ->
            Tokens().factory().use { tokens ->
                val sent = AtomicInteger()
                val cancelling = Cancelling(sent)
                val call = engine.with(tokens, cancelling).newCall(get, forTrip)
                cancelling.call = call
                val told = CompletableFuture<Status>()
                ClientCalls.asyncUnaryCall(call, "x".toByteArray(), Heard(told))
                assertEquals(Status.Code.UNAUTHENTICATED, told.get(20, TimeUnit.SECONDS).code)
                assertEquals(1 to 1L, sent.get() to tokens.stats().rejections)
            }
        }
    }

    /** gRPC allows it, and so does whoever cancels what could not be started. */
    @Test
    fun `a call that is cancelled before it is started is not sent`() {
        Listening().use { engine ->
            Tokens().factory().use { tokens ->
                val call = engine.with(tokens).newCall(get, forTrip)
                call.cancel("changed its mind", null)
                val listener = object : ClientCall.Listener<ByteArray>() {}
                assertFailsWith<IllegalStateException> { call.start(listener, Metadata()) }
                assertEquals(0L to 0, tokens.stats().calls to engine.authorizations.size)
            }
        }
    }

    /** Lets one call through. */
    private class Once : ClientInterceptor {
        private val sent = AtomicInteger()

        override fun <Q, R> interceptCall(
            method: MethodDescriptor<Q, R>,
            options: CallOptions,
            next: Channel,
        ): ClientCall<Q, R> =
            object : SimpleForwardingClientCall<Q, R>(next.newCall(method, options)) {
                override fun start(listener: Listener<R>, headers: Metadata) {
                    if (sent.incrementAndGet() > 1) throw Status.RESOURCE_EXHAUSTED.asRuntimeException()
                    super.start(listener, headers)
                }
            }
    }

    @Test
    fun `a call that an interceptor does not let through a second time ends with what it says`() {
        Listening(refusing).use { engine ->
            Tokens().factory().use { tokens ->
                val told = CompletableFuture<Status>()
                val call = engine.with(tokens, Once()).newCall(get, forTrip)
                ClientCalls.asyncUnaryCall(call, "x".toByteArray(), Heard(told))
                assertEquals(Status.Code.RESOURCE_EXHAUSTED, told.get(20, TimeUnit.SECONDS).code)
            }
        }
    }

    @Test
    fun `nothing that is printed or thrown holds the token`() {
        Listening { Status.UNAUTHENTICATED }.use { engine ->
            Tokens().factory().use { tokens ->
                val failed = runCatching { engine.with(tokens).ask() }.exceptionOrNull()!!
                val credentials = AuthTokenCallCredentials(tokens, trip)
                val printed =
                    listOf(
                        failed.stackTraceToString(),
                        "$credentials",
                        "${AuthTokenClientInterceptor(tokens)}",
                        "$forTrip",
                        "${forTrip.withCallCredentials(credentials)}",
                    )
                assertFalse(printed.any { "SECRET" in it }, "$printed")
                assertEquals(
                    "AuthTokenCallCredentials(AuthTokenContext(tripId=t1), [fleetengine.googleapis.com])",
                    printed[1],
                )
            }
        }
    }

    @Test
    fun `only what is an authority is taken for one, and no login in it is repeated`() {
        Tokens().factory().use { tokens ->
            val named = { text: String ->
                AuthTokenClientInterceptor(tokens, listOf(text)).toString().substringAfter('(')
            }
            assertEquals("[e.test])", named("E.test:443"))
            assertEquals("[[::1]:8081])", named("[::1]:8081"))
            val wrong = listOf("", "https://e.test", "SECRET-SESSION-1@e.test", "e.test/x", "dns:///e.test", "e.test:x")
            for (text in wrong) {
                val refused = assertFailsWith<IllegalArgumentException>(text) { named(text) }
                assertFalse("SECRET" in refused.message.orEmpty())
            }
            assertNull(CallOptions.DEFAULT.getOption(AuthTokenClientInterceptor.CONTEXT))
            assertEquals(AuthTokenContext.trip("t1"), forTrip.getOption(AuthTokenClientInterceptor.CONTEXT))
        }
    }
}

private class Heard(private val told: CompletableFuture<Status>) : StreamObserver<ByteArray> {
    override fun onNext(value: ByteArray) = Unit

    override fun onError(thrown: Throwable) {
        told.complete(Status.fromThrowable(thrown))
    }

    override fun onCompleted() {
        told.complete(Status.OK)
    }
}

/** Looks again and again until it is so. Fails after 20 seconds. */
private fun await(isSo: () -> Boolean) {
    val began = TimeSource.Monotonic.markNow()
    while (!isSo()) {
        assertTrue(began.elapsedNow() < 20.seconds)
        Thread.yield()
    }
}

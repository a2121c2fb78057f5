package dev.fleettoken.grpc

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.SecretsWatch
import dev.fleettoken.Serve
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.ClientCall
import io.grpc.ClientInterceptor
import io.grpc.ClientInterceptors
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener
import io.grpc.ManagedChannel
import io.grpc.Metadata
import io.grpc.MethodDescriptor
import io.grpc.Status
import io.grpc.okhttp.OkHttpChannelBuilder
import io.grpc.stub.ClientCalls
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CyclicBarrier
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInstance
import org.junit.jupiter.api.extension.ExtendWith

/** `GetVehicle` of the emulated Fleet Engine, on the wire as Google's own clients call it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@ExtendWith(SecretsWatch::class)
class EndToEndTest {
    private lateinit var serve: Serve
    private val vehicle = AuthTokenContext.vehicle("vehicle_1")
    private val getVehicle = Bytes.method("maps.fleetengine.v1.VehicleService/GetVehicle")

    @BeforeAll
    fun up() {
        serve = Serve()
    }

    @AfterAll
    fun down() {
        if (::serve.isInitialized) serve.close()
    }

    private fun authority(serve: Serve) = serve.engine.removePrefix("http://").substringBefore('/')

    private fun <T> calling(
        tokens: AuthTokenFactory,
        serve: Serve = this.serve,
        below: List<ClientInterceptor> = emptyList(),
        act: (Channel) -> T,
    ): T {
        val (host, port) = authority(serve).split(':')
        val channel: ManagedChannel = OkHttpChannelBuilder.forAddress(host, port.toInt()).usePlaintext().build()
        try {
            val attaching = AuthTokenClientInterceptor(tokens, listOf(authority(serve)))
            return act(ClientInterceptors.intercept(channel, below + attaching))
        } finally {
            channel.shutdownNow()
        }
    }

    /** `GetVehicleRequest` has the name in its field 3. */
    private fun Channel.look(id: String = "vehicle_1"): String {
        val name = "providers/demo/vehicles/$id".toByteArray()
        val options =
            CallOptions.DEFAULT.withOption(AuthTokenClientInterceptor.CONTEXT, vehicle)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
        val request = byteArrayOf(0x1a, name.size.toByte()) + name
        return String(ClientCalls.blockingUnaryCall(this, getVehicle, options, request))
    }

    private fun minted() = serve.stats().getAsJsonObject("minted").entrySet().sumOf { it.value.asInt }

    /** Once the second of its minting is over: who signs twice in a second writes the same token twice. */
    private fun revoked(tokens: AuthTokenFactory): AuthToken {
        val token = tokens.getToken(vehicle)
        val minted = System.currentTimeMillis() / 1000
        while (System.currentTimeMillis() / 1000 == minted) Thread.yield()
        serve.revoke(token)
        return token
    }

    @Test
    fun `calls from two threads go on while tokens are renewed`() {
        Serve("--token-lifetime", "8").use { serve ->
            serve.builder("demo-driver-1").safetyMargin(10.minutes).build().use { tokens ->
                calling(tokens, serve) { channel ->
                    val began = TimeSource.Monotonic.markNow()
                    val calls = List(2) { CompletableFuture<Int>() }
                    calls.forEach { mine ->
                        thread {
                            var count = 0
                            try {
                                while (tokens.stats().successes < 3 && began.elapsedNow() < 60.seconds) {
                                    channel.look()
                                    count++
                                }
                                mine.complete(count)
                            } catch (refused: Exception) {
                                mine.completeExceptionally(refused)
                            }
                        }
                    }
                    assertTrue(calls.all { it.get(90, TimeUnit.SECONDS) > 0 })
                    assertTrue(tokens.stats().successes >= 3, "${tokens.stats()}")
                    assertEquals(0, tokens.stats().rejections)
                }
            }
        }
    }

    @Test
    fun `a revoked token is replaced within the call, and never served again`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            calling(tokens) { channel ->
                val before = minted()
                val first = revoked(tokens)
                assertContains(channel.look(), "providers/demo/vehicles/vehicle_1")
                assertEquals(2, minted() - before)
                assertEquals(1L to 2L, tokens.stats().let { it.rejections to it.fetches })
                assertNotEquals(first, tokens.getToken(vehicle))
            }
        }
    }

    /** Holds each refusal back until both calls have one: both were sent with the revoked token. */
    private class Both(private val refused: AtomicInteger) : ClientInterceptor {
        private val both = CyclicBarrier(2)

        override fun <Q, R> interceptCall(
            method: MethodDescriptor<Q, R>,
            options: CallOptions,
            next: Channel,
        ): ClientCall<Q, R> =
            object : SimpleForwardingClientCall<Q, R>(next.newCall(method, options)) {
                override fun start(listener: Listener<R>, headers: Metadata) {
                    val holding =
                        object : SimpleForwardingClientCallListener<R>(listener) {
                            override fun onClose(status: Status, trailers: Metadata) {
                                if (status.code == Status.Code.UNAUTHENTICATED) {
                                    refused.incrementAndGet()
                                    both.await(20, TimeUnit.SECONDS)
                                }
                                super.onClose(status, trailers)
                            }
                        }
                    super.start(holding, headers)
                }
            }
    }

    @Test
    fun `two calls that are refused at a time bring one new token`() {
        val refused = AtomicInteger()
        serve.builder("demo-driver-1").build().use { tokens ->
            calling(tokens, below = listOf(Both(refused))) { channel ->
                val before = minted()
                revoked(tokens)
                val answers = List(2) { CompletableFuture<String>() }
                answers.forEach { thread { it.complete(channel.look()) } }
                answers.forEach { assertContains(it.get(30, TimeUnit.SECONDS), "vehicle_1") }
                assertEquals(2, refused.get())
                assertEquals(2, minted() - before)
            }
        }
    }

    @Test
    fun `a token for another vehicle is denied once, and a login that the backend does not know gets none`() {
        serve.builder("demo-driver-1").build().use { tokens ->
            calling(tokens) { channel ->
                assertEquals(Status.Code.PERMISSION_DENIED, statusOf { channel.look("vehicle_2") }.code)
                assertEquals(0L to 1L, tokens.stats().let { it.rejections to it.fetches })
            }
        }
        serve.builder("nobody").build().use { tokens ->
            val status = calling(tokens) { channel -> statusOf { channel.look() } }
            assertEquals(Status.Code.UNAUTHENTICATED, status.code)
            assertEquals(TokenErrorKind.SESSION_REJECTED, (status.cause as TokenException).kind)
        }
    }
}

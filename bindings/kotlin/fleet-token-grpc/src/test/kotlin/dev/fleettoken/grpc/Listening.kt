package dev.fleettoken.grpc

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.AuthTokenFactoryBuilder
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.HttpTransport
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.ClientInterceptor
import io.grpc.ClientInterceptors
import io.grpc.InsecureServerCredentials
import io.grpc.ManagedChannel
import io.grpc.Metadata
import io.grpc.MethodDescriptor
import io.grpc.MethodDescriptor.MethodType
import io.grpc.Server
import io.grpc.ServerCall
import io.grpc.ServerCallHandler
import io.grpc.ServerInterceptor
import io.grpc.ServerServiceDefinition
import io.grpc.Status
import io.grpc.StatusRuntimeException
import io.grpc.okhttp.OkHttpChannelBuilder
import io.grpc.okhttp.OkHttpServerBuilder
import io.grpc.stub.ClientCalls
import io.grpc.stub.ServerCalls
import java.io.InputStream
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/** Messages as bytes: what a test says of calls holds for any of them. */
internal object Bytes : MethodDescriptor.Marshaller<ByteArray> {
    override fun stream(value: ByteArray): InputStream = value.inputStream()

    override fun parse(stream: InputStream): ByteArray = stream.readBytes()

    fun method(name: String, type: MethodType = MethodType.UNARY): MethodDescriptor<ByteArray, ByteArray> =
        MethodDescriptor.newBuilder(this, this).setType(type).setFullMethodName(name).build()
}

internal val get = Bytes.method("test.Vehicles/Get")
internal val watch = Bytes.method("test.Vehicles/Watch", MethodType.SERVER_STREAMING)

/** A server on this machine that judges calls by their authorization, and the calls that it was sent. */
internal class Listening(private val judge: (String?) -> Status = { Status.OK }) : AutoCloseable {
    private val seen = mutableListOf<Metadata>()

    /** What came in whole, with `+` behind it. */
    val messages = mutableListOf<String>()

    private val judging =
        object : ServerInterceptor {
            override fun <Q, R> interceptCall(
                call: ServerCall<Q, R>,
                headers: Metadata,
                next: ServerCallHandler<Q, R>,
            ): ServerCall.Listener<Q> {
                synchronized(seen) { seen += headers }
                val status = judge(headers.get(AuthTokenCallCredentials.AUTHORIZATION))
                if (status.isOk) return next.startCall(call, headers)
                call.close(status, Metadata())
                return object : ServerCall.Listener<Q>() {}
            }
        }

    private val service =
        ServerServiceDefinition.builder("test.Vehicles")
            .addMethod(
                get,
                ServerCalls.asyncUnaryCall { asked, answer ->
                    synchronized(messages) { messages += String(asked) }
                    answer.onNext(asked + '+'.code.toByte())
                    answer.onCompleted()
                },
            )
            .addMethod(
                watch,
                ServerCalls.asyncServerStreamingCall { asked, answer ->
                    repeat(2) { answer.onNext(asked) }
                    answer.onCompleted()
                },
            )
            .build()

    private val server: Server =
        OkHttpServerBuilder
            .forPort(InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), InsecureServerCredentials.create())
            .intercept(judging).addService(service).build().start()

    val authority = "127.0.0.1:${server.port}"

    val channel: ManagedChannel = OkHttpChannelBuilder.forAddress("127.0.0.1", server.port).usePlaintext().build()

    val authorizations: List<String?>
        get() = synchronized(seen) { seen.map { it.getAll(AuthTokenCallCredentials.AUTHORIZATION)?.joinToString() } }

    fun headers(name: String): List<String?> =
        synchronized(seen) { seen.map { it.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)) } }

    /** The channel with the interceptor on it, and others that gRPC runs after it. */
    fun with(tokens: AuthTokenFactory, vararg below: ClientInterceptor): Channel =
        ClientInterceptors.intercept(channel, *below, AuthTokenClientInterceptor(tokens, listOf(authority)))

    override fun close() {
        channel.shutdownNow()
        server.shutdownNow()
        server.awaitTermination(20, TimeUnit.SECONDS)
    }
}

internal val trip = AuthTokenContext.trip("t1")

internal val forTrip: CallOptions =
    CallOptions.DEFAULT.withOption(AuthTokenClientInterceptor.CONTEXT, trip).withDeadlineAfter(60, TimeUnit.SECONDS)

internal fun Channel.ask(text: String = "x", options: CallOptions = forTrip): String =
    String(ClientCalls.blockingUnaryCall(this, get, options, text.toByteArray()))

internal fun statusOf(call: () -> Unit): Status =
    try {
        call()
        Status.OK
    } catch (failed: StatusRuntimeException) {
        failed.status
    }

/** A backend whose tokens are `SECRET-TOKEN-1`, `SECRET-TOKEN-2` and so on. */
internal class Tokens(private val hold: CountDownLatch? = null) {
    val fetches = AtomicInteger()

    fun factory(change: AuthTokenFactoryBuilder.() -> Unit = {}): AuthTokenFactory =
        AuthTokenFactory.builder().endpoint(ContextKind.TRIP, "https://backend.test/{tripId}").maxAttempts(1)
            .transport(
                HttpTransport {
                    val number = fetches.incrementAndGet()
                    hold?.await(60, TimeUnit.SECONDS)
                    val body = """{"token":"SECRET-TOKEN-$number","expiresInSeconds":3600}"""
                    HttpResponse(200, emptyList(), body.toByteArray())
                },
            )
            .apply(change).build()
}

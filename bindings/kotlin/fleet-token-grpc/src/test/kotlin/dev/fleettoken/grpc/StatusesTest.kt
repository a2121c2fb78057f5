package dev.fleettoken.grpc

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactoryBuilder
import dev.fleettoken.HttpResponse
import dev.fleettoken.SecretsWatch
import dev.fleettoken.SignedOutException
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import dev.fleettoken.TransportException
import io.grpc.Attributes
import io.grpc.CallCredentials
import io.grpc.CallOptions
import io.grpc.Grpc
import io.grpc.Metadata
import io.grpc.MethodDescriptor
import io.grpc.SecurityLevel
import io.grpc.Status
import io.grpc.Status.Code
import java.net.InetSocketAddress
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith

/** What a call ends with that gets no token, and where none goes without TLS. */
@ExtendWith(SecretsWatch::class)
class StatusesTest {
    private fun status(
        change: AuthTokenFactoryBuilder.() -> Unit,
        context: AuthTokenContext = trip,
    ): Pair<Code, TokenErrorKind> =
        Listening().use { engine ->
            Tokens().factory(change).use { tokens ->
                val options = forTrip.withOption(AuthTokenClientInterceptor.CONTEXT, context)
                val status = statusOf { engine.with(tokens).ask(options = options) }
                val cause = status.cause as TokenException
                assertEquals(cause.message, status.description)
                assertEquals(emptyList(), engine.authorizations)
                assertFalse("SECRET" in cause.stackTraceToString())
                status.code to cause.kind
            }
        }

    private fun answering(code: Int, body: String = "SECRET-SESSION-1"): AuthTokenFactoryBuilder.() -> Unit =
        { transport { HttpResponse(code, emptyList(), body.toByteArray()) } }

    @Test
    fun `each reason has the status that clients act on, and is its cause`() {
        assertEquals(Code.UNAUTHENTICATED to TokenErrorKind.SESSION_REJECTED, status(answering(401)))
        assertEquals(Code.PERMISSION_DENIED to TokenErrorKind.SESSION_REJECTED, status(answering(403)))
        assertEquals(
            Code.UNAUTHENTICATED to TokenErrorKind.SESSION,
            status({ sessionHeaders { throw SignedOutException() } }),
        )
        assertEquals(Code.UNAVAILABLE to TokenErrorKind.UNAVAILABLE, status(answering(503)))
        val broken = TransportException(TransportException.Kind.CONNECT)
        assertEquals(Code.UNAVAILABLE to TokenErrorKind.TRANSPORT, status({ transport { throw broken } }))
        assertEquals(Code.INTERNAL to TokenErrorKind.NOT_FOUND, status(answering(404)))
        assertEquals(Code.UNAVAILABLE to TokenErrorKind.BAD_RESPONSE, status(answering(200, "<html>")))
        assertEquals(
            Code.UNIMPLEMENTED to TokenErrorKind.DISABLED,
            status(answering(200, """{"token":null,"expirationTimestamp":null}""")),
        )
        assertEquals(Code.INTERNAL to TokenErrorKind.NO_ENDPOINT, status({}, AuthTokenContext.vehicle("v1")))
    }

    @Test
    fun `a second call in the backoff is told what the first was, and one after the end that it is over`() {
        Listening().use { engine ->
            val tokens = Tokens().factory(answering(503))
            val channel = engine.with(tokens)
            val statuses = List(2) { statusOf { channel.ask() } }
            assertEquals(List(2) { Code.UNAVAILABLE }, statuses.map { it.code })
            assertEquals(TokenErrorKind.BACKING_OFF, (statuses[1].cause as TokenException.TooEarly).kind)
            tokens.close()
            val ended = statusOf { channel.ask() }
            assertEquals(Code.CANCELLED to TokenErrorKind.SHUT_DOWN, ended.code to (ended.cause as TokenException).kind)
        }
    }

    private class Info(private val level: SecurityLevel, address: String) : CallCredentials.RequestInfo() {
        private val attributes =
            Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, InetSocketAddress(address, 443)).build()

        override fun getMethodDescriptor(): MethodDescriptor<*, *> = get

        override fun getCallOptions(): CallOptions = CallOptions.DEFAULT

        override fun getSecurityLevel() = level

        override fun getAuthority() = "fleetengine.googleapis.com:443"

        override fun getTransportAttrs(): Attributes = attributes
    }

    @Test
    fun `no token goes without TLS but to this machine`() {
        Tokens().factory().use { tokens ->
            val sent = { level: SecurityLevel, address: String ->
                val told = CompletableFuture<String>()
                AuthTokenCallCredentials(tokens, trip).applyRequestMetadata(
                    Info(level, address),
                    Runnable::run,
                    object : CallCredentials.MetadataApplier() {
                        override fun apply(headers: Metadata) {
                            told.complete("sent")
                        }

                        override fun fail(status: Status) {
                            told.complete("${status.code}: ${status.description}")
                        }
                    },
                )
                told.get(20, TimeUnit.SECONDS)
            }
            val refused = "INTERNAL: a token goes to fleetengine.googleapis.com over TLS only"
            assertEquals("sent", sent(SecurityLevel.PRIVACY_AND_INTEGRITY, "192.0.2.1"))
            assertEquals("sent", sent(SecurityLevel.NONE, "127.0.0.1"))
            assertEquals(refused, sent(SecurityLevel.NONE, "192.0.2.1"))
            assertEquals(refused, sent(SecurityLevel.INTEGRITY, "10.0.2.2"))
        }
    }

    private class Told(private val breaks: Boolean = false) : CallCredentials.MetadataApplier() {
        private val told = CompletableFuture<Code>()

        override fun apply(headers: Metadata) {
            check(!breaks) { "no stream is to be had" }
            told.complete(Code.OK)
        }

        override fun fail(status: Status) {
            told.complete(status.code)
        }

        fun get(): Code = told.get(20, TimeUnit.SECONDS)
    }

    /** All of them wait in one place. */
    @Test
    fun `a call that breaks where its token is put on it ends, and no other call's wait with it`() {
        val info = Info(SecurityLevel.PRIVACY_AND_INTEGRITY, "192.0.2.1")
        Tokens().factory().use { tokens ->
            val credentials = AuthTokenCallCredentials(tokens, trip)
            val codes =
                listOf(Told(breaks = true), Told(), Told()).map {
                    // So that each has to wait.
                    tokens.clear()
                    credentials.applyRequestMetadata(info, Runnable::run, it)
                    it.get()
                }
            assertEquals(listOf(Code.INTERNAL, Code.OK, Code.OK), codes)
        }
    }
}

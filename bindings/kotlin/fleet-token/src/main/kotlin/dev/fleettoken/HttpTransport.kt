package dev.fleettoken

import dev.fleettoken.ffi.FfiHeader
import dev.fleettoken.ffi.FfiHttpMethod
import dev.fleettoken.ffi.FfiHttpRequest
import dev.fleettoken.ffi.FfiHttpResponse
import dev.fleettoken.ffi.FfiHttpTransport
import dev.fleettoken.ffi.FfiTransportException
import kotlinx.coroutines.TimeoutCancellationException

/**
 * Sends one request and reads one reply: the app's HTTP stack.
 *
 * It must verify the server's certificate, follow no redirect to another origin but hand back its 3xx reply, give up
 * after the request's time-out, read no more of a body than asked, and log neither headers nor bodies. It is never
 * aborted: an answer that comes after its caller has left is dropped.
 */
public fun interface HttpTransport {
    /**
     * Sends the request and reads the whole reply, whatever its status. Called on a thread that may be blocked.
     *
     * Throw [TransportException] when no whole reply came. Anything else that is thrown counts as one too, a coroutine's
     * time-out as [TransportException.Kind.TIMEOUT], and is not repeated anywhere: its text may hold a secret.
     */
    @Throws(Exception::class)
    public suspend fun send(request: HttpRequest): HttpResponse
}

/** What is sent. Headers and body are secret and are never printed. */
public class HttpRequest(
    /** `GET`, or `POST` with a JSON body. */
    public val method: String,
    /** An absolute URL whose ids are percent-encoded already. */
    public val url: String,
    /** Name and value of each header, the app's own login among them. A name may come twice. */
    public val headers: List<Pair<String, String>>,
    /** A JSON body, for `POST`. */
    public val body: ByteArray?,
    /** How many milliseconds the exchange may take. */
    public val timeoutMillis: Long,
    /** How many bytes of a body may be read; a longer one may be cut after one byte more. */
    public val maxBody: Long,
) {
    override fun toString(): String = "HttpRequest($method $url)"
}

/** What came back. Headers and body are secret and are never printed. */
public class HttpResponse(
    /** The HTTP status. */
    public val status: Int,
    /** Name and value of each header; looked at are Date, Retry-After and Content-Type. */
    public val headers: List<Pair<String, String>>,
    /** The body. */
    public val body: ByteArray,
) {
    override fun toString(): String = "HttpResponse($status, ${body.size} bytes)"
}

/** Why no whole reply came. The detail is logged and shown: it must hold no secret. */
public class TransportException
    @JvmOverloads
    constructor(
        /** What it was. */
        public val kind: Kind,
        /** The cause, in words without a secret. */
        public val detail: String = "",
    ) : Exception("$kind $detail".trim()) {
        /** The kinds of failure. */
        public enum class Kind {
            /** No connection: refused, no route, no DNS. */
            CONNECT,

            /** The certificate or the TLS handshake failed. */
            TLS,

            /** It took too long. */
            TIMEOUT,

            /** The connection broke before the whole reply had come. */
            INTERRUPTED,

            /** The request could not be sent as it is. */
            REQUEST,

            /** Anything else. */
            OTHER,
        }
    }

/** The app's transport as the core calls it. */
internal class TransportCrossing(private val transport: HttpTransport) : FfiHttpTransport {
    // Also an Error: uniffi would leave the core waiting for ever, and end the process.
    @Suppress("TooGenericExceptionCaught")
    override suspend fun send(request: FfiHttpRequest): FfiHttpResponse =
        try {
            inAppsThreads { transport.send(request.opened()) }.crossed(request.maxBody.saturated())
        } catch (failed: TransportException) {
            throw failed.crossed()
        } catch (_: TimeoutCancellationException) {
            throw FfiTransportException.Timeout()
        } catch (_: Throwable) {
            throw FfiTransportException.Other("the app's transport threw an exception that it does not declare")
        }
}

private fun FfiHttpRequest.opened() =
    HttpRequest(
        method =
            when (method) {
                FfiHttpMethod.GET -> "GET"
                FfiHttpMethod.POST -> "POST"
            },
        url = url,
        headers = headers.map { it.name to it.value },
        body = body,
        timeoutMillis = timeoutMs.saturated(),
        maxBody = maxBody.saturated(),
    )

private fun HttpResponse.crossed(maxBody: Long): FfiHttpResponse {
    // Anything else would cross as some other number.
    if (status !in 0..UShort.MAX_VALUE.toInt()) throw TransportException(TransportException.Kind.OTHER, "no status")
    // One byte more says that there was more; all of it would be copied, however much it is.
    val read = if (body.size > maxBody) body.copyOf(maxBody.toInt() + 1) else body
    val crossed = headers.map { (name, value) -> FfiHeader(name.crossing(), value.crossing()) }
    return FfiHttpResponse(status.toUShort(), crossed, read)
}

private fun TransportException.crossed(): FfiTransportException =
    when (kind) {
        TransportException.Kind.CONNECT -> FfiTransportException.Connect(detail.crossing())
        TransportException.Kind.TLS -> FfiTransportException.Tls(detail.crossing())
        TransportException.Kind.TIMEOUT -> FfiTransportException.Timeout()
        TransportException.Kind.INTERRUPTED -> FfiTransportException.Interrupted()
        TransportException.Kind.REQUEST -> FfiTransportException.Request(detail.crossing())
        TransportException.Kind.OTHER -> FfiTransportException.Other(detail.crossing())
    }

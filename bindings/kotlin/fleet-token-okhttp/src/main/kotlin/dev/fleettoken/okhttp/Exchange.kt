package dev.fleettoken.okhttp

import dev.fleettoken.HttpRequest
import dev.fleettoken.HttpResponse
import dev.fleettoken.TransportException
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.io.InterruptedIOException
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.UnknownHostException
import java.net.UnknownServiceException
import java.util.concurrent.atomic.AtomicBoolean
import javax.net.ssl.SSLException
import okhttp3.Call
import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/** One request with the redirects that it may follow. Runs on one thread; ended from any. */
internal class Exchange(private val client: OkHttpClient, private val request: HttpRequest) {
    private val cancelled = AtomicBoolean()
    private val timedOut = AtomicBoolean()

    @Volatile
    private var call: Call? = null

    fun timeOut() {
        timedOut.set(true)
        cancel()
    }

    fun cancel() {
        cancelled.set(true)
        call?.cancel()
    }

    // The texts of these exceptions may hold the URL or a header: only their types are told, and none is a cause.
    fun run(): HttpResponse =
        try {
            following()
        } catch (failed: IOException) {
            throw if (timedOut.get()) TransportException(TransportException.Kind.TIMEOUT) else named(failed)
        }

    private fun following(): HttpResponse {
        var url =
            request.url.toHttpUrlOrNull()
                ?: throw TransportException(TransportException.Kind.REQUEST, "not an HTTP URL")
        var left = MAX_REDIRECTS
        while (true) {
            val reply = once(url)
            val next = target(url, reply) ?: return reply
            if (left-- == 0) return reply
            url = next
        }
    }

    /** Where a redirect leads, if it may be followed: with a body it may not, since who is to get it is the app's word. */
    private fun target(from: HttpUrl, reply: HttpResponse): HttpUrl? {
        if (reply.status !in REDIRECTS || request.method != "GET") return null
        val location = reply.headers.firstOrNull { it.first.equals("location", ignoreCase = true) } ?: return null
        return from.resolve(location.second)?.takeIf { Origin.of(it) == Origin.of(from) }
    }

    private fun once(url: HttpUrl): HttpResponse {
        val made = client.newCall(sent(url))
        call = made
        // What the watchdog missed because there was nothing to cancel yet.
        if (cancelled.get()) throw InterruptedIOException()
        return made.execute().use(::received)
    }

    private fun sent(url: HttpUrl): Request =
        try {
            Request.Builder()
                .url(url)
                .method(request.method, request.body?.toRequestBody())
                .header("Cache-Control", "no-store")
                .apply { for ((name, value) in request.headers) addHeader(name, value) }
                .build()
        } catch (_: IllegalArgumentException) {
            // Its text may quote the header.
            throw TransportException(TransportException.Kind.REQUEST, "a header or the method is not HTTP's")
        }

    private fun received(reply: Response): HttpResponse {
        val body = reply.body.byteStream().let(::read)
        return HttpResponse(reply.code, reply.headers.map { it.first to it.second }, body)
    }

    /** At most one byte more than is allowed, which tells the core that there was more. Counted after unzipping. */
    private fun read(stream: InputStream): ByteArray {
        val most = request.maxBody.coerceAtMost(Int.MAX_VALUE - 1L).toInt() + 1
        val body = ByteArrayOutputStream()
        val chunk = ByteArray(CHUNK)
        while (body.size() < most) {
            val count = stream.read(chunk, 0, minOf(CHUNK, most - body.size()))
            if (count < 0) break
            body.write(chunk, 0, count)
        }
        return body.toByteArray()
    }

    private fun named(failed: IOException): TransportException {
        val kind =
            when {
                // Also the time-out that the app's client may have for a whole call.
                failed is InterruptedIOException -> TransportException.Kind.TIMEOUT
                failed is ConnectException || failed is UnknownHostException || failed is NoRouteToHostException ->
                    TransportException.Kind.CONNECT
                failed is SSLException -> TransportException.Kind.TLS
                // Plain http where the client or the network security configuration allows none.
                failed is UnknownServiceException -> TransportException.Kind.REQUEST
                else -> TransportException.Kind.INTERRUPTED
            }
        return TransportException(kind, failed.javaClass.simpleName)
    }

    private companion object {
        const val MAX_REDIRECTS = 5
        const val CHUNK = 8 * 1024
        val REDIRECTS = setOf(301, 302, 303, 307, 308)
    }
}

package dev.fleettoken

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.net.ConnectException
import java.net.HttpURLConnection
import java.net.MalformedURLException
import java.net.NoRouteToHostException
import java.net.SocketTimeoutException
import java.net.URL
import java.net.UnknownHostException
import java.util.concurrent.atomic.AtomicBoolean
import javax.net.ssl.SSLException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * The default transport: the platform's `HttpURLConnection`, so that its trust store, proxies and network security
 * configuration hold.
 *
 * Redirects are followed within an origin, up to five; any other 3xx is handed back.
 */
internal class HttpUrlConnectionTransport : HttpTransport {
    override suspend fun send(request: HttpRequest): HttpResponse = coroutineScope {
        val exchange = Exchange(request)
        // The connection's own time-outs are for single steps: a server that drips would never run into one.
        val watchdog =
            launch(watchThreads, CoroutineStart.UNDISPATCHED) {
                try {
                    delay(request.timeoutMillis)
                } finally {
                    // Also when the caller is cancelled, who would wait for the thread otherwise.
                    exchange.abort()
                }
            }
        try {
            withContext(appsThreads) { exchange.run() }
        } catch (failed: TransportException) {
            // What cancelling broke is no failure of the connection.
            ensureActive()
            throw failed
        } finally {
            watchdog.cancel()
        }
    }
}

private class Exchange(private val request: HttpRequest) {
    private val aborted = AtomicBoolean()

    @Volatile
    private var connection: HttpURLConnection? = null

    fun abort() {
        aborted.set(true)
        connection?.disconnect()
    }

    // The texts of these exceptions may hold the URL: only their types are told.
    fun run(): HttpResponse =
        try {
            following()
        } catch (failed: IOException) {
            throw if (aborted.get()) TransportException(TransportException.Kind.TIMEOUT) else named(failed)
        } finally {
            connection?.disconnect()
        }

    private fun following(): HttpResponse {
        var url = URL(request.url)
        var left = MAX_REDIRECTS
        while (true) {
            val reply = once(url)
            val next = target(url, reply) ?: return reply
            if (left-- == 0) return reply
            url = next
        }
    }

    /** Where a redirect leads, if it may be followed: with a body it may not, since who is to get it is the app's word. */
    private fun target(from: URL, reply: HttpResponse): URL? {
        if (reply.status !in REDIRECTS || request.method != "GET") return null
        val location = reply.headers.firstOrNull { it.first.equals("location", ignoreCase = true) } ?: return null
        val to =
            try {
                URL(from, location.second)
            } catch (_: MalformedURLException) {
                return null
            }
        return to.takeIf { origin(it) == origin(from) }
    }

    private fun origin(url: URL) =
        Triple(url.protocol, url.host.lowercase(), if (url.port == -1) url.defaultPort else url.port)

    private fun once(url: URL): HttpResponse {
        val opened =
            url.openConnection() as? HttpURLConnection
                ?: throw TransportException(TransportException.Kind.REQUEST, "not an HTTP URL")
        connection = opened
        // What the watchdog missed because there was nothing to disconnect yet.
        if (aborted.get()) throw SocketTimeoutException()
        val timeout = request.timeoutMillis.coerceIn(1, Int.MAX_VALUE.toLong()).toInt()
        opened.connectTimeout = timeout
        opened.readTimeout = timeout
        opened.instanceFollowRedirects = false
        opened.useCaches = false
        opened.requestMethod = request.method
        for ((name, value) in request.headers) opened.addRequestProperty(name, value)
        request.body?.let { body ->
            opened.doOutput = true
            opened.setFixedLengthStreamingMode(body.size)
            opened.outputStream.use { it.write(body) }
        }
        val status = opened.responseCode
        // Less than a status code is what it gives for what is no HTTP.
        if (status < 0) throw TransportException(TransportException.Kind.INTERRUPTED)
        val stream = if (status >= FIRST_ERROR) opened.errorStream else opened.inputStream
        // None where there is a body: the JDK's keeps that of a 401 to itself, as it asks its `Authenticator`.
        val body = stream?.use { read(it) } ?: ByteArray(0)
        // The JDK's gives what came of a body that broke off. Less than none is an unknown length, as of a zipped one.
        if (stream != null && body.size < minOf(opened.contentLengthLong, request.maxBody)) {
            throw TransportException(TransportException.Kind.INTERRUPTED, "the body is shorter than announced")
        }
        // The status line is there too, under no name.
        val fields = opened.headerFields.entries.filter { it.key != null }
        val headers = fields.flatMap { (name, values) -> values.map { name to it } }
        return HttpResponse(status, headers, body)
    }

    /** At most one byte more than is allowed, which tells the core that there was more. */
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
            when (failed) {
                is SocketTimeoutException -> TransportException.Kind.TIMEOUT
                is ConnectException, is UnknownHostException, is NoRouteToHostException ->
                    TransportException.Kind.CONNECT
                is SSLException -> TransportException.Kind.TLS
                is MalformedURLException -> TransportException.Kind.REQUEST
                else -> TransportException.Kind.INTERRUPTED
            }
        return TransportException(kind, failed.javaClass.simpleName)
    }

    private companion object {
        const val MAX_REDIRECTS = 5
        const val FIRST_ERROR = 400
        const val CHUNK = 8 * 1024
        val REDIRECTS = setOf(301, 302, 303, 307, 308)
    }
}

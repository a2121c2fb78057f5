package dev.fleettoken.okhttp

import dev.fleettoken.HttpRequest
import dev.fleettoken.HttpResponse
import dev.fleettoken.HttpTransport
import dev.fleettoken.TransportException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import okhttp3.OkHttpClient

/**
 * Fetches tokens through the app's own [OkHttpClient]: its connections, proxy, certificate pins, cookies, authenticator
 * and interceptors.
 *
 * - Its cache is left out, and `Cache-Control: no-store` asks every cache on the way to keep no token.
 * - Redirects are followed within an origin, up to five; any other 3xx is handed back.
 * - The whole exchange takes no longer than the request's time-out, whatever time-outs the client has besides.
 * - Nothing is logged here. An `HttpLoggingInterceptor` of the app's that logs bodies or all headers does log tokens.
 *
 * Takes OkHttp 4.12 and newer. Calls are synchronous ones on threads of their own, so they wait in no queue of the client's
 * dispatcher, and an interceptor that throws what it must not ends one fetch, not the process.
 */
public class OkHttpTransport(client: OkHttpClient) : HttpTransport {
    private val client: OkHttpClient =
        client.newBuilder().followRedirects(false).followSslRedirects(false).cache(null).build()

    override suspend fun send(request: HttpRequest): HttpResponse = coroutineScope {
        val exchange = Exchange(client, request)
        // Undispatched: whatever comes first, cancelling or the time-out, it has begun.
        val watchdog =
            launch(watchThreads, CoroutineStart.UNDISPATCHED) {
                try {
                    delay(request.timeoutMillis)
                    exchange.timeOut()
                } finally {
                    // The caller was cancelled; does nothing to an exchange that is over.
                    exchange.cancel()
                }
            }
        try {
            withContext(threads) { exchange.run() }
        } catch (failed: TransportException) {
            // What cancelling broke is no failure of the connection.
            ensureActive()
            throw failed
        } finally {
            watchdog.cancel()
        }
    }

    private companion object {
        // Views beside the threads of Dispatchers.IO itself, all of which callers who block may hold.
        val threads = Dispatchers.IO.limitedParallelism(64)
        val watchThreads = Dispatchers.IO.limitedParallelism(2)
    }
}

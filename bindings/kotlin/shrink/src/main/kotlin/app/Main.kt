package app

import com.sun.net.httpserver.HttpServer
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.SignedOutException
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException
import dev.fleettoken.TransportException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.system.exitProcess
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** An app that uses what apps use. It is shrunk by R8 with the AAR's rules, and must go on working. */
@Suppress("TooGenericExceptionCaught")
fun main() {
    try {
        overHttp()
        overATransportOfItsOwn()
    } catch (broken: Throwable) {
        // Threads of the server or the library would keep the process.
        broken.printStackTrace()
        exitProcess(1)
    }
    println("shrunk and working")
    exitProcess(0)
}

private fun overHttp() {
    val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    server.executor = Executors.newCachedThreadPool()
    server.createContext("/") { exchange ->
        val known = exchange.requestHeaders.getFirst("Authorization") == "Bearer SECRET-SESSION-1"
        val refused = exchange.requestURI.path == "/refused" || !known
        val body = """{"token":"SECRET-TOKEN-1","expiresInSeconds":3600}""".toByteArray()
        exchange.sendResponseHeaders(if (refused) 403 else 200, body.size.toLong())
        exchange.responseBody.use { it.write(body) }
    }
    server.start()
    val factory =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "http://127.0.0.1:${server.address.port}/{vehicleId}")
            .allowHttpLoopback()
            .sessionHeaders { mapOf("Authorization" to "Bearer SECRET-SESSION-1") }
            .build()
    val vehicle = AuthTokenContext.vehicle("v1")
    runBlocking {
        val fetched = CompletableFuture<TokenEvent.Fetched>()
        val listening = CompletableFuture<Unit>()
        val collecting =
            launch(Dispatchers.Default) {
                factory.events.collect { event ->
                    if (event is TokenEvent.NetworkAvailable) listening.complete(Unit)
                    if (event is TokenEvent.Fetched) fetched.complete(event)
                }
            }
        while (!listening.isDone) {
            factory.networkAvailable()
            Thread.yield()
        }
        val token = factory.token(vehicle)
        check(token.value == "SECRET-TOKEN-1" && token.remainingMillis!! > 0)
        check(factory.token(vehicle).value == token.value && factory.getToken(vehicle).value == token.value)
        check(factory.tryToken(vehicle)?.value == token.value)
        check(fetched.get(30, TimeUnit.SECONDS).context == vehicle)
        collecting.cancelAndJoin()
        val stats = factory.stats()
        check(stats.fetches == 1L && stats.hits == 3L) { "$stats" }

        val refused = failure { factory.token(AuthTokenContext.vehicle("refused")) }
        check(refused is TokenException.SignIn && refused.status == 403)
        check(refused.kind == TokenErrorKind.SESSION_REJECTED)
        check(failure { factory.getToken(AuthTokenContext.trip("t1")) }.kind == TokenErrorKind.NO_ENDPOINT)
        check(factory.invalidate(vehicle, token))
        factory.clear()
        factory.shutdown()
        check(failure { factory.token(vehicle) } is TokenException.Ended)
    }
    server.stop(0)
}

private fun overATransportOfItsOwn() {
    var answers = 0
    val reply = """{"jwt":"SECRET-TOKEN-2","expiresInSeconds":1800}""".toByteArray()
    val factory =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.TRIP, "https://backend.test/{tripId}")
            .maxAttempts(1)
            .sessionHeaders { if (answers == 2) throw SignedOutException() else emptyMap() }
            .transport {
                when (answers++) {
                    0 -> throw TransportException(TransportException.Kind.TLS, "no")
                    else -> HttpResponse(200, emptyList(), reply)
                }
            }
            .build()
    factory.use {
        check(failure { factory.getToken(AuthTokenContext.trip("t1")) }.kind == TokenErrorKind.TRANSPORT)
        factory.networkAvailable()
        check(factory.getToken(AuthTokenContext.trip("t2")).value == "SECRET-TOKEN-2")
        check(failure { factory.getToken(AuthTokenContext.trip("t3")) }.kind == TokenErrorKind.SESSION)
    }
}

private inline fun failure(ask: () -> Unit): TokenException =
    try {
        ask()
        error("no error")
    } catch (failure: TokenException) {
        failure
    }

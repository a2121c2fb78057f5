@file:Suppress("unused", "UNUSED_VARIABLE")

package dev.fleettoken.snippets

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.HttpTransport
import dev.fleettoken.SignedOutException
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException
import dev.fleettoken.TransportException
import java.io.IOException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch

// What the pages of the documentation show, so that it compiles. SnippetsTest looks each of their blocks up here, or in
// a file of another module that has Snippets in its name too.

private interface Session {
    suspend fun current(): String?
}

private class Reply(val isUnauthenticated: Boolean)

private class Answer(val status: Int, val headers: List<Pair<String, String>>, val bytes: ByteArray)

private interface MyHttpClient {
    suspend fun exchange(
        method: String,
        url: String,
        headers: List<Pair<String, String>>,
        body: ByteArray?,
        timeoutMillis: Long,
    ): Answer
}

private class Shown(
    private val session: Session,
    private val client: MyHttpClient,
    private val scope: CoroutineScope,
    private val tokens: AuthTokenFactory,
    private val vehicle: AuthTokenContext,
) {
    fun build() {
        val tokens = AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.example.com/token/driver/{vehicleId}")
            .endpoint(ContextKind.TRIP, "https://backend.example.com/token/consumer/{tripId}")
            .sessionHeaders {
                val login = session.current() ?: throw SignedOutException()
                mapOf("Authorization" to "Bearer $login")
            }
            .safetyMargin(10.minutes)
            .build()
    }

    suspend fun ask() {
        val vehicle = AuthTokenContext.vehicle("driver_12345")
        val token = tokens.token(vehicle) // suspends, and only if there is none
        val header = "Bearer ${token.value}"
    }

    suspend fun use(updateVehicle: suspend (AuthToken) -> Reply) {
        val token = tokens.token(vehicle)
        var reply = updateVehicle(token)
        if (reply.isUnauthenticated) { // 401, not 403: that one means the wrong id or role
            tokens.invalidate(vehicle, token)
            reply = updateVehicle(tokens.token(vehicle))
        }
    }

    fun loop(isDriving: () -> Boolean, send: (AuthToken) -> Unit) {
        tokens.handle(vehicle).use { handle ->
            while (isDriving()) send(handle.getToken())
        }
    }

    suspend fun errors(signIn: () -> Unit, later: (Duration?) -> Unit, report: (Exception) -> Unit) {
        try {
            tokens.token(vehicle)
        } catch (error: TokenException.SignIn) {
            signIn()
        } catch (error: TokenException.Disabled) {
            // Fleet Engine is switched off for this app: nothing to report.
        } catch (error: TokenException) {
            if (error.retryable) later(error.retryAfter) else report(error)
        }
    }

    fun events(log: (String) -> Unit) {
        scope.launch {
            tokens.events.collect { event ->
                when (event) {
                    is TokenEvent.FetchFailed -> log("${event.context}: ${event.error.kind}")
                    is TokenEvent.ScopeWarning -> log("${event.context}: ${event.description}")
                    else -> log(event.toString())
                }
            }
        }
    }

    fun transport() {
        val transport = HttpTransport { request ->
            try {
                val reply =
                    client.exchange(request.method, request.url, request.headers, request.body, request.timeoutMillis)
                HttpResponse(reply.status, reply.headers, reply.bytes)
            } catch (failed: IOException) {
                throw TransportException(TransportException.Kind.INTERRUPTED, failed.javaClass.simpleName)
            }
        }
    }
}

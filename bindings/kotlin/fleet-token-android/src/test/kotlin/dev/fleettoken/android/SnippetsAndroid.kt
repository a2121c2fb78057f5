@file:Suppress("unused", "UNUSED_VARIABLE", "UnusedPrivateMember")

package dev.fleettoken.android

import android.app.Application
import android.content.Context
import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory as ConsumersAuthTokenFactory
import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext as DriversAuthTokenContext
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.SignedOutException
import dev.fleettoken.TokenException
import dev.fleettoken.fleetengine.ConsumerTokenFactory
import dev.fleettoken.fleetengine.DriverTokenFactory
import dev.fleettoken.fleetengine.NoTokenException
import dev.fleettoken.okhttp.OkHttpTransport
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch
import okhttp3.OkHttpClient

// The Kotlin of docs/android.md, compiled. What apps and Google's SDKs have besides stands at the end.

// snippet: app
class DriverApp : Application() {
    val tokens: AuthTokenFactory by lazy {
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.example.com/token/driver/{vehicleId}")
            .sessionHeaders {
                val session = login.current() ?: throw SignedOutException()
                mapOf("Authorization" to "Bearer $session")
            }
            .safetyMargin(10.minutes)
            .build()
    }

    override fun onCreate() {
        super.onCreate()
        // The first use loads the library: not on the thread that draws.
        thread {
            NetworkWatch.start(this, tokens)
            TokenLog.start(tokens)
        }
    }
}
// end

internal class Driver(private val tokens: AuthTokenFactory) {
    // snippet: driver
    val driverTokens = DriverTokenFactory.onDemand(tokens)

    fun wire(driverContext: DriverContext.Builder) {
        driverContext
            .setAuthTokenFactory(driverTokens)
            .setDriverStatusListener { _, _, _, cause -> onStatus(cause) }
    }

    private fun onStatus(cause: Throwable?) {
        val causes = generateSequence(cause) { it.cause }
        val failure = causes.filterIsInstance<NoTokenException>().firstOrNull()?.cause
        val statuses = causes.filterIsInstance<StatusRuntimeException>().map { it.status.code }
        when {
            failure is TokenException.SignIn && failure.status != 403 -> showSignIn()
            failure != null -> report(failure) // its kind and status say what it was
            Status.Code.UNAUTHENTICATED in statuses -> driverTokens.tokenRefused()
            Status.Code.PERMISSION_DENIED in statuses -> stopTracking() // wrong id or role
        }
    }
    // end

    private fun scheduled() {
        // snippet: scheduled
        val backend = "https://backend.example.com/token"
        val tokens =
            AuthTokenFactory.builder()
                .endpoint(ContextKind.DELIVERY_VEHICLE, "$backend/{deliveryVehicleId}")
                .endpoint(ContextKind.DELIVERY_VEHICLE_TASK, "$backend/{deliveryVehicleId}/{taskId}")
                .build()
        val driverTokens = DriverTokenFactory.scheduled(tokens)
        // end
    }
}

private fun consumer(context: Context, providerId: String) {
    // snippet: consumer
    val tokens =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.TRIP, "https://backend.example.com/token/consumer/{tripId}")
            .endpoint(ContextKind.VEHICLE_SERVICE, "https://backend.example.com/token/consumer")
            .build()
    val consumerTokens = ConsumerTokenFactory(tokens)
    ConsumerApi.initialize(context, providerId, consumerTokens)
    // end
}

private class Trips(private val consumerTokens: ConsumerTokenFactory) : TripModelCallback {
    // snippet: consumer-refused
    override fun onTripUpdateError(tripInfo: TripInfo, error: TripUpdateError) {
        if (error.statusCode == Status.Code.UNAUTHENTICATED) consumerTokens.tokenRefused()
    }
    // end
}

private class Screen(private val tokens: AuthTokenFactory, private val viewModelScope: CoroutineScope) {
    // snippet: suspend
    fun showTrip(tripId: String) = viewModelScope.launch {
        try {
            val token = tokens.token(AuthTokenContext.trip(tripId))
            load("Bearer ${token.value}")
        } catch (failure: TokenException) {
            val signIn = failure is TokenException.SignIn && failure.status != 403
            if (signIn) showSignIn() else showError(retry = failure.retryable)
        }
    }
    // end

    // snippet: login
    fun signedOut() {
        login.forget() // first: else the next call fetches for the old user
        tokens.clear()
    }

    fun signedIn(session: String) {
        login.remember(session)
        tokens.sessionChanged()
    }
    // end

    // snippet: loopback
    fun fromThisMachine() =
        AuthTokenFactory.builder()
            .allowHttpLoopback() // in debug builds only
            .endpoint(ContextKind.VEHICLE, "http://127.0.0.1:8080/token/driver/{vehicleId}")
            .sessionHeaders { mapOf("Authorization" to "Bearer demo-driver-1") }
            .build()
    // end

    // snippet: okhttp
    fun overOkHttp(client: OkHttpClient) =
        AuthTokenFactory.builder()
            .transport(OkHttpTransport(client))
            .endpoint(ContextKind.VEHICLE, "https://backend.example.com/token/driver/{vehicleId}")
            .build()
    // end
}

private val login = Login()

private class Login {
    fun current(): String? = null

    fun remember(session: String) = Unit

    fun forget() = Unit
}

private fun showSignIn() = Unit

private fun stopTracking() = Unit

private fun report(failure: TokenException) = Unit

private fun showError(retry: Boolean) = Unit

private fun load(authorization: String) = Unit

/** As far as the snippets go. */
internal object DriverContext {
    interface Builder {
        fun setAuthTokenFactory(factory: DriversAuthTokenContext.AuthTokenFactory): Builder

        fun setDriverStatusListener(listener: (Any, Any, String, Throwable?) -> Unit): Builder
    }
}

/** As far as the snippets go. */
private object ConsumerApi {
    fun initialize(context: Context, providerId: String, factory: ConsumersAuthTokenFactory) = Unit
}

/** gRPC's, as far as the snippets go. */
private class StatusRuntimeException(val status: Status) : RuntimeException()

/** gRPC's, as far as the snippets go. */
private class Status(val code: Code) {
    enum class Code { UNAUTHENTICATED, PERMISSION_DENIED }
}

/** As far as the snippets go. */
private interface TripModelCallback {
    fun onTripUpdateError(tripInfo: TripInfo, error: TripUpdateError)
}

private interface TripInfo

private interface TripUpdateError {
    val statusCode: Status.Code
}

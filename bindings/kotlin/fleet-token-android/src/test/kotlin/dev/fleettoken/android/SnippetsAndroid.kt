@file:Suppress("unused", "UNUSED_VARIABLE", "UnusedPrivateMember")

package dev.fleettoken.android

import android.app.Application
import android.content.Context
import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory as ConsumersAuthTokenFactory
import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext as DriversAuthTokenContext
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
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
            .sessionHeaders { mapOf("Authorization" to "Bearer ${login.current()}") }
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
            .setDriverStatusListener { _, _, message, cause -> onStatus(message, cause) }
    }

    private fun onStatus(message: String, cause: Throwable?) {
        val noToken = generateSequence(cause) { it.cause }.filterIsInstance<NoTokenException>().firstOrNull()
        if (noToken?.cause is TokenException.SignIn) showSignIn()
        if (noToken == null && "UNAUTHENTICATED" in "$message $cause") driverTokens.tokenRefused()
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
    ConsumerApi.initialize(context, providerId, ConsumerTokenFactory(tokens))
    // end
}

private class Screen(private val tokens: AuthTokenFactory, private val viewModelScope: CoroutineScope) {
    // snippet: suspend
    fun showTrip(tripId: String) = viewModelScope.launch {
        try {
            val token = tokens.token(AuthTokenContext.trip(tripId))
            load("Bearer ${token.value}")
        } catch (failure: TokenException) {
            if (failure is TokenException.SignIn) showSignIn() else showError(retry = failure.retryable)
        }
    }
    // end

    // snippet: login
    fun signedIn() = tokens.sessionChanged()

    fun signedOut() = tokens.clear()
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
    fun current() = ""
}

private fun showSignIn() = Unit

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

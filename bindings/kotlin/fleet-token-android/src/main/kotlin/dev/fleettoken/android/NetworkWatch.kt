package dev.fleettoken.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.util.Log
import dev.fleettoken.AuthTokenFactory

/**
 * Tells the factory when the device has a network again, so that the next call asks the backend at once instead of
 * waiting for its backoff to end.
 *
 * Needs the permission `ACCESS_NETWORK_STATE`, which comes with the library's manifest. Holds the factory until it is
 * closed: close it with the factory.
 */
public class NetworkWatch private constructor(
    private val connectivity: ConnectivityManager?,
    tokens: AuthTokenFactory,
) : AutoCloseable {
    /** Whether it watches, or why not. */
    public enum class State {
        /** It watches. */
        WATCHING,

        /** The app took the permission `ACCESS_NETWORK_STATE` out of its manifest. */
        NO_PERMISSION,

        /** The device has no such service, or refuses one more callback (an app may have a hundred). */
        UNAVAILABLE,

        /** It was closed. */
        CLOSED,
    }

    private val callback = Callback(tokens)

    /** Whether it watches, or why not. */
    @Volatile
    public var state: State = State.UNAVAILABLE
        private set

    // The system's own exceptions for too many callbacks differ between its levels.
    @Suppress("TooGenericExceptionCaught")
    private fun start() {
        state =
            try {
                connectivity?.registerDefaultNetworkCallback(callback)
                if (connectivity == null) State.UNAVAILABLE else State.WATCHING
            } catch (_: SecurityException) {
                State.NO_PERMISSION
            } catch (_: RuntimeException) {
                State.UNAVAILABLE
            }
        if (state != State.WATCHING) Log.w(TokenLog.DEFAULT_TAG, "networks are not watched: $state")
    }

    /** Stops watching. */
    override fun close() {
        synchronized(callback) {
            if (state == State.WATCHING) connectivity?.unregisterNetworkCallback(callback)
            state = State.CLOSED
        }
    }

    override fun toString(): String = "NetworkWatch($state)"

    /** Called by one thread of the system's, one network at a time. */
    private class Callback(private val tokens: AuthTokenFactory) : ConnectivityManager.NetworkCallback() {
        private var validated: Network? = null

        override fun onAvailable(network: Network) {
            validated = null
            tokens.networkAvailable()
        }

        // Once more when the system has reached the internet through it: a portal wants a login first, and where no
        // system's check gets through, being available has to do.
        override fun onCapabilitiesChanged(network: Network, capabilities: NetworkCapabilities) {
            val reaches = capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
            if (reaches && validated != network) tokens.networkAvailable()
            validated = network.takeIf { reaches }
        }

        override fun onLost(network: Network) {
            validated = null
        }
    }

    public companion object {
        /** Watches from now on. Never throws: what keeps it from watching is its [state], and logged. */
        @JvmStatic
        public fun start(context: Context, tokens: AuthTokenFactory): NetworkWatch {
            // The application's: an activity would be kept as long as the callback.
            val service = context.applicationContext.getSystemService(ConnectivityManager::class.java)
            return NetworkWatch(service, tokens).apply { start() }
        }
    }
}

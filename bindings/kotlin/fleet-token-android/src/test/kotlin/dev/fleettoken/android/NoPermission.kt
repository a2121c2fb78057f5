package dev.fleettoken.android

import android.net.ConnectivityManager
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowConnectivityManager

/** The system towards an app without ACCESS_NETWORK_STATE. */
@Implements(ConnectivityManager::class)
class NoPermission : ShadowConnectivityManager() {
    @Implementation
    override fun registerDefaultNetworkCallback(callback: ConnectivityManager.NetworkCallback) {
        throw SecurityException("ConnectivityService: neither user nor process has ACCESS_NETWORK_STATE")
    }
}

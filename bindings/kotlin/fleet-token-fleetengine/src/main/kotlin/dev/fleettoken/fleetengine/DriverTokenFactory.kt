package dev.fleettoken.fleetengine

import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext as GoogleContext
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory

/**
 * Hands tokens to Google's Driver SDK: goes into `DriverContext.Builder.setAuthTokenFactory`.
 *
 * The SDK asks on the thread that sends location updates, before each of them. That thread may wait, at most for the
 * fetch deadline; as long as a token is good, it does not. What goes wrong reaches the app's status listener as a
 * [NoTokenException].
 */
public class DriverTokenFactory private constructor(
    tokens: AuthTokenFactory,
    private val scheduled: Boolean,
) : GoogleContext.AuthTokenFactory {
    private val asked = Asked(tokens)

    /** Called by the SDK. */
    override fun getToken(context: GoogleContext?): String =
        asked.token(
            if (scheduled) {
                AuthTokenContext(deliveryVehicleId = context?.vehicleId, taskId = context?.taskId)
            } else {
                AuthTokenContext(vehicleId = context?.vehicleId)
            },
        )

    /**
     * Reports that Fleet Engine answered UNAUTHENTICATED to the token that this handed out last; it is not served again.
     * The SDK does not say so to the factory, only to the app's status listener. Not for PERMISSION_DENIED: the token
     * is fine, but for something else.
     *
     * From any thread. A second report before the SDK asks again does nothing; one after that drops the new token, too.
     *
     * @return whether it was still the current one.
     */
    public fun tokenRefused(): Boolean = asked.refused()

    public companion object {
        /** For `RidesharingDriverApi`: contexts of the kind [dev.fleettoken.ContextKind.VEHICLE]. */
        @JvmStatic
        public fun onDemand(tokens: AuthTokenFactory): DriverTokenFactory =
            DriverTokenFactory(tokens, scheduled = false)

        /**
         * For `DeliveryDriverApi`: contexts of the kind [dev.fleettoken.ContextKind.DELIVERY_VEHICLE], and, where the
         * SDK names a task, [dev.fleettoken.ContextKind.DELIVERY_VEHICLE_TASK] or [dev.fleettoken.ContextKind.TASK].
         */
        @JvmStatic
        public fun scheduled(tokens: AuthTokenFactory): DriverTokenFactory =
            DriverTokenFactory(tokens, scheduled = true)
    }
}

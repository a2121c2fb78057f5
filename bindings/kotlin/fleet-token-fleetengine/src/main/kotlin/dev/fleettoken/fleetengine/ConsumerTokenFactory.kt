package dev.fleettoken.fleetengine

import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenContext as GoogleContext
import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory as GoogleFactory
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ServiceType

/**
 * Hands tokens to Google's Consumer SDK: goes into `ConsumerApi.initialize`.
 *
 * The SDK asks on a background thread, which may wait, at most for the fetch deadline. It asks with a trip for the trip
 * service, and without one for the vehicle service, such as for vehicles near the pickup point: contexts of the kinds
 * [dev.fleettoken.ContextKind.TRIP] and [dev.fleettoken.ContextKind.VEHICLE_SERVICE].
 */
public class ConsumerTokenFactory(tokens: AuthTokenFactory) : GoogleFactory {
    private val asked = Asked(tokens)

    /** Called by the SDK. */
    override fun getToken(context: GoogleContext?): String {
        val tripId = context?.tripId
        // Bridges from other languages make an absent id an empty one.
        val service = if (tripId.isNullOrEmpty()) ServiceType.VEHICLE else null
        return asked.token(AuthTokenContext(tripId = tripId, serviceType = service))
    }

    /**
     * Reports that Fleet Engine answered UNAUTHENTICATED to the token that this handed out last; it is not served again.
     * Not for PERMISSION_DENIED: the token is fine, but for something else.
     *
     * From any thread. A second report before the SDK asks again does nothing; one after that drops the new token, too.
     *
     * @return whether it was still the current one.
     */
    public fun tokenRefused(): Boolean = asked.refused()
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiServiceType
import dev.fleettoken.ffi.FfiTokenContext

/**
 * What a token is for: one vehicle, trip, delivery vehicle, task or shipment, or a whole service.
 *
 * An absent id and an empty one are the same. Whether the ids make sense is checked when a token is asked for.
 */
public class AuthTokenContext @JvmOverloads constructor(
    vehicleId: String? = null,
    tripId: String? = null,
    deliveryVehicleId: String? = null,
    taskId: String? = null,
    trackingId: String? = null,
    /** The service, for contexts that have no id to say it. */
    public val serviceType: ServiceType? = null,
) {
    /** An on-demand vehicle. */
    public val vehicleId: String? = vehicleId?.ifEmpty { null }

    /** An on-demand trip. */
    public val tripId: String? = tripId?.ifEmpty { null }

    /** A delivery vehicle. */
    public val deliveryVehicleId: String? = deliveryVehicleId?.ifEmpty { null }

    /** A scheduled task. */
    public val taskId: String? = taskId?.ifEmpty { null }

    /** A shipment's tracking id. */
    public val trackingId: String? = trackingId?.ifEmpty { null }

    // A context is a map's key on the hot path, and often made for one call: nothing is made here but this.
    private val hash =
        hashed(this.vehicleId, this.tripId, this.deliveryVehicleId, this.taskId, this.trackingId, serviceType?.name)

    internal val ffi: FfiTokenContext
        get() = FfiTokenContext(
            this.vehicleId?.crossing(),
            this.tripId?.crossing(),
            this.deliveryVehicleId?.crossing(),
            this.taskId?.crossing(),
            this.trackingId?.crossing(),
            serviceType?.ffi,
        )

    /** Whether its ids are what crosses: one that is no text is an id of nothing, and is not asked for. */
    internal val isText: Boolean get() = parts().all { it == null || it.isText }

    private fun parts() = listOf(vehicleId, tripId, deliveryVehicleId, taskId, trackingId, serviceType?.name)

    override fun equals(other: Any?): Boolean =
        this === other || (
            other is AuthTokenContext && hash == other.hash &&
                vehicleId == other.vehicleId && tripId == other.tripId &&
                deliveryVehicleId == other.deliveryVehicleId && taskId == other.taskId &&
                trackingId == other.trackingId && serviceType == other.serviceType
        )

    override fun hashCode(): Int = hash

    override fun toString(): String {
        val names = listOf("vehicleId", "tripId", "deliveryVehicleId", "taskId", "trackingId", "serviceType")
        val there = names.zip(parts()).filter { it.second != null }
        return there.joinToString(prefix = "AuthTokenContext(", postfix = ")") { "${it.first}=${it.second}" }
    }

    public companion object {
        /** One on-demand vehicle. */
        @JvmStatic
        public fun vehicle(id: String): AuthTokenContext = AuthTokenContext(vehicleId = id)

        /** One on-demand trip. */
        @JvmStatic
        public fun trip(id: String): AuthTokenContext = AuthTokenContext(tripId = id)

        /** One delivery vehicle. */
        @JvmStatic
        public fun deliveryVehicle(id: String): AuthTokenContext = AuthTokenContext(deliveryVehicleId = id)

        /** One delivery vehicle and one of its tasks. */
        @JvmStatic
        public fun deliveryVehicleTask(id: String, taskId: String): AuthTokenContext =
            AuthTokenContext(deliveryVehicleId = id, taskId = taskId)

        /** One scheduled task. */
        @JvmStatic
        public fun task(id: String): AuthTokenContext = AuthTokenContext(taskId = id)

        /** One shipment's tracking id. */
        @JvmStatic
        public fun tracking(id: String): AuthTokenContext = AuthTokenContext(trackingId = id)

        /** The vehicle service without an id, such as for listing vehicles. */
        @JvmStatic
        public fun vehicleService(): AuthTokenContext = AuthTokenContext(serviceType = ServiceType.VEHICLE)

        /** Everything that a fleet operator may read. */
        @JvmStatic
        public fun fleet(): AuthTokenContext = AuthTokenContext(serviceType = ServiceType.FLEET)

        private fun hashed(a: String?, b: String?, c: String?, d: String?, e: String?, f: String?): Int {
            var hash = a.hashCode()
            hash = 31 * hash + b.hashCode()
            hash = 31 * hash + c.hashCode()
            hash = 31 * hash + d.hashCode()
            hash = 31 * hash + e.hashCode()
            return 31 * hash + f.hashCode()
        }

        internal fun of(context: FfiTokenContext) =
            AuthTokenContext(
                context.vehicleId,
                context.tripId,
                context.deliveryVehicleId,
                context.taskId,
                context.trackingId,
                context.serviceType?.let { service -> ServiceType.entries.single { it.ffi == service } },
            )
    }
}

/** The Fleet Engine service that a token is used on. */
public enum class ServiceType(internal val ffi: FfiServiceType) {
    /** On-demand vehicles. */
    VEHICLE(FfiServiceType.VEHICLE),

    /** On-demand trips. */
    TRIP(FfiServiceType.TRIP),

    /** Delivery vehicles. */
    DELIVERY_VEHICLE(FfiServiceType.DELIVERY_VEHICLE),

    /** Scheduled tasks. */
    TASK(FfiServiceType.TASK),

    /** Everything that a fleet operator may read. */
    FLEET(FfiServiceType.FLEET),
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiConfig
import dev.fleettoken.ffi.FfiContextKind
import dev.fleettoken.ffi.FfiEndpoint
import dev.fleettoken.ffi.FfiHttpMethod
import dev.fleettoken.ffi.FfiHttpTransport
import dev.fleettoken.ffi.FfiPreset
import dev.fleettoken.ffi.FfiResponseFields
import dev.fleettoken.ffi.FfiScopeCheck
import dev.fleettoken.ffi.FfiSessionHeaderProvider
import dev.fleettoken.ffi.FfiTokenException
import dev.fleettoken.ffi.FfiTokenFactory
import dev.fleettoken.ffi.FfiTokenFactoryInterface
import java.nio.charset.CharacterCodingException
import java.util.concurrent.TimeUnit
import kotlin.time.Duration

/** Which kind of context an endpoint serves. */
public enum class ContextKind(internal val ffi: FfiContextKind) {
    /** One on-demand vehicle. */
    VEHICLE(FfiContextKind.VEHICLE),

    /** One on-demand trip. */
    TRIP(FfiContextKind.TRIP),

    /** One delivery vehicle. */
    DELIVERY_VEHICLE(FfiContextKind.DELIVERY_VEHICLE),

    /** One delivery vehicle and one task. */
    DELIVERY_VEHICLE_TASK(FfiContextKind.DELIVERY_VEHICLE_TASK),

    /** One task. */
    TASK(FfiContextKind.TASK),

    /** One shipment's tracking id. */
    TRACKING(FfiContextKind.TRACKING),

    /** The vehicle service without an id. */
    VEHICLE_SERVICE(FfiContextKind.VEHICLE_SERVICE),

    /** The whole fleet. */
    FLEET(FfiContextKind.FLEET),
}

/** How an endpoint is asked. */
public enum class EndpointMethod(internal val ffi: FfiHttpMethod) {
    /** GET, with the ids in the URL. */
    GET(FfiHttpMethod.GET),

    /** POST, with a JSON body. */
    POST(FfiHttpMethod.POST),
}

/** What to do with a token that is wider or vaguer than what was asked for. */
public enum class ScopeCheck(internal val ffi: FfiScopeCheck) {
    /** Use it, and send [TokenEvent.ScopeWarning]. */
    WARN(FfiScopeCheck.WARN),

    /** Refuse it. */
    STRICT(FfiScopeCheck.STRICT),
}

internal typealias NativeFactory = (FfiConfig, FfiHttpTransport?, FfiSessionHeaderProvider?) -> FfiTokenFactoryInterface

/**
 * Builds an [AuthTokenFactory]. Only an endpoint is needed; every other setting has a default.
 *
 * Times that are given as a number are of the given unit, and none may be negative.
 */
@Suppress("TooManyFunctions")
public class AuthTokenFactoryBuilder internal constructor() {
    private var config = FfiConfig()
    private var transport: HttpTransport? = HttpUrlConnectionTransport()
    private var session: SessionHeaderProvider? = null

    /**
     * Where tokens for one kind of context are asked for: a URL with a place for each id, such as
     * `https://backend.example.com/token/driver/{vehicleId}`.
     */
    @JvmOverloads
    public fun endpoint(
        kind: ContextKind,
        template: String,
        method: EndpointMethod = EndpointMethod.GET,
    ): AuthTokenFactoryBuilder = with(FfiEndpoint(kind.ffi, template, method.ffi))

    /** Where tokens are asked for whose kind of context has no endpoint of its own. */
    @JvmOverloads
    public fun defaultEndpoint(
        template: String,
        method: EndpointMethod = EndpointMethod.GET,
    ): AuthTokenFactoryBuilder = with(FfiEndpoint(null, template, method.ffi))

    /** The endpoints of Google's sample backend `java-on-demand-rides-deliveries-stub-provider`. */
    public fun onDemandStubProvider(baseUrl: String): AuthTokenFactoryBuilder =
        set { copy(presets = presets + FfiPreset.OnDemandStubProvider(baseUrl)) }

    /** The endpoints of Google's sample backend `last-mile-fleet-solution-samples`. */
    public fun lastMileBackend(baseUrl: String): AuthTokenFactoryBuilder =
        set { copy(presets = presets + FfiPreset.LastMileBackend(baseUrl)) }

    /** Allows plain http to this machine, for a backend under development. */
    public fun allowHttpLoopback(): AuthTokenFactoryBuilder = set { copy(allowHttpLoopback = true) }

    /** The reply's fields to look at, in place of the known ones: the token, a point in time, a number of seconds. */
    @JvmOverloads
    public fun responseFields(
        token: String,
        expiresAt: String? = null,
        expiresIn: String? = null,
    ): AuthTokenFactoryBuilder = set { copy(responseFields = FfiResponseFields(token, expiresAt, expiresIn)) }

    /** The app's HTTP stack. Default: `HttpURLConnection`. */
    public fun transport(transport: HttpTransport): AuthTokenFactoryBuilder = apply { this.transport = transport }

    /**
     * The HTTP stack inside the library in place of the app's, with the system's trust store: for desktops, with a library
     * that was built so (`cargo xtask bindings --shipped --release --reqwest`). Without one, [build] refuses.
     */
    public fun libraryHttp(): AuthTokenFactoryBuilder = apply { transport = null }

    /** The app's own login. Default: requests carry none. */
    public fun sessionHeaders(provider: SessionHeaderProvider): AuthTokenFactoryBuilder = apply { session = provider }

    /** How long before its expiry a token is replaced. Default: 5 minutes. */
    public fun safetyMargin(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(safetyMarginMs = ms(time, unit)) }

    /** How long before its expiry a token is replaced. Default: 5 minutes. */
    @JvmSynthetic
    public fun safetyMargin(time: Duration): AuthTokenFactoryBuilder = safetyMargin(time.inWholeMilliseconds, MS)

    /** How long before the margin a token that is asked for is renewed in the background. Default: 30 seconds. */
    public fun refreshAhead(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(refreshAheadMs = ms(time, unit)) }

    /** How long before the margin a token that is asked for is renewed in the background. Default: 30 seconds. */
    @JvmSynthetic
    public fun refreshAhead(time: Duration): AuthTokenFactoryBuilder = refreshAhead(time.inWholeMilliseconds, MS)

    /** How much life an old token must have left to stand in for one that could not be had. Default: 30 seconds. */
    public fun minValidity(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(minValidityMs = ms(time, unit)) }

    /** How much life an old token must have left to stand in for one that could not be had. Default: 30 seconds. */
    @JvmSynthetic
    public fun minValidity(time: Duration): AuthTokenFactoryBuilder = minValidity(time.inWholeMilliseconds, MS)

    /** The longest life that is believed. Default: 70 minutes. */
    public fun maxLifetime(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(maxLifetimeMs = ms(time, unit)) }

    /** The longest life that is believed. Default: 70 minutes. */
    @JvmSynthetic
    public fun maxLifetime(time: Duration): AuthTokenFactoryBuilder = maxLifetime(time.inWholeMilliseconds, MS)

    /** What to assume for a token whose life is not known at all. Default: it is not kept. */
    public fun assumeLifetime(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(unknownLifetimeMs = ms(time, unit)) }

    /** What to assume for a token whose life is not known at all. Default: it is not kept. */
    @JvmSynthetic
    public fun assumeLifetime(time: Duration): AuthTokenFactoryBuilder = assumeLifetime(time.inWholeMilliseconds, MS)

    /** Within what time every call is answered. Default: 30 seconds. */
    public fun fetchDeadline(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(fetchDeadlineMs = ms(time, unit)) }

    /** Within what time every call is answered. Default: 30 seconds. */
    @JvmSynthetic
    public fun fetchDeadline(time: Duration): AuthTokenFactoryBuilder = fetchDeadline(time.inWholeMilliseconds, MS)

    /** How long one attempt may take. Default: 10 seconds. */
    public fun attemptTimeout(time: Long, unit: TimeUnit): AuthTokenFactoryBuilder =
        set { copy(attemptTimeoutMs = ms(time, unit)) }

    /** How long one attempt may take. Default: 10 seconds. */
    @JvmSynthetic
    public fun attemptTimeout(time: Duration): AuthTokenFactoryBuilder = attemptTimeout(time.inWholeMilliseconds, MS)

    /** What to do with a token that is wider than asked. Default: [ScopeCheck.WARN]. */
    public fun scopeCheck(check: ScopeCheck): AuthTokenFactoryBuilder = set { copy(scopeCheck = check.ffi) }

    /** How many attempts are made within the deadline. Default: 3. */
    public fun maxAttempts(count: Int): AuthTokenFactoryBuilder = set { copy(maxAttempts = counted(count)) }

    /** How many contexts are kept. Default: 16384. */
    public fun maxEntries(count: Int): AuthTokenFactoryBuilder = set { copy(maxEntries = counted(count)) }

    /** How many requests are made at a time. Default: 64. */
    public fun maxConcurrentFetches(count: Int): AuthTokenFactoryBuilder =
        set { copy(maxConcurrentFetches = counted(count)) }

    /**
     * The factory. Touches no network and starts no thread, but loads the library the first time.
     *
     * @throws TokenException of the kind [TokenErrorKind.INVALID_CONFIG] if the settings make no sense.
     */
    public fun build(): AuthTokenFactory = build(Platform.here) { config, transport, session ->
        FfiTokenFactory(config, transport, session)
    }

    internal fun build(platform: Platform, make: NativeFactory): AuthTokenFactory {
        val native =
            try {
                make(config, transport?.let(::TransportCrossing), session?.let(::SessionCrossing))
            } catch (refused: FfiTokenException) {
                throw TokenException.of(refused)
            } catch (_: CharacterCodingException) {
                throw TokenException.unreadableSetting()
            }
        val bound = config.maxEntries?.toInt() ?: DEFAULT_ENTRIES
        return AuthTokenFactory(native, Copies(bound), platform)
    }

    private fun with(endpoint: FfiEndpoint) = set { copy(endpoints = endpoints + endpoint) }

    private inline fun set(change: FfiConfig.() -> FfiConfig) = apply { config = config.change() }

    private fun ms(time: Long, unit: TimeUnit): ULong {
        require(time >= 0) { "a time is not negative" }
        return unit.toMillis(time).toULong()
    }

    private fun counted(count: Int): UInt {
        require(count >= 0) { "a count is not negative" }
        return count.toUInt()
    }

    private companion object {
        const val DEFAULT_ENTRIES = 16_384
        val MS = TimeUnit.MILLISECONDS
    }
}

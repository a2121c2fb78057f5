package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.AuthTokenFactoryBuilder
import dev.fleettoken.ContextKind
import dev.fleettoken.CoreClock
import dev.fleettoken.EndpointMethod
import dev.fleettoken.Platform
import dev.fleettoken.ScopeCheck
import dev.fleettoken.ServiceType
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException
import dev.fleettoken.TokenHandle
import dev.fleettoken.ffi.FfiManualClock
import dev.fleettoken.ffi.FfiTokenFactory
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** What a call came to. */
internal sealed class Answer {
    class Token(val token: AuthToken) : Answer()

    class Error(val error: TokenException) : Answer()

    object None : Answer()
}

internal class Call(val id: String?, val task: Deferred<Answer>) {
    /** Null while the call waits. */
    var answer: Answer? = null
    var checked = false
}

/** The world around the factory under test: a scripted wire and login, a clock that stands still, and the callers. */
internal class World(config: Strict?, deviceAheadMs: Long, replies: List<Reply>) : AutoCloseable {
    val clock = FfiManualClock((START_MS + deviceAheadMs).toULong())
    val wire = Wire(replies, clock)
    val login: Login? = config?.get("session")?.let(::Login)
    val factory: AuthTokenFactory
    val calls = mutableListOf<Call>()

    /** The newest token of each label that a call has brought. */
    val tokens = mutableMapOf<String, AuthToken>()

    /** One for each context that a call named it for, until the scenario ends. */
    val handles = mutableMapOf<AuthTokenContext, TokenHandle>()
    val events = ConcurrentLinkedQueue<TokenEvent>()

    // One thread for all callers: when it has done what it was given, every caller has looked at its answer.
    private val callers = Executors.newSingleThreadExecutor { Thread(it, "callers").apply { isDaemon = true } }
    val scope = CoroutineScope(SupervisorJob() + callers.asCoroutineDispatcher())

    init {
        val jitter = config?.get("jitter")?.asDouble ?: 0.0
        val builder = AuthTokenFactory.builder().transport(wire)
        login?.let(builder::sessionHeaders)
        configure(builder, config)
        val platform = Platform(CoreClock { clock.nowMs().toLong() }) { false }
        factory =
            builder.build(platform) { ffi, transport, session ->
                FfiTokenFactory.forTesting(ffi, transport, session, clock, jitter)
            }
        scope.launch(start = CoroutineStart.UNDISPATCHED) { factory.events.collect { events += it } }
        // The collector listens once its thread got round to it.
        callersAreDone()
    }

    fun handle(context: AuthTokenContext): TokenHandle = handles.getOrPut(context) { factory.handle(context) }

    /** Lets everything run that is ready to. */
    fun settle() {
        repeat(2) {
            callersAreDone()
            if (!clock.settle()) complain("it did not settle")
        }
        callersAreDone()
    }

    private fun callersAreDone() = repeat(2) { callers.submit {}.get(10, TimeUnit.SECONDS) }

    /** Nothing that is printed holds a token or a login. */
    fun noSecretIn(vararg printed: Any?) {
        val secrets = wire.tokens + (login?.secrets ?: emptyList())
        for (thing in printed) {
            val text = if (thing is Throwable) thing.stackTraceToString() else thing.toString()
            if (secrets.any { it in text }) complain("a secret was printed")
        }
    }

    override fun close() {
        handles.values.forEach { it.close() }
        factory.close()
        scope.cancel()
        callers.shutdown()
    }
}

private val ENDPOINTS =
    mapOf(
        ContextKind.VEHICLE to "https://backend.test/vehicle/{vehicleId}",
        ContextKind.TRIP to "https://backend.test/trip/{tripId}",
        ContextKind.DELIVERY_VEHICLE to "https://backend.test/delivery_vehicle/{deliveryVehicleId}",
        ContextKind.DELIVERY_VEHICLE_TASK to "https://backend.test/delivery_vehicle/{deliveryVehicleId}/task/{taskId}",
        ContextKind.TASK to "https://backend.test/task/{taskId}",
        ContextKind.TRACKING to "https://backend.test/tracking/{trackingId}",
        ContextKind.VEHICLE_SERVICE to "https://backend.test/vehicle_service",
        ContextKind.FLEET to "https://backend.test/fleet",
    )

private fun configure(builder: AuthTokenFactoryBuilder, config: Strict?) {
    val endpoints = config?.get("endpoints")?.asJsonObject
    if (endpoints == null) ENDPOINTS.forEach { (kind, template) -> builder.endpoint(kind, template) }
    endpoints?.entrySet()?.forEach { (name, element) -> endpoint(builder, name, element) }
    if (config == null) return
    val ms = TimeUnit.MILLISECONDS
    config.long("safety_margin_ms")?.let { builder.safetyMargin(it, ms) }
    config.long("refresh_ahead_ms")?.let { builder.refreshAhead(it, ms) }
    config.long("min_validity_ms")?.let { builder.minValidity(it, ms) }
    config.long("fetch_deadline_ms")?.let { builder.fetchDeadline(it, ms) }
    config.long("attempt_timeout_ms")?.let { builder.attemptTimeout(it, ms) }
    config.long("max_lifetime_ms")?.let { builder.maxLifetime(it, ms) }
    config.long("max_attempts")?.let { builder.maxAttempts(it.toInt()) }
    config.long("max_entries")?.let { builder.maxEntries(it.toInt()) }
    if (config.yes("allow_http_loopback")) builder.allowHttpLoopback()
    config["unknown_lifetime"]?.let { unknown ->
        if (unknown.isJsonObject) {
            val assumed = unknown.strict("unknown_lifetime")
            builder.assumeLifetime(assumed.long("assume_ms") ?: complain("assume_ms is missing"), ms)
            assumed.end()
        } else {
            same("unknown_lifetime", "do_not_cache", unknown.text("unknown_lifetime"))
        }
    }
    config.text("scope_check")?.let { check ->
        builder.scopeCheck(
            when (check) {
                "warn" -> ScopeCheck.WARN
                "strict" -> ScopeCheck.STRICT
                else -> complain("no scope check is called $check")
            },
        )
    }
    config.obj("response_fields")?.let { fields ->
        val token = fields.text("token") ?: complain("response_fields have a token")
        builder.responseFields(token, fields.text("expires_at"), fields.text("expires_in"))
        fields.end()
    }
    config.end()
}

private fun endpoint(builder: AuthTokenFactoryBuilder, name: String, element: JsonElement) {
    val post = if (element.isJsonObject) element.strict("endpoint") else null
    val method = if (post == null) EndpointMethod.GET else EndpointMethod.POST
    val template = if (post == null) element.text("endpoint") else post.text("post") ?: complain("post is missing")
    post?.end()
    if (name == "default") {
        builder.defaultEndpoint(template, method)
    } else {
        val kind = ContextKind.entries.firstOrNull { it.name.lowercase() == name }
        builder.endpoint(kind ?: complain("no kind of context is called $name"), template, method)
    }
}

internal fun context(element: JsonElement): AuthTokenContext {
    val json = element.strict("context")
    val service = json.text("service_type")
    val made =
        AuthTokenContext(
            json.text("vehicle_id"),
            json.text("trip_id"),
            json.text("delivery_vehicle_id"),
            json.text("task_id"),
            json.text("tracking_id"),
            service?.let { name ->
                ServiceType.entries.firstOrNull { "${it.name}_SERVICE" == name }
                    ?: complain("no service is called $name")
            },
        )
    json.end()
    return made
}

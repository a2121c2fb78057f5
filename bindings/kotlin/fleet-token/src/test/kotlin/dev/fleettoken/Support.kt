package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenFactory
import dev.fleettoken.ffi.FfiTokenFactoryInterface
import java.lang.reflect.InvocationHandler
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method
import java.lang.reflect.Proxy
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout

internal val v1 = AuthTokenContext.vehicle("v1")
internal val v2 = AuthTokenContext.vehicle("v2")

/** A reply with the token `SECRET-TOKEN-number`, which lives for an hour. */
internal fun reply(number: Int): HttpResponse =
    HttpResponse(200, emptyList(), """{"token":"SECRET-TOKEN-$number","expiresInSeconds":3600}""".toByteArray())

/** An app's backend, and factories that ask it. */
internal class Backend(
    private val answer: suspend (HttpRequest, Int) -> HttpResponse = { _, number -> reply(number) },
) {
    val sent = AtomicInteger()

    fun builder(): AuthTokenFactoryBuilder =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
            .maxAttempts(1)
            .transport { answer(it, sent.incrementAndGet()) }

    fun factory(change: AuthTokenFactoryBuilder.() -> Unit = {}): AuthTokenFactory = builder().apply(change).build()

    /** A factory whose calls into the core are counted, and may be held up. */
    fun counted(change: AuthTokenFactoryBuilder.() -> Unit = {}): Pair<AuthTokenFactory, Crossings> {
        val crossings = Crossings()
        val factory =
            builder().apply(change).build(Platform.here) { config, transport, session ->
                crossings.around(FfiTokenFactory(config, transport, session))
            }
        return factory to crossings
    }
}

/** Every call into the core, by its name. */
internal class Crossings : InvocationHandler {
    private lateinit var native: FfiTokenFactoryInterface
    private val counts = ConcurrentHashMap<String, Int>()

    /** Called with the name of a call that has ended, before its caller has what it brought. */
    @Volatile
    var onReturn: (String) -> Unit = {}

    val total: Int get() = counts.values.sum()
    val byName: Map<String, Int> get() = counts.toMap()

    fun around(native: FfiTokenFactoryInterface): FfiTokenFactoryInterface {
        this.native = native
        val face = FfiTokenFactoryInterface::class.java
        return Proxy.newProxyInstance(face.classLoader, arrayOf(face), this) as FfiTokenFactoryInterface
    }

    override fun invoke(proxy: Any, method: Method, arguments: Array<out Any?>?): Any? {
        // Kotlin adds to the names of functions with unsigned numbers.
        val name = method.name.substringBefore('-')
        counts.merge(name, 1, Int::plus)
        try {
            return method.invoke(native, *(arguments ?: emptyArray())).also { onReturn(name) }
        } catch (thrown: InvocationTargetException) {
            throw thrown.targetException
        }
    }
}

/** Looks again and again until it is so. Fails after 20 seconds. */
internal suspend fun until(isSo: () -> Boolean) = withTimeout(20.seconds) { while (!isSo()) delay(1) }

/** The kind of error that a call ends with, if it does. */
internal suspend fun kindOf(call: suspend () -> Unit): TokenErrorKind? =
    try {
        call()
        null
    } catch (failed: TokenException) {
        failed.kind
    }

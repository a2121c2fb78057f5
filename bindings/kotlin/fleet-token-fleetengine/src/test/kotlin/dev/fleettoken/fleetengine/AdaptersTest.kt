package dev.fleettoken.fleetengine

import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenContext as ConsumerContext
import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory as ConsumerFactory
import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext as DriverContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import java.io.File
import java.util.Collections
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test

/** Driven as Google's SDKs drive them: through their interfaces, from their threads. */
class AdaptersTest {
    private val asked: MutableList<String> = Collections.synchronizedList(mutableListOf())

    @Volatile
    private var status = 200

    private val tokens =
        AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://b.test/vehicle/{vehicleId}")
            .endpoint(ContextKind.TRIP, "https://b.test/trip/{tripId}")
            .endpoint(ContextKind.VEHICLE_SERVICE, "https://b.test/vehicles")
            .endpoint(ContextKind.DELIVERY_VEHICLE, "https://b.test/delivery/{deliveryVehicleId}")
            .endpoint(ContextKind.DELIVERY_VEHICLE_TASK, "https://b.test/delivery/{deliveryVehicleId}/{taskId}")
            .endpoint(ContextKind.TASK, "https://b.test/task/{taskId}")
            .maxAttempts(1)
            .transport { request ->
                asked += request.url.removePrefix("https://b.test/")
                val body = """{"token":"SECRET-TOKEN-${asked.size}","expiresInSeconds":3600}"""
                HttpResponse(status, emptyList(), body.toByteArray())
            }
            .build()

    @AfterEach
    fun close() = tokens.close()

    private fun driver(vehicleId: String?, taskId: String? = null): DriverContext =
        DriverContext.builder().setVehicleId(vehicleId).setTaskId(taskId).build()

    private fun consumer(tripId: String?): ConsumerContext = ConsumerContext.builder().setTripId(tripId).build()

    @Test
    fun `a location thread gets one token for all its updates`() {
        val onDemand: DriverContext.AuthTokenFactory = DriverTokenFactory.onDemand(tokens)
        val got = Collections.synchronizedSet(mutableSetOf<String>())
        val threads = List(3) { thread { repeat(200) { got += onDemand.getToken(driver("v1", "ignored")) } } }
        threads.forEach { it.join() }
        assertEquals(setOf("SECRET-TOKEN-1"), got)
        assertEquals(listOf("vehicle/v1"), asked.toList())
    }

    @Test
    fun `each context is asked for under its own kind`() {
        val scheduled: DriverContext.AuthTokenFactory = DriverTokenFactory.scheduled(tokens)
        scheduled.getToken(driver("d1"))
        scheduled.getToken(driver("d1", "t1"))
        scheduled.getToken(driver(null, "t1"))
        scheduled.getToken(driver("d1", ""))
        val consumer: ConsumerFactory = ConsumerTokenFactory(tokens)
        for (trip in listOf("trip1", null, "", "trip1")) consumer.getToken(consumer(trip))
        consumer.getToken(null)
        assertEquals(listOf("delivery/d1", "delivery/d1/t1", "task/t1", "trip/trip1", "vehicles"), asked.toList())
    }

    @Test
    fun `what goes wrong is unchecked, says why and holds no secret`() {
        val onDemand = DriverTokenFactory.onDemand(tokens)
        for (context in listOf(driver(null), driver("../x"), null)) {
            val error = assertFailsWith<NoTokenException> { onDemand.getToken(context) }
            assertEquals(TokenErrorKind.INVALID_CONTEXT, error.cause.kind)
        }
        status = 403
        val error = assertFailsWith<NoTokenException> { ConsumerTokenFactory(tokens).getToken(consumer("trip1")) }
        assertIs<TokenException.SignIn>(error.cause)
        assertFalse("SECRET" in error.stackTraceToString())
        tokens.close()
        assertIs<TokenException.Ended>(assertFailsWith<NoTokenException> { onDemand.getToken(driver("v1")) }.cause)
    }

    @Test
    fun `a token that was refused is not handed out again`() {
        val onDemand = DriverTokenFactory.onDemand(tokens)
        assertFalse(onDemand.tokenRefused(), "none was handed out")
        assertEquals("SECRET-TOKEN-1", onDemand.getToken(driver("v1")))
        assertTrue(onDemand.tokenRefused())
        assertFalse(onDemand.tokenRefused(), "it is gone already")
        assertEquals("SECRET-TOKEN-2", onDemand.getToken(driver("v1")))
        val consumer = ConsumerTokenFactory(tokens)
        assertEquals("SECRET-TOKEN-3", consumer.getToken(consumer("trip1")))
        assertTrue(consumer.tokenRefused())
        assertEquals("SECRET-TOKEN-2", onDemand.getToken(driver("v1")))
    }

    @Test
    fun `nothing of Google's is among what is shipped`() {
        val classes = File(DriverTokenFactory::class.java.protectionDomain.codeSource.location.toURI())
        val shipped = classes.walk().filter { it.extension == "class" }
        val names = shipped.map { it.relativeTo(classes).invariantSeparatorsPath }
        assertEquals(emptyList(), names.filterNot { it.startsWith("dev/fleettoken/fleetengine/") }.toList())
    }

    @Test
    fun `nothing prints a secret`() {
        val onDemand = DriverTokenFactory.onDemand(tokens)
        onDemand.getToken(driver("v1"))
        assertFalse("SECRET" in "$onDemand ${ConsumerTokenFactory(tokens)}")
    }
}

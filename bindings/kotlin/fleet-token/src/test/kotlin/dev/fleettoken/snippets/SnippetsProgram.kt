package dev.fleettoken.snippets

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import java.net.HttpURLConnection
import java.net.URL

// README.md has all of this; EndToEndTest runs it.

fun main(args: Array<String>) {
    val (backend, engine) = args // as `fleet-token serve` prints them
    val tokens = AuthTokenFactory.builder()
        .allowHttpLoopback() // only for a backend on this machine
        .endpoint(ContextKind.VEHICLE, "$backend/token/driver/{vehicleId}")
        .sessionHeaders { mapOf("Authorization" to "Bearer demo-driver-1") }
        .build()

    tokens.use {
        val token = tokens.getToken(AuthTokenContext.vehicle("vehicle_1"))
        val call = URL("$engine/vehicles/vehicle_1").openConnection() as HttpURLConnection
        call.setRequestProperty("Authorization", "Bearer ${token.value}")
        println("Fleet Engine answered ${call.responseCode}; the token is good for ${token.remaining}")
    }
}

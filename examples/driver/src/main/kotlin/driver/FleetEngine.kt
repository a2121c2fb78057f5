package driver

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import java.net.HttpURLConnection
import java.net.URL

class Place(val latitude: Double, val longitude: Double)

/** Fleet Engine, over REST. */
class FleetEngine(url: String) {
    private val provider = "$url/v1/providers/demo"

    /** The status that it answers with. */
    fun moveTo(vehicle: AuthTokenContext, place: Place, token: AuthToken): Int {
        val url = URL("$provider/vehicles/${vehicle.vehicleId}?updateMask=lastLocation")
        val call = url.openConnection() as HttpURLConnection
        call.connectTimeout = 5_000
        call.readTimeout = 5_000
        call.requestMethod = "PUT"
        call.setRequestProperty("Authorization", "Bearer ${token.value}")
        call.setRequestProperty("Content-Type", "application/json")
        call.doOutput = true
        val json =
            """{"lastLocation": {"location": {"latitude": ${place.latitude}, "longitude": ${place.longitude}}}}"""
        call.outputStream.use { it.write(json.toByteArray()) }
        val status = call.responseCode
        // To its end, so that the connection is used again.
        (if (status < 400) call.inputStream else call.errorStream)?.use { it.readBytes() }
        return status
    }
}

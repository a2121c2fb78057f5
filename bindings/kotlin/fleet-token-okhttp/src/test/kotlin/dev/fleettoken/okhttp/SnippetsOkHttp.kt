@file:Suppress("unused")

package dev.fleettoken.okhttp

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import okhttp3.Call
import okhttp3.HttpUrl
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.ResponseBody
import retrofit2.http.GET
import retrofit2.http.Path
import retrofit2.http.Tag

// The OkHttp and Retrofit of docs/android.md, compiled.

internal class Calls(private val client: OkHttpClient, private val tokens: AuthTokenFactory) {
    // snippet: okhttp
    val fleetEngine = client.newBuilder().addInterceptor(AuthTokenInterceptor(tokens)).build()

    fun trip(id: String, url: HttpUrl): Call {
        val request = Request.Builder().url(url).authTokenContext(AuthTokenContext.trip(id)).build()
        return fleetEngine.newCall(request)
    }
    // end
}

// snippet: retrofit
interface Trips {
    @GET("v1/providers/my-provider/trips/{id}")
    suspend fun trip(
        @Path("id") id: String,
        @Tag context: AuthTokenContext,
    ): ResponseBody
}
// end

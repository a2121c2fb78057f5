package dev.fleettoken.okhttp

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import dev.fleettoken.HttpResponse
import dev.fleettoken.SecretsWatch
import java.net.InetAddress
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.ResponseBody
import okhttp3.logging.HttpLoggingInterceptor
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.extension.ExtendWith
import retrofit2.Call
import retrofit2.Retrofit
import retrofit2.http.GET
import retrofit2.http.Path
import retrofit2.http.Tag

/** The interceptor beside what apps have on their OkHttp: Retrofit, and OkHttp's logging. */
@ExtendWith(SecretsWatch::class)
class OtherLibrariesTest {
    private val server = MockWebServer()
    private val tokens: AuthTokenFactory =
        AuthTokenFactory.builder().endpoint(ContextKind.TRIP, "https://backend.test/{tripId}")
            .transport {
                val id = it.url.substringAfterLast('/')
                HttpResponse(200, emptyList(), """{"token":"SECRET-TOKEN-$id","expiresInSeconds":3600}""".toByteArray())
            }
            .build()

    @AfterEach
    fun down() {
        server.close()
        tokens.close()
    }

    private fun attaching(): AuthTokenInterceptor {
        server.enqueue(MockResponse())
        server.start(InetAddress.getByName("127.0.0.1"), 0)
        return AuthTokenInterceptor(tokens, listOf(server.url("/").toString()))
    }

    interface Trips {
        @GET("v1/trips/{id}")
        fun trip(
            @Path("id") id: String,
            @Tag context: AuthTokenContext,
        ): Call<ResponseBody>
    }

    @Test
    fun `with Retrofit the context is a parameter with Tag`() {
        val client = OkHttpClient.Builder().addInterceptor(attaching()).build()
        val trips = Retrofit.Builder().baseUrl(server.url("/")).client(client).build().create(Trips::class.java)
        assertEquals(200, trips.trip("t1", AuthTokenContext.trip("t1")).execute().code())
        assertEquals("Bearer SECRET-TOKEN-t1", server.takeRequest().headers["Authorization"])
    }

    private fun logged(change: OkHttpClient.Builder.(HttpLoggingInterceptor, AuthTokenInterceptor) -> Unit): String {
        val lines = StringBuilder()
        val logging = HttpLoggingInterceptor { lines.appendLine(it) }.setLevel(HttpLoggingInterceptor.Level.BODY)
        val client = OkHttpClient.Builder().apply { change(logging, attaching()) }.build()
        val request = Request.Builder().url(server.url("/x")).authTokenContext(AuthTokenContext.trip("t1")).build()
        client.newCall(request).execute().close()
        assertEquals("Bearer SECRET-TOKEN-t1", server.takeRequest().headers["Authorization"])
        return lines.toString()
    }

    @Test
    fun `a log that is written before the token is put on does not hold it`() {
        val log =
            logged { logging, attaching ->
                addInterceptor(logging)
                addInterceptor(attaching)
            }
        assertFalse("SECRET" in log)
        assertTrue("/x" in log)
    }

    @Test
    fun `a log that is written after it does, unless it is told to redact`() {
        val log =
            logged { logging, attaching ->
                addInterceptor(attaching)
                addNetworkInterceptor(logging.apply { redactHeader("Authorization") })
            }
        assertFalse("SECRET" in log)
        assertTrue("Authorization: ██" in log)
    }

    @Test
    fun `that it can be seen in such a log is what these look for`() {
        val log =
            logged { logging, attaching ->
                addInterceptor(attaching)
                addInterceptor(logging)
            }
        assertTrue("SECRET-TOKEN-t1" in log)
    }
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenEvent
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.ObjectOutputStream
import java.io.Serializable
import java.lang.reflect.Method
import java.lang.reflect.Modifier
import java.util.Base64
import java.util.Optional
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/**
 * Whatever a JVM prints of a public type by itself holds no token and no login: what it is turned into as a string, what its
 * accessors tell, what an exception carries along, what is written when it is serialised.
 *
 * A class that reads private fields, as some loggers do of every object, finds tokens: nothing can keep it from that.
 */
class PrintedTest {
    private companion object {
        /** The accessors that a secret is for, and one that is a question. */
        val SECRETS =
            setOf(
                "AuthToken.getValue",
                "TokenHandle.getToken",
                "HttpRequest.getHeaders",
                "HttpRequest.getBody",
                "HttpResponse.getHeaders",
                "HttpResponse.getBody",
            )

        /** They hold what the app's code is told, not what it is. */
        val INTERFACES = setOf("HttpTransport", "SessionHeaderProvider")
    }

    private val secretish = "SECRET-SESSION-printed"
    private val headers = listOf(
        "authorization" to "Bearer $secretish",
        "location" to "https://b.test/?t=SECRET-TOKEN-1",
    )
    private val body = """{"token":"SECRET-TOKEN-1"}""".toByteArray()

    /** The names of the public classes, as they were reviewed, in the form that the JVM has for them. */
    private fun reviewed(): List<String> =
        File(System.getProperty("fleet.repository"), "api/kotlin.api").readLines()
            .mapNotNull {
                Regex("^public .*(?:class|interface) dev/fleettoken/([\\w$]+)").find(it)?.groupValues?.get(1)
            }

    private fun hash(something: Any) = something.hashCode()

    /** Everything that is printed of it, by whatever prints. */
    private fun printed(it: Any): String {
        val texts =
            mutableListOf("$it", "${listOf(it)}", "${Optional.of(it)}", "%s".format(it), "${Result.success(it)}")
        texts += "${it.hashCode()}"
        if (it is Throwable) {
            texts += it.stackTraceToString()
            texts += "${it.message} ${it.localizedMessage} ${it.suppressed.toList()}"
            texts += generateSequence(it.cause) { cause -> cause.cause }.map { cause -> cause.stackTraceToString() }
        }
        for (method in it.javaClass.methods.filter(::isAccessor)) {
            val name = "${method.declaringClass.name.substringAfterLast('.')}.${method.name}"
            if (name in SECRETS) continue
            val told = method.invoke(it)
            texts += "$name: ${if (told is Array<*>) told.contentDeepToString() else told}"
        }
        if (it is Serializable && it !is Enum<*>) {
            val bytes = ByteArrayOutputStream()
            ObjectOutputStream(bytes).use { out -> out.writeObject(it) }
            texts += bytes.toString("ISO-8859-1")
        }
        return texts.joinToString("\n")
    }

    private fun isAccessor(method: Method) =
        method.parameterCount == 0 && !Modifier.isStatic(method.modifiers) &&
            listOf("get", "is", "has", "to", "component", "copy").any { method.name.startsWith(it) } &&
            method.declaringClass != Any::class.java && Modifier.isPublic(method.declaringClass.modifiers)

    /** One of each class at least, made with secrets wherever one fits. */
    private class Samples {
        val all = mutableListOf<Any>()
        val tokens = mutableListOf<String>()

        fun keep(token: AuthToken) {
            all += token
            tokens += token.value
        }

        fun failed(thrown: Throwable?) {
            thrown?.let(all::add)
        }
    }

    private fun jwt(authorization: String): String {
        val part = { text: String -> Base64.getUrlEncoder().withoutPadding().encodeToString(text.toByteArray()) }
        val now = System.currentTimeMillis() / 1000
        return part("""{"alg":"RS256","typ":"JWT"}""") + "." +
            part("""{"iat":$now,"exp":${now + 3600},"authorization":$authorization}""") + ".SECRET-TOKEN-signature"
    }

    /** What backends, apps and users do to a factory, with the events and exceptions that come of it. */
    private fun samples(): Samples = Samples().apply {
        val replies =
            listOf(
                200 to """{"token":"SECRET-TOKEN-good","expiresInSeconds":3600}""",
                200 to """{"token":"${jwt("""{"vehicleid":"*"}""")}"}""",
                200 to """{"token":"${jwt("""{"vehicleid":"other"}""")}"}""",
                200 to """{"token":"SECRET-TOKEN-long","expiresInSeconds":360000}""",
                200 to """{"token":"SECRET-TOKEN-old","expiresInSeconds":-5}""",
                200 to """{"token":null}""",
                200 to """{"token":null,"error":"SECRET-TOKEN-error"}""",
                200 to """{"tok":"SECRET-TOKEN-cut""",
                200 to "<html>SECRET-TOKEN-html",
                200 to """{"token":"SECRET-TOKEN-\u0007","expiresInSeconds":3600}""",
                200 to """{"token":"SECRET-TOKEN-when","expiresAt":"SECRET-TOKEN-when"}""",
                302 to "SECRET-TOKEN-moved",
                401 to "SECRET-TOKEN-refused",
                403 to "SECRET-TOKEN-forbidden",
                404 to "SECRET-TOKEN-unknown",
                503 to "SECRET-TOKEN-busy",
            )
        for ((status, text) in replies) {
            val backend = Backend {
                _,
                _,
                ->
                HttpResponse(status, headers + ("Date" to "Thu, 01 Jan 2026 00:00:00 GMT"), text.toByteArray())
            }
            watched(backend, { maxAttempts(2).maxEntries(1) }) { factory ->
                all.addAll(listOf(factory, factory.handle(v1), factory.stats(), AuthTokenFactory.builder(), v1))
                repeat(2) { failed(runCatching { keep(factory.token(v1)) }.exceptionOrNull()) }
                for (id in listOf("v2", "v3")) {
                    failed(runCatching { keep(factory.token(AuthTokenContext.vehicle(id))) }.exceptionOrNull())
                }
                failed(runCatching { factory.token(AuthTokenContext.vehicle("../up")) }.exceptionOrNull())
                factory.networkAvailable()
                factory.sessionChanged()
                factory.clear()
            }
        }
        for (thrown in listOf(
            IllegalStateException(secretish, Error(secretish)),
            TransportException(TransportException.Kind.TLS, "expired"),
        )) {
            watched(Backend { _, _ -> throw thrown.apply { addSuppressed(Error(secretish)) } }) { factory ->
                failed(runCatching { factory.getToken(v1) }.exceptionOrNull())
            }
        }
        for (thrown in listOf(IllegalStateException(secretish), SignedOutException())) {
            watched(Backend(), { sessionHeaders { throw thrown } }) { factory ->
                failed(runCatching { factory.getToken(v1) }.exceptionOrNull())
            }
        }
        watched(Backend()) { factory ->
            repeat(8) {
                failed(runCatching { factory.invalidate(v1, factory.token(v1).also { keep(it) }) }.exceptionOrNull())
            }
            factory.close()
            failed(runCatching { factory.token(v1) }.exceptionOrNull())
        }
        all += HttpRequest("POST", "https://b.test/", headers, body, 1, 1)
        all += HttpResponse(200, headers, body)
        all += SignedOutException()
        all += TransportException(TransportException.Kind.CONNECT, "no route")
        // They hold a context and numbers, and take a while or luck to come about.
        val context = v1.ffi
        all += TokenEvent.of(FfiTokenEvent.StaleServed(context, 1u))
        all += TokenEvent.of(FfiTokenEvent.Missed(1u))
        for (companion in listOf(AuthTokenContext.Companion, AuthTokenFactory.Companion)) all += companion
    }

    private fun Samples.watched(
        backend: Backend,
        change: AuthTokenFactoryBuilder.() -> Unit = {},
        use: suspend (AuthTokenFactory) -> Unit,
    ) = runBlocking {
        val factory = backend.factory { sessionHeaders { mapOf("Authorization" to "Bearer $secretish") }.change() }
        val heard = CopyOnWriteArrayList<TokenEvent>()
        val listening = CompletableDeferred<Unit>()
        val collector =
            thread {
                runBlocking {
                    factory.events.collect {
                        heard += it
                        listening.complete(Unit)
                    }
                }
            }
        until { factory.networkAvailable().let { listening.isCompleted } }
        use(factory)
        factory.close()
        collector.join()
        for (event in heard) {
            all += event
            (event as? TokenEvent.FetchFailed)?.let { all += it.error }
            (event as? TokenEvent.AttemptFailed)?.let { all += it.error }
        }
    }

    @Test
    fun `nothing that is printed of a public type holds a secret`() {
        val samples = samples()
        val types = samples.all.map { it.javaClass.name.removePrefix("dev.fleettoken.") }.toSet()
        for (name in reviewed()) {
            val type = Class.forName("dev.fleettoken.$name")
            if (name in INTERFACES) continue
            if (type.isEnum) {
                type.enumConstants.forEach { samples.all += it }
            } else if (!Modifier.isAbstract(type.modifiers)) {
                assertTrue(name in types, "no $name was made: add one, with secrets wherever one fits")
            }
        }
        val secrets = samples.tokens.flatMap { token -> token.split('.') + token }.filter { it.length > 5 }.toSet()
        assertTrue(secrets.size > 10, "the flows brought ${secrets.size} tokens")
        for (sample in samples.all) {
            val text = printed(sample)
            assertTrue(
                !holdsSecret(text) && secrets.none {
                    it in text
                },
                "a secret is in what is printed of a ${sample.javaClass}",
            )
        }
        println(
            "${samples.all.size} objects of ${reviewed().size} public types printed, ${secrets.size} parts of tokens searched for",
        )
    }

    @Test
    fun `a token's hash tells nothing of its value`() = runBlocking<Unit> {
        Backend().factory().use { factory ->
            val token = factory.token(v1)
            assertNotEquals(hash(token.value), hash(token))
            assertEquals(hash(token), hash(AuthToken("another", token.generation, null, Since { 0 })))
        }
    }

    /** The scan of the whole run's output fails where it does not find this. */
    @Test
    fun `what tests print is searched`() = println("SECRET-CANARY-kotlin")

    /** The search finds what it is for, in each of the forms. */
    @Test
    fun `a type that prints its fields would be found`() {
        data class Leaky(val value: String) : Serializable {
            override fun toString() = "[redacted]"
        }

        class Told(private val secret: String) {
            fun component1() = secret
        }

        class Quiet(private val secret: String) : Serializable {
            override fun hashCode() = secret.length
        }
        val leaking =
            listOf(
                Leaky(secretish),
                Told(secretish),
                Quiet(secretish),
                Exception("outside", Exception(secretish)),
                Exception().apply { addSuppressed(Exception(secretish)) },
                mapOf("a" to secretish),
            )
        for (leak in leaking) assertTrue(holdsSecret(printed(leak)), "${leak.javaClass}")
    }
}

package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.HttpRequest
import dev.fleettoken.HttpResponse
import dev.fleettoken.HttpTransport
import dev.fleettoken.SessionHeaderProvider
import dev.fleettoken.SignedOutException
import dev.fleettoken.TransportException
import dev.fleettoken.ffi.FfiManualClock

/** 2026-01-01T00:00:00Z, where every scenario's server starts. */
internal const val START_MS = 1_767_225_600_000L

/** One scripted reply. */
internal class Reply(element: JsonElement) {
    private val json0 = element.strict("reply")
    val suffix: String? = json0.text("for")
    val delayMs: Long = json0.long("delay_ms") ?: 0
    val hangs: Boolean = json0.yes("hang")
    val error: TransportException.Kind? =
        json0.text("error")?.let { name ->
            when (name) {
                "connect" -> TransportException.Kind.CONNECT
                "timeout" -> TransportException.Kind.TIMEOUT
                "interrupted" -> TransportException.Kind.INTERRUPTED
                "tls" -> TransportException.Kind.TLS
                else -> complain("no transport error is called $name")
            }
        }
    val status: Int = json0.long("status")?.toInt() ?: 200
    val dateOffsetMs: Long? = date(json0["date"])
    val headers: List<Pair<String, JsonElement>> =
        json0["headers"]?.asJsonObject?.entrySet()?.map { it.key to it.value } ?: emptyList()
    val json: JsonObject? = json0["json"]?.asJsonObject
    val text: String? = json0.text("text")
    val textSize: Int? = json0.long("text_size")?.toInt()

    init {
        json0.end()
        if (hangs && json0.keys.any { it != "hang" && it != "for" }) complain("a reply that hangs has nothing else")
    }

    private fun date(element: JsonElement?): Long? {
        if (element == null) return 0
        if (!element.isJsonObject) return if (element.bool("date")) 0 else null
        val date = element.strict("date")
        return (date.long("offset_ms") ?: complain("a date has an offset")).also { date.end() }
    }
}

/** The wire: answers requests from the list, in the order in which they arrive. */
internal class Wire(replies: List<Reply>, private val clock: FfiManualClock) : HttpTransport {
    private val bootedMs = clock.nowMs()
    private val left = replies.toMutableList()
    private val sent = mutableListOf<HttpRequest>()
    private val labels = mutableMapOf<String, String>()
    private val wrong = mutableListOf<String>()

    val requests: List<HttpRequest> get() = synchronized(this) { sent.toList() }
    val unused: Int get() = synchronized(this) { left.size }
    val complaint: String? get() = synchronized(this) { wrong.firstOrNull() }
    val tokens: Set<String> get() = synchronized(this) { labels.keys.toSet() }

    fun label(token: String): String? = synchronized(this) { labels[token] }

    override suspend fun send(request: HttpRequest): HttpResponse {
        val reply = next(request)
        if (reply == null || reply.hangs) clock.sleepMs(ULong.MAX_VALUE)
        if (reply!!.delayMs > 0) clock.sleepMs(reply.delayMs.toULong())
        reply.error?.let { throw TransportException(it, "scripted") }
        return synchronized(this) {
            try {
                Body(START_MS + (clock.nowMs() - bootedMs).toLong(), labels).render(reply)
            } catch (complaint: Complaint) {
                wrong += complaint.message!!
                throw complaint
            }
        }
    }

    private fun next(request: HttpRequest): Reply? = synchronized(this) {
        val reply = left.firstOrNull { it.suffix == null || request.url.endsWith(it.suffix) }
        if (reply == null) wrong += "request ${sent.size + 1} to ${request.url} has no reply"
        left.remove(reply)
        sent += request
        reply
    }
}

/** The app's own login, as the scenario sets it: the newest counts, the older ones are still secret. */
internal class Login(first: JsonElement) : SessionHeaderProvider {
    private val all = mutableListOf(Answer(first))

    private class Answer(element: JsonElement) {
        val word: String? = if (element.isJsonPrimitive) element.text("session") else null
        val headers: Map<String, String>? =
            if (word != null) {
                null
            } else {
                val session = element.strict("session")
                val headers = session["headers"]?.asJsonObject ?: complain("a session has headers")
                session.end()
                headers.entrySet().associate { it.key to it.value.text("header") }
            }

        init {
            if (word !in setOf(null, "signed_out", "unavailable")) complain("no session is called $word")
        }
    }

    fun set(element: JsonElement) {
        synchronized(this) { all += Answer(element) }
    }

    /** Every login there was, without the word before it. */
    val secrets: List<String>
        get() {
            val values = synchronized(this) { all.flatMap { it.headers?.values ?: emptyList() } }
            return values.map { it.removePrefix("Bearer ") }
        }

    override suspend fun headers(context: AuthTokenContext): Map<String, String> {
        val answer = synchronized(this) { all.last() }
        return when (answer.word) {
            null -> answer.headers!!
            "signed_out" -> throw SignedOutException()
            else -> error("SECRET-SESSION not available")
        }
    }
}

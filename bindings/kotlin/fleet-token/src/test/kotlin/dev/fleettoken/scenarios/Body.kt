package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import dev.fleettoken.HttpResponse
import java.time.Instant
import java.time.ZoneOffset
import java.time.format.DateTimeFormatter
import java.util.Base64
import java.util.Locale

/** Marks every token of the suite as a secret, so that a search through the output finds a leak. */
private const val SECRET = "SECRET-TOKEN-"

private val HTTP_DATE =
    DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US).withZone(ZoneOffset.UTC)

/** Renders scripted replies: tokens and times as they are when the reply is sent, at `nowMs`. */
internal class Body(private val nowMs: Long, private val labels: MutableMap<String, String>) {
    fun render(reply: Reply): HttpResponse {
        val headers = linkedMapOf<String, String>()
        val text =
            when {
                reply.json != null && reply.text == null -> {
                    headers["content-type"] = "application/json"
                    value(reply.json).toString().padEnd(reply.textSize ?: 0)
                }
                reply.text != null && reply.json == null && reply.textSize == null -> reply.text
                reply.textSize != null && reply.text == null -> "x".repeat(reply.textSize)
                reply.text == null -> ""
                else -> complain("a reply has one body")
            }
        reply.dateOffsetMs?.let { headers["date"] = httpDate(it) }
        for ((name, header) in reply.headers) {
            headers[name.lowercase()] =
                if (header.isJsonObject) {
                    val date = header.strict("header")
                    httpDate(date.long("http_date") ?: complain("a header has a value")).also { date.end() }
                } else {
                    header.text("header")
                }
        }
        return HttpResponse(reply.status, headers.toList(), text.toByteArray())
    }

    private fun httpDate(offsetMs: Long) = HTTP_DATE.format(Instant.ofEpochSecond(seconds(offsetMs)))

    private fun seconds(offsetMs: Long) = Math.floorDiv(nowMs + offsetMs, 1000L)

    /** A value with every `{"$…": …}` replaced by what it stands for. */
    private fun value(template: JsonElement): JsonElement {
        if (!template.isJsonObject) return template
        val map = template.asJsonObject
        val key = map.keySet().firstOrNull { it.startsWith("$") }
        if (key == null) {
            return JsonObject().also { made ->
                map.entrySet().forEach { (name, inner) -> made.add(name, value(inner)) }
            }
        }
        if (map.size() != 1) complain("$key stands alone in its object")
        val argument = map[key]
        return when (key) {
            "\$jwt" -> JsonPrimitive(jwt(argument.strict(key)))
            "\$opaque" -> JsonPrimitive((SECRET + argument.text(key)).also { labels[it] = argument.text(key) })
            "\$epoch_ms" -> JsonPrimitive(nowMs + argument.long(key))
            "\$epoch_s" -> JsonPrimitive(seconds(argument.long(key)))
            "\$rfc3339" -> JsonPrimitive(Instant.ofEpochMilli(nowMs + argument.long(key)).toString())
            else -> complain("$key is unknown")
        }
    }

    /** A JWT that nobody signed: whoever reads only its claims cannot tell. */
    private fun jwt(jwt: Strict): String {
        val id = jwt.text("id") ?: complain("a \$jwt has an id")
        val payload = JsonObject()
        jwt["payload"]?.asJsonObject?.entrySet()?.forEach { (name, inner) -> payload.add(name, inner) }
        jwt.long("iat_in_s")?.let { payload.addProperty("iat", seconds(0) + it) }
        jwt.long("exp_in_s")?.let { payload.addProperty("exp", seconds(0) + it) }
        jwt["claims"]?.let { payload.add("authorization", it.asJsonObject) }
        jwt.end()
        val parts = listOf("""{"alg":"none","typ":"JWT"}""", payload.toString(), SECRET + id)
        val encoder = Base64.getUrlEncoder().withoutPadding()
        val token = parts.joinToString(".") { encoder.encodeToString(it.toByteArray()) }
        labels[token] = id
        return token
    }
}

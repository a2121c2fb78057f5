package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import com.google.gson.JsonParser
import dev.fleettoken.AuthToken
import dev.fleettoken.TokenEvent
import dev.fleettoken.TokenException

/** Compares what is with what a scenario says. Names tokens by their labels, so that no message holds a secret. */
internal class Look(private val world: World) {
    fun known(label: String): AuthToken = world.tokens[label] ?: complain("no call has brought the token $label")

    /** Every call with this id. */
    fun calls(step: Strict) {
        val id = step.text("id") ?: complain("expect_call has an id")
        val calls = world.calls.filter { it.id == id }
        if (calls.isEmpty()) complain("there is no call $id")
        calls.forEach { outcome(it, step) }
    }

    fun outcome(call: Call, expected: Strict) {
        call.checked = true
        val label = expected.text("token")
        val kind = expected.text("error")
        val none = expected.yes("none")
        val pending = expected.yes("pending")
        val retryInMs = expected.long("retry_in_ms")
        val status = expected.long("status")
        val retryable = expected.flag("retryable")
        expected.end()
        val ways = listOf(label != null, kind != null, none, pending).count { it }
        if (ways != 1) complain("an outcome is one of token, error, none, pending")
        if (kind == null && (retryInMs ?: status ?: retryable) != null) {
            complain("retry_in_ms, status and retryable go with error")
        }
        val wanted =
            when {
                label != null -> "token $label"
                kind != null -> "error $kind"
                none -> "none"
                else -> "pending"
            }
        val answer = call.answer
        if (wanted != shown(answer)) complain("expected $wanted, was ${shown(answer)}")
        if (answer is Answer.Error) {
            retryInMs?.let { same("retry_in_ms", it, answer.error.retryAfterMillis) }
            status?.let { same("status", it, answer.error.status?.toLong()) }
            retryable?.let { same("retryable", it, answer.error.retryable) }
        }
    }

    private fun shown(answer: Answer?) =
        when (answer) {
            null -> "pending"
            is Answer.None -> "none"
            is Answer.Error -> "error ${answer.error.kind.name.lowercase()}"
            is Answer.Token -> "token ${world.wire.label(answer.token.value) ?: "without a label"}"
        }

    /** Everything that an `expect` step can look at. */
    fun world(expected: Strict) {
        val stats = world.factory.stats()
        expected.long("fetches")?.let { same("fetches", it, world.wire.requests.size.toLong()) }
        expected.long("flights")?.let { same("flights", it, stats.flights) }
        expected["stats"]?.asJsonObject?.entrySet()?.forEach { (name, value) ->
            val actual =
                when (name) {
                    "calls" -> stats.calls
                    "hits" -> stats.hits
                    "waits" -> stats.waits
                    "refusals" -> stats.refusals
                    "not_ready" -> stats.notReady
                    "stale_served" -> stats.staleServed
                    "fetches" -> stats.fetches
                    "flights" -> stats.flights
                    "background_flights" -> stats.backgroundFlights
                    "successes" -> stats.successes
                    "failures" -> stats.failures
                    "rejections" -> stats.rejections
                    "evictions" -> stats.evictions
                    "entries" -> stats.entries
                    else -> complain("there is no number $name in the stats")
                }
            same(name, value.long(name), actual)
        }
        expected.list("events")?.let(::events)
        expected.obj("remaining_ms")?.let { remaining ->
            val token = known(remaining.text("token") ?: complain("remaining_ms has a token"))
            same("remaining_ms", remaining.long("ms"), token.remainingMillis)
            remaining.end()
        }
        request(expected)
        expected.end()
    }

    private fun request(expected: Strict) {
        val url = expected.text("url")
        val method = expected.text("method")
        val headers = expected["headers"]?.asJsonObject
        val body = expected["body"]
        if (url == null && method == null && headers == null && body == null) return
        val request = world.wire.requests.lastOrNull() ?: complain("no request was made")
        url?.let { same("url", it, request.url) }
        method?.let { same("method", it, request.method) }
        body?.let { same("body", it, request.body?.let { sent -> JsonParser.parseString(String(sent)) }) }
        headers?.entrySet()?.forEach { (name, value) ->
            val sent = request.headers.firstOrNull { it.first.equals(name, ignoreCase = true) }?.second
            // The values are secrets.
            if (sent != (if (value.isJsonNull) null else value.text(name))) {
                val was = if (sent == null) "no such header" else "another value"
                complain("expected the scenario's value in header $name, was $was")
            }
        }
    }

    private fun events(expected: List<JsonElement>) {
        val seen = generateSequence { world.events.poll() }.toList()
        for (event in seen) world.noSecretIn(event, failureOf(event))
        val wanted = expected.map { if (it.isJsonObject) it.strict("event") else null }
        val names = expected.mapIndexed { i, element -> wanted[i]?.text("name") ?: element.text("event") }
        same("events", names, seen.map { it.name })
        seen.zip(wanted).forEach { (event, details) -> if (details != null) details(event, details) }
    }

    private fun failureOf(event: TokenEvent): TokenException? =
        when (event) {
            is TokenEvent.AttemptFailed -> event.error
            is TokenEvent.FetchFailed -> event.error
            else -> null
        }

    private fun details(event: TokenEvent, expected: Strict) {
        expected["context"]?.let { same("${event.name}'s context", context(it), event.context) }
        val fetched = event as? TokenEvent.Fetched
        val actual =
            mapOf(
                "background" to (event as? TokenEvent.FetchStarted)?.background,
                "error" to failureOf(event)?.kind?.name?.lowercase(),
                "attempts" to fetched?.attempts?.toLong(),
                "lifetime_ms" to (fetched?.lifetimeMillis ?: (event as? TokenEvent.LifetimeClamped)?.usedMillis),
                "retry_in_ms" to (event as? TokenEvent.FetchFailed)?.retryInMillis,
                "ended_backoffs" to (event as? TokenEvent.NetworkAvailable)?.endedBackoffs?.toLong(),
            )
        for ((what, value) in actual) {
            val wanted: Any? =
                when (what) {
                    "background" -> expected.flag(what)
                    "error" -> expected.text(what)
                    else -> expected.long(what)
                }
            if (wanted != null) same("${event.name}'s $what", wanted, value)
        }
        expected.end()
    }
}

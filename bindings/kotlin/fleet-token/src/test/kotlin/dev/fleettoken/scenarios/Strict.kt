package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import com.google.gson.JsonObject

/** What was not as the scenario says, or what is wrong with the scenario itself. */
internal class Complaint(text: String) : Exception(text)

internal fun complain(text: String): Nothing = throw Complaint(text)

/** An object of a scenario that is read by name, with no key left over. */
internal class Strict(private val json: JsonObject, private val what: String) {
    private val known = mutableSetOf<String>()

    val keys: Set<String> get() = json.keySet()

    operator fun get(key: String): JsonElement? {
        known += key
        return json.get(key)
    }

    fun text(key: String): String? = get(key)?.text(key)

    fun long(key: String): Long? = get(key)?.long(key)

    /** A key that is either there, as `true`, or not. */
    fun yes(key: String): Boolean =
        get(key)?.let { if (it.bool(key)) true else complain("$key is true or absent") } ?: false

    fun flag(key: String): Boolean? = get(key)?.bool(key)

    fun obj(key: String): Strict? = get(key)?.strict(key)

    fun list(key: String): List<JsonElement>? =
        get(key)?.let { if (it.isJsonArray) it.asJsonArray.toList() else complain("$key is a list") }

    /** To be called when all has been read. */
    fun end() {
        val stray = json.keySet() - known
        if (stray.isNotEmpty()) complain("unknown in $what: $stray")
    }
}

internal fun JsonElement.strict(what: String): Strict =
    if (isJsonObject) Strict(asJsonObject, what) else complain("$what is an object")

internal fun JsonElement.text(what: String): String =
    if (isJsonPrimitive && asJsonPrimitive.isString) asString else complain("$what is a text")

internal fun JsonElement.long(what: String): Long =
    if (isJsonPrimitive && asJsonPrimitive.isNumber) asBigDecimal.longValueExact() else complain("$what is a number")

internal fun JsonElement.bool(what: String): Boolean =
    if (isJsonPrimitive && asJsonPrimitive.isBoolean) asBoolean else complain("$what is true or false")

internal fun <T> same(what: String, expected: T, actual: T) {
    if (expected != actual) complain("expected $what $expected, was $actual")
}

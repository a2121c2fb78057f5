package dev.fleettoken.scenarios

import java.io.File
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.test.fail
import org.junit.jupiter.api.Test

/** The portable scenarios of `tests/scenarios`, run through the public API. Rust and Swift run the same files. */
class ScenarioTest {
    private val files: Map<String, String> =
        File(System.getProperty("fleet.scenarios")).listFiles { file -> file.extension == "json" }!!
            .associate { it.nameWithoutExtension to it.readText() }
            .toSortedMap()

    @Test
    fun `every scenario holds`() {
        assertTrue(files.size >= 48, "only ${files.size} scenarios")
        val failed = mutableListOf<String>()
        val lines = files.map { (name, text) -> line(name, text, failed) }
        // Where the table of all languages is made from.
        System.getProperty("fleet.scenario.report")?.let { File(it).writeText(lines.joinToString("") { "$it\n" }) }
        println(lines.joinToString("\n"))
        val skipped = lines.count { it.endsWith(" skipped") }
        val held = lines.count { it.endsWith(" ok") }
        println("${files.size} scenarios in Kotlin: $held held, ${failed.size} failed, $skipped skipped")
        if (failed.isNotEmpty()) fail("${failed.size} of ${files.size} failed\n${failed.joinToString("\n")}")
    }

    /** `scenario RULE NAME VERDICT`. */
    private fun line(name: String, text: String, failed: MutableList<String>): String {
        var rule = "unknown"
        val verdict =
            try {
                val scenario = Scenario(text)
                rule = scenario.rule
                assertEquals(name, scenario.name)
                if (scenario.isDeviation) {
                    "skipped"
                } else {
                    scenario.play()
                    "ok"
                }
            } catch (thrown: Throwable) {
                failed += "$name: ${if (thrown is Complaint) thrown.message else thrown.stackTraceToString()}"
                "failed"
            }
        return "scenario $rule $name $verdict"
    }

    private fun verdict(steps: String, change: (String) -> String = { it }): String? {
        val call = """{"call": {"context": {"vehicle_id": "v1"}, "expect": {"token": "T1"}}}"""
        val text =
            """{"name": "x", "promise": "X.", "rule": "shapes",
                "replies": [{"json": {"token": {"${'$'}opaque": "T1"}, "expiresInSeconds": 3600}}],
                "steps": [$call$steps]}"""
        return try {
            Scenario(change(text)).play()
            null
        } catch (complaint: Complaint) {
            complaint.message
        }
    }

    @Test
    fun `the runner finds what is not so`() {
        assertEquals(null, verdict(""))
        val call = { expected: String ->
            verdict(""", {"call": {"context": {"vehicle_id": "v1"}, "expect": $expected}}""").orEmpty()
        }
        assertContains(call("""{"token": "T2"}"""), "expected token T2, was token T1")
        assertContains(call("""{"error": "timeout"}"""), "expected error timeout, was token T1")
        assertContains(call("""{"pending": true}"""), "expected pending, was token T1")
        assertContains(call("""{"token": "T1", "status": 200}"""), "go with error")
        assertContains(call("{}"), "one of token")
        val step = { step: String -> verdict(", $step").orEmpty() }
        assertContains(step("""{"expect": {"fetches": 2}}"""), "step 2")
        assertContains(step("""{"expect": {"stats": {"hits": 1}}}"""), "expected hits 1, was 0")
        assertContains(step("""{"expect": {"events": ["fetched"]}}"""), "expected events")
        assertContains(step("""{"expect": {"url": "https://backend.test/"}}"""), "expected url")
        assertContains(step("""{"expect": {"headers": {"accept": null}}}"""), "header accept")
        assertContains(step("""{"expect": {"remaining_ms": {"token": "T1", "ms": 1}}}"""), "remaining_ms")
        assertContains(step("""{"expect_call": {"id": "c1", "pending": true}}"""), "no call c1")
        assertContains(step("""{"call": {"context": {"vehicle_id": "v1"}, "id": "c1"}}"""), "nobody looked")
        assertContains(step("""{"call": {"context": {"vehicle_id": "v2"}, "id": "c1"}}"""), "has no reply")
        val nested = """{"repeat": {"times": 2, "steps": [{"expect": {"fetches": 2}}]}}"""
        assertContains(step(nested), "step 2 round 1 step 1")
    }

    @Test
    fun `unknown keys are refused and every reply is wanted`() {
        val strayed =
            listOf(
                "\"rule\"" to "\"ruel\": 1, \"rule\"",
                "\"rule\"" to "\"config\": {\"jiter\": 1}, \"rule\"",
                "{\"json\"" to "{\"stats\": 200, \"json\"",
                "{\"call\"" to "{\"cal\": 1, \"call\"",
                "{\"context\"" to "{\"contxt\": 1, \"context\"",
                "{\"vehicle_id\"" to "{\"vehicleId\": \"v1\", \"vehicle_id\"",
                "{\"token\": \"T1\"}" to "{\"token\": \"T1\", \"tokn\": 1}",
                "\$opaque" to "\$opaqe",
            )
        for ((known, stray) in strayed) {
            val problem = verdict("") { it.replaceFirst(known, stray).also { made -> assertTrue(made != it) } }
            assertTrue(problem != null, "$stray was read")
        }
        val unused = verdict("") { it.replace("\"replies\": [", "\"replies\": [{\"status\": 500, \"for\": \"/v9\"}, ") }
        assertContains(unused.orEmpty(), "1 replies were not asked for")
    }
}

package dev.fleettoken.snippets

import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test

/**
 * What the documentation shows in Kotlin and Java compiles: each block stands in a source file of a test that has
 * `Snippets` in its name, in some module. Fragments of build files are fenced as `text`.
 */
class SnippetsTest {
    private val repository = File(System.getProperty("fleet.repository"))
    private val pages =
        listOf("README.md", "bindings/kotlin/README.md") +
            repository.resolve("docs").listFiles()!!.filter { it.extension == "md" }.map { "docs/${it.name}" }.sorted()

    /** Their text without line breaks and indentation, by the ending of their names. */
    private val sources: Map<String, List<String>> =
        repository.resolve("bindings/kotlin").listFiles()!!
            .flatMap { module -> module.resolve("src/test").walk().filter { "Snippets" in it.name } }
            .filter { it.name != "SnippetsTest.kt" }
            .groupBy({ it.extension }, { words(it.readText()) })

    private fun words(text: String) = text.split(Regex("\\s+")).filter { it.isNotEmpty() }.joinToString(" ")

    private fun blocks(page: String): List<Pair<String, String>> =
        Regex("^```(kotlin|java)\\n(.*?)^```", setOf(RegexOption.MULTILINE, RegexOption.DOT_MATCHES_ALL))
            .findAll(page).map { (if (it.groupValues[1] == "kotlin") "kt" else "java") to it.groupValues[2] }.toList()

    /** Imports stand at the head of a file, the rest anywhere in it, in one piece. */
    private fun compiles(language: String, block: String): Boolean {
        val (imports, rest) = block.lines().partition { it.startsWith("import ") }
        val wanted = imports.map { words(it) } + words(rest.joinToString("\n"))
        return sources[language].orEmpty().any { source -> wanted.all { it in source } }
    }

    @Test
    fun `every block of the documentation compiles`() {
        val there = pages.map(repository::resolve).filter { it.exists() }
        val missing =
            there.flatMap { page ->
                blocks(page.readText()).filter { (language, block) -> !compiles(language, block) }
                    .map { (_, block) -> "${page.relativeTo(repository)}:\n$block" }
            }
        assertTrue(missing.isEmpty(), "in no file with Snippets in its name:\n${missing.joinToString("\n")}")
        assertTrue(
            blocks(repository.resolve("bindings/kotlin/README.md").readText()).size >= 8,
            "blocks were not found",
        )
    }

    @Test
    fun `a block that is not there is missed`() {
        val block = { code: String -> blocks("x\n```kotlin\n$code\n```\n").single() }

        fun found(code: String) = block(code).let { (language, text) -> compiles(language, text) }
        assertTrue(found("import java.net.URL\n\n  val (backend,\n engine) = args"))
        assertTrue(!found("import java.net.URI\n\nval (backend, engine) = args"))
        assertTrue(!found("val (backend, motor) = args"))
        assertEquals(emptyList(), blocks("```kts\nval (backend, motor) = args\n```\n"))
    }
}

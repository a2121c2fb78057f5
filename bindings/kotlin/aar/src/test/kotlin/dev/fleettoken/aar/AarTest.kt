package dev.fleettoken.aar

import java.io.ByteArrayInputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipFile
import java.util.zip.ZipInputStream
import javax.xml.parsers.DocumentBuilderFactory
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.junit.jupiter.api.Test
import org.w3c.dom.Element

/** What an app gets: looked at in the file itself. */
class AarTest {
    private val aar = entries(file("aar.file"))
    private val classes = unzipped(aar.getValue("classes.jar"))

    private fun file(property: String) = File(System.getProperty(property))

    private fun entries(file: File): Map<String, ByteArray> = ZipFile(file).use { zip ->
        val files = zip.entries().asSequence().filterNot { it.isDirectory }
        files.associate { it.name to zip.getInputStream(it).readBytes() }
    }

    private fun unzipped(bytes: ByteArray): Map<String, ByteArray> = ZipInputStream(bytes.inputStream()).use { jar ->
        generateSequence { jar.nextEntry }.filterNot { it.isDirectory }.associate { it.name to jar.readBytes() }
    }

    private fun libraries(of: Map<String, ByteArray>) = of.filterKeys { it.endsWith(".so") }

    private fun parsed(bytes: ByteArray): Element =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(ByteArrayInputStream(bytes)).documentElement

    private fun Element.all(name: String) = getElementsByTagName(name).let { all ->
        List(all.length) { all.item(it) as Element }
    }

    private fun Element.child(name: String) = all(name).single().textContent

    @Test
    fun `it holds what an AAR holds and nothing else`() {
        val libraries = file("fleet.jni").walk().filter { it.extension == "so" }
        val built = libraries.map { "jni/${it.parentFile.name}/${it.name}" }
        val wanted = setOf("AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt") + built
        assertEquals(wanted.sorted(), aar.keys.sorted())
        assertEquals(0, aar.getValue("R.txt").size)
    }

    @Test
    fun `its classes are ours, all of them, and nobody else's`() {
        val packages = classes.keys.filter { it.endsWith(".class") }.map { it.substringBeforeLast('/') }.toSet()
        assertEquals(
            setOf("dev/fleettoken", "dev/fleettoken/ffi", "dev/fleettoken/android", "dev/fleettoken/fleetengine"),
            packages,
        )
        val others = classes.keys.filterNot { it.endsWith(".class") || it.endsWith(".kotlin_module") }
        assertEquals(emptyList(), others, "such as libraries for desktops")
        for (name in listOf("AuthTokenFactory", "fleetengine/DriverTokenFactory", "android/NetworkWatch")) {
            assertContains(classes.keys, "dev/fleettoken/$name.class")
        }
    }

    @Test
    fun `what is shipped has no clock for tests`() {
        val forTests = classes.keys.filter { "ManualClock" in it }
        // Those of this build, which is a trial one unless it was made from shipped sources.
        val shipped = file("fleet.generated").name == "shipped"
        assertEquals(shipped, forTests.isEmpty(), "$forTests")
        assertTrue(shipped || libraries(aar).isEmpty(), "native libraries go with shipped sources only")
    }

    @Test
    fun `its manifest asks for no more than the library needs`() {
        val manifest = parsed(aar.getValue("AndroidManifest.xml"))

        fun android(name: String) = manifest.all(name).map { element -> element.attributes.item(0).nodeValue }
        assertEquals(listOf("24"), android("uses-sdk"))
        assertEquals(
            listOf("android.permission.INTERNET", "android.permission.ACCESS_NETWORK_STATE"),
            android("uses-permission"),
        )
        assertEquals("dev.fleettoken.android", manifest.getAttribute("package"))
    }

    @Test
    fun `apps are given every rule`() {
        val rules = String(aar.getValue("proguard.txt")).lines().filterNot { it.isBlank() || it.startsWith("#") }
        assertEquals(
            listOf(
                "-keep class com.sun.jna.* { *; }",
                "-keepattributes RuntimeVisibleAnnotations",
                "-keep class * extends com.sun.jna.Structure { *; }",
                "-keep class * extends com.sun.jna.Callback { *; }",
                "-keepclasseswithmembers,includedescriptorclasses class dev.fleettoken.ffi.** { native <methods>; }",
                "-dontwarn java.awt.**",
            ),
            rules,
        )
    }

    @Test
    fun `its POM names what an app needs besides`() {
        val pom = parsed(file("aar.pom").readBytes())
        assertEquals("aar", pom.child("packaging"))
        assertFalse("@" in file("aar.pom").readText(), "a name that was not filled in")

        fun type(dependency: Element) = dependency.all("type").firstOrNull()?.textContent ?: "jar"
        val needed = pom.all("dependency").map { "${it.child("artifactId")}:${type(it)}" }
        // JNA's jar has no libraries for Android, and dev.fleettoken's would be there twice.
        assertEquals(listOf("jna:aar", "kotlin-stdlib:jar", "kotlinx-coroutines-android:jar"), needed)
        val kotlin = pom.all("dependency").single { it.child("artifactId") == "kotlin-stdlib" }
        assertTrue(kotlin.child("version").startsWith("2.2."), "apps on Kotlin 2.1 read no newer one")
    }

    @Test
    fun `its libraries load on the devices that they are for`() {
        libraries(aar).forEach { (path, bytes) -> Library(path, bytes).check() }
        // The same on libraries that do: JNA's, which every app with this one has too.
        val standIns = libraries(entries(file("aar.stand-in")))
        val abis = standIns.keys.map { it.split("/")[1] }
        assertTrue(abis.containsAll(listOf("arm64-v8a", "armeabi-v7a", "x86_64")), "$abis")
        standIns.forEach { (path, bytes) -> Library(path, bytes).check() }
    }

    @Test
    fun `a library for pages of 4 KB is found`() {
        val (path, bytes) = libraries(entries(file("aar.stand-in"))).entries.single { "arm64-v8a" in it.key }
        // p_align of each 56-byte program header.
        val headers = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        repeat(headers.getShort(0x38).toInt()) { headers.putLong(headers.getLong(0x20).toInt() + it * 56 + 48, 4096) }
        val wrong = assertFailsWith<IllegalStateException> { Library(path, bytes).check() }
        assertContains(wrong.message!!, "aligned to 4096")
    }

    @Test
    fun `a library of this machine is none of Android's`() {
        val own = File(file("fleet.generated"), "lib").listFiles()!!.single { it.name.startsWith("libfleet_token") }
        if (own.extension != "so") return
        val bytes = own.readBytes()
        assertFailsWith<IllegalStateException> { Library("jni/arm64-v8a/libfleet_token.so", bytes).check() }
        val wrong = assertFailsWith<IllegalStateException> { Library("jni/x86_64/libfleet_token.so", bytes).check() }
        assertContains(wrong.message!!, "GNU")
        assertFailsWith<IllegalArgumentException> { Library("jni/x86_64/libfleet_token.so", ByteArray(100)).check() }
    }

    @Test
    fun `it says what each part weighs`() {
        val whole = file("aar.file")
        val rows = ZipFile(whole).use { zip ->
            val files = zip.entries().asSequence().filterNot { it.isDirectory }
            files.map { Triple(it.name, it.size, it.compressedSize) }.toList()
        }
        val table = rows.joinToString("") { (name, size, packed) -> "%-38s %10d %10d\n".format(name, size, packed) }
        val total = "%-38s %10d %10d\n".format("whole AAR", rows.sumOf { it.second }, whole.length())
        file("aar.sizes").writeText("%-38s %10s %10s\n".format("part", "bytes", "packed") + table + total)
        assertTrue(rows.single { it.first == "classes.jar" }.second in 100_000..2_000_000, table)
    }
}

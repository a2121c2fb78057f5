package dev.fleettoken

import java.io.ByteArrayOutputStream
import java.io.OutputStream
import java.io.PrintStream
import java.util.logging.Handler
import java.util.logging.Level
import java.util.logging.LogRecord
import java.util.logging.Logger
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.junit.jupiter.api.extension.AfterAllCallback
import org.junit.jupiter.api.extension.AfterEachCallback
import org.junit.jupiter.api.extension.BeforeAllCallback
import org.junit.jupiter.api.extension.ExtensionContext

/**
 * Watches every test: what is printed or logged holds no token and no login, and no exception is left uncaught.
 *
 * Logs are taken at every level, but for the JDK's and gRPC's own loggers: they log request headers when an app turns
 * their debugging on.
 */
class SecretsWatch : BeforeAllCallback, AfterEachCallback, AfterAllCallback {
    override fun beforeAll(context: ExtensionContext) = Watched.begin()

    override fun afterEach(context: ExtensionContext) = Watched.check()

    override fun afterAll(context: ExtensionContext) = Watched.end()
}

private object Watched {
    private val printed = ByteArrayOutputStream()
    private val uncaught = mutableListOf<Throwable>()
    private val root = Logger.getLogger("")

    // Held, or their levels would go with them.
    private val theirs = listOf("sun", "jdk", "java", "javax", "com.sun", "io.grpc").map(Logger::getLogger)
    private val logged =
        object : Handler() {
            override fun publish(record: LogRecord) {
                val thrown = record.thrown?.stackTraceToString().orEmpty()
                val text = "${record.message} ${record.parameters?.toList()} $thrown\n".toByteArray()
                printed.write(text, 0, text.size)
            }

            override fun flush() = Unit

            override fun close() = Unit
        }
    private var undo = {}

    fun begin() {
        val out = System.out
        val err = System.err
        val level = root.level
        val handler = Thread.getDefaultUncaughtExceptionHandler()
        System.setOut(PrintStream(Both(out), true))
        System.setErr(PrintStream(Both(err), true))
        theirs.forEach { it.level = Level.INFO }
        root.level = Level.ALL
        root.addHandler(logged)
        Thread.setDefaultUncaughtExceptionHandler { _, thrown -> synchronized(uncaught) { uncaught += thrown } }
        undo = {
            System.setOut(out)
            System.setErr(err)
            root.level = level
            root.removeHandler(logged)
            Thread.setDefaultUncaughtExceptionHandler(handler)
        }
    }

    private class Both(private val first: OutputStream) : OutputStream() {
        override fun write(b: Int) = write(byteArrayOf(b.toByte()), 0, 1)

        override fun write(b: ByteArray, off: Int, len: Int) {
            first.write(b, off, len)
            printed.write(b, off, len)
        }

        override fun flush() = first.flush()
    }

    fun check() {
        val text = printed.toString()
        printed.reset()
        assertFalse(holdsSecret(text), "a secret was printed or logged")
        val left = synchronized(uncaught) { uncaught.toList().also { uncaught.clear() } }
        assertTrue(left.isEmpty(), "left uncaught: $left")
    }

    fun end() {
        check()
        undo()
    }
}

/** A marked token or login, or a JWT. */
internal fun holdsSecret(text: String): Boolean = SECRET.containsMatchIn(text)

private val SECRET = Regex("SECRET-(TOKEN|SESSION)-|eyJ[\\w-]{8,}\\.")

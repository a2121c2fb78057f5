package driver

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.ContextKind
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch

/** A driver's app without a phone: it sends where its vehicle is once a second, and prints what becomes of it. */
fun main(args: Array<String>) {
    val options = Options.of(args) ?: exitProcess(2)
    val vehicle = AuthTokenContext.vehicle(options.vehicle)
    val log = Log()

    val tokens = AuthTokenFactory.builder()
        .allowHttpLoopback() // only for a backend on this machine
        .endpoint(ContextKind.VEHICLE, "${options.backend}/token/driver/{vehicleId}")
        .sessionHeaders { mapOf("Authorization" to "Bearer ${options.login}") } // your app's own login
        .safetyMargin(10.minutes) // what Google asks for in driver apps; less if tokens live for less
        .build()
    val tally = Tally()
    // From before the first token, to the end of the factory.
    CoroutineScope(Dispatchers.Default).launch(start = CoroutineStart.UNDISPATCHED) {
        tokens.events.collect { event ->
            tally.heard(event)
            log.say("  ${event.name}", event.toString().substringAfter(": ", ""))
        }
    }
    val outage = if (options.outage) Outage(options.backend, tokens, log) else null
    val updates =
        LocationUpdates(FleetEngine(options.engine), tokens, vehicle) { number, seconds, answer ->
            tally.sent(answer, outage?.isOn == true)
            log.say("update $number", "${answer.said}${if (seconds > 0.5) ", after $seconds s" else ""}")
        }

    log.say("driving", "${options.vehicle}, an update a second; Ctrl-C stops")
    val stopped = CountDownLatch(1)
    // Ctrl-C is a good end, too: what it was worth is still printed.
    val onCtrlC = thread(start = false) {
        stopped.countDown()
        log.say("stopped", "${tokens.stats()}")
    }
    Runtime.getRuntime().addShutdownHook(onCtrlC)

    updates.start()
    outage?.start()
    if (options.seconds == null) stopped.await() else stopped.await(options.seconds, TimeUnit.SECONDS)
    if (stopped.count == 0L) return
    Runtime.getRuntime().removeShutdownHook(onCtrlC)

    outage?.close()
    updates.close()
    log.say("stopped", "${tokens.stats()}")
    tokens.close()
    exitProcess(if (log.verdict(tally.verdict(options.outage))) 0 else 1)
}

package driver

import dev.fleettoken.TokenEvent
import java.util.concurrent.atomic.AtomicInteger

/** What happened, and whether it is what this example is to show. */
class Tally {
    private val accepted = AtomicInteger()
    private val failed = AtomicInteger()
    private val duringOutage = AtomicInteger()
    private val tokens = AtomicInteger()
    private val vain = AtomicInteger()
    private val vainThenOne = AtomicInteger()

    fun sent(answer: Answer, outage: Boolean) {
        if ((answer as? Answer.Told)?.isAccepted != true) {
            failed.incrementAndGet()
        } else {
            accepted.incrementAndGet()
            if (outage) duringOutage.incrementAndGet()
        }
    }

    fun heard(event: TokenEvent) {
        if (event is TokenEvent.FetchFailed) vain.incrementAndGet()
        if (event is TokenEvent.Fetched) {
            tokens.incrementAndGet()
            if (vain.get() > 0) vainThenOne.incrementAndGet()
        }
    }

    /** Lines, each with whether it was so. */
    fun verdict(outage: Boolean): List<Pair<Boolean, String>> {
        val always =
            listOf(
                (accepted.get() > 0 && failed.get() == 0) to "updates accepted: $accepted, not: $failed",
                (tokens.get() > 1) to "tokens fetched: $tokens, each before the one before it had ended",
            )
        if (!outage) return always
        return always +
            listOf(
                (vain.get() > 0 && duringOutage.get() > 0) to
                    "fetches that failed in the outage: $vain, updates accepted meanwhile: $duringOutage",
                (vainThenOne.get() > 0) to "tokens fetched after it: $vainThenOne",
            )
    }
}

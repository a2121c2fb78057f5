package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenEvent
import dev.fleettoken.ffi.FfiTokenEventListener
import kotlinx.coroutines.channels.SendChannel

/** Keeps the copies in step with the core. Holds the copies only: holding the factory would keep it for ever. */
internal class CopiesListener(private val copies: Copies) : FfiTokenEventListener {
    override fun onEvent(event: FfiTokenEvent, epoch: ULong) {
        copies.seen(epoch.toLong())
        if (event is FfiTokenEvent.Evicted) copies.drop(AuthTokenContext.of(event.context))
    }
}

/** Hands events to a collector without ever waiting for it. Called by one thread at a time. */
internal class FlowListener(private val channel: SendChannel<TokenEvent>) : FfiTokenEventListener {
    private var missed = 0L

    override fun onEvent(event: FfiTokenEvent, epoch: ULong) {
        if (missed > 0 && channel.trySend(TokenEvent.Missed(missed)).isSuccess) missed = 0
        if (missed > 0 || channel.trySend(TokenEvent.of(event)).isFailure) missed++
        // Completes the flow once the collector has taken what is left.
        if (event is FfiTokenEvent.ShutDown) channel.close()
    }
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenEvent
import dev.fleettoken.ffi.FfiTokenEventListener
import kotlinx.coroutines.channels.SendChannel

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

package dev.fleettoken.grpc

import dev.fleettoken.AuthToken
import io.grpc.Attributes
import io.grpc.CallCredentials
import io.grpc.ClientCall
import io.grpc.Metadata
import io.grpc.Status
import io.grpc.SynchronizationContext

/**
 * A call that is sent once more if its token is refused. What the app does with it is remembered, and done again with
 * the second one.
 *
 * The app does things on its thread and hears of a refusal on another: all that is done to the calls beneath is done in
 * order, by whichever of them is there.
 */
internal class AuthorizedCall<Q, R>(
    private val calls: (CallCredentials?) -> ClientCall<Q, R>,
    private val credentials: () -> AuthTokenCallCredentials,
    private val refused: (AuthToken) -> Unit,
    private val canBeSentAgain: Boolean,
) : ClientCall<Q, R>() {
    // As gRPC itself does where a call breaks on the way.
    private val inOrder = SynchronizationContext { _, thrown -> current.cancel("the call could not be sent", thrown) }

    @Volatile
    private lateinit var current: ClientCall<Q, R>

    @Volatile
    private var isCancelled = false

    // In order only.
    private var requested = 0
    private var message: Q? = null
    private var isHalfClosed = false
    private var compression: Boolean? = null

    override fun start(listener: Listener<R>, headers: Metadata) {
        check(!isCancelled) { "the call was cancelled" }
        if (headers.containsKey(AuthTokenCallCredentials.AUTHORIZATION)) {
            current = calls(null)
            current.start(listener, headers)
        } else {
            send(listener, headers, canBeSentAgain)
        }
        // Meanwhile, by who saw nothing to cancel yet.
        if (isCancelled) cancel("cancelled by the app", null)
    }

    /** What is sent is written into the headers, so that the second call needs those of the first as they were. */
    private fun send(listener: Listener<R>, headers: Metadata, mayBeAgain: Boolean) {
        val credentials = credentials()
        val sent = Metadata().apply { merge(headers) }
        current = calls(credentials)
        current.start(Heard(listener, headers, credentials, mayBeAgain), sent)
    }

    private fun again(listener: Listener<R>, headers: Metadata) {
        try {
            send(listener, headers, mayBeAgain = false)
        } catch (thrown: RuntimeException) {
            // An interceptor beneath. The first call is over, and nobody else would say so.
            return listener.onClose(Status.fromThrowable(thrown), Metadata())
        }
        compression?.let(current::setMessageCompression)
        if (requested > 0) current.request(requested)
        message?.let(current::sendMessage)
        if (isHalfClosed) current.halfClose()
        // By who still saw the first one.
        if (isCancelled) current.cancel("cancelled by the app", null)
    }

    override fun request(count: Int) =
        inOrder.execute {
            requested += count
            current.request(count)
        }

    override fun sendMessage(message: Q) =
        inOrder.execute {
            if (canBeSentAgain) this.message = message
            current.sendMessage(message)
        }

    override fun halfClose() =
        inOrder.execute {
            isHalfClosed = true
            current.halfClose()
        }

    override fun setMessageCompression(enabled: Boolean) =
        inOrder.execute {
            compression = enabled
            current.setMessageCompression(enabled)
        }

    override fun cancel(message: String?, cause: Throwable?) {
        isCancelled = true
        // Also before it was started, which gRPC allows.
        inOrder.execute { if (::current.isInitialized) current.cancel(message, cause) }
    }

    override fun isReady(): Boolean = current.isReady

    override fun getAttributes(): Attributes = current.attributes

    private inner class Heard(
        private val listener: Listener<R>,
        private val headers: Metadata,
        private val credentials: AuthTokenCallCredentials,
        /** Then nothing is told before it is known to be the answer. */
        private val mayBeAgain: Boolean,
    ) : Listener<R>() {
        private var kept: Metadata? = null
        private var isTold = false

        override fun onHeaders(answered: Metadata) {
            if (mayBeAgain) kept = answered else listener.onHeaders(answered)
        }

        override fun onMessage(message: R) {
            tell()
            listener.onMessage(message)
        }

        override fun onClose(status: Status, trailers: Metadata) {
            // A refusal without a token is the credentials' own word.
            val token = credentials.attached.takeIf { status.code == Status.Code.UNAUTHENTICATED }
            token?.let(refused)
            if (token != null && mayBeAgain && !isTold && !isCancelled) {
                inOrder.execute { again(listener, headers) }
            } else {
                tell()
                listener.onClose(status, trailers)
            }
        }

        override fun onReady() = listener.onReady()

        private fun tell() {
            isTold = true
            kept?.let(listener::onHeaders)
            kept = null
        }
    }
}

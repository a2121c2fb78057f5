package dev.fleettoken.grpc

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.ClientCall
import io.grpc.ClientInterceptor
import io.grpc.MethodDescriptor
import io.grpc.MethodDescriptor.MethodType

/**
 * Puts the token on the app's own gRPC calls to Fleet Engine, and replaces it if it is refused. Goes into
 * `ManagedChannelBuilder.intercept`.
 *
 * - A call gets the token of the [AuthTokenContext] in its options:
 *   `stub.withOption(AuthTokenClientInterceptor.CONTEXT, context)`. Without one, with an `Authorization` or with
 *   credentials of its own, it passes as it is.
 * - `UNAUTHENTICATED`: that token is dropped for good, and a unary call is sent once more with the next one. However
 *   many calls are refused with one token, one fetch replaces it. A second refusal is the caller's, and so is
 *   `PERMISSION_DENIED`, which a new token would not change. A stream is not sent again, but the next one has another
 *   token.
 * - Where tokens go, and how calls end that get none, is as [AuthTokenCallCredentials] says. A call waits for its
 *   token no longer than its own deadline and the factory's, and ends at once when it is cancelled.
 *
 * Interceptors that are to see each of the two calls as one go in after it: gRPC runs the last one first.
 */
public class AuthTokenClientInterceptor @JvmOverloads constructor(
    private val tokens: AuthTokenFactory,
    authorities: Collection<String> = listOf(FLEET_ENGINE),
) : ClientInterceptor {
    private val authorities = Authority.all(authorities)

    /** Called by gRPC. */
    override fun <Q, R> interceptCall(
        method: MethodDescriptor<Q, R>,
        options: CallOptions,
        next: Channel,
    ): ClientCall<Q, R> {
        val context = options.getOption(CONTEXT)
        if (context == null || options.credentials != null) return next.newCall(method, options)
        return AuthorizedCall(
            calls = { credentials -> next.newCall(method, credentials?.let(options::withCallCredentials) ?: options) },
            credentials = { AuthTokenCallCredentials(tokens, context, authorities) },
            refused = { token -> tokens.invalidate(context, token) },
            canBeSentAgain = method.type == MethodType.UNARY,
        )
    }

    override fun toString(): String = "AuthTokenClientInterceptor($authorities)"

    public companion object {
        /** Google's Fleet Engine. */
        public const val FLEET_ENGINE: String = "fleetengine.googleapis.com"

        /** What a call's token is for. */
        @JvmField
        public val CONTEXT: CallOptions.Key<AuthTokenContext> = CallOptions.Key.create("dev.fleettoken.context")
    }
}

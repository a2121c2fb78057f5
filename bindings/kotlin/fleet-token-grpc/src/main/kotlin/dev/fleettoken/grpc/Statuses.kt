package dev.fleettoken.grpc

import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import io.grpc.Status

/**
 * What gRPC tells whoever made the call.
 *
 * Of the codes that say what the server thinks of a call, such as `FAILED_PRECONDITION` and `NOT_FOUND`, none may come
 * from credentials: gRPC makes `INTERNAL` of them (gRFC A54).
 */
internal fun TokenException.asStatus(): Status {
    val session = setOf(TokenErrorKind.SESSION, TokenErrorKind.SESSION_REJECTED)
    val code =
        when {
            kind in session || underlying in session ->
                if (status == FORBIDDEN) Status.PERMISSION_DENIED else Status.UNAUTHENTICATED
            this is TokenException.Disabled -> Status.UNIMPLEMENTED
            this is TokenException.Ended -> Status.CANCELLED
            retryable || this is TokenException.Network || this is TokenException.TooEarly -> Status.UNAVAILABLE
            else -> Status.INTERNAL
        }
    return code.withDescription(message).withCause(this)
}

private const val FORBIDDEN = 403

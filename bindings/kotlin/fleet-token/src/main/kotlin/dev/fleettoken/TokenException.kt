package dev.fleettoken

import dev.fleettoken.ffi.FfiFailure
import dev.fleettoken.ffi.FfiTokenErrorKind
import dev.fleettoken.ffi.FfiTokenException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/**
 * Why there is no token. Its subclass says who has to do something, [kind] says what it was. No text of it holds a
 * secret.
 */
public sealed class TokenException(failure: FfiFailure) : Exception(failure.description) {
    /** What it was. */
    public val kind: TokenErrorKind = TokenErrorKind.of(failure.kind)

    /** For [TokenErrorKind.BACKING_OFF]: the failure before. */
    public val underlying: TokenErrorKind? = failure.underlying?.let(TokenErrorKind::of)

    /** Whether asking again later can help although nobody mends anything. */
    @get:JvmName("isRetryable")
    public val retryable: Boolean = failure.retryable

    /**
     * How many milliseconds until the factory asks the backend again, where that is known. Null says nothing against
     * asking: if it is too early, the answer is [TooEarly] at once, with the time.
     */
    public val retryAfterMillis: Long? = failure.retryAfterMs?.saturated()

    /** [retryAfterMillis] as a duration. */
    public val retryAfter: Duration?
        @JvmSynthetic get() = retryAfterMillis?.milliseconds

    /** The backend's HTTP status, where one was the reason. */
    public val status: Int? = failure.status?.toInt()

    /** The app asked for what cannot be: a bad context, no endpoint, a bad configuration, a blocked main thread. */
    public class Misuse internal constructor(failure: FfiFailure) : TokenException(failure)

    /**
     * The user has to sign in, or in again. Not where [status] is 403: the login is known and may not have this token.
     */
    public class SignIn internal constructor(failure: FfiFailure) : TokenException(failure)

    /** The backend was not reached, or not in time. */
    public class Network internal constructor(failure: FfiFailure) : TokenException(failure)

    /** The backend answered, but with no token. */
    public class Backend internal constructor(failure: FfiFailure) : TokenException(failure)

    /** The backend answered with a token that must not be used. */
    public class BadToken internal constructor(failure: FfiFailure) : TokenException(failure)

    /** It is too early to ask again: see [retryAfter]. */
    public class TooEarly internal constructor(failure: FfiFailure) : TokenException(failure)

    /** Fleet Engine is switched off for this app. Not a failure. */
    public class Disabled internal constructor(failure: FfiFailure) : TokenException(failure)

    /** The tokens were cleared or the factory shut down while the call waited, or before it; or its handle was closed. */
    public class Ended internal constructor(failure: FfiFailure) : TokenException(failure)

    internal companion object {
        fun of(failure: FfiFailure): TokenException =
            when (failure.kind) {
                FfiTokenErrorKind.INVALID_CONTEXT,
                FfiTokenErrorKind.NO_ENDPOINT,
                FfiTokenErrorKind.BLOCKING_IN_ASYNC,
                FfiTokenErrorKind.INVALID_CONFIG,
                -> Misuse(failure)

                FfiTokenErrorKind.SESSION, FfiTokenErrorKind.SESSION_REJECTED -> SignIn(failure)

                FfiTokenErrorKind.TRANSPORT, FfiTokenErrorKind.TIMEOUT, FfiTokenErrorKind.INTERRUPTED ->
                    Network(failure)

                FfiTokenErrorKind.UNAVAILABLE,
                FfiTokenErrorKind.NOT_FOUND,
                FfiTokenErrorKind.REJECTED,
                FfiTokenErrorKind.REDIRECTED,
                FfiTokenErrorKind.BAD_RESPONSE,
                FfiTokenErrorKind.FETCHER,
                -> Backend(failure)

                FfiTokenErrorKind.EXPIRED_ON_ARRIVAL,
                FfiTokenErrorKind.SCOPE_MISMATCH,
                FfiTokenErrorKind.REJECTED_TOKEN_RETURNED,
                FfiTokenErrorKind.LIFETIME_TOO_SHORT,
                -> BadToken(failure)

                FfiTokenErrorKind.BACKING_OFF, FfiTokenErrorKind.TOO_MANY_REJECTIONS -> TooEarly(failure)

                FfiTokenErrorKind.DISABLED -> Disabled(failure)

                FfiTokenErrorKind.CLEARED, FfiTokenErrorKind.SHUT_DOWN, FfiTokenErrorKind.CANCELLED -> Ended(failure)
            }

        fun of(thrown: FfiTokenException): TokenException =
            when (thrown) {
                // Not as its cause: the trace of a generated class helps nobody.
                is FfiTokenException.Failed -> of(thrown.failure)
            }

        fun blockingOnMainThread(): TokenException =
            of(
                here(
                    FfiTokenErrorKind.BLOCKING_IN_ASYNC,
                    "getToken would block Android's main thread: call it elsewhere, or use token",
                ),
            )

        fun handleClosed(): TokenException = of(here(FfiTokenErrorKind.SHUT_DOWN, "the handle was closed"))

        fun unreadableId(): TokenException =
            of(here(FfiTokenErrorKind.INVALID_CONTEXT, "an id is no text: it holds half of a surrogate pair"))

        fun unreadableSetting(): TokenException =
            of(here(FfiTokenErrorKind.INVALID_CONFIG, "a setting is no text: it holds half of a surrogate pair"))

        /** For what cannot be told better: the library did not answer as it should. */
        fun interrupted(): TokenException = of(here(FfiTokenErrorKind.INTERRUPTED, "the call was cut short"))

        private fun here(kind: FfiTokenErrorKind, description: String) =
            FfiFailure(
                kind = kind,
                underlying = null,
                retryable = false,
                retryAfterMs = null,
                status = null,
                description = description,
            )
    }
}

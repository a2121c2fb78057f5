package dev.fleettoken

import dev.fleettoken.ffi.FfiTokenErrorKind

/** What failed, exactly. For what to do about it, see [TokenException]. */
public enum class TokenErrorKind {
    /** No token can be had for this context; nothing was sent. */
    INVALID_CONTEXT,

    /** No endpoint was configured for this kind of context; nothing was sent. */
    NO_ENDPOINT,

    /** The app's own login could not be had; nothing was sent. */
    SESSION,

    /** The backend could not be reached, or the connection broke. */
    TRANSPORT,

    /** No answer within the fetch deadline. */
    TIMEOUT,

    /** The backend is in trouble or asks for patience: 408, 425, 429 or 5xx. */
    UNAVAILABLE,

    /** 401 or 403: the backend does not accept the app's login for this. */
    SESSION_REJECTED,

    /** 404: the backend knows no such id, or the endpoint is wrong. */
    NOT_FOUND,

    /** Another status that no retry will change. */
    REJECTED,

    /** A redirect that is not followed. */
    REDIRECTED,

    /** The reply was no token. */
    BAD_RESPONSE,

    /** The backend says that Fleet Engine is switched off here. Not a failure. */
    DISABLED,

    /** The token had expired when it came. */
    EXPIRED_ON_ARRIVAL,

    /** The token is for something else. */
    SCOPE_MISMATCH,

    /** The backend handed out a token again that had been rejected. */
    REJECTED_TOKEN_RETURNED,

    /** Too short a wait since the last failure; nothing was sent. */
    BACKING_OFF,

    /** Too many tokens of this context were rejected; nothing was sent. */
    TOO_MANY_REJECTIONS,

    /** The token is good, but not for as long as was asked. */
    LIFETIME_TOO_SHORT,

    /** The cache was cleared while this call waited. */
    CLEARED,

    /** The factory was shut down, or the handle closed. */
    SHUT_DOWN,

    /** A blocking call on a thread that must not block, such as Android's main thread. */
    BLOCKING_IN_ASYNC,

    /** The fetch was cut short. */
    INTERRUPTED,

    /** A token fetcher of the app's own failed. */
    FETCHER,

    /** The configuration makes no sense; only from [AuthTokenFactoryBuilder.build]. */
    INVALID_CONFIG,

    /** The caller went away. */
    CANCELLED,
    ;

    internal companion object {
        fun of(kind: FfiTokenErrorKind): TokenErrorKind = valueOf(kind.name)
    }
}

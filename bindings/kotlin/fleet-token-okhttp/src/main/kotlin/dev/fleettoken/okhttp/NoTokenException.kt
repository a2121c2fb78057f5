package dev.fleettoken.okhttp

import dev.fleettoken.TokenException
import java.io.IOException

/**
 * A call was not sent, or not sent again, since there is no token for it. An [IOException], which is what OkHttp
 * hands to whoever made the call. No text of it holds a secret.
 */
public class NoTokenException private constructor(
    message: String?,
    /** Why, and what to do; null if the request goes to an origin that tokens are not for. */
    public override val cause: TokenException?,
) : IOException(message, cause) {
    internal constructor(cause: TokenException) : this(cause.message, cause)

    internal constructor(message: String) : this(message, null)
}

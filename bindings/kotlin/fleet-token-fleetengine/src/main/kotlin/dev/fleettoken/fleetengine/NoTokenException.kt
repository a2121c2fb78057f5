package dev.fleettoken.fleetengine

import dev.fleettoken.TokenException

/**
 * There is no token, told to Google's SDKs in the only way that their interfaces leave: unchecked.
 *
 * The Driver SDK hands it to the app's status listener. No text of it holds a secret.
 */
public class NoTokenException internal constructor(
    /** Why. */
    public override val cause: TokenException,
) : RuntimeException(cause.message, cause)

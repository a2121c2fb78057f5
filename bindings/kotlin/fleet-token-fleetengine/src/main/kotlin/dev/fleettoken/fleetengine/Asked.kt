package dev.fleettoken.fleetengine

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenException

/** One SDK's questions: what both adapters do once Google's context is ours. */
internal class Asked(private val tokens: AuthTokenFactory) {
    private class Served(val context: AuthTokenContext, val token: AuthToken)

    @Volatile
    private var last: Served? = null

    fun token(context: AuthTokenContext): String {
        val token =
            try {
                tokens.getToken(context)
            } catch (none: TokenException) {
                throw NoTokenException(none)
            }
        last = Served(context, token)
        return token.value
    }

    fun refused(): Boolean = last?.let { tokens.invalidate(it.context, it.token) } ?: false
}

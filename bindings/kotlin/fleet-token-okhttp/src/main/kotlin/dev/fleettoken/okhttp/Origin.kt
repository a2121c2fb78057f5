package dev.fleettoken.okhttp

import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull

/** Where a request goes: what has to be the same for a token to go there. */
internal data class Origin(private val scheme: String, private val host: String, private val port: Int) {
    private val isSafe: Boolean get() = scheme == "https" || LOOPBACK.matches(host)

    /** As it is written in a setting, so that it can be pasted there. */
    override fun toString(): String {
        val name = if (':' in host) "[$host]" else host
        return if (port == HttpUrl.defaultPort(scheme)) "$scheme://$name" else "$scheme://$name:$port"
    }

    companion object {
        // OkHttp writes addresses in their one form. A name cannot end in a number.
        private val LOOPBACK = Regex("localhost|::1|127(\\.\\d+){3}")

        fun of(url: HttpUrl) = Origin(url.scheme, url.host, url.port)

        /** Whatever else stands in it is not repeated: it may be a login. */
        fun parse(text: String): Origin {
            val url = text.toHttpUrlOrNull()
            requireNotNull(url) { "an origin is a scheme, a host and perhaps a port, such as $EXAMPLE" }
            val origin = of(url)
            require(url == "$origin/".toHttpUrlOrNull()) { "$origin is followed by what is no part of an origin" }
            require(origin.isSafe) { "$origin is not https, and not this machine" }
            return origin
        }

        private const val EXAMPLE = AuthTokenInterceptor.FLEET_ENGINE
    }
}

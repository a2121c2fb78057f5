package dev.fleettoken.grpc

import java.util.Locale

/** A host and a port, in one of the ways that they can be written. */
internal object Authority {
    fun of(written: String): String = written.lowercase(Locale.ROOT).removeSuffix(":443")

    /** Whatever else stands in one is not repeated: it may be a login. */
    fun all(written: Collection<String>): Set<String> =
        written.mapTo(LinkedHashSet()) {
            require(PLAIN.matches(it)) {
                "an authority is a host and perhaps a port, such as ${AuthTokenClientInterceptor.FLEET_ENGINE}"
            }
            of(it)
        }

    private val PLAIN = Regex("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+])(:[0-9]{1,5})?")
}

package dev.fleettoken

import dev.fleettoken.ffi.FfiToken
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds

/**
 * A Fleet Engine token.
 *
 * Its [value] is a secret and appears nowhere else: not in [toString], and, this being no data class, in no `copy` or
 * `component1`.
 */
public class AuthToken internal constructor(
    /** The token itself, as it goes after `Bearer `. */
    public val value: String,
    /** Grows with every token of its context. */
    public val generation: Long,
    private val validForMs: Long?,
    private val since: Since,
) {
    /**
     * For how many milliseconds it is still valid, or null if nobody said. Zero once it has expired.
     *
     * On a JVM that is not Android, a wall clock that was moved makes it less, never more.
     */
    public val remainingMillis: Long?
        get() = validForMs?.let { (it - since.elapsedMs()).coerceAtLeast(0) }

    /** [remainingMillis] as a duration. */
    public val remaining: Duration?
        @JvmSynthetic get() = remainingMillis?.milliseconds

    /** Whether it is the same token of the same context, however often it was served. */
    override fun equals(other: Any?): Boolean =
        this === other || (other is AuthToken && generation == other.generation && value == other.value)

    override fun hashCode(): Int = generation.hashCode()

    override fun toString(): String = "AuthToken(value=[redacted], generation=$generation)"

    internal companion object {
        fun of(token: FfiToken, since: Since) =
            AuthToken(token.value, token.generation.toLong(), token.validForMs?.saturated(), since)
    }
}

/** The core's "for ever" is the largest number there is, which has no place in a signed one. */
internal fun ULong.saturated(): Long = coerceAtMost(Long.MAX_VALUE.toULong()).toLong()

package dev.fleettoken

/** Stands for what could not be read (Unicode 3.9, U+FFFD). */
private const val UNREADABLE = '\uFFFD'

/** Whether it is Unicode all through: half of a surrogate pair, as of an emoji that was cut, has no form in UTF-8. */
internal val String.isText: Boolean get() = firstHalf() < 0

/**
 * The same with each such half replaced, so that it can cross. Outside a call into the core that returns errors nobody
 * catches what uniffi throws at one: a caller would wait in vain, and on Android the process end.
 */
internal fun String.crossing(): String {
    if (isText) return this
    val text = StringBuilder(this)
    while (true) {
        val half = text.firstHalf()
        if (half < 0) return text.toString()
        text.setCharAt(half, UNREADABLE)
    }
}

private fun CharSequence.firstHalf(): Int {
    var at = 0
    while (at < length) {
        if (this[at].isSurrogate()) {
            val isPair = this[at].isHighSurrogate() && at + 1 < length && this[at + 1].isLowSurrogate()
            if (!isPair) return at
            at++
        }
        at++
    }
    return -1
}

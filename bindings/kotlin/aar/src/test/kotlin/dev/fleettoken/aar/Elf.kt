package dev.fleettoken.aar

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** What of a shared library decides whether an Android device loads it. After the ELF specification, little-endian. */
class Elf(bytes: ByteArray) {
    init {
        require(String(bytes, 0, 4, Charsets.ISO_8859_1) == "\u007fELF") { "no ELF" }
    }

    private val file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    private val wide = bytes[EI_CLASS].toInt() == 2

    /** For which processor: EM_ARM 40, EM_AARCH64 183, EM_X86_64 62, EM_386 3. */
    val machine: Int = file.getShort(0x12).toInt()

    private class Segment(val type: Int, val offset: Long, val address: Long, val size: Long, val align: Long)

    private val segments = buildList {
        val at = word(if (wide) 0x20 else 0x1c)
        val (size, count) = if (wide) short(0x36) to short(0x38) else short(0x2a) to short(0x2c)
        for (n in 0 until count) {
            val here = (at + n * size).toInt()
            add(
                if (wide) {
                    Segment(file.getInt(here), word(here + 8), word(here + 16), word(here + 32), word(here + 48))
                } else {
                    Segment(file.getInt(here), word(here + 4), word(here + 8), word(here + 16), word(here + 28))
                },
            )
        }
    }

    /** To what the parts that are loaded are aligned: the least of them, in bytes. */
    val alignment: Long = segments.filter { it.type == PT_LOAD }.minOf { it.align }

    /** The libraries that it wants to be there. */
    val needed: List<String> = buildList {
        val dynamic = segments.single { it.type == PT_DYNAMIC }
        val step = if (wide) 8 else 4
        val places = (dynamic.offset until dynamic.offset + dynamic.size step 2L * step).map { it.toInt() }
        val entries = places.map { word(it) to word(it + step) }
        val strings = offset(entries.first { it.first == DT_STRTAB }.second)
        for ((tag, value) in entries.takeWhile { it.first != DT_NULL }) {
            if (tag == DT_NEEDED) add(text((strings + value).toInt()))
        }
    }

    private fun offset(address: Long): Long {
        val within = segments.first { it.type == PT_LOAD && address in it.address until it.address + it.size }
        return address - within.address + within.offset
    }

    private fun word(at: Int): Long = if (wide) file.getLong(at) else file.getInt(at).toLong() and 0xffffffffL

    private fun short(at: Int): Int = file.getShort(at).toInt()

    private fun text(at: Int): String {
        val end = generateSequence(at) { it + 1 }.first { file.get(it) == 0.toByte() }
        return String(file.array(), at, end - at)
    }

    private companion object {
        const val EI_CLASS = 4
        const val PT_LOAD = 1
        const val PT_DYNAMIC = 2
        const val DT_NULL = 0L
        const val DT_NEEDED = 1L
        const val DT_STRTAB = 5L
    }
}

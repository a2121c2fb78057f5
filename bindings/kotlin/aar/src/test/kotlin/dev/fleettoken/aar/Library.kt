package dev.fleettoken.aar

/** A native library in its place in an AAR. */
class Library(private val path: String, bytes: ByteArray) {
    private val elf = Elf(bytes)

    /** @throws IllegalStateException if devices of its ABI would not load it. */
    fun check() {
        val abi = path.split("/")[1]
        val machine = MACHINES[abi] ?: MACHINES_OF_OLD[abi] ?: error("$path: Android has no such ABI")
        check(elf.machine == machine) { "$path: is for another processor" }
        check(elf.needed.none { GNU.containsMatchIn(it) }) { "$path: needs GNU's C library: ${elf.needed}" }
        check("libc.so" in elf.needed) { "$path: does not need Android's C library: ${elf.needed}" }
        // Devices with pages of 16 KB load nothing less, and are 64-bit ones.
        val page = if (abi in WIDE) 16_384 else 4_096
        check(elf.alignment % page == 0L) { "$path: aligned to ${elf.alignment} bytes" }
    }

    private companion object {
        /** GNU's are `libc.so.6`, Android's `libc.so`. */
        val GNU = Regex("""\.so\.\d""")
        val MACHINES = mapOf("arm64-v8a" to 183, "armeabi-v7a" to 40, "x86_64" to 62)
        val WIDE = setOf("arm64-v8a", "x86_64")

        /** Not built by us any more, but in JNA's. */
        val MACHINES_OF_OLD = mapOf("x86" to 3, "armeabi" to 40, "mips" to 8, "mips64" to 8)
    }
}

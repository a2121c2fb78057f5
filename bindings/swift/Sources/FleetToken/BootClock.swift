#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The clock that counts while the device sleeps: the one that the core reads, so that their times can be compared.
enum BootClock {
    static func nowMs() -> UInt64 {
        var time = timespec()
        #if canImport(Darwin)
        // On Darwin this one continues through sleep (`man clock_gettime`).
        clock_gettime(CLOCK_MONOTONIC, &time)
        #else
        clock_gettime(CLOCK_BOOTTIME, &time)
        #endif
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

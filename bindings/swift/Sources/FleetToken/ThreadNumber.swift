#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Numbers threads, so that those that run side by side seldom have the same one: 0, 1, 2 and so on, and from the start.
enum ThreadNumber {
    /// How many there are.
    static let count = 8

    private static let numbers = Numbers()

    /// This thread's, always the same.
    static var mine: Int {
        let noted = Int(bitPattern: pthread_getspecific(numbers.key))
        return noted > 0 ? noted - 1 : numbers.note()
    }

    private final class Numbers: @unchecked Sendable {
        let key: pthread_key_t
        private let lock = Lock()
        private var next = 0

        init() {
            var key = pthread_key_t()
            // Should there be no key left, every thread's number is the first, and nothing is wrong but slower.
            pthread_key_create(&key, nil)
            self.key = key
        }

        func note() -> Int {
            lock.lock()
            defer { lock.unlock() }
            let number = next
            next = (next + 1) % ThreadNumber.count
            // One more, since nothing noted reads as zero.
            pthread_setspecific(key, UnsafeRawPointer(bitPattern: number + 1))
            return number
        }
    }
}

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A lock for a few instructions, on memory that nothing else is near: a thread that takes it slows down no other.
///
/// It has to be freed by its owner.
struct Lock: @unchecked Sendable {
    #if canImport(Darwin)
    private typealias Primitive = os_unfair_lock
    #else
    private typealias Primitive = pthread_mutex_t
    #endif

    /// What processors fetch and take from each other in one piece, twice over, since some fetch two.
    private static let apart = 256

    private let primitive: UnsafeMutablePointer<Primitive>

    init() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Lock.apart, alignment: Lock.apart)
        primitive = memory.bindMemory(to: Primitive.self, capacity: 1)
        #if canImport(Darwin)
        primitive.initialize(to: os_unfair_lock())
        #else
        primitive.initialize(to: pthread_mutex_t())
        pthread_mutex_init(primitive, nil)
        #endif
    }

    func lock() {
        #if canImport(Darwin)
        os_unfair_lock_lock(primitive)
        #else
        pthread_mutex_lock(primitive)
        #endif
    }

    func unlock() {
        #if canImport(Darwin)
        os_unfair_lock_unlock(primitive)
        #else
        pthread_mutex_unlock(primitive)
        #endif
    }

    func free() {
        #if !canImport(Darwin)
        pthread_mutex_destroy(primitive)
        #endif
        primitive.deinitialize(count: 1)
        UnsafeMutableRawPointer(primitive).deallocate()
    }
}

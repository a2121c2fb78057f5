#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Memory for some values that are far enough from each other, and from all else, that a processor which writes one takes
/// none of the others from the next processor. Whoever has it initializes, deinitializes and frees them.
struct Apart<Value>: @unchecked Sendable {
    /// What processors fetch and take from each other in one piece, twice over, since some fetch two.
    private static var alignment: Int { 256 }

    private let memory: UnsafeMutableRawPointer

    init(_ count: Int) {
        precondition(MemoryLayout<Value>.stride <= Self.alignment)
        memory = .allocate(byteCount: count * Self.alignment, alignment: Self.alignment)
    }

    subscript(number: Int) -> UnsafeMutablePointer<Value> {
        (memory + number * Self.alignment).assumingMemoryBound(to: Value.self)
    }

    func free() { memory.deallocate() }
}

/// A lock for a few instructions. Its owner has to free it.
struct Lock: @unchecked Sendable {
    #if canImport(Darwin)
    private typealias Primitive = os_unfair_lock
    #else
    private typealias Primitive = pthread_mutex_t
    #endif

    private let memory = Apart<Primitive>(1)
    private let primitive: UnsafeMutablePointer<Primitive>

    init() {
        primitive = memory[0]
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
        memory.free()
    }
}

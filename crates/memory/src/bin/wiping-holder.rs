//! The app with an allocator that wipes what it frees: what an app may choose that wants nothing left by any library.

#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    fleet_token_memory::run()
}

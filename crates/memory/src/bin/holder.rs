//! The app with the allocator that every Rust program has.

fn main() -> std::process::ExitCode {
    fleet_token_memory::run()
}

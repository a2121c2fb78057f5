//! The app with an allocator that never gives memory back: whatever was freed without being wiped is still there, and cannot
//! have been written over by luck.

use std::alloc::{GlobalAlloc, Layout, System};

struct Keeping;

// SAFETY: allocations are the system's own. Not to free one is allowed; a longer one is made by the trait's own `realloc`,
// which allocates and copies.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static KEEPING: Keeping = Keeping;

fn main() -> std::process::ExitCode {
    fleet_token_memory::run()
}

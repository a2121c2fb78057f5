//! This process as the system sees it: memory, threads, open files; and what its allocator has given out.

use std::alloc::System;
use std::fs;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts every byte: a leak shows long before the system notices.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The kernel's page. Other sizes exist, on which the figure for memory is off by a factor, the same one each time.
const PAGE: u64 = 4096;

/// One look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vitals {
    /// Bytes that are allocated and not freed.
    pub(crate) heap: i64,
    /// Allocations that are not freed.
    pub(crate) blocks: i64,
    /// Bytes of memory that the system has given us.
    pub(crate) resident: u64,
    pub(crate) threads: usize,
    pub(crate) files: usize,
}

impl Vitals {
    /// Looks.
    ///
    /// # Errors
    ///
    /// Where there is no `/proc`, which is anywhere but on Linux.
    pub(crate) fn now() -> Result<Self, String> {
        let count = |folder: &str| match fs::read_dir(folder) {
            Ok(entries) => Ok(entries.count()),
            Err(error) => Err(format!("{folder}: {error}")),
        };
        let (threads, files) = (count("/proc/self/task")?, count("/proc/self/fd")?);
        let statm = fs::read_to_string("/proc/self/statm").map_err(|error| format!("/proc/self/statm: {error}"))?;
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        let resident = pages.ok_or("/proc/self/statm says nothing of the resident memory")? * PAGE;
        let heap = HEAP.stats();
        let bytes = heap.bytes_allocated.wrapping_sub(heap.bytes_deallocated).cast_signed();
        let blocks = heap.allocations.wrapping_sub(heap.deallocations).cast_signed();
        Ok(Self {
            heap: i64::try_from(bytes).unwrap_or(i64::MAX),
            blocks: i64::try_from(blocks).unwrap_or(i64::MAX),
            resident,
            threads,
            // The listing itself is one.
            files: files.saturating_sub(1),
        })
    }

    /// The higher of each.
    pub(crate) fn highest(self, other: Self) -> Self {
        Self {
            heap: self.heap.max(other.heap),
            blocks: self.blocks.max(other.blocks),
            resident: self.resident.max(other.resident),
            threads: self.threads.max(other.threads),
            files: self.files.max(other.files),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// So much that what other tests take and give back meanwhile is nothing beside it.
    #[test]
    fn what_is_not_freed_is_seen() {
        let before = Vitals::now().unwrap();
        let kept: Vec<Vec<u8>> = (0..100_000).map(|_| vec![1; 100]).collect();
        let file = fs::File::open("/proc/self/statm").unwrap();
        let with = Vitals::now().unwrap();
        assert!(with.heap - before.heap > 9_000_000 && with.blocks - before.blocks > 90_000, "{before:?} {with:?}");
        assert!(with.files > before.files, "{before:?} {with:?}");
        drop((kept, file));
        assert!(Vitals::now().unwrap().heap < before.heap + 5_000_000);
    }
}

//! Where the bench reads time: the wall for how long, the thread's and the process's own time for how much work.

use std::time::{Duration, Instant, SystemTime};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Now, for durations.
#[allow(clippy::disallowed_methods, reason = "the bench's one place that reads this clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// How long ago.
pub fn since(start: Instant) -> Duration {
    now().duration_since(start)
}

/// Now, for dates.
#[allow(clippy::disallowed_methods, reason = "the bench's one place that reads this clock")]
pub fn today() -> SystemTime {
    SystemTime::now()
}

/// How long this thread has worked.
pub fn thread_cpu() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// How long all threads have worked, together.
pub fn process_cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return vec![0] };
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

/// Keeps this thread on one processor. Where the system refuses, it moves as before: rounds tell.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    let _ = sched_setaffinity(None, &set);
}

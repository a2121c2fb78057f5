//! Time that counts suspend, at the price of two coarse clocks.
//!
//! `CLOCK_BOOTTIME` reads the hardware counter (about 26 ns on x86-64); the coarse clocks read what the kernel wrote down
//! at its last tick (about 5 ns each), but there is none that counts suspend. Two of them together show when one is
//! needed: `CLOCK_REALTIME` and `CLOCK_MONOTONIC` are apart by the same number of nanoseconds until the device sleeps, which
//! only the first counts, or somebody sets the wall clock (`clock_gettime(2)`; slewing moves both alike). While they are,
//! the boot time is `CLOCK_MONOTONIC` plus the sleep so far; when they are not, that sleep is measured again. So the wall
//! clock is a tripwire here, and never a time.

use std::sync::atomic::{AtomicU64, Ordering};

/// What counts as sleep: less is the time between the readings.
const SHORTEST_SLEEP: u64 = 1_000_000;

/// How often a measurement is begun again that a tick or the scheduler came into.
const ATTEMPTS: u32 = 16;

/// The kernel's clocks, in nanoseconds.
pub(super) trait Readings {
    fn coarse_real(&self) -> u64;
    fn coarse_monotonic(&self) -> u64;
    fn monotonic(&self) -> u64;
    fn boot(&self) -> u64;
}

/// What was measured last.
pub(super) struct Coarse {
    /// `CLOCK_REALTIME` − `CLOCK_MONOTONIC`, wrapping.
    apart: AtomicU64,
    /// `CLOCK_BOOTTIME` − `CLOCK_MONOTONIC`: the sleep since boot. Never too much, and never less than before.
    slept: AtomicU64,
}

impl Coarse {
    pub(super) const fn new() -> Self {
        // No two clocks are so far apart: the first call measures.
        Self { apart: AtomicU64::new(u64::MAX), slept: AtomicU64::new(0) }
    }

    /// Nanoseconds since boot, sleep included, at the kernel's last tick. Never goes back.
    pub(super) fn now(&self, clocks: &impl Readings) -> u64 {
        let monotonic = clocks.coarse_monotonic();
        let apart = clocks.coarse_real().wrapping_sub(monotonic);
        // Together with the store in `measure`: whoever sees these clocks apart so sees the sleep that belongs to it.
        if self.apart.load(Ordering::Acquire) == apart {
            return monotonic.saturating_add(self.slept.load(Ordering::Relaxed));
        }
        self.measure(clocks)
    }

    #[cold]
    fn measure(&self, clocks: &impl Readings) -> u64 {
        for _ in 0..ATTEMPTS {
            let apart = clocks.coarse_real().wrapping_sub(clocks.coarse_monotonic());
            let before = clocks.monotonic();
            let boot = clocks.boot();
            let after = clocks.monotonic();
            let monotonic = clocks.coarse_monotonic();
            // The same again at the end: nothing happened in between, no tick between the two clocks either.
            if after.wrapping_sub(before) < SHORTEST_SLEEP && clocks.coarse_real().wrapping_sub(monotonic) == apart {
                self.has_slept(boot.saturating_sub(after));
                self.apart.store(apart, Ordering::Release);
                return monotonic.saturating_add(self.slept.load(Ordering::Relaxed));
            }
        }
        // Too busy to measure well: a bound that is never too high, and the next call measures again.
        let boot = clocks.boot();
        self.has_slept(boot.saturating_sub(clocks.monotonic()));
        clocks.coarse_monotonic().saturating_add(self.slept.load(Ordering::Relaxed))
    }

    fn has_slept(&self, slept: u64) {
        if slept > self.slept.load(Ordering::Relaxed).saturating_add(SHORTEST_SLEEP) {
            self.slept.fetch_max(slept, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const TICK: u64 = 4_000_000;
    const READING: u64 = 30;

    /// A device: each reading takes a while, coarse clocks stand still between ticks.
    struct Device {
        awake: Cell<u64>,
        slept: Cell<u64>,
        wall: Cell<u64>,
        exact: Cell<u32>,
    }

    impl Device {
        fn new() -> Self {
            let wall = 1_700_000_000 * SECOND;
            Self {
                awake: Cell::new(77 * SECOND + 123),
                slept: Cell::new(0),
                wall: Cell::new(wall),
                exact: Cell::new(0),
            }
        }

        fn pass(&self, time: u64) {
            self.awake.set(self.awake.get() + time);
        }

        fn sleep(&self, time: u64) {
            self.slept.set(self.slept.get() + time);
        }

        fn step(&self, by: i64) {
            self.wall.set(self.wall.get().wrapping_add_signed(by));
        }

        fn tick(&self) -> u64 {
            self.awake.get() / TICK * TICK
        }

        fn truth(&self) -> u64 {
            self.awake.get() + self.slept.get()
        }

        /// How far behind the truth the clock is.
        fn behind(&self, clock: &Coarse) -> u64 {
            let now = clock.now(self);
            self.truth().checked_sub(now).expect("ahead of the truth")
        }
    }

    impl Readings for Device {
        fn coarse_real(&self) -> u64 {
            self.pass(READING / 6);
            self.wall.get().wrapping_add(self.tick() + self.slept.get())
        }

        fn coarse_monotonic(&self) -> u64 {
            self.pass(READING / 6);
            self.tick()
        }

        fn monotonic(&self) -> u64 {
            self.exact.set(self.exact.get() + 1);
            self.pass(READING);
            self.awake.get()
        }

        fn boot(&self) -> u64 {
            self.exact.set(self.exact.get() + 1);
            self.pass(READING);
            self.truth()
        }
    }

    #[test]
    fn it_is_at_most_a_tick_and_a_little_behind_through_sleep_and_steps() {
        let (clock, device) = (Coarse::new(), Device::new());
        let mut last = 0;
        for round in 0..100_000_u64 {
            match fastrand::u8(..) {
                0 => device.sleep(fastrand::u64(SECOND..100_000 * SECOND)),
                1 => device.sleep(fastrand::u64(2 * SHORTEST_SLEEP..SECOND)),
                2 => device.step(fastrand::i64(-90_000..90_000) * 999_999_937),
                3 => {
                    // Both at once, the one hiding the other but for a moment.
                    let slept = fastrand::u64(SECOND..9_000 * SECOND);
                    device.sleep(slept);
                    device.step(-slept.cast_signed() + 1);
                }
                _ => device.pass(fastrand::u64(1..3 * TICK)),
            }
            let now = clock.now(&device);
            assert!(now >= last, "went back by {} ns in round {round}", last - now);
            assert!(now <= device.truth(), "ahead in round {round}");
            let behind = device.truth() - now;
            assert!(behind < TICK + SHORTEST_SLEEP + 10 * READING, "{behind} ns behind in round {round}");
            last = now;
        }
    }

    #[test]
    fn while_nothing_happens_no_exact_clock_is_read() {
        let (clock, device) = (Coarse::new(), Device::new());
        clock.now(&device);
        device.exact.set(0);
        for _ in 0..1000 {
            device.pass(READING);
            clock.now(&device);
        }
        // Only where a tick came between the two coarse ones.
        assert!(device.exact.get() <= 6, "{} exact readings", device.exact.get());
    }

    #[test]
    fn sleep_is_noticed_at_the_first_look() {
        let (clock, device) = (Coarse::new(), Device::new());
        let before = clock.now(&device);
        device.sleep(3600 * SECOND);
        assert!(clock.now(&device) >= before + 3600 * SECOND - 10 * READING);
    }

    #[test]
    fn a_wall_clock_that_is_set_changes_nothing() {
        let (clock, device) = (Coarse::new(), Device::new());
        for by in [3600, -3600, 86_400 * 365 * 200, -86_400 * 365 * 200] {
            device.step(by * SECOND.cast_signed());
            assert!(device.behind(&clock) < TICK + SHORTEST_SLEEP);
        }
    }

    #[test]
    fn a_thread_that_measured_before_a_sleep_and_comes_late_does_not_undo_it() {
        let (clock, device) = (Coarse::new(), Device::new());
        clock.now(&device);
        let stale = clock.apart.load(Ordering::Relaxed);
        device.sleep(60 * SECOND);
        clock.now(&device);
        clock.apart.store(stale, Ordering::Relaxed);
        clock.has_slept(0);
        assert!(device.behind(&clock) < TICK + SHORTEST_SLEEP);
    }

    #[test]
    fn a_device_too_busy_to_measure_still_has_a_time_that_is_not_ahead() {
        struct Slow(Device);
        impl Readings for Slow {
            fn coarse_real(&self) -> u64 {
                self.0.coarse_real()
            }
            fn coarse_monotonic(&self) -> u64 {
                self.0.coarse_monotonic()
            }
            fn monotonic(&self) -> u64 {
                self.0.pass(3 * SHORTEST_SLEEP);
                self.0.monotonic()
            }
            fn boot(&self) -> u64 {
                self.0.boot()
            }
        }
        let (clock, slow) = (Coarse::new(), Slow(Device::new()));
        slow.0.sleep(60 * SECOND);
        for _ in 0..3 {
            let now = clock.now(&slow);
            assert!(now <= slow.0.truth());
            assert!(slow.0.truth() - now < TICK + 10 * SHORTEST_SLEEP);
        }
    }
}

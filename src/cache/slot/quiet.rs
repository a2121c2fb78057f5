//! When a key has something to do next, for simulations that leave out the calls which change nothing.

use std::time::Duration;

use super::Slot;
use crate::boot_time::BootTime;
use crate::policy::Age;

/// Times are compared with `<=` here and there.
const HAIR: Duration = Duration::from_nanos(1);

impl Slot {
    /// Until when every call with [`Need::Usual`](super::Need::Usual) is answered as it is now and starts nothing, if
    /// nothing else happens meanwhile. Not after `now` if a call does something now.
    pub(crate) fn quiet_until(&self, now: BootTime) -> BootTime {
        let state = self.state.lock();
        let current = self.current.load();
        let breaker = state.breaker.refusal(now).and_then(|error| error.retry_after()).map(|wait| now.plus(wait));
        let (until, rest_until) = state.backoff.ends().unwrap_or_default();
        let until = until.max(breaker.unwrap_or_default());
        if let Some(schedule) = current.schedule() {
            let age = schedule.age(now);
            let stands_in = schedule.fallback_until.plus(HAIR);
            if age == Age::Fresh {
                return schedule.due_at;
            }
            if state.rests(now) && now < stands_in {
                return rest_until.max(until).min(stands_in);
            }
            if age == Age::Due && state.flight.is_some() {
                return schedule.spent_at;
            }
        }
        if state.flight.is_some() { now } else { until }
    }
}

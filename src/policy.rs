//! When a token is fresh, due, spent and expired. Pure: points in time come in as arguments.

use std::time::Duration;

use crate::boot_time::BootTime;
use crate::status::TokenStatus;

/// What the times in HTTP headers and JWTs are rounded to.
const TICK: Duration = Duration::from_secs(1);

/// How tokens age. Every duration is of real time, sleep included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshPolicy {
    pub(crate) safety_margin: Duration,
    pub(crate) refresh_ahead: Duration,
    pub(crate) min_validity: Duration,
}

impl Default for RefreshPolicy {
    /// Google's own margins are 10 minutes in the Driver SDK samples and 5 in the Consumer SDK's and in
    /// java-fleetengine-auth.
    fn default() -> Self {
        Self {
            safety_margin: Duration::from_secs(5 * 60),
            refresh_ahead: Duration::from_secs(30),
            min_validity: Duration::from_secs(30),
        }
    }
}

pub(crate) use crate::status::TokenAge as Age;

/// One token's points in time, fixed when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) due_at: BootTime,
    pub(crate) spent_at: BootTime,
    pub(crate) expires_at: BootTime,
    /// Until here a spent token may stand in when its refresh fails; before `expires_at` for any life there is.
    pub(crate) fallback_until: BootTime,
    /// The whole life, from the start of the fetch.
    pub(crate) lifetime: Duration,
}

impl RefreshPolicy {
    /// The schedule of a token whose fetch started at `anchor` and which lives for `lifetime` from there.
    ///
    /// The margin is clamped to half the lifetime, so that a short-lived token never means a fetch per call. The due
    /// window before it is jittered (`jitter` in 0‥1, between a third and the whole of it), so that devices which
    /// fetched together do not refresh together, and clamped to a quarter of the fresh part. The minimum validity is
    /// clamped to a quarter of the margin. Neither is less than a second where the life allows it: `Date`, `iat` and
    /// `exp` have whole seconds, so a life may be over before it seems to be.
    pub(crate) fn schedule(&self, anchor: BootTime, lifetime: Duration, jitter: f64) -> Schedule {
        let margin = self.safety_margin.max(TICK).min(lifetime / 2);
        let window = self.refresh_ahead.min(lifetime.saturating_sub(margin) / 4);
        let ahead = window.mul_f64((1.0 + 2.0 * jitter.clamp(0.0, 1.0)) / 3.0).min(window);
        let min_validity = self.min_validity.max(TICK).min((margin / 4).max(TICK)).min(margin);
        let expires_at = anchor.plus(lifetime);
        let spent_at = expires_at.minus(margin);
        Schedule {
            due_at: spent_at.minus(ahead),
            spent_at,
            expires_at,
            fallback_until: expires_at.minus(min_validity),
            lifetime,
        }
    }
}

impl Schedule {
    pub(crate) fn age(&self, now: BootTime) -> Age {
        if now < self.due_at {
            Age::Fresh
        } else if now < self.spent_at {
            Age::Due
        } else if now < self.expires_at {
            Age::Spent
        } else {
            Age::Expired
        }
    }

    /// Whether the token may stand in at `now` for one that could not be fetched.
    pub(crate) fn is_fallback(&self, now: BootTime) -> bool {
        now <= self.fallback_until
    }

    /// How long a token that is due may yet stand in; zero before it is due and once it may not.
    pub(crate) fn standby(&self, now: BootTime) -> Duration {
        if now < self.due_at { Duration::ZERO } else { self.fallback_until.saturating_since(now) }
    }

    /// Whether the token may be handed out at all. Its last second may be over already: `Date`, `iat` and `exp` have
    /// whole seconds.
    pub(crate) fn is_good(&self, now: BootTime) -> bool {
        now < self.expires_at.minus(TICK.min(self.lifetime / 2))
    }

    pub(crate) fn remaining(&self, now: BootTime) -> Duration {
        self.expires_at.saturating_since(now)
    }

    pub(crate) fn status(&self, generation: u64, now: BootTime) -> TokenStatus {
        TokenStatus {
            age: self.age(now),
            lifetime: self.lifetime,
            left: self.remaining(now),
            margin: self.expires_at.saturating_since(self.spent_at),
            due_in: self.due_at.saturating_since(now),
            spent_in: self.spent_at.saturating_since(now),
            generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const START: BootTime = BootTime::from_origin(Duration::from_secs(1000));

    fn policy(margin: Duration) -> RefreshPolicy {
        RefreshPolicy { safety_margin: margin, ..RefreshPolicy::default() }
    }

    #[test]
    fn a_token_is_fresh_then_due_then_spent_then_expired() {
        let schedule = policy(10 * MINUTE).schedule(START, 60 * MINUTE, 1.0);
        let age = |seconds| schedule.age(START.plus(Duration::from_secs(seconds)));
        assert_eq!(age(0), Age::Fresh);
        assert_eq!(age(50 * 60 - 31), Age::Fresh);
        assert_eq!(age(50 * 60 - 30), Age::Due);
        assert_eq!(age(50 * 60 - 1), Age::Due);
        assert_eq!(age(50 * 60), Age::Spent);
        assert_eq!(age(60 * 60 - 1), Age::Spent);
        assert_eq!(age(60 * 60), Age::Expired);
    }

    #[test]
    fn a_margin_longer_than_the_life_is_clamped_to_half_of_it() {
        let schedule = policy(10 * MINUTE).schedule(START, Duration::from_secs(9), 1.0);
        assert_eq!(schedule.spent_at, START.plus(Duration::from_millis(4500)));
        assert_eq!(schedule.age(START), Age::Fresh);
        assert!(schedule.due_at > START.plus(Duration::from_secs(3)));
    }

    #[test]
    fn jitter_spreads_the_due_window_and_never_leaves_it() {
        let due = |jitter| policy(5 * MINUTE).schedule(START, 60 * MINUTE, jitter).due_at;
        let spent = START.plus(55 * MINUTE);
        assert_eq!(due(0.0), spent.minus(Duration::from_secs(10)));
        assert_eq!(due(1.0), spent.minus(Duration::from_secs(30)));
        assert!(due(0.5) < due(0.25));
        assert_eq!(due(7.0), due(1.0));
    }

    #[test]
    fn an_old_token_stands_in_only_while_enough_is_left() {
        let schedule = policy(10 * MINUTE).schedule(START, 60 * MINUTE, 0.0);
        let at = |before_expiry| schedule.expires_at.minus(Duration::from_secs(before_expiry));
        assert!(schedule.is_fallback(at(30)));
        assert!(!schedule.is_fallback(at(29)));
        assert!(!schedule.is_fallback(at(0)));
    }

    #[test]
    fn a_token_is_on_standby_from_when_it_is_due_until_it_may_not_stand_in() {
        let schedule = policy(10 * MINUTE).schedule(START, 60 * MINUTE, 1.0);
        let left = |at: BootTime| schedule.standby(at);
        assert_eq!(left(schedule.due_at.minus(Duration::from_millis(1))), Duration::ZERO, "not due");
        assert_eq!(left(schedule.due_at), Duration::from_secs(600));
        assert_eq!(left(schedule.spent_at), Duration::from_secs(570));
        assert_eq!(left(schedule.fallback_until), Duration::ZERO);
        assert_eq!(left(schedule.expires_at), Duration::ZERO);
    }

    #[test]
    fn a_short_life_has_a_short_minimum_so_that_its_old_token_can_stand_in() {
        let schedule = policy(10 * MINUTE).schedule(START, MINUTE, 0.0);
        assert_eq!(schedule.spent_at, START.plus(Duration::from_secs(30)));
        // A quarter of the margin that came of it.
        assert_eq!(schedule.fallback_until, START.plus(Duration::from_millis(52_500)));
    }

    #[test]
    fn the_last_second_is_not_trusted_unless_it_is_half_of_the_life() {
        let good_until = |lifetime| {
            let schedule = RefreshPolicy::default().schedule(START, lifetime, 0.0);
            (0..60_000).map(Duration::from_millis).find(|after| !schedule.is_good(START.plus(*after))).unwrap()
        };
        assert_eq!(good_until(Duration::from_secs(10)), Duration::from_secs(9));
        assert_eq!(good_until(Duration::from_millis(1500)), Duration::from_millis(750));
    }

    #[test]
    fn no_margin_and_no_minimum_still_leave_the_second_that_times_are_rounded_to() {
        let policy = RefreshPolicy {
            safety_margin: Duration::ZERO,
            refresh_ahead: Duration::ZERO,
            min_validity: Duration::ZERO,
        };
        let schedule = policy.schedule(START, MINUTE, 0.5);
        assert_eq!(schedule.age(START.plus(Duration::from_secs(59))), Age::Spent);
        assert!(!schedule.is_fallback(START.plus(Duration::from_millis(59_001))));
        assert_eq!(schedule.age(START.plus(MINUTE)), Age::Expired);
    }
}

//! The attempts of one flight: whether another follows a failed one, and after what pause. Pure: time and random numbers
//! come in as arguments.

use std::time::Duration;

use crate::backoff::RetryPolicy;
use crate::error::{FailureClass, TokenError};

/// A backend that signs twice within a second signs the same token twice: RS256 is deterministic, and `iat` has whole
/// seconds. Two such pauses, which are what the usual three attempts make, outwait the second.
const SAME_TOKEN_PAUSE: Duration = Duration::from_millis(500);

/// The attempts that a flight has made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    made: u32,
    most: u32,
    failed: bool,
}

impl Attempts {
    /// None yet, of at most so many.
    pub(crate) fn new(most: u32) -> Self {
        Self { made: 0, most, failed: false }
    }

    /// Another begins.
    pub(crate) fn begin(&mut self) {
        self.made += 1;
    }

    /// How many were made, the one under way included.
    pub(crate) fn made(self) -> u32 {
        self.made
    }

    /// Whether the backend was asked, and what it said last was no token.
    pub(crate) fn have_failed(self) -> bool {
        self.failed
    }

    /// The one under way brought what was worth nothing by then, through no fault of its own: it does not count.
    pub(crate) fn overtaken(&mut self) {
        self.made -= 1;
    }

    /// The one under way failed, with `left` of the flight's time. The pause before the next (`jitter` in 0‥1), or
    /// `None`: the flight has failed.
    pub(crate) fn failed(
        &mut self,
        error: &TokenError,
        policy: &RetryPolicy,
        left: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        self.failed = true;
        let again = error.class() == FailureClass::Transient && error.retry_after().is_none();
        let mut pause = policy.pause_after(self.made, jitter);
        if matches!(error, TokenError::RejectedTokenReturned) {
            pause = pause.max(SAME_TOKEN_PAUSE);
        }
        (again && self.made < self.most && pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn down() -> TokenError {
        TokenError::Unavailable { status: 503, retry_after: None }
    }

    fn pauses(error: &TokenError, left: Duration) -> Vec<Duration> {
        let mut attempts = Attempts::new(3);
        let next = || {
            attempts.begin();
            attempts.failed(error, &RetryPolicy::default(), left, 0.0)
        };
        std::iter::repeat_with(next).map_while(|pause| pause).collect()
    }

    #[test]
    fn three_are_made_and_no_fourth() {
        assert_eq!(pauses(&down(), LONG), [Duration::from_millis(250), Duration::from_millis(500)]);
    }

    #[test]
    fn none_follows_what_will_not_be_gone_in_a_moment() {
        assert!(pauses(&TokenError::NotFound, LONG).is_empty());
        let busy = TokenError::Unavailable { status: 503, retry_after: Some(Duration::ZERO) };
        assert!(pauses(&busy, LONG).is_empty());
    }

    #[test]
    fn none_follows_a_pause_that_takes_all_the_time_there_is() {
        assert!(pauses(&down(), Duration::from_millis(250)).is_empty());
        assert_eq!(pauses(&down(), Duration::from_millis(251)).len(), 1);
    }

    #[test]
    fn the_second_in_which_a_token_was_signed_is_outwaited() {
        let pauses = pauses(&TokenError::RejectedTokenReturned, LONG);
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs(1));
    }

    #[test]
    fn an_attempt_that_was_overtaken_does_not_count() {
        let mut attempts = Attempts::new(3);
        attempts.begin();
        attempts.overtaken();
        attempts.begin();
        assert_eq!(attempts.made(), 1);
        assert!(!attempts.have_failed());
    }
}

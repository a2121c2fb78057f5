//! How long a token lives and how it ages, from the documentation of the settings.

use std::time::Duration;

use crate::outside::{Evidence, Times, TokenId, millis};
use crate::setting::Rules;

const SECOND: Duration = Duration::from_secs(1);
/// Fractions of durations are computed in floating point, here and there.
pub(crate) const HAIR: Duration = Duration::from_micros(1);

/// A token that a key holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) token: TokenId,
    pub(crate) generation: u64,
    /// Within here it falls due: where exactly was drawn.
    pub(crate) due: (Duration, Duration),
    pub(crate) spent: Duration,
    pub(crate) fallback_until: Duration,
    pub(crate) expires: Duration,
    pub(crate) lifetime: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Age {
    Fresh,
    /// Fresh or due: only the factory knows.
    Unclear,
    Due,
    Spent,
    Expired,
}

impl Held {
    pub(crate) fn new(rules: &Rules, token: TokenId, generation: u64, anchor: Duration, lifetime: Duration) -> Self {
        let margin = rules.safety_margin.max(SECOND).min(lifetime / 2);
        let window = rules.refresh_ahead.min((lifetime - margin) / 4);
        let expires = anchor + lifetime;
        let spent = expires - margin;
        let ahead = |jitter: f64| window.mul_f64((1.0 + 2.0 * jitter) / 3.0).min(window);
        let due = match rules.jitter {
            Some(jitter) => (spent - ahead(jitter), spent - ahead(jitter)),
            None => (spent - window, (spent - ahead(0.0) + HAIR).min(spent)),
        };
        let least = rules.min_validity.max(SECOND).min((margin / 4).max(SECOND)).min(margin);
        Self { token, generation, due, spent, fallback_until: expires - least, expires, lifetime }
    }

    pub(crate) fn age(&self, now: Duration) -> Age {
        match now {
            _ if now >= self.expires => Age::Expired,
            _ if now >= self.spent => Age::Spent,
            _ if now >= self.due.1 => Age::Due,
            _ if now >= self.due.0 => Age::Unclear,
            _ => Age::Fresh,
        }
    }

    pub(crate) fn left(&self, now: Duration) -> Duration {
        self.expires.saturating_sub(now)
    }

    /// Whether it may be handed out at all: its last second may be over, for the times in a reply have whole seconds.
    pub(crate) fn is_good(&self, now: Duration) -> bool {
        now < good_until(self.expires, self.lifetime)
    }

    /// Whether it may stand in for one that could not be fetched.
    pub(crate) fn stands_in(&self, now: Duration) -> bool {
        now < self.expires && now <= self.fallback_until
    }
}

pub(crate) fn good_until(expires: Duration, lifetime: Duration) -> Duration {
    expires - SECOND.min(lifetime / 2)
}

/// What the evidence of a reply comes to.
pub(crate) enum Life {
    Lives { lifetime: Duration, clamped: bool },
    Over,
    Unknown,
}

/// The smallest life that is claimed, by the server's clock, or the device's if the server did not say, but never from
/// before the token was issued.
pub(crate) fn life(evidence: &Evidence, device_ms: i64, longest: Duration) -> Life {
    let now = evidence.date.unwrap_or(device_ms).max(evidence.jwt_iat.unwrap_or(i64::MIN));
    let left = |at: Option<i64>| at.map(|at| at - now);
    let claims = [left(evidence.declared_at), evidence.declared_in, left(evidence.jwt_exp)];
    let least = claims.iter().flatten().min();
    let most = claims.iter().flatten().max();
    match (least, most) {
        (Some(least), _) if *least <= 0 => Life::Over,
        (Some(least), Some(most)) => Life::Lives {
            lifetime: Duration::from_millis(least.unsigned_abs()).min(longest),
            clamped: *most > millis(longest),
        },
        _ => Life::Unknown,
    }
}

/// Whether the device's wall clock is so far off that it is worth a word.
pub(crate) fn is_skewed(evidence: &Evidence, device_ms: i64) -> bool {
    evidence.date.is_some_and(|date| (device_ms - date).abs() > 60_000)
}

/// The server's clock at a point in boot time.
pub(crate) fn server_ms(times: &Times, boot: Duration) -> i64 {
    times.server_ms(boot)
}

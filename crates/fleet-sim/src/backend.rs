//! The backend that mints tokens, the network before it, and Fleet Engine behind.

use crate::queue::{SECOND, Time};

/// A span of time: from the first to before the second.
pub type Span = (Time, Time);

/// How the outside is.
#[derive(Clone, Debug)]
pub struct World {
    /// How long a request takes, whatever comes of it.
    pub latency: Time,
    /// Spans in which it takes so long instead.
    pub slow: Option<(Span, Time)>,
    /// A span in which every request is answered with 503, without `Retry-After`.
    pub outage: Option<Span>,
    /// How many requests a second are answered; what is more gets 503 at once.
    pub capacity: Option<f64>,
    /// The share of requests that fail by chance.
    pub flaky: f64,
    /// Each device is offline for the second once in every first, at a time of its own.
    pub gaps: Option<(Time, Time)>,
    /// Apps say when that is over.
    pub says_online: bool,
    /// From the first on Fleet Engine refuses every token that was minted before the second.
    pub bad_key: Option<Span>,
}

impl Default for World {
    fn default() -> Self {
        let latency = SECOND / 20;
        Self {
            latency,
            slow: None,
            outage: None,
            capacity: None,
            flaky: 0.0,
            gaps: None,
            says_online: false,
            bad_key: None,
        }
    }
}

impl World {
    /// Whether Fleet Engine takes at `now` a token that was minted at `minted`.
    pub fn accepts(&self, minted: Time, now: Time) -> bool {
        self.bad_key.is_none_or(|(from, mended)| now < from || minted >= mended)
    }

    pub fn is_offline(&self, device: u32, now: Time) -> bool {
        self.gaps.is_some_and(|(every, length)| {
            let begin = gap(device, now / every, every, length);
            (begin..begin + length).contains(&now)
        })
    }

    /// When an app that can tell says that its device is online again, which it is not now.
    pub fn online_again(&self, device: u32, now: Time) -> Option<Time> {
        let (every, length) = self.gaps.filter(|_| self.says_online && self.is_offline(device, now))?;
        Some(gap(device, now / every, every, length) + length)
    }

    /// How much of a span a device is online.
    pub fn online(&self, device: u32, (from, to): Span) -> Time {
        let Some((every, length)) = self.gaps else { return to - from };
        let offline: Time = (from / every..=to / every)
            .map(|cell| gap(device, cell, every, length))
            .map(|begin| (begin + length).min(to).saturating_sub(begin.max(from)))
            .sum();
        to - from - offline
    }
}

/// When the gap begins that a device has in this stretch of time: anywhere, but within the stretch.
fn gap(device: u32, cell: u64, every: Time, length: Time) -> Time {
    cell * every + fastrand::Rng::with_seed(u64::from(device) << 32 ^ cell).u64(..every - length)
}

/// What is known of the requests so far.
#[derive(Default)]
pub struct Backend {
    /// When the last request that was let in is done with, at the pace of the capacity.
    busy_until: f64,
}

/// Requests that are let in beyond the pace: those of a tenth of a second.
const BURST: f64 = 0.1;

impl Backend {
    /// A request comes: whether it brings a token, and after how long.
    pub fn answer(&mut self, world: &World, device: u32, now: Time, rng: &mut fastrand::Rng) -> (bool, Time) {
        let within = |span: Span| (span.0..span.1).contains(&now);
        let latency = world.slow.filter(|(span, _)| within(*span)).map_or(world.latency, |(_, latency)| latency);
        let fails = world.outage.is_some_and(within)
            || (world.flaky > 0.0 && rng.f64() < world.flaky)
            || world.is_offline(device, now)
            || world.capacity.is_some_and(|capacity| !self.lets_in(capacity, now));
        (!fails, latency)
    }

    fn lets_in(&mut self, capacity: f64, now: Time) -> bool {
        let now = now as f64 / SECOND as f64;
        let begins = self.busy_until.max(now);
        let lets_in = begins - now <= BURST;
        if lets_in {
            self.busy_until = begins + 1.0 / capacity;
        }
        lets_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_answers_as_many_as_it_can() {
        let (mut backend, mut rng) = (Backend::default(), fastrand::Rng::with_seed(1));
        let world = World { capacity: Some(100.0), ..World::default() };
        let answered = (0..10_000).filter(|n| backend.answer(&world, 0, n * SECOND / 1000, &mut rng).0).count();
        assert!((1000..=1012).contains(&answered), "{answered} in ten seconds");
    }

    #[test]
    fn a_device_is_offline_for_a_minute_in_five() {
        let world = World { gaps: Some((300 * SECOND, 60 * SECOND)), ..World::default() };
        for device in 0..20 {
            let seconds = (0..30_000).filter(|second| world.is_offline(device, second * SECOND)).count();
            assert!((5900..=6100).contains(&seconds), "{seconds}");
            let online = world.online(device, (777 * SECOND, 7000 * SECOND)) / SECOND;
            let counted = (777..7000).filter(|second| !world.is_offline(device, second * SECOND)).count() as u64;
            assert!(online.abs_diff(counted) < 30, "{online} and {counted}");
        }
    }
}

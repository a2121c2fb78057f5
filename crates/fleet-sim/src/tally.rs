//! What was counted.

use crate::queue::{SECOND, Time};

/// What a fleet did to its backend, and what it had of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub devices: u32,
    /// From here on is counted what is not by second.
    pub from: Time,
    pub to: Time,
    /// Requests in each second, from the start of the simulation.
    pub requests: Vec<u32>,
    pub tokens: u64,
    /// Requests since `from`.
    pub asked: u64,
    /// Time in which apps that had asked had no token that works.
    pub without: u128,
    /// How many devices were so at some time.
    pub devices_without: u32,
    /// Time in which calls waited for an answer.
    pub waited: u128,
    /// What was taken out of the queue.
    pub events: u64,
}

impl Tally {
    /// Requests per second between two moments.
    pub fn rate(&self, from: Time, to: Time) -> f64 {
        f64::from(self.bins(from, to, to - from).first().copied().unwrap_or_default())
            / ((to - from) as f64 / SECOND as f64)
    }

    /// The most requests per second in any stretch of `bin` between two moments.
    pub fn peak(&self, from: Time, to: Time, bin: Time) -> f64 {
        let most = self.bins(from, to, bin).into_iter().max().unwrap_or_default();
        f64::from(most) / (bin as f64 / SECOND as f64)
    }

    /// Requests in each stretch of `bin`, which is whole seconds.
    pub fn bins(&self, from: Time, to: Time, bin: Time) -> Vec<u32> {
        let seconds = |time: Time| usize::try_from(time / SECOND).unwrap_or(usize::MAX).min(self.requests.len());
        let within = &self.requests[seconds(from)..seconds(to)];
        within.chunks(seconds(bin).max(1)).map(|bin| bin.iter().sum()).collect()
    }

    /// Tokens fetched for each device in a day.
    pub fn tokens_per_day(&self) -> f64 {
        self.per_day(self.tokens as f64)
    }

    pub fn requests_per_day(&self) -> f64 {
        self.per_day(self.asked as f64)
    }

    fn per_day(&self, count: f64) -> f64 {
        let days = (self.to - self.from) as f64 / (86_400 * SECOND) as f64;
        count / f64::from(self.devices) / days
    }

    /// Seconds, of all devices together.
    pub fn without_s(&self) -> f64 {
        self.without as f64 / SECOND as f64
    }

    pub fn waited_s(&self) -> f64 {
        self.waited as f64 / SECOND as f64
    }
}

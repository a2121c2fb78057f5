//! What a fleet lives through.

use std::time::Duration;

use crate::backend::World;
use crate::client::{Client, Interval, Ladder, Ours, Sample, Setting};
use crate::fleet::{self, Course};
use crate::queue::{Calendar, SECOND, Time};
use crate::tally::Tally;

const MINUTE: Time = 60 * SECOND;
const HOUR: Time = 60 * MINUTE;

/// When what a scenario is about begins, the fleet being steady since an hour.
pub const ONSET: Time = 2 * HOUR;

/// Who keeps the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Sample,
    Interval,
    Ladder,
    Ours,
}

impl Who {
    pub const ALL: [Self; 4] = [Self::Sample, Self::Interval, Self::Ladder, Self::Ours];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "Google's sample",
            Self::Interval => "every 5 s",
            Self::Ladder => "jittered ladder",
            Self::Ours => "fleet-token",
        }
    }

    pub fn run(self, course: &Course) -> Tally {
        match self {
            Self::Sample => calendar::<Sample>(course),
            Self::Interval => calendar::<Interval>(course),
            Self::Ladder => calendar::<Ladder>(course),
            Self::Ours => calendar::<Ours>(course),
        }
    }
}

fn calendar<C: Client>(course: &Course) -> Tally {
    fleet::run::<C, Calendar>(course)
}

/// One thing that happens to a fleet.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    /// Of a token's life, in minutes.
    pub margin: u64,
    /// From the onset: how long it lasts.
    pub lasts: Time,
    /// How long is looked at after it.
    pub after: Time,
    pub world: World,
    pub starts: Starts,
}

/// How the devices start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// Long ago, at all times of an hour.
    LongAgo,
    /// All within so long, from nothing.
    Within(Time),
}

impl Scenario {
    /// How long a device goes from token to token: due 10 to 30 s before the margin, and asked for every ten.
    pub fn cycle(&self) -> Time {
        (60 - self.margin) * MINUTE - 15 * SECOND
    }

    /// Requests per second that a steady fleet makes, reckoned.
    pub fn steady(&self, devices: u32) -> f64 {
        f64::from(devices) / (self.cycle() as f64 / SECOND as f64)
    }

    /// A day of requests that fail is as dear as several good ones.
    pub fn is_long_and_bad(&self) -> bool {
        self.after == 24 * HOUR && self.name != "steady day"
    }

    pub fn onset(&self) -> Time {
        if self.starts == Starts::LongAgo { ONSET } else { 0 }
    }

    pub fn course(&self, devices: u32, seed: u64) -> Course {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let onset = self.onset();
        Course {
            devices,
            seed,
            setting: Setting::new(minutes(60), minutes(self.margin)),
            world: self.world.clone(),
            begin_within: match self.starts {
                Starts::LongAgo => self.cycle(),
                Starts::Within(time) => time,
            },
            from: onset,
            to: onset + self.lasts + self.after,
        }
    }
}

fn scenario(name: &'static str, about: &'static str) -> Scenario {
    Scenario { name, about, margin: 10, lasts: 0, after: 2 * HOUR, world: World::default(), starts: Starts::LongAgo }
}

/// The backend answers 503 for so long.
pub fn outage(name: &'static str, about: &'static str, margin: u64, lasts: Time) -> Scenario {
    let world = World { outage: Some((ONSET, ONSET + lasts)), ..World::default() };
    Scenario { margin, lasts, world, ..scenario(name, about) }
}

/// Everybody begins within five minutes; the backend can do a share of what that needs, or all.
pub fn shift(name: &'static str, about: &'static str, devices: u32, share: Option<f64>) -> Scenario {
    let within = 5 * MINUTE;
    let needed = f64::from(devices) / (within as f64 / SECOND as f64);
    let world = World { capacity: share.map(|share| needed * share), ..World::default() };
    Scenario { starts: Starts::Within(within), lasts: within, world, ..scenario(name, about) }
}

/// Fleet Engine refuses every token there is, and for so long every new one.
pub fn bad_key(name: &'static str, about: &'static str, lasts: Time) -> Scenario {
    let world = World { bad_key: Some((ONSET, ONSET + lasts)), ..World::default() };
    Scenario { lasts, world, ..scenario(name, about) }
}

/// A whole day in which nothing happens.
pub fn day() -> Scenario {
    Scenario { after: 24 * HOUR, ..scenario("steady day", "24 hours, nothing happens") }
}

/// All that are reported.
pub fn all(devices: u32) -> Vec<Scenario> {
    let flaky = World { flaky: 0.2, ..World::default() };
    let gaps = World { gaps: Some((5 * MINUTE, MINUTE)), ..World::default() };
    let told = World { says_online: true, ..gaps.clone() };
    let slow = World { slow: Some(((ONSET, ONSET + HOUR), 5 * SECOND)), ..World::default() };
    vec![
        day(),
        shift("shift", "everybody begins within 5 minutes", devices, None),
        shift("shift, half capacity", "the backend can answer half of that", devices, Some(0.5)),
        outage("outage, 5 min", "503 for 5 minutes", 10, 5 * MINUTE),
        outage("outage, 8 min", "503 for 8 minutes", 10, 8 * MINUTE),
        outage("outage, 9 min", "503 for 9 minutes, a minute less than the margin", 10, 9 * MINUTE),
        outage("outage, 10 min", "503 for 10 minutes, as long as the margin", 10, 10 * MINUTE),
        outage("outage, 30 min", "503 for 30 minutes", 10, 30 * MINUTE),
        outage("outage, 4 min, margin 5", "503 for 4 minutes; margin of 5", 5, 4 * MINUTE),
        Scenario { lasts: HOUR, world: slow, ..scenario("slow", "requests take 5 s for an hour") },
        bad_key("rejected key", "all tokens are refused at once; new ones are good", 1),
        bad_key("rejected key, 5 min", "and new ones too, for 5 minutes", 5 * MINUTE),
        Scenario { after: 24 * HOUR, world: flaky, ..scenario("flaky", "a day; a fifth of requests fail, by chance") },
        Scenario {
            after: 24 * HOUR,
            world: gaps,
            ..scenario("gaps", "a day; each device is offline for one minute in five, at random")
        },
        Scenario { after: 24 * HOUR, world: told, ..scenario("gaps, told", "and the app calls `network_available`") },
    ]
}

//! A fleet: every device's app asks for a token every ten seconds, and everything that comes of it.
//!
//! A call that changes nothing is no event: a device is next looked at when a call would do something.

use crate::backend::{Backend, World};
use crate::client::{After, Client, Setting, Told};
use crate::queue::{Event, Kind, Queue, SECOND, Time};
use crate::tally::Tally;

/// How often an app asks.
pub const PACE: Time = 10 * SECOND;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Course {
    pub devices: u32,
    pub seed: u64,
    pub setting: Setting,
    pub world: World,
    /// Devices begin to ask within this time, evenly.
    pub begin_within: Time,
    /// From here on is counted.
    pub from: Time,
    pub to: Time,
}

struct Device<C> {
    client: C,
    begins: Time,
    /// When its app asks next: an [`Kind::Ask`] of another time is out of date.
    asks: Time,
    sent: Time,
    expires: Time,
    minted: Time,
    /// Since when a call waits.
    waits: Option<Time>,
    /// Since when its app has no token that works.
    without: Option<Time>,
    was_without: bool,
}

impl<C> Device<C> {
    /// The first time from `time` on at which its app asks.
    fn next_call(&self, time: Time) -> Time {
        let since = time.saturating_sub(self.begins);
        since.div_ceil(PACE).saturating_mul(PACE).saturating_add(self.begins)
    }

    fn has_token(&self, world: &World, now: Time) -> bool {
        now < self.expires && world.accepts(self.minted, now)
    }
}

/// Runs a course. The same course gives the same tally, by whichever queue.
pub fn run<C: Client, Q: Queue + Default>(course: &Course) -> Tally {
    let mut fleet = Fleet::<C, Q>::new(course);
    while fleet.step() {}
    fleet.end()
}

/// When the devices of a course send requests.
pub fn requests<C: Client, Q: Queue + Default>(course: &Course) -> Vec<Time> {
    let mut fleet = Fleet::<C, Q>::new(course);
    fleet.sent = Some(Vec::new());
    while fleet.step() {}
    fleet.sent.unwrap_or_default()
}

/// What happens by chance, apart from what the devices draw themselves.
pub fn chance(seed: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed ^ 0x5EED)
}

struct Fleet<'a, C, Q> {
    course: &'a Course,
    devices: Vec<Device<C>>,
    queue: Q,
    backend: Backend,
    /// What the devices draw.
    rng: fastrand::Rng,
    chance: fastrand::Rng,
    tally: Tally,
    /// When requests were sent, if that is asked for.
    sent: Option<Vec<Time>>,
}

impl<'a, C: Client, Q: Queue + Default> Fleet<'a, C, Q> {
    fn new(course: &'a Course) -> Self {
        let mut fleet = Self {
            course,
            devices: Vec::with_capacity(course.devices as usize),
            queue: Q::default(),
            backend: Backend::default(),
            rng: fastrand::Rng::with_seed(course.seed),
            chance: chance(course.seed),
            sent: None,
            tally: Tally {
                devices: course.devices,
                from: course.from,
                to: course.to,
                requests: vec![0; usize::try_from(course.to.div_ceil(SECOND)).unwrap_or(0)],
                ..Tally::default()
            },
        };
        for device in 0..course.devices {
            // One in each share of the time, anywhere in it.
            let begins = if course.begin_within == 0 {
                0
            } else {
                let share = (f64::from(device) + fleet.chance.f64()) / f64::from(course.devices);
                (share * course.begin_within as f64) as Time
            };
            let (waits, without) = (None, None);
            let client = C::new();
            fleet.devices.push(Device {
                client,
                begins,
                asks: begins,
                sent: 0,
                expires: 0,
                minted: 0,
                waits,
                without,
                was_without: false,
            });
            fleet.put(device as usize, begins, Kind::Ask);
            if let Some((refused_from, _)) = course.world.bad_key {
                // Its next call to Fleet Engine tells.
                let told = fleet.devices[device as usize].next_call(refused_from);
                fleet.put(device as usize, told, Kind::Ask);
            }
        }
        fleet
    }

    /// The next event; whether there was one before the end.
    fn step(&mut self) -> bool {
        let Some(Event { at, device, kind }) = self.queue.take() else { return false };
        self.tally.events += 1;
        let n = device as usize;
        match kind {
            Kind::Ask => self.asks(n, at),
            Kind::Send => self.sends(n, at),
            Kind::Came => self.came(n, at),
            Kind::Failed => self.failed(n, at),
            Kind::Online => self.is_online(n, at),
        }
        true
    }

    fn put(&mut self, device: usize, at: Time, kind: Kind) {
        if at < self.course.to {
            self.queue.put(Event { at, device: device as u32, kind });
        }
    }

    fn asks(&mut self, n: usize, now: Time) {
        let world = &self.course.world;
        let tells = world.bad_key.is_some_and(|(from, _)| now >= from && now < from + PACE);
        let device = &mut self.devices[n];
        if device.waits.is_some() || (device.asks != now && !tells) {
            return;
        }
        let (mut told, mut sends) = device.client.ask(&self.course.setting, now);
        if told == Told::Served && !world.accepts(device.minted, now) && device.client.refused(now) {
            let (told_then, sends_then) = device.client.ask(&self.course.setting, now);
            (told, sends) = (told_then, sends || sends_then);
        }
        match told {
            Told::Served if device.has_token(world, now) => self.has(n, now),
            Told::Served | Told::Refused => self.has_none(n, now),
            Told::Waits => {
                let has_token = device.has_token(world, now);
                device.waits = Some(now);
                if !has_token {
                    self.has_none(n, now);
                }
            }
        }
        if sends {
            self.sends(n, now);
        }
        self.look_again(n, now);
    }

    /// The next call that may change something; none while one waits.
    fn look_again(&mut self, n: usize, now: Time) {
        let device = &mut self.devices[n];
        if device.waits.is_some() {
            return;
        }
        let world = &self.course.world;
        let refused = now < device.expires && !world.accepts(device.minted, now);
        let quiet = device.client.quiet_until(&self.course.setting, now);
        let next = device.next_call(if refused { now + 1 } else { quiet.max(now + 1) });
        device.asks = next;
        self.put(n, next, Kind::Ask);
    }

    fn sends(&mut self, n: usize, now: Time) {
        let device = &mut self.devices[n];
        device.client.sent();
        device.sent = now;
        if let Some(second) = self.tally.requests.get_mut((now / SECOND) as usize) {
            *second += 1;
        }
        if let Some(sent) = &mut self.sent {
            sent.push(now);
        }
        self.tally.asked += u64::from(now >= self.course.from);
        let (brings, after) = self.backend.answer(&self.course.world, n as u32, now, &mut self.chance);
        self.put(n, now + after, if brings { Kind::Came } else { Kind::Failed });
    }

    fn came(&mut self, n: usize, now: Time) {
        let device = &mut self.devices[n];
        if !device.client.came(&self.course.setting, device.sent, now, &mut self.rng) {
            self.sends(n, now);
            return;
        }
        device.minted = device.sent;
        device.expires = device.sent + self.course.setting.life;
        self.tally.tokens += u64::from(now >= self.course.from);
        if device.has_token(&self.course.world, now) {
            self.has(n, now);
        }
        self.answered(n, now);
        self.look_again(n, now);
    }

    fn failed(&mut self, n: usize, now: Time) {
        let device = &mut self.devices[n];
        let waits = device.waits;
        match device.client.failed(&self.course.setting, now, &mut self.rng) {
            After::Again(at) => {
                self.put(n, at, Kind::Send);
                return;
            }
            After::ByItself(at) => {
                self.put(n, at, Kind::Send);
                if let Some(since) = waits {
                    self.has_none(n, since);
                }
            }
            After::Ended { served } => {
                if let Some(since) = waits.filter(|_| !served) {
                    self.has_none(n, since);
                }
                if let Some(at) = self.course.world.online_again(n as u32, now) {
                    self.put(n, at, Kind::Online);
                }
            }
        }
        self.answered(n, now);
        self.look_again(n, now);
    }

    fn is_online(&mut self, n: usize, now: Time) {
        self.devices[n].client.online(now);
        self.look_again(n, now);
    }

    fn answered(&mut self, n: usize, now: Time) {
        if let Some(since) = self.devices[n].waits.take() {
            self.tally.waited += u128::from(now.saturating_sub(since.max(self.course.from)));
        }
    }

    fn has_none(&mut self, n: usize, since: Time) {
        let device = &mut self.devices[n];
        device.without.get_or_insert(since);
    }

    fn has(&mut self, n: usize, now: Time) {
        let device = &mut self.devices[n];
        let Some(since) = device.without.take() else { return };
        let since = since.max(self.course.from);
        if since < now {
            let online = self.course.world.online(n as u32, (since, now));
            self.tally.without += u128::from(online);
            if online > 0 && !device.was_without {
                device.was_without = true;
                self.tally.devices_without += 1;
            }
        }
    }

    fn end(mut self) -> Tally {
        for n in 0..self.devices.len() {
            self.has(n, self.course.to);
        }
        self.tally
    }
}

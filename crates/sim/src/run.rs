//! One seed from its first step to an end that must be quiet.

use std::time::Duration;

use crate::model::{Check, Need};
use crate::outside::{Login, Mood};
use crate::world::{Done, World};

/// What a seed came to.
pub(crate) struct Report {
    pub(crate) steps: u64,
    pub(crate) fetches: u64,
    pub(crate) calls: u64,
    pub(crate) trace: String,
    pub(crate) broken: Option<String>,
}

/// Runs a seed: `steps` of its choosing, and then its end.
pub(crate) fn run(seed: u64, steps: u64) -> Report {
    let mut world = match World::new(seed) {
        Ok(world) => world,
        Err(error) => return Report { steps: 0, fetches: 0, calls: 0, trace: String::new(), broken: Some(error) },
    };
    let mut result = play(&mut world, steps);
    if result.is_ok() && world.trace.contains("SECRET") {
        result = Err("a secret was printed".to_owned());
    }
    let counts = world.model.counts;
    Report {
        steps: world.steps,
        fetches: counts.fetches,
        calls: counts.hits + counts.waits + counts.refusals + counts.not_ready,
        trace: std::mem::take(&mut world.trace),
        broken: result.err(),
    }
}

fn play(world: &mut World, steps: u64) -> Check {
    while world.steps < steps {
        world.step()?;
    }
    match world.rng.u32(..4) {
        0 => world.drop_all(),
        1 => world.shut_down(),
        _ => {
            world.run_dry()?;
            world.recover()?;
            world.shut_down()
        }
    }
}

impl World {
    /// Nobody asks any more: everything comes to rest by itself.
    fn run_dry(&mut self) -> Check {
        for _ in 0..10_000 {
            self.settle()?;
            if self.callers.is_empty() && self.model.under_way().next().is_none() {
                let left = self.outside.state().pending.len();
                return if left == 0 { Ok(()) } else { Err(format!("{left} exchanges are left over")) };
            }
            let Some(by) = self.until_something() else { return Err("somebody waits for nothing".to_owned()) };
            self.advance(by)?;
        }
        Err("it does not come to rest".to_owned())
    }

    /// Once the backend is well and every wait is over, each key has a token at the first call, and asks no more.
    fn recover(&mut self) -> Check {
        {
            let mut state = self.outside.state();
            state.mood = Mood::Perfect;
            state.login = Login::In(7);
        }
        self.advance(Duration::from_secs(301))?;
        for key in 0..self.setting.good_keys() {
            self.model.must_succeed = true;
            self.start_call(key, Need::Usual, true, None)?;
            self.settle()?;
            let before = self.model.counts;
            self.start_call(key, Need::Usual, false, None)?;
            self.settle()?;
            let after = self.model.counts;
            if after.hits != before.hits + 1 || !self.callers.is_empty() {
                return Err(format!("key {key} was not served at once after it had been fetched"));
            }
        }
        self.run_dry()
    }

    fn shut_down(&mut self) -> Check {
        self.model.must_succeed = false;
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        self.note("shutdown");
        let task = self.executor.spawn(Box::pin(async move { factory.shutdown().await }));
        self.executor.poll(task);
        self.judge(Done::ShutDown)?;
        self.settle()?;
        if self.executor.contains(task) || !self.callers.is_empty() {
            return Err(format!("after the shutdown {} calls are left", self.callers.len()));
        }
        self.start_call(0, Need::Usual, true, None)?;
        self.settle()?;
        self.all_is_quiet()
    }

    /// The last that holds the factory lets go.
    fn drop_all(&mut self) -> Check {
        self.note("everybody lets go");
        for task in std::mem::take(&mut self.callers).into_keys() {
            self.executor.cancel(task);
        }
        self.handles.clear();
        self.factory = None;
        for slot in self.model.slots.values_mut() {
            slot.pins = 0;
        }
        self.judge(Done::ShutDown)?;
        self.settle()?;
        self.all_is_quiet()
    }

    fn all_is_quiet(&mut self) -> Check {
        let (timers, exchanges) = (self.clock.sleepers(), self.outside.state().pending.len());
        if timers + exchanges > 0 {
            return Err(format!("after the end {timers} timers run and {exchanges} exchanges are under way"));
        }
        Ok(())
    }
}

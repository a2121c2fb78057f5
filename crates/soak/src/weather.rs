//! What goes wrong at the backend, drawn from a seed: a fault for one request in several, tokens that are revoked, and the
//! backend gone for seconds.

use std::time::Duration;

use fastrand::Rng;
use fleet_token_backend::{Fault, FaultKind, World};

use crate::keys::Key;

/// Faults that wait for a request. More would meet their requests in a burst after an outage.
const MOST_PENDING: usize = 3;

/// What the weather of one seed is like.
pub(crate) struct Weather {
    rng: Rng,
    /// The mean pause between two faults.
    fault_every: Duration,
    /// The mean pause between two revocations.
    revoke_every: Duration,
}

/// What the weather does next.
pub(crate) enum Change {
    Fault,
    Revocation,
    Outage,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let fault_every = Duration::from_millis(rng.u64(250..=800));
        let revoke_every = Duration::from_millis(rng.u64(700..=2500));
        Self { rng, fault_every, revoke_every }
    }

    /// The pause before the next change of that kind.
    pub(crate) fn until(&mut self, change: &Change) -> Duration {
        let spread = 0.5 + self.rng.f64();
        match change {
            Change::Fault => self.fault_every.mul_f64(spread),
            Change::Revocation => self.revoke_every.mul_f64(spread),
            Change::Outage => Duration::from_secs(20).mul_f64(spread),
        }
    }

    /// How long the backend is gone.
    pub(crate) fn outage(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(1000..=5000))
    }

    /// The next token request, or the next of one kind, goes wrong.
    pub(crate) fn fault(&mut self, world: &World) {
        if world.faults().pending().len() < MOST_PENDING {
            let matching = ["/token", "/token", "/token/driver/", "/token/consumer/", "/token/task/", "trackingId"];
            let matching = self.rng.choice(matching).unwrap_or("/token");
            let fault = self.draw();
            world.faults().push(matching, fault);
        }
    }

    /// Fleet Engine revokes the newest token of some key.
    pub(crate) fn revoke(&mut self, world: &World, keys: &[Key]) {
        if let Some(token) = self.rng.choice(keys).and_then(|key| world.minter().last(&key.minted_as())) {
            world.engine().revoke_token(&token.jwt);
        }
    }

    fn draw(&mut self) -> Fault {
        const KINDS: [FaultKind; 12] = [
            FaultKind::Reset,
            FaultKind::Hang,
            FaultKind::Truncated,
            FaultKind::Html,
            FaultKind::EmptyBody,
            FaultKind::HugeBody,
            FaultKind::WrongUnit,
            FaultKind::WrongId,
            FaultKind::Wildcard,
            FaultKind::NoExpiry,
            FaultKind::Expired,
            FaultKind::MissingToken,
        ];
        const STATUSES: [u16; 10] = [500, 502, 503, 503, 504, 408, 429, 401, 403, 404];
        match self.rng.u8(0..10) {
            0..4 => Fault::kind(KINDS[self.rng.usize(0..KINDS.len())]),
            4..6 => Fault::delay_ms(self.rng.u64(100..=3500)),
            6 => Fault::date_skew_secs(self.rng.i64(-30..=5)),
            7 => Fault::redirect("http://127.0.0.1:9/elsewhere"),
            _ => {
                let fault = Fault::status(STATUSES[self.rng.usize(0..STATUSES.len())]);
                if self.rng.bool() { fault.with_retry_after(&self.rng.u8(1..=3).to_string()) } else { fault }
            }
        }
    }
}

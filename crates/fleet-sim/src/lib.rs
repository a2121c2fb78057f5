//! A million devices for a day, event by event: each decides as the SDK does, by the SDK's own slot, policy, backoff and
//! attempts ([`fleet_token::simulation`]), or as others do. Outside of it: the backend, the network, Fleet Engine.
#![allow(missing_docs, reason = "a program of this workspace")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds of days, and what is counted in them, fit"
)]

pub mod backend;
pub mod client;
pub mod clock;
pub mod cost;
pub mod fleet;
pub mod page;
pub mod plot;
pub mod queue;
pub mod scenario;
pub mod tally;

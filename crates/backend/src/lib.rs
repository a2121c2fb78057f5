//! The reference token backend and an emulated Google Fleet Engine, for demos, tests and benches of `fleet-token`.
//!
//! Both are real servers on loopback: tokens are RS256 JWTs with the claims that Google's own libraries mint, the
//! engine verifies them as Fleet Engine documents it, and either can be told to fail in the ways that networks and
//! backends fail.
//!
//! ```
//! # async fn demo() -> Result<(), fleet_token_backend::WorldError> {
//! use fleet_token_backend::{Fault, Grant, World};
//!
//! let world = World::builder().provider_id("demo").start().await?;
//! world.sessions().allow("alice", "alice-session", Grant::driver("driver_12345"));
//! world.faults().push("/token/driver/", Fault::status(503).with_retry_after("1"));
//! println!("{}/token/driver/driver_12345", world.backend_url());
//! # world.stop().await; Ok(()) }
//! ```

mod admin_routes;
mod ask;
mod claims;
mod clock;
mod connection;
pub mod engine;
mod fault;
mod fault_layer;
mod ids;
mod keys;
mod mint;
mod reply;
mod role;
mod session;
mod shape;
mod stats;
mod token_routes;
mod world;

pub use claims::{AUDIENCE, Claims, FLEET_READER_SCOPE, TokenKind};
pub use clock::ServerClock;
pub use engine::{EngineError, FleetEngine};
pub use fault::{Fault, FaultKind, FaultScript, ScriptedFault};
pub use ids::{IdError, MAX_ID_CHARS, checked_id};
pub use keys::{KeyError, KeyPool, KeyRing, SigningKey};
pub use mint::{Minted, Minter};
pub use role::Role;
pub use session::{Grant, Session, Sessions};
pub use shape::{Shape, UnknownShape};
pub use stats::Stats;
pub use world::{World, WorldBuilder, WorldError};

//! What the concurrent rooms are built on: locks, atomics, the map. Under `--cfg shuttle`, which nothing but
//! `cargo xtask model` sets, the same from shuttle, which chooses every order of steps itself.
//!
//! A limit of that: shuttle knows no lock-free map and no atomic pointer, so papaya and arc-swap are a lock around a
//! value there. What is checked is how this crate uses them, not they.

#[cfg(not(shuttle))]
mod real;
#[cfg(not(shuttle))]
pub(crate) use real::*;

#[cfg(shuttle)]
mod shuttled;
#[cfg(shuttle)]
pub(crate) use shuttled::*;

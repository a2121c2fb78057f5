//! What fleet-token costs, beside what its rivals cost, in one run. `cargo xtask bench` builds and runs it, and keeps what
//! it writes: `docs/performance.md` and its charts.

pub mod chart;
pub mod clock;
pub mod cold;

pub mod fleet;
pub mod hits;
pub mod keys;
pub mod machine;
pub mod page;
pub mod parts;
pub mod report;
pub mod server;
pub mod source;
pub mod stores;
pub mod storms;

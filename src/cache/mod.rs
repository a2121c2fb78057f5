//! Tokens that are kept: one slot a key, one flight a slot. Knows nothing of HTTP; time comes in as an argument.

pub(crate) mod answer;
pub(crate) mod flight;
pub(crate) mod rejected;
pub(crate) mod slot;
pub(crate) mod slots;

//! The portable scenarios of `tests/scenarios`, run through the public API.

//! A few threads on the real factory, in thousands of orders of their steps: see `tests/`, which only `cargo xtask model`
//! builds.

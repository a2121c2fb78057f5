//! The ones that apps run on.

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use papaya::HashMap;
pub(crate) use parking_lot::{Condvar, Mutex};

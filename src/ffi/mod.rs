//! The face that the Kotlin and Swift bindings are generated from. The only room that knows uniffi; not a Rust API.
//!
//! Coarse on purpose: one crossing a question, since a crossing costs microseconds and, on a JVM, garbage. What apps see
//! are the wrappers in `bindings/`, which keep a copy of each token and ask here only when it is due.
//!
//! Rules that hold for everything exported:
//!
//! - No call into the app's code is made under a lock, and none is ever aborted: it runs in a task of its own, and
//!   whoever waited for it leaves when its time is up. (uniffi 0.32 leaks what a dropped foreign call answers later.)
//! - Exported futures need no tokio runtime: they are polled by Kotlin's and Swift's executors and only wait.
//! - What does not return an error does not panic either, since Swift would abort.
//! - Nothing that a language prints by itself holds a secret.

mod cancel;
#[cfg(feature = "ffi-testing")]
mod clock;
mod config;
mod context;
mod engine;
mod event;
mod factory;
mod failure;
mod handle;
mod lent;
mod session;
mod stats;
mod token;
mod transport;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::cancel::FfiCancelHandle;
#[cfg(feature = "ffi-testing")]
pub use self::clock::FfiManualClock;
pub use self::config::{FfiConfig, FfiEndpoint, FfiPreset, FfiResponseFields, FfiScopeCheck};
pub use self::context::{FfiContextKind, FfiServiceType, FfiTokenContext};
pub use self::event::{FfiListenerError, FfiSubscription, FfiTokenEvent, FfiTokenEventListener};
pub use self::factory::{FfiInvalidation, FfiTokenFactory};
pub use self::failure::{FfiFailure, FfiTokenError, FfiTokenErrorKind};
pub use self::handle::FfiTokenHandle;
pub use self::session::{FfiSessionError, FfiSessionHeaderProvider};
pub use self::stats::{FfiHits, FfiStats};
pub use self::token::FfiToken;
pub use self::transport::{
    FfiHeader, FfiHttpMethod, FfiHttpRequest, FfiHttpResponse, FfiHttpTransport, FfiTransportError,
};

uniffi::setup_scaffolding!("fleet_token");

/// `work`'s answer, or `otherwise` should it panic: for what returns no error, where Swift would abort.
fn calm<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// Whole milliseconds, rounded down.
fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(feature = "ffi-testing")]
#[cfg(test)]
mod tests;

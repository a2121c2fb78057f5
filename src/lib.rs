//! Tokens for apps that talk to Google's [Fleet Engine], fetched once and kept right.
//!
//! Fleet Engine accepts JSON Web Tokens that only your backend may mint. Between the two stands a piece that Google asks
//! every app to write by hand: fetch a token for a vehicle or a trip, reuse it until shortly before it expires, fetch
//! again. This crate is that piece: keyed, thread-safe, one fetch at a time for each key, sound under bad networks, bad
//! clocks and bad backends, and silent about secrets.
//!
//! ```
//! use std::time::Duration;
//! use fleet_token::{AuthTokenContext, AuthTokenFactory, SessionHeaders};
//!
//! # use fleet_token::{HttpRequest, HttpResponse, HttpTransport, ReqwestTransport, TransportError, async_trait};
//! # use fleet_token_backend::{Grant, World};
//! # /// Sends what is meant for the example's host to a backend on this machine.
//! # struct Here(String, ReqwestTransport);
//! # #[async_trait]
//! # impl HttpTransport for Here {
//! #     async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
//! #         request.url = request.url.replace("https://backend.example.com", &self.0);
//! #         self.1.send(request).await
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let world = World::builder().start().await?;
//! # world.sessions().allow("anna", "app-session", Grant::driver("driver_12345"));
//! # let app_session = "app-session";
//! let factory = AuthTokenFactory::builder()
//!     .vehicle_endpoint("https://backend.example.com/token/driver/{vehicleId}")
//!     .header_provider(SessionHeaders::bearer(app_session)?) // the app's own login
//!     .safety_margin(Duration::from_secs(10 * 60)) // what Google advises for drivers
//! #   .transport(Here(world.backend_url(), ReqwestTransport::new()?))
//!     .build()?;
//!
//! let context = AuthTokenContext::vehicle("driver_12345");
//! let token = factory.token(&context).await?; // at once, unless it has to be fetched
//! let header = token.authorization_header(); // "Bearer …", marked sensitive
//! # assert!(header.is_sensitive());
//! # assert!(world.engine().authenticate(Some(token.value())).is_ok());
//!
//! // Fleet Engine answered UNAUTHENTICATED? Say so; the next call brings another.
//! factory.invalidate(&context, &token);
//! # assert!(factory.try_token(&context).is_none());
//! # Ok(())
//! # }
//! ```
//!
//! | you are | ask with |
//! |---|---|
//! | in async code | [`token`](AuthTokenFactory::token) |
//! | on a thread that may wait | [`blocking_token`](AuthTokenFactory::blocking_token) |
//! | on a thread that may not | [`try_token`](AuthTokenFactory::try_token) |
//! | in a loop over one context | [`handle`](AuthTokenFactory::handle) |
//! | speaking to a backend that is not HTTP | a [`TokenFetcher`] of your own |
//!
//! Features, none of which changes this crate's behaviour: `reqwest` (default) brings the HTTP client; without it, bring
//! an [`HttpTransport`]. `metrics` counts what happens with the [`metrics`](https://docs.rs/metrics) facade. `test-util` brings `ManualClock` and fixed jitter, for tests that never sleep.
//!
//! `tower`, `tonic` and `reqwest-middleware` put tokens on the app's own calls to Fleet Engine, and replace one that is
//! refused: module `attach`.
//!
//! If your app uses reqwest 0.13 itself *without* its default features, Cargo merges the two: your `Client::new()` then
//! has rustls but no cryptography of its own, and panics. Turn on reqwest's `rustls` feature, or call
//! `rustls::crypto::ring::default_provider().install_default()` first.
//!
//! [Fleet Engine]: https://developers.google.com/maps/documentation/mobility/fleet-engine

// The generated bindings of feature `ffi` are the one thing that cannot do without: there, and only there, it is allowed.
#![cfg_attr(not(feature = "ffi"), forbid(unsafe_code))]
#![cfg_attr(feature = "ffi", deny(unsafe_code))]

#[cfg(any(feature = "tower", feature = "tonic", feature = "reqwest-middleware"))]
pub mod attach;
mod attempts;
mod backoff;
mod boot_time;
mod cache;
mod claims;
mod clock;
mod config;
mod context;
mod error;
mod event;
mod factory;
mod fetch;
#[cfg(feature = "ffi")]
#[allow(unsafe_code, reason = "what the bindings generator expands to calls C")]
pub mod ffi;
mod jitter;
mod lifetime;
#[cfg(feature = "metrics")]
mod metrics;
mod policy;
#[cfg(test)]
mod properties;
mod runtime;
#[cfg(any(test, feature = "test-util"))]
#[doc(hidden)]
pub mod simulation;
mod stats;
mod status;
mod sync;
mod token;
mod trace;

/// For implementing this crate's traits.
pub use async_trait::async_trait;
/// The types in [`HttpRequest`], [`HttpResponse`] and [`AuthToken::authorization_header`].
pub use http;
/// The types of [`ReqwestTransport::with_tls`].
#[cfg(feature = "reqwest")]
pub use rustls;

pub use crate::boot_time::BootTime;
#[cfg(any(test, feature = "test-util"))]
pub use crate::clock::ManualClock;
pub use crate::clock::{Clock, Sleep, SystemClock};
pub use crate::config::{ConfigError, ScopeCheck, UnknownLifetime};
pub use crate::context::{AuthTokenContext, ContextError, ContextKind, IdField, ServiceType};
pub use crate::error::{
    Interruption, ResponseError, ScopeMismatch, SessionError, TokenError, TokenErrorKind, TransportError,
};
pub use crate::event::{TokenEvent, TokenEvents};
pub use crate::factory::{AuthTokenFactory, AuthTokenFactoryBuilder, TokenHandle};
pub use crate::fetch::endpoint::{Endpoint, EndpointError, Method};
pub use crate::fetch::http::{HttpRequest, HttpResponse, HttpTransport};
#[cfg(feature = "reqwest")]
pub use crate::fetch::reqwest::ReqwestTransport;
pub use crate::fetch::response::ResponseFormat;
pub use crate::fetch::session::{SessionHeaderProvider, SessionHeaders};
pub use crate::fetch::{FetchRequest, FetchedToken, TokenFetcher};
#[cfg(feature = "ffi")]
#[doc(hidden)]
pub use crate::ffi::UniFfiTag;
pub use crate::lifetime::Expiry;
pub use crate::stats::Stats;
pub use crate::status::{ContextStatus, FailureStatus, TokenAge, TokenStatus};
pub use crate::token::AuthToken;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do the page's on attaching.
#[cfg(all(doctest, feature = "tower", feature = "tonic", feature = "reqwest-middleware"))]
#[doc = include_str!("../docs/attach.md")]
struct Attaching;

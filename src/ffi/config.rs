//! How a factory is configured from outside: one record, every setting but the endpoints optional.

use std::time::Duration;

use super::context::FfiContextKind;
use super::transport::FfiHttpMethod;
use crate::config::{ScopeCheck, UnknownLifetime};
use crate::fetch::endpoint::Endpoint;
use crate::fetch::response::ResponseFormat;
use crate::{AuthTokenFactory, AuthTokenFactoryBuilder};

/// Everything that can be chosen. What is absent is the factory's default. All times are milliseconds.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct FfiConfig {
    /// Where tokens are asked for. A later one replaces an earlier one, and a preset's, of the same kind.
    #[uniffi(default)]
    pub endpoints: Vec<FfiEndpoint>,
    /// The endpoints of a backend that is known.
    #[uniffi(default)]
    pub presets: Vec<FfiPreset>,
    /// Allows plain http to this machine, for a backend under development.
    #[uniffi(default)]
    pub allow_http_loopback: bool,
    /// Fields of the reply to look at, in place of the known ones.
    #[uniffi(default)]
    pub response_fields: Option<FfiResponseFields>,
    /// How long before its expiry a token is replaced. Default: 5 minutes.
    #[uniffi(default)]
    pub safety_margin_ms: Option<u64>,
    /// How long before the margin a token that is asked for is renewed in the background. Default: 30 seconds.
    #[uniffi(default)]
    pub refresh_ahead_ms: Option<u64>,
    /// How much life an old token must have left to stand in for one that could not be fetched. Default: 30 seconds.
    #[uniffi(default)]
    pub min_validity_ms: Option<u64>,
    /// The longest life that is believed. Default: 70 minutes.
    #[uniffi(default)]
    pub max_lifetime_ms: Option<u64>,
    /// What to assume for a token whose life is not known at all. Default: it is not kept.
    #[uniffi(default)]
    pub unknown_lifetime_ms: Option<u64>,
    /// What to do with a token that is wider than asked. Default: warn.
    #[uniffi(default)]
    pub scope_check: Option<FfiScopeCheck>,
    /// Within what time every call is answered. Default: 30 seconds.
    #[uniffi(default)]
    pub fetch_deadline_ms: Option<u64>,
    /// How long one attempt may take. Default: 10 seconds.
    #[uniffi(default)]
    pub attempt_timeout_ms: Option<u64>,
    /// How many attempts are made within the deadline. Default: 3.
    #[uniffi(default)]
    pub max_attempts: Option<u32>,
    /// How many contexts are kept. Default: 16 384.
    #[uniffi(default)]
    pub max_entries: Option<u32>,
    /// How many requests are made at a time. Default: 64.
    #[uniffi(default)]
    pub max_concurrent_fetches: Option<u32>,
}

/// Where tokens for one kind of context are asked for.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FfiEndpoint {
    /// Which kind; none for all that have no endpoint of their own.
    pub kind: Option<FfiContextKind>,
    /// A URL with a place for each id, such as `https://backend.example.com/token/driver/{vehicleId}`.
    pub template: String,
    /// How it is asked.
    pub method: FfiHttpMethod,
}

/// The endpoints of one of Google's sample backends.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum FfiPreset {
    /// `java-on-demand-rides-deliveries-stub-provider`.
    OnDemandStubProvider {
        /// Where it is.
        base_url: String,
    },
    /// `last-mile-fleet-solution-samples`.
    LastMileBackend {
        /// Where it is.
        base_url: String,
    },
}

/// The names of a reply's fields.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FfiResponseFields {
    /// The token.
    pub token: String,
    /// A point in time.
    #[uniffi(default)]
    pub expires_at: Option<String>,
    /// A number of seconds.
    #[uniffi(default)]
    pub expires_in: Option<String>,
}

/// What to do with a token that is wider or vaguer than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FfiScopeCheck {
    /// Use it, and send an event.
    Warn,
    /// Refuse it.
    Strict,
}

type Setter<T> = fn(AuthTokenFactoryBuilder, T) -> AuthTokenFactoryBuilder;

impl FfiConfig {
    /// A builder with all of it set.
    pub(super) fn into_builder(self) -> AuthTokenFactoryBuilder {
        let mut builder = AuthTokenFactory::builder();
        for preset in self.presets {
            builder = match preset {
                FfiPreset::OnDemandStubProvider { base_url } => builder.on_demand_stub_provider(&base_url),
                FfiPreset::LastMileBackend { base_url } => builder.last_mile_backend(&base_url),
            };
        }
        for FfiEndpoint { kind, template, method } in self.endpoints {
            let endpoint = match method {
                FfiHttpMethod::Get => Endpoint::get(template),
                FfiHttpMethod::Post => Endpoint::post(template),
            };
            builder = match kind {
                Some(kind) => builder.endpoint(kind.into(), endpoint),
                None => builder.default_endpoint(endpoint),
            };
        }
        if self.allow_http_loopback {
            builder = builder.allow_http_loopback();
        }
        if let Some(FfiResponseFields { token, expires_at, expires_in }) = self.response_fields {
            builder = builder.response_format(ResponseFormat::Fields { token, expires_at, expires_in });
        }
        if let Some(lifetime) = self.unknown_lifetime_ms {
            builder = builder.unknown_lifetime(UnknownLifetime::Assume(Duration::from_millis(lifetime)));
        }
        if let Some(check) = self.scope_check {
            builder = builder.scope_check(match check {
                FfiScopeCheck::Warn => ScopeCheck::Warn,
                FfiScopeCheck::Strict => ScopeCheck::Strict,
            });
        }
        let times: [(Option<u64>, Setter<Duration>); 6] = [
            (self.safety_margin_ms, AuthTokenFactoryBuilder::safety_margin),
            (self.refresh_ahead_ms, AuthTokenFactoryBuilder::refresh_ahead),
            (self.min_validity_ms, AuthTokenFactoryBuilder::min_validity),
            (self.max_lifetime_ms, AuthTokenFactoryBuilder::max_lifetime),
            (self.fetch_deadline_ms, AuthTokenFactoryBuilder::fetch_deadline),
            (self.attempt_timeout_ms, AuthTokenFactoryBuilder::attempt_timeout),
        ];
        for (time, set) in times {
            if let Some(time) = time {
                builder = set(builder, Duration::from_millis(time));
            }
        }
        if let Some(attempts) = self.max_attempts {
            builder = builder.max_attempts(attempts);
        }
        let counts: [(Option<u32>, Setter<usize>); 2] = [
            (self.max_entries, AuthTokenFactoryBuilder::max_entries),
            (self.max_concurrent_fetches, AuthTokenFactoryBuilder::max_concurrent_fetches),
        ];
        for (count, set) in counts {
            if let Some(count) = count {
                builder = set(builder, usize::try_from(count).unwrap_or(usize::MAX));
            }
        }
        builder
    }
}

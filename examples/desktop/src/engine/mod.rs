//! Fleet Engine as this program needs it: two questions, over gRPC or REST, each with the token of what is asked for.

mod grpc;
mod rest;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleet_token::{AuthToken, AuthTokenContext, AuthTokenFactory, TokenError};
use time::OffsetDateTime;

use crate::Result;

/// Where something is, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

/// What is shown of a trip.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trip {
    /// Google's name for it, like `ENROUTE_TO_PICKUP`.
    pub(crate) status: String,
    pub(crate) vehicle: String,
    pub(crate) metres_left: Option<i32>,
    /// When the vehicle is at the pickup or the dropoff, whichever is next.
    pub(crate) arrives: Option<OffsetDateTime>,
    pub(crate) pickup: Option<Point>,
    pub(crate) dropoff: Option<Point>,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no token: {0}")]
    NoToken(#[from] TokenError),
    /// gRPC's UNAUTHENTICATED, REST's 401: the token was not accepted.
    #[error("Fleet Engine did not accept the token")]
    Unauthenticated,
    /// PERMISSION_DENIED and the like: another token would not help.
    #[error("Fleet Engine answered {0}")]
    Refused(String),
    #[error("Fleet Engine could not be reached: {0}")]
    Unreachable(String),
}

/// A client that authenticates itself. Clones share its connections and its factory.
#[derive(Clone)]
pub(crate) struct Engine {
    wire: Wire,
    factory: AuthTokenFactory,
    replaced: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Wire {
    Grpc(grpc::Client),
    Rest(rest::Client),
}

impl Engine {
    pub(crate) fn new(url: &str, provider: &str, rest: bool, factory: AuthTokenFactory) -> Result<Self> {
        let wire = if rest {
            Wire::Rest(rest::Client::new(url, provider))
        } else {
            Wire::Grpc(grpc::Client::new(url, provider)?)
        };
        Ok(Self { wire, factory, replaced: Arc::default() })
    }

    /// `GetVehicle`: where it is, if it has said so yet.
    pub(crate) async fn vehicle(&self, id: &str) -> std::result::Result<Option<Point>, CallError> {
        let call = |token: AuthToken| async move {
            match &self.wire {
                Wire::Grpc(client) => client.vehicle(id, &token).await,
                Wire::Rest(client) => client.vehicle(id, &token).await,
            }
        };
        self.authenticated(&AuthTokenContext::vehicle(id), call).await
    }

    /// `GetTrip`.
    pub(crate) async fn trip(&self, id: &str) -> std::result::Result<Trip, CallError> {
        let call = |token: AuthToken| async move {
            match &self.wire {
                Wire::Grpc(client) => client.trip(id, &token).await,
                Wire::Rest(client) => client.trip(id, &token).await,
            }
        };
        self.authenticated(&AuthTokenContext::trip(id), call).await
    }

    /// How many refused tokens were replaced without anybody noticing.
    pub(crate) fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// All there is to it: a token for what is asked for; refused, it is reported and the call made once more with the
    /// next. A token that Fleet Engine does not accept may have been revoked, and the factory cannot know.
    async fn authenticated<T, F>(
        &self,
        context: &AuthTokenContext,
        call: impl Fn(AuthToken) -> F,
    ) -> std::result::Result<T, CallError>
    where
        F: Future<Output = std::result::Result<T, CallError>>,
    {
        let token = self.factory.token(context).await?;
        match call(token.clone()).await {
            Err(CallError::Unauthenticated) => {
                self.factory.invalidate(context, &token);
                self.replaced.fetch_add(1, Ordering::Relaxed);
                call(self.factory.token(context).await?).await
            }
            answer => answer,
        }
    }
}

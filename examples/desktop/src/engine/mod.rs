//! Fleet Engine as this program needs it: two questions, over gRPC or REST. A call says what it is about, and the layer around
//! the client (`fleet_token::attach`) does the rest: puts that token on it, and replaces one that is refused, once.

mod grpc;
mod rest;

use fleet_token::AuthTokenFactory;
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
    /// The layer had no token for the call, which was not sent.
    #[error("{0}")]
    NoToken(String),
    /// gRPC's UNAUTHENTICATED, REST's 401, twice in a row: no token helps.
    #[error("Fleet Engine did not accept the token")]
    Unauthenticated,
    /// PERMISSION_DENIED and the like: another token would not help.
    #[error("Fleet Engine answered {0}")]
    Refused(String),
    #[error("Fleet Engine could not be reached: {0}")]
    Unreachable(String),
}

/// A client that authenticates itself. Clones share its connections.
#[derive(Clone)]
pub(crate) enum Engine {
    Grpc(grpc::Client),
    Rest(rest::Client),
}

impl Engine {
    pub(crate) fn new(url: &str, provider: &str, rest: bool, factory: AuthTokenFactory) -> Result<Self> {
        Ok(if rest {
            Self::Rest(rest::Client::new(url, provider, factory)?)
        } else {
            Self::Grpc(grpc::Client::new(url, provider, factory)?)
        })
    }

    /// `GetVehicle`: where it is, if it has said so yet.
    pub(crate) async fn vehicle(&self, id: &str) -> std::result::Result<Option<Point>, CallError> {
        match self {
            Self::Grpc(client) => client.vehicle(id).await,
            Self::Rest(client) => client.vehicle(id).await,
        }
    }

    /// `GetTrip`.
    pub(crate) async fn trip(&self, id: &str) -> std::result::Result<Trip, CallError> {
        match self {
            Self::Grpc(client) => client.trip(id).await,
            Self::Rest(client) => client.trip(id).await,
        }
    }
}

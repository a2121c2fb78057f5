//! Nothing is there: the call, the flight, the commit, the answer, but no network.

use std::hint::black_box;

use fleet_token::{AuthTokenContext, HttpResponse, ManualClock};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use parking_lot::Mutex;

use crate::Task;
use crate::measured::{REGION, measured_region};
use crate::token::{ISSUED, jwt};
use crate::world::{Replies, Tokens, World, miss, vehicle, vehicles};

const TIMES: usize = 200;

pub(crate) const TASKS: [Task; 2] = [
    Task { name: "miss/fetcher", times: TIMES, counted: REGION, run: fetcher },
    Task { name: "miss/http", times: TIMES, counted: REGION, run: http },
];

fn fetcher(times: usize) {
    let world = World::new(ManualClock::default(), |builder| builder.fetcher(Tokens::new(times + 1)));
    measured(&world, &vehicles(times + 1));
}

/// With all that a reply goes through: endpoint, status, shape, claims, scope.
fn http(times: usize) {
    let replies = (0..=times).rev().map(|n| reply(&vehicle(n))).collect();
    let world = World::new(ManualClock::default(), |builder| {
        builder
            .vehicle_endpoint("https://backend.example.com/token/driver/{vehicleId}")
            .transport(Replies(Mutex::new(replies)))
    });
    measured(&world, &vehicles(times + 1));
}

fn measured(world: &World, contexts: &[AuthTokenContext]) {
    let [first, contexts @ ..] = contexts else { return };
    // What is made once a process is made here.
    miss(world, first);
    measured_region(&mut || {
        for context in contexts {
            black_box(miss(world, black_box(context)));
        }
    });
}

fn reply(vehicle: &str) -> HttpResponse {
    let body = format!(r#"{{"jwt":"{}","expirationTimestamp":{}000}}"#, jwt(vehicle), ISSUED + 3600);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(DATE, HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT"));
    HttpResponse::new(200, headers, body.into_bytes())
}

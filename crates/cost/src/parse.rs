//! What is read out of a reply: each shape's body, and a JWT's claims. Counted is one function of the SDK's, wherever it is
//! called in a fetch.

use fleet_token::{HttpResponse, ManualClock};
use http::HeaderMap;
use parking_lot::Mutex;

use crate::Task;
use crate::token::{ISSUED, jwt, opaque};
use crate::world::{Replies, World, miss, vehicle, vehicles};

const TIMES: usize = 100;
/// A whole path, so that no other function of such a name counts too.
const BODY: &str = "fleet_token::fetch::response::parse";
const CLAIMS: &str = "fleet_token::claims::read";

pub(crate) const TASKS: [Task; 11] = [
    body("parse/A-on-demand", |times| {
        bodies(times, ON_DEMAND);
    }),
    body("parse/B-last-mile", |times| {
        bodies(times, LAST_MILE);
    }),
    body("parse/C-driver-guide", |times| {
        bodies(times, r#"{"VehicleServiceToken":"TOKEN","TokenExpiryMs":THEN000}"#);
    }),
    body("parse/D-consumer-guide", |times| {
        bodies(times, r#"{"ServiceToken":"TOKEN","TokenExpiryMs":THEN000}"#);
    }),
    body("parse/E-javascript", |times| {
        bodies(times, r#"{"token":"TOKEN","expiresInSeconds":3600}"#);
    }),
    body("parse/F-rfc3339", |times| {
        bodies(times, r#"{"token":"TOKEN","expiration":"2026-01-01T01:00:00Z"}"#);
    }),
    body("parse/G-no-expiry", |times| {
        bodies(times, r#"{"token":"TOKEN","vehicleId":"v1","providerId":"p1"}"#);
    }),
    body("parse/H-fleet-tracking", |times| {
        bodies(times, r#"{"Token":"TOKEN","ExpiresInSeconds":3600}"#);
    }),
    body("parse/oauth", |times| {
        bodies(times, r#"{"access_token":"TOKEN","token_type":"Bearer","expires_in":3599}"#);
    }),
    body("parse/escaped", |times| {
        bodies(times, r#"{"token":"\u0053TOKEN\/","expiresInSeconds":3600}"#);
    }),
    Task { name: "parse/jwt-claims", times: TIMES, counted: CLAIMS, run: claims },
];

/// With all that the stub provider really sends.
const ON_DEMAND: &str = r#"{
  "jwt": "TOKEN",
  "creationTimestamp": NOW000,
  "expirationTimestamp": THEN000,
  "audience": "https://fleetengine.googleapis.com/",
  "tokenType": "DRIVER",
  "authorizationClaims": {"isWildcard": false, "map": {"vehicleid": "v1"}}
}"#;
const LAST_MILE: &str = r#"{"creation_timestamp_ms":NOW000,"expiration_timestamp_ms":THEN000,"token":"TOKEN"}"#;

const fn body(name: &'static str, run: fn(usize)) -> Task {
    Task { name, times: TIMES, counted: BODY, run }
}

fn bodies(times: usize, shape: &str) {
    let (now, then) = (ISSUED.to_string(), (ISSUED + 3600).to_string());
    let shape = shape.replace("NOW", &now).replace("THEN", &then);
    replies(times, |n| shape.replace("TOKEN", &opaque(n)));
}

fn claims(times: usize) {
    replies(times, |n| format!(r#"{{"token":"{}"}}"#, jwt(&vehicle(n))));
}

/// Each of these is fetched once.
fn replies(times: usize, body: impl Fn(usize) -> String) {
    let reply = |n| HttpResponse::new(200, HeaderMap::new(), body(n).into_bytes());
    let replies = (0..times).rev().map(reply).collect();
    let world = World::new(ManualClock::default(), |builder| {
        builder.vehicle_endpoint("https://backend.example.com/{vehicleId}").transport(Replies(Mutex::new(replies)))
    });
    for context in &vehicles(times) {
        miss(&world, context);
    }
}

//! A raw HTTP/1.1 client, so that a test sees what is really on the wire, and a world with everybody in it.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

use std::fmt::Write as _;
use std::io;

use fleet_token_backend::engine::{DeliveryVehicle, Task, Trip, Vehicle, VehicleState};
use fleet_token_backend::{Grant, Minted, TokenKind, World, WorldBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is as long as `Content-Length` says.
    pub(crate) complete: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The error's status name and message.
    pub(crate) fn error(&self) -> (String, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status, "{self:?}");
        let text = |field: &str| error[field].as_str().unwrap().to_owned();
        (text("status"), text("message"))
    }
}

/// One request on a connection of its own.
pub(crate) async fn send(
    verb: &str,
    base: &str,
    path: &str,
    bearer: Option<&str>,
    body: Option<&str>,
) -> io::Result<Reply> {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await?;
    let mut head = format!("{verb} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if let Some(bearer) = bearer {
        let _ = write!(head, "Authorization: Bearer {bearer}\r\n");
    }
    if let Some(body) = body {
        let _ = write!(head, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    head += "\r\n";
    head += body.unwrap_or("");
    stream.write_all(head.as_bytes()).await?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await?;
    parsed(&raw)
}

fn parsed(raw: &[u8]) -> io::Result<Reply> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(raw[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut reply = Reply { status, headers, body: raw[end + 4..].to_vec(), complete: true };
    let promised: Option<usize> = reply.header("content-length").map(|length| length.parse().unwrap());
    reply.complete = promised.is_none_or(|promised| promised == reply.body.len());
    Ok(reply)
}

/// GET on the token backend.
pub(crate) async fn token(world: &World, path: &str, bearer: &str) -> Reply {
    send("GET", &world.backend_url(), path, Some(bearer), None).await.unwrap()
}

/// A call on the engine, `path` below the provider.
pub(crate) async fn call(world: &World, verb: &str, path: &str, jwt: Option<&str>, body: Option<&str>) -> Reply {
    let path = format!("/v1/providers/demo/{path}");
    send(verb, &world.engine_url(), &path, jwt, body).await.unwrap()
}

/// The payload of a JWT, unverified.
pub(crate) fn payload(jwt: &str) -> Value {
    part(jwt, 1)
}

/// The header of a JWT.
pub(crate) fn jwt_header(jwt: &str) -> Value {
    part(jwt, 0)
}

fn part(jwt: &str, index: usize) -> Value {
    use base64::Engine as _;
    let part = jwt.split('.').nth(index).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The token of a kind, minted by the server's own hand; off the async threads, as a first key takes long.
pub(crate) fn mint(world: &World, kind: TokenKind) -> Minted {
    world.minter().mint(kind).unwrap()
}

pub(crate) fn driver(id: &str) -> TokenKind {
    TokenKind::Driver { vehicle_id: id.into() }
}

pub(crate) fn consumer(id: &str) -> TokenKind {
    TokenKind::Consumer { trip_id: id.into() }
}

/// A world with two of everything, and a user for each role. Bearers are `<user>-session`.
pub(crate) async fn world() -> World {
    peopled(World::builder()).await
}

pub(crate) async fn peopled(builder: WorldBuilder) -> World {
    let world = builder.start().await.unwrap();
    let people = [
        ("alice", Grant::driver("v1")),
        ("bob", Grant::driver("v2")),
        ("carol", Grant::consumer("t1")),
        ("dave", Grant::none().delivery_vehicle("d1")),
        ("dora", Grant::none().delivery_vehicle("d1").task("k1")),
        ("erin", Grant::none().tracking("x1")),
        ("frank", Grant::fleet_reader()),
        ("root", Grant::server()),
    ];
    for (user, grant) in people {
        world.sessions().allow(user, &format!("{user}-session"), grant);
    }
    let fleet = world.engine().state();
    for n in ["1", "2"] {
        let online = Vehicle { vehicle_state: VehicleState::Online, ..Vehicle::default() };
        fleet.put_vehicle(&format!("v{n}"), online);
        fleet.put_trip(&format!("t{n}"), Trip { vehicle_id: format!("v{n}"), ..Trip::default() });
        fleet.put_delivery_vehicle(&format!("d{n}"), DeliveryVehicle::default());
        let task = Task { tracking_id: format!("x{n}"), delivery_vehicle_id: format!("d{n}"), ..Task::default() };
        fleet.put_task(&format!("k{n}"), task);
    }
    world
}

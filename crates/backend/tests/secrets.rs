//! Nothing that this crate logs holds a token, a session or a key. Its own binary: the subscriber is the process's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fleet_token_backend::{Fault, FaultKind, World};
use support::{call, peopled, token};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_line_holds_a_secret() {
    let captured = Captured::default();
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(captured.clone()).init();

    let world = peopled(World::builder()).await;
    let body = token(&world, "/token/driver/v1", "alice-session").await.json();
    let jwt = body["jwt"].as_str().unwrap().to_owned();
    assert_eq!(token(&world, "/token/driver/v2", "alice-session").await.status, 403);
    assert_eq!(token(&world, "/token/driver/v1", "unknown-session").await.status, 401);
    world.faults().push("/token/", Fault::kind(FaultKind::Wildcard));
    token(&world, "/token/driver/v1", "alice-session").await;
    assert_eq!(call(&world, "GET", "vehicles/v1", Some(&jwt), None).await.status, 200);
    world.engine().revoke_token(&jwt);
    assert_eq!(call(&world, "GET", "vehicles/v1", Some(&jwt), None).await.status, 401);
    world.stop().await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("token minted") && log.contains("call refused"), "the log is on: {log}");
    for secret in jwt.split('.').chain(["-session", "PRIVATE"]) {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

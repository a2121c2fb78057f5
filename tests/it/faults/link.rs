//! A link that goes down and comes back: a backend in one network namespace, the factory in another, a cable between.
//!
//! Needs root and `ip`. Without them the tests say that they were skipped, and in CI they fail.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Clock as _, ReqwestTransport, SystemClock,
    TokenError, TokenErrorKind, TransportError,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use super::{DEADLINE, SLACK, is_timeout};
use crate::sockets::{Authority, GOOD, read_head, reply};
use crate::support::{ask, trace};

const CLIENT: &str = "10.77.0.1";
const BACKEND: &str = "10.77.0.2";
/// The far end's own.
const MAC: &str = "02:00:00:00:00:02";
const PORT: u16 = 4433;
const PREFIX: &str = "fleet-token";

/// Two namespaces with a cable between them, removed when dropped.
struct Link {
    client: String,
    backend: String,
}

impl Link {
    /// Lays the cable; `None`, said, where that is not possible.
    fn lay() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if let Err(why) = possible() {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
            assert!(!is_ci, "skipped, which CI must not: {why}");
            #[allow(clippy::print_stdout, reason = "a test that did not take place says so")]
            {
                println!("skipped: {why}");
            }
            return None;
        }
        remove_what_others_left();
        let name = format!("{PREFIX}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let link = Self { client: format!("{name}-app"), backend: format!("{name}-backend") };
        ip(&["netns", "add", &link.client]);
        ip(&["netns", "add", &link.backend]);
        let veth = ["type", "veth", "peer", "name", "cable", "address", MAC, "netns", &link.backend];
        ip(&[&["-n", &link.client, "link", "add", "cable"], &veth[..]].concat());
        for (end, address) in [(&link.client, CLIENT), (&link.backend, BACKEND)] {
            ip(&["-n", end, "address", "add", &format!("{address}/24"), "dev", "cable"]);
            ip(&["-n", end, "link", "set", "lo", "up"]);
            ip(&["-n", end, "link", "set", "cable", "up"]);
        }
        // So that a far end that is pulled is silence, and not an error once the kernel has missed its neighbour.
        ip(&["-n", &link.client, "neighbour", "add", BACKEND, "lladdr", MAC, "dev", "cable", "nud", "permanent"]);
        Some(link)
    }

    /// Pulls the far end: the near one hears nothing of it but silence.
    fn pull_far_end(&self) {
        ip(&["-n", &self.backend, "link", "set", "cable", "down"]);
    }

    fn plug_far_end(&self) {
        ip(&["-n", &self.backend, "link", "set", "cable", "up"]);
        self.is_up();
    }

    /// Waits until the near end may send again: the kernel takes up to a second to notice, as it does on a phone.
    fn is_up(&self) {
        let clock = SystemClock::new();
        let started = clock.now();
        while !ip(&["-n", &self.client, "-o", "link", "show", "cable"]).contains(" state UP ") {
            assert!(clock.now().saturating_since(started) < SLACK, "the link stays down");
        }
    }

    /// As a device without any network sees it.
    fn pull_near_end(&self) {
        ip(&["-n", &self.client, "link", "set", "cable", "down"]);
    }

    fn plug_near_end(&self) {
        ip(&["-n", &self.client, "link", "set", "cable", "up"]);
        self.is_up();
    }

    /// Runs what an app does at the near end.
    fn app<T: Send>(&self, app: impl AsyncFnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| scope.spawn(|| within(&self.client, app)).join().expect("the app's thread"))
    }

    /// Runs a backend at the far end until the answer is dropped.
    fn backend(&self, tls: tokio_rustls::TlsAcceptor) -> Backend {
        let backend = Backend { connections: Arc::default(), held: Arc::default(), send: Arc::default(), end: None };
        let (connections, held, send) =
            (Arc::clone(&backend.connections), Arc::clone(&backend.held), Arc::clone(&backend.send));
        let (end, ends) = oneshot::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let namespace = self.backend.clone();
        std::thread::spawn(move || {
            within(&namespace, async || {
                let listener = TcpListener::bind((BACKEND, PORT)).await.unwrap();
                ready.send(()).unwrap();
                let serving = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        connections.fetch_add(1, Ordering::SeqCst);
                        let (tls, held, send) = (tls.clone(), Arc::clone(&held), Arc::clone(&send));
                        tokio::spawn(async move {
                            let Ok(mut stream) = tls.accept(stream).await else { return };
                            while let Some(head) = read_head(&mut stream).await {
                                if head.contains("/held ") {
                                    held.notify_one();
                                    send.notified().await;
                                }
                                let _ = stream.write_all(reply("200 OK", "", GOOD).as_bytes()).await;
                            }
                        });
                    }
                };
                tokio::select! {
                    () = serving => {}
                    _ = ends => {}
                }
            });
        });
        is_ready.recv_timeout(SLACK).expect("a backend in its namespace");
        Backend { end: Some(end), ..backend }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for name in [&self.client, &self.backend] {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// Ends when dropped.
struct Backend {
    connections: Arc<AtomicUsize>,
    /// Told when the vehicle named `held` was asked for, whose reply waits for `send`.
    held: Arc<Notify>,
    send: Arc<Notify>,
    #[allow(dead_code, reason = "its drop ends the backend")]
    end: Option<oneshot::Sender<()>>,
}

fn possible() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("network namespaces need root".to_owned());
    }
    let probe = Command::new("ip").args(["netns", "list"]).output();
    match probe.map(|probe| probe.status.success()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("`ip netns` does not work here".to_owned()),
        Err(error) => Err(format!("no `ip` (Debian: iproute2): {error}")),
    }
}

fn ip(args: &[&str]) -> String {
    let output = Command::new("ip").args(args).output().unwrap();
    assert!(output.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A run that was killed could not clean up.
fn remove_what_others_left() {
    let list = Command::new("ip").args(["netns", "list"]).output().unwrap().stdout;
    for name in String::from_utf8_lossy(&list).lines().filter_map(|line| line.split_whitespace().next()) {
        let pid = name.strip_prefix(PREFIX).and_then(|name| name.split('-').nth(1));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// Runs it on this thread, in that namespace: its sockets, and those of the threads it starts, are there.
fn within<T>(namespace: &str, run: impl AsyncFnOnce() -> T) -> T {
    let file = std::fs::File::open(Path::new("/run/netns").join(namespace)).unwrap();
    move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network)).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run())
}

fn builder(authority: &Authority) -> AuthTokenFactoryBuilder {
    trace();
    AuthTokenFactory::builder()
        .vehicle_endpoint(format!("https://{BACKEND}:{PORT}/{{vehicleId}}"))
        .transport(ReqwestTransport::with_tls(authority.client()).unwrap())
        .fetch_deadline(DEADLINE)
        .max_attempts(1)
}

fn vehicle(id: &str) -> AuthTokenContext {
    AuthTokenContext::vehicle(id)
}

async fn promptly(factory: &AuthTokenFactory, id: &str) -> Result<AuthToken, TokenError> {
    tokio::time::timeout(4 * DEADLINE + SLACK, factory.token(&vehicle(id))).await.expect("an answer by the deadline")
}

#[test]
fn a_link_that_goes_down_in_the_middle_of_a_fetch_costs_it_and_no_more() {
    let Some(link) = Link::lay() else { return };
    let authority = Authority::new("trusted");
    let backend = link.backend(authority.server(BACKEND, |_| {}));
    link.app(async || {
        // Long enough for a handshake on a busy machine: until the link goes down nothing may fail.
        let deadline = 2 * DEADLINE;
        let factory = builder(&authority).fetch_deadline(deadline).build().unwrap();
        let token = promptly(&factory, "v1").await.unwrap();
        let held = ask(&factory, &vehicle("held"));
        backend.held.notified().await;
        link.pull_far_end();
        backend.send.notify_one();
        let error = held.await.unwrap().unwrap_err();
        assert!(matches!(error, TokenError::Timeout { deadline: passed } if passed == deadline), "{error:?}");
        // The token in hand is served, and what fails is left alone.
        assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
        assert_eq!(promptly(&factory, "v2").await.unwrap_err().kind(), TokenErrorKind::Timeout);
        assert_eq!(promptly(&factory, "v2").await.unwrap_err().kind(), TokenErrorKind::BackingOff);

        link.plug_far_end();
        assert_eq!(promptly(&factory, "v2").await.unwrap_err().kind(), TokenErrorKind::BackingOff);
        factory.network_available();
        let fetches = factory.stats().fetches;
        let again = promptly(&factory, "v2").await;
        assert!(again.is_ok(), "{again:?}");
        assert_eq!(factory.stats().fetches, fetches + 1, "one request was enough");
        backend.send.notify_one();
        let again = promptly(&factory, "held").await;
        assert!(again.is_ok(), "{again:?}");
    });
}

#[test]
fn a_device_without_a_network_fails_at_once_and_goes_on_with_the_network() {
    let Some(link) = Link::lay() else { return };
    let authority = Authority::new("trusted");
    let _backend = link.backend(authority.server(BACKEND, |_| {}));
    link.app(async || {
        // Nothing is in the pool yet, so that each call has to connect.
        let factory = builder(&authority).fetch_deadline(SLACK).build().unwrap();
        link.pull_near_end();
        assert!(says(promptly(&factory, "v1").await, "unreachable"));
        link.plug_near_end();
        factory.network_available();
        let token = promptly(&factory, "v1").await.unwrap();
        link.pull_near_end();
        assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
    });
}

fn says(answer: Result<AuthToken, TokenError>, word: &str) -> bool {
    let error = answer.expect_err("no token can come");
    let found = matches!(&error, TokenError::Transport(TransportError::Connect { detail }) if detail.contains(word));
    assert!(found && error.is_retryable(), "not {word}: {error:?}");
    true
}

#[test]
fn refused_unreachable_forbidden_and_silent_are_told_apart() {
    let Some(link) = Link::lay() else { return };
    let authority = Authority::new("trusted");
    for (kind, network) in
        [("unreachable", "10.78.1.0/24"), ("prohibit", "10.78.2.0/24"), ("blackhole", "10.78.3.0/24")]
    {
        ip(&["-n", &link.client, "route", "add", kind, network]);
    }
    link.app(async || {
        let at = |host: &str| {
            let endpoint = format!("https://{host}:{PORT}/{{vehicleId}}");
            builder(&authority).vehicle_endpoint(endpoint).build().unwrap()
        };
        assert!(says(promptly(&at(BACKEND), "v1").await, "refused"));
        assert!(says(promptly(&at("10.78.1.1"), "v1").await, "No route to host"));
        assert!(says(promptly(&at("10.78.2.1"), "v1").await, "denied"));
        // What Linux calls dropping in silence is an error to the sender itself.
        assert!(says(promptly(&at("10.78.3.1"), "v1").await, "Invalid argument"));
        assert!(says(promptly(&at("10.79.0.1"), "v1").await, "unreachable"));
        // No name server either: no lookup hangs.
        assert!(says(promptly(&at("backend.example"), "v1").await, ""));
        link.pull_far_end();
        assert!(is_timeout(&promptly(&at(BACKEND), "v1").await.unwrap_err()));
    });
}

/// A phone that goes from Wi-Fi to mobile has another address, and its kept connections are dead without a word.
#[test]
fn a_kept_connection_that_died_with_its_address_costs_one_attempt() {
    let Some(link) = Link::lay() else { return };
    let authority = Authority::new("trusted");
    let backend = link.backend(authority.server(BACKEND, |_| {}));
    link.app(async || {
        let factory = builder(&authority).fetch_deadline(SLACK).attempt_timeout(4 * DEADLINE).max_attempts(3);
        let factory = factory.build().unwrap();
        assert!(promptly(&factory, "v1").await.is_ok());
        let before = (factory.stats().fetches, backend.connections.load(Ordering::SeqCst));
        ip(&["-n", &link.client, "address", "delete", &format!("{CLIENT}/24"), "dev", "cable"]);
        ip(&["-n", &link.client, "address", "add", "10.77.0.7/24", "dev", "cable"]);
        factory.network_available();
        assert!(promptly(&factory, "v2").await.is_ok());
        assert_eq!(factory.stats().fetches, before.0 + 2, "the first attempt was lost with the old connection");
        assert_eq!(backend.connections.load(Ordering::SeqCst), before.1 + 1);
    });
}

#[test]
fn a_link_that_flaps_loses_packets_and_no_call() {
    let Some(link) = Link::lay() else { return };
    let authority = Authority::new("trusted");
    let backend = link.backend(authority.server(BACKEND, |_| {}));
    let (done, downs) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                while !done.load(Ordering::SeqCst) {
                    link.pull_far_end();
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    link.plug_far_end();
                    downs.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(160)).await;
                }
            });
        });
        let answers = link.app(async || {
            let factory =
                builder(&authority).fetch_deadline(Duration::from_secs(60)).attempt_timeout(Duration::from_secs(60));
            let factory = factory.build().unwrap();
            let mut answers = Vec::new();
            while answers.len() < 10 || downs.load(Ordering::SeqCst) < 5 {
                answers.push(factory.token(&vehicle(&format!("v{}", answers.len()))).await);
            }
            answers
        });
        done.store(true, Ordering::SeqCst);
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(
            failed,
            0,
            "of {}, the link down {downs:?} times: {:?}",
            answers.len(),
            answers.iter().find(|a| a.is_err())
        );
    });
    drop(backend);
}

//! Replies that come when nobody wants them any more: after a shutdown, after `clear`, after the deadline.

use std::sync::Arc;

use fleet_token::{AuthTokenFactory, TokenErrorKind, TokenEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

use super::{DEADLINE, SLACK, Sick, is_timeout, vehicle};
use crate::sockets::{GOOD, read_head, reply};

/// A backend that holds each reply back until it is told to send it.
struct Held {
    sick: Sick,
    asked: Arc<Semaphore>,
    send: Arc<Notify>,
    /// Connections that the client has closed.
    closed: Arc<Semaphore>,
}

impl Held {
    /// Sends what stands before `at` at once.
    async fn back_from(at: usize) -> Self {
        let (asked, closed) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let send = Arc::new(Notify::new());
        let (told, is_closed, may_send) = (Arc::clone(&asked), Arc::clone(&closed), Arc::clone(&send));
        let sick = Sick::connections(move |mut stream| {
            let (told, is_closed, may_send) = (Arc::clone(&told), Arc::clone(&is_closed), Arc::clone(&may_send));
            async move {
                let whole = reply("200 OK", "", GOOD);
                let (first, rest) = whole.split_at(at);
                let _ = read_head(&mut stream).await;
                let _ = stream.write_all(first.as_bytes()).await;
                told.add_permits(1);
                may_send.notified().await;
                let _ = stream.write_all(rest.as_bytes()).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
                is_closed.add_permits(1);
            }
        })
        .await;
        Self { sick, asked, send, closed }
    }

    async fn is_asked(&self) {
        tokio::time::timeout(SLACK, self.asked.acquire()).await.unwrap().unwrap().forget();
    }

    /// Sends the reply now, and waits until the client has closed the connection that it came by.
    async fn sends_and_is_left(&self) {
        self.send.notify_one();
        tokio::time::timeout(SLACK, self.closed.acquire())
            .await
            .expect("the connection is still open")
            .unwrap()
            .forget();
    }
}

/// Whether a token was committed since.
fn was_fetched(events: &mut fleet_token::TokenEvents) -> bool {
    std::iter::from_fn(|| events.try_next()).any(|event| matches!(event, TokenEvent::Fetched { .. }))
}

/// Before anything, in the head, in the body, before the last byte.
const HELD_FROM: [usize; 4] = [0, 20, 45, 85];

#[tokio::test]
async fn a_reply_after_a_shutdown_is_nobodys() {
    for at in HELD_FROM {
        let held = Held::back_from(at).await;
        let factory = held.sick.builder().build().unwrap();
        let mut events = factory.events();
        let call = crate::support::ask(&factory, &vehicle());
        held.is_asked().await;
        tokio::time::timeout(SLACK, factory.shutdown()).await.expect("the shutdown waits for the backend");
        assert_eq!(call.await.unwrap().unwrap_err().kind(), TokenErrorKind::ShutDown);
        held.sends_and_is_left().await;
        assert!(factory.try_token(&vehicle()).is_none() && !was_fetched(&mut events), "held from {at}");
        assert_eq!(factory.token(&vehicle()).await.unwrap_err().kind(), TokenErrorKind::ShutDown);
        assert_eq!(held.sick.connections_so_far(), 1);
    }
}

#[tokio::test]
async fn a_reply_after_the_last_handle_was_dropped_is_nobodys() {
    let held = Held::back_from(60).await;
    let factory = held.sick.builder().build().unwrap();
    let mut events = factory.events();
    assert!(factory.try_token(&vehicle()).is_none(), "nobody waits for this fetch");
    held.is_asked().await;
    drop(factory);
    held.sends_and_is_left().await;
    assert!(!was_fetched(&mut events));
}

#[tokio::test]
async fn a_reply_to_the_session_before_the_clear_is_nobodys() {
    for at in HELD_FROM {
        let held = Held::back_from(at).await;
        let factory = held.sick.builder().build().unwrap();
        let mut events = factory.events();
        let call = crate::support::ask(&factory, &vehicle());
        held.is_asked().await;
        factory.clear();
        assert_eq!(call.await.unwrap().unwrap_err().kind(), TokenErrorKind::Cleared);
        held.sends_and_is_left().await;
        assert!(!was_fetched(&mut events), "held from {at}");
        next_call_fetches(&held, &factory, 2).await;
    }
}

#[tokio::test]
async fn a_reply_after_the_deadline_is_nobodys() {
    let held = Held::back_from(60).await;
    let factory = held.sick.builder().fetch_deadline(DEADLINE).build().unwrap();
    let mut events = factory.events();
    let call = crate::support::ask(&factory, &vehicle());
    held.is_asked().await;
    assert!(is_timeout(&call.await.unwrap().unwrap_err()));
    held.sends_and_is_left().await;
    assert!(!was_fetched(&mut events) && factory.try_token(&vehicle()).is_none());
    factory.network_available();
    next_call_fetches(&held, &factory, 2).await;
}

async fn next_call_fetches(held: &Held, factory: &AuthTokenFactory, fetches: u64) {
    held.sick.cure();
    let token = tokio::time::timeout(SLACK, factory.token(&vehicle())).await.unwrap();
    assert!(token.is_ok(), "{token:?}");
    assert_eq!(factory.stats().fetches, fetches);
}

//! The factory's transport and login: each exchange takes the time and meets the fault that the seed chose.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, HttpRequest, HttpResponse, HttpTransport, SessionError, SessionHeaderProvider, SessionHeaders,
    TokenErrorKind, TransportError, async_trait,
};

use crate::outside::{Class, Due, Failure, Login, Mood, Outside, Pending, Seen, State};
use crate::reply;
use crate::setting::Key;

/// An exchange that somebody awaits; dropped, it is over.
struct Exchange {
    outside: Outside,
    id: u64,
}

impl Exchange {
    fn begin(outside: &Outside, key: Option<Key>, due: impl FnOnce(&mut State) -> Due) -> Self {
        let mut state = outside.state();
        let due = due(&mut state);
        let id = state.next_pending;
        state.next_pending += 1;
        let now = state.times;
        let sent = match due {
            Due::Awake(at) if at <= now.awake => Some(now.boot),
            Due::Boot(at) if at <= now.boot => Some(now.boot),
            _ => None,
        };
        state.pending.insert(id, Pending { key, due, sent, waker: None });
        Self { outside: outside.clone(), id }
    }
}

impl Future for Exchange {
    /// When the other side answered, on boot time.
    type Output = Duration;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Duration> {
        let mut state = self.outside.state();
        match state.pending.get_mut(&self.id) {
            Some(Pending { sent: Some(at), .. }) => Poll::Ready(*at),
            Some(pending) => {
                pending.waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.outside.state().pending.remove(&self.id);
    }
}

/// How long the backend takes: mostly no time at all, or less than an attempt may; now and then for ever.
fn delay(state: &mut State) -> Due {
    let now = state.times;
    let limit = state.setting.rules.attempt_timeout.as_millis().try_into().unwrap_or(u64::MAX);
    if state.mood == Mood::Perfect {
        return Due::Awake(now.awake);
    }
    let ms = match (state.mood, state.rng.u32(..12)) {
        (Mood::Cruel | Mood::Flaky, 0) => return Due::Never,
        (Mood::Good, 0..=7) | (_, 0..=3) => 0,
        (_, 4..=9) => state.rng.u64(1..=limit / 4),
        _ => state.rng.u64(1..=limit + limit / 2),
    };
    let delay = Duration::from_millis(ms);
    if state.rng.bool() { Due::Awake(now.awake + delay) } else { Due::Boot(now.boot + delay) }
}

pub(crate) struct Wire(pub(crate) Outside);

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (key, arrived, exchange) = {
            let mut state = self.0.state();
            let key = state.keys.get(&request.url).copied().unwrap_or_else(|| {
                state.complaints.push(format!("a request went to {}, which is nobody's", request.url));
                0
            });
            if !request.headers.contains_key("authorization") {
                state.complaints.push("a request went out without the login".to_owned());
            }
            if request.timeout > state.setting.rules.attempt_timeout || request.timeout.is_zero() {
                state.complaints.push(format!("a request may take {:?}", request.timeout));
            }
            state.seen.push(Seen::Request(key));
            let arrived = state.times.boot;
            drop(state);
            (key, arrived, Exchange::begin(&self.0, Some(key), delay))
        };
        let sent = exchange.await;
        let mut state = self.0.state();
        let (reply, meaning) = reply::compose(&mut state, key, arrived, sent);
        state.seen.push(Seen::Reply(meaning));
        reply
    }
}

pub(crate) struct AppLogin(pub(crate) Outside);

#[async_trait]
impl SessionHeaderProvider for AppLogin {
    async fn headers(&self, context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        let login = {
            let mut state = self.0.state();
            let key = state.keys.get(&crate::setting::url(context)).copied();
            match key {
                Some(key) => state.seen.push(Seen::LoginAsked(key)),
                None => state.complaints.push("the login was asked for a context that is nobody's".to_owned()),
            }
            state.login
        };
        let failed = |kind: SessionError, class| {
            let failure = Failure { kind: TokenErrorKind::Session, class, retry_after: None };
            self.0.state().seen.push(Seen::LoginFailed(failure));
            Err(kind)
        };
        match login {
            Login::In(number) => SessionHeaders::bearer(&format!("SECRET-SESSION-{number}")),
            Login::SignedOut => failed(SessionError::SignedOut, Class::Local),
            Login::Unavailable => failed(SessionError::Unavailable, Class::Transient),
            Login::Slow => {
                let exchange = Exchange::begin(&self.0, None, |state| {
                    let ms = state.rng.u64(1..20_000);
                    Due::Awake(state.times.awake + Duration::from_millis(ms))
                });
                exchange.await;
                SessionHeaders::bearer("SECRET-SESSION-slow")
            }
        }
    }
}

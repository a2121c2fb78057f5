//! What the factory says of itself, put down key by key: tokens got and tokens needed, failures, waits.
//!
//! **The least possible** number of tokens is told from what happened, not from the time that passed, so that a machine
//! which gives no time makes no difference. Each token could have been used from its request to the last moment at which
//! the policy renews one: its margin, and the least of the window before that, ahead of its end. One that was renewed
//! counts the share of that time for which it was used, 1 at most; so if all were used to the last, as many as there were.
//! Those that were taken away (rejected, cleared) had to be replaced, and those in use had to be got: they are counted
//! apart, and hide nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, BootTime, Clock as _, HttpRequest, HttpResponse, HttpTransport, ReqwestTransport, SystemClock,
    TokenEvent, TransportError, async_trait,
};
use parking_lot::Mutex;

use crate::keys::Key;

/// The margin that the factory is built with. Of a token that lives for 10 s the half counts.
pub(crate) const MARGIN: Duration = Duration::from_secs(6);

/// How long before its margin a token is renewed at most; the least is a third of it.
pub(crate) const AHEAD: Duration = Duration::from_millis(400);

/// The factory's own shortest wait after a fetch that failed.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// The wire, which notes for each key when it was asked for last.
pub(crate) struct Wire {
    inner: ReqwestTransport,
    requests: Arc<Requests>,
}

/// Requests for tokens, as they leave.
pub(crate) struct Requests {
    keys: HashMap<String, usize>,
    last: Vec<AtomicU64>,
    /// For each key the epoch in which its request under way began; 0 if there is none.
    under_way: Vec<AtomicU64>,
    /// Even; odd while the app clears, and higher after each clear. Starts at 2.
    epoch: AtomicU64,
    pub(crate) sent: AtomicU64,
    /// Requests for a URL that is no key's.
    pub(crate) strange: AtomicU64,
    /// Requests that began while another for the same key was under way, with no clear in between.
    pub(crate) at_once: AtomicU64,
    waits: Mutex<Waits>,
    /// Requests that began before the wait of their key was over.
    pub(crate) too_soon: AtomicU64,
}

/// How long keys are to be left alone. Counted from the start of the request that failed, the moment that is known for
/// sure: a little less than is promised.
struct Waits {
    /// For each key from when, and until when.
    each: Vec<(BootTime, BootTime)>,
    /// When the app last ended waits. Those from before count no more.
    ended: BootTime,
}

/// A request under way.
struct UnderWay<'a> {
    place: Option<&'a AtomicU64>,
    epoch: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // A later one may have taken the place.
            let _ = place.compare_exchange(self.epoch, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

impl Requests {
    pub(crate) fn new(keys: &[Key], backend: &str) -> Self {
        Self {
            keys: keys.iter().enumerate().map(|(index, key)| (key.url(backend), index)).collect(),
            last: keys.iter().map(|_| AtomicU64::new(0)).collect(),
            under_way: keys.iter().map(|_| AtomicU64::new(0)).collect(),
            epoch: AtomicU64::new(2),
            sent: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            at_once: AtomicU64::new(0),
            waits: Mutex::new(Waits { each: vec![Default::default(); keys.len()], ended: BootTime::ZERO }),
            too_soon: AtomicU64::new(0),
        }
    }

    /// Runs a clear. A request that it makes worthless may still be under way when the next one begins.
    pub(crate) fn around(&self, clear: impl FnOnce()) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        clear();
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Runs what ends waits: a clear, the network coming back, a new session.
    pub(crate) fn ending_waits(&self, end: impl FnOnce()) {
        self.waits.lock().ended = SystemClock::new().now();
        end();
        self.waits.lock().ended = SystemClock::new().now();
    }

    fn failed(&self, key: usize, wait: Duration) {
        let from = self.last(key);
        self.waits.lock().each[key] = (from, from.plus(wait));
    }

    fn succeeded(&self, key: usize) {
        self.waits.lock().each[key] = Default::default();
    }

    fn begin(&self, url: &str) -> UnderWay<'_> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let now = SystemClock::new().now();
        let epoch = self.epoch.load(Ordering::SeqCst);
        let Some(&key) = self.keys.get(url) else {
            self.strange.fetch_add(1, Ordering::Relaxed);
            return UnderWay { place: None, epoch };
        };
        let waits = self.waits.lock();
        let (from, until) = waits.each[key];
        if from > waits.ended && now < until {
            self.too_soon.fetch_add(1, Ordering::Relaxed);
        }
        drop(waits);
        let millis = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
        self.last[key].store(millis, Ordering::Release);
        let before = self.under_way[key].swap(epoch, Ordering::AcqRel);
        if before == epoch && epoch.is_multiple_of(2) {
            self.at_once.fetch_add(1, Ordering::Relaxed);
        }
        UnderWay { place: Some(&self.under_way[key]), epoch }
    }

    fn last(&self, key: usize) -> BootTime {
        BootTime::from_origin(Duration::from_millis(self.last[key].load(Ordering::Acquire)))
    }
}

impl Wire {
    pub(crate) fn new(inner: ReqwestTransport, requests: Arc<Requests>) -> Self {
        Self { inner, requests }
    }
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let _under_way = self.requests.begin(&request.url);
        self.inner.send(request).await
    }
}

/// The book.
pub(crate) struct Book {
    index: HashMap<AuthTokenContext, usize>,
    requests: Arc<Requests>,
    pages: Mutex<Pages>,
}

/// What is in it.
#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) keys: Vec<Page>,
    /// Events, by their name.
    pub(crate) events: BTreeMap<&'static str, u64>,
    /// Fetches begun in the background.
    pub(crate) background: u64,
    /// Attempts that failed, by what they failed of.
    pub(crate) failures: BTreeMap<&'static str, u64>,
}

/// One key's page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Tokens got.
    pub(crate) got: u64,
    /// Those of them that were taken away before they were renewed.
    pub(crate) taken_away: u64,
    /// Those of them that were renewed.
    pub(crate) renewed: u64,
    /// The least possible number of these, as the head of this file has it.
    pub(crate) least: f64,
    current: Option<InUse>,
    /// Fetches that failed.
    pub(crate) failed: u64,
}

#[derive(Clone, Copy, Debug)]
struct InUse {
    since: BootTime,
    life: Duration,
    useful: Duration,
    taken_away: bool,
}

impl InUse {
    fn share_until(&self, next: BootTime) -> f64 {
        if self.useful.is_zero() {
            return 1.0;
        }
        (next.saturating_since(self.since).as_secs_f64() / self.useful.as_secs_f64()).min(1.0)
    }
}

/// For how long a token of that life can be used, at most, until the policy renews it.
fn useful(life: Duration) -> Duration {
    let margin = MARGIN.min(life / 2);
    let window = AHEAD.min(life.saturating_sub(margin) / 4);
    life.saturating_sub(margin).saturating_sub(window / 3)
}

impl Book {
    pub(crate) fn new(keys: &[Key], requests: Arc<Requests>) -> Self {
        let index = keys.iter().enumerate().map(|(index, key)| (key.context.clone(), index)).collect();
        let pages = Pages { keys: vec![Page::default(); keys.len()], ..Pages::default() };
        Self { index, requests, pages: Mutex::new(pages) }
    }

    /// Looks something up.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Pages) -> R) -> R {
        read(&self.pages.lock())
    }

    /// Puts an event down.
    pub(crate) fn note(&self, event: &TokenEvent) {
        let mut pages = self.pages.lock();
        *pages.events.entry(event.name()).or_default() += 1;
        if let TokenEvent::AttemptFailed { error, .. } | TokenEvent::FetchFailed { error, .. } = event {
            *pages.failures.entry(error.kind().as_str()).or_default() += 1;
        }
        if let TokenEvent::FetchStarted { background: true, .. } = event {
            pages.background += 1;
        }
        match (event, event.context().and_then(|context| self.index.get(context))) {
            (TokenEvent::Fetched { lifetime, .. }, Some(&key)) => {
                let since = self.requests.last(key);
                let page = &mut pages.keys[key];
                page.got += 1;
                self.requests.succeeded(key);
                // Nobody said how long it lives: it serves those who waited, and no other call.
                let useful = lifetime.map_or(Duration::ZERO, useful);
                let life = lifetime.unwrap_or_default();
                let next = InUse { since, life, useful, taken_away: lifetime.is_none() };
                match page.current.replace(next) {
                    Some(before) if before.taken_away => page.taken_away += 1,
                    Some(before) => {
                        page.renewed += 1;
                        page.least += before.share_until(since);
                    }
                    None => {}
                }
            }
            (TokenEvent::FetchFailed { error, retry_in, .. }, Some(&key)) => {
                let page = &mut pages.keys[key];
                page.failed += 1;
                let now = SystemClock::new().now();
                let has_token =
                    page.current.is_some_and(|token| !token.taken_away && now < token.since.plus(token.life));
                // While a token is good the rest binds its renewal only. Who needs more life than it has, or is refused with
                // it, waits for what the server asked for, or the least that the factory waits itself.
                let wait = if has_token {
                    (*retry_in).min(error.retry_after().unwrap_or_default().max(LEAST_WAIT))
                } else {
                    *retry_in
                };
                self.requests.failed(key, wait);
            }
            (TokenEvent::Rejected { .. }, Some(&key)) => {
                if let Some(current) = &mut pages.keys[key].current {
                    current.taken_away = true;
                }
            }
            (TokenEvent::Cleared, _) => {
                for current in pages.keys.iter_mut().filter_map(|page| page.current.as_mut()) {
                    current.taken_away = true;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

use fleet_token::TokenError;

use super::*;
use crate::keys;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_token_is_useful_until_the_policy_renews_it_at_the_latest() {
    assert_eq!(useful(seconds(60)) + AHEAD / 3, seconds(54));
    assert_eq!(useful(seconds(8)) + AHEAD / 3, seconds(4));
}

#[test]
fn what_was_replaced_early_counts_less() {
    let share = |at| {
        InUse { since: BootTime::ZERO, life: seconds(20), useful: seconds(10), taken_away: false }
            .share_until(BootTime::ZERO.plus(seconds(at)))
    };
    assert!((share(5) - 0.5).abs() < 1e-9);
    assert!((share(50) - 1.0).abs() < 1e-9);
}

#[test]
fn a_token_fetched_twice_shows() {
    let keys = keys::all();
    let requests = Arc::new(Requests::new(&keys, "http://b"));
    let book = Book::new(&keys, Arc::clone(&requests));
    let got = |generation| TokenEvent::Fetched {
        context: keys[3].context.clone(),
        lifetime: Some(seconds(60)),
        generation,
        attempts: 1,
    };
    for generation in 1..=4 {
        drop(requests.begin(&keys[3].url("http://b")));
        book.note(&got(generation));
    }
    let page = book.read(|pages| pages.keys[3].clone());
    assert_eq!((page.got, page.renewed, page.taken_away), (4, 3, 0));
    assert!(page.least < 0.1, "{}", page.least);
    book.note(&TokenEvent::Cleared);
    book.note(&got(5));
    let page = book.read(|pages| pages.keys[3].clone());
    assert_eq!((page.got, page.renewed, page.taken_away), (5, 3, 1));
}

#[test]
fn a_rest_while_a_token_is_good_binds_no_request_but_its_renewal() {
    let keys = keys::all();
    let requests = Arc::new(Requests::new(&keys, "http://b"));
    let book = Book::new(&keys, Arc::clone(&requests));
    let context = || keys[3].context.clone();
    let error = || TokenError::Unavailable { status: 503, retry_after: None };
    let fetched = TokenEvent::Fetched { context: context(), lifetime: Some(seconds(60)), generation: 1, attempts: 1 };
    let failed = TokenEvent::FetchFailed { context: context(), error: error(), retry_in: seconds(50) };
    let wait = || {
        let (from, until) = requests.waits.lock().each[3];
        until.saturating_since(from)
    };
    drop(requests.begin(&keys[3].url("http://b")));
    book.note(&failed);
    assert_eq!(wait(), seconds(50), "nobody has a token");
    book.note(&fetched);
    book.note(&failed);
    assert_eq!(wait(), LEAST_WAIT);
    book.note(&TokenEvent::Rejected { context: context() });
    book.note(&failed);
    assert_eq!(wait(), seconds(50));
}

#[test]
fn two_requests_at_once_for_one_key_show_unless_a_clear_came_between() {
    let keys = keys::all();
    let requests = Requests::new(&keys, "http://b");
    let begin = |key: usize| requests.begin(&keys[key].url("http://b"));
    let at_once = || requests.at_once.load(Ordering::Relaxed);
    drop(begin(1));
    let (first, _other) = (begin(1), begin(2));
    assert_eq!(at_once(), 0);
    requests.around(|| ());
    let second = begin(1);
    drop(first);
    assert_eq!(at_once(), 0);
    let _third = begin(1);
    assert_eq!(at_once(), 1);
    drop(second);
}

#[test]
fn a_request_within_the_wait_of_its_key_shows_unless_the_app_ended_it() {
    let keys = keys::all();
    let requests = Requests::new(&keys, "http://b");
    let begin = || drop(requests.begin(&keys[1].url("http://b")));
    let too_soon = || requests.too_soon.load(Ordering::Relaxed);
    begin();
    begin();
    assert_eq!(too_soon(), 0);
    requests.failed(1, seconds(100));
    requests.ending_waits(|| ());
    begin();
    assert_eq!(too_soon(), 0);
    requests.waits.lock().ended = BootTime::ZERO;
    begin();
    assert_eq!(too_soon(), 1);
    requests.succeeded(1);
    begin();
    assert_eq!(too_soon(), 1);
}

use std::time::SystemTime;

use fleet_token::HttpResponse;

use super::*;
use crate::finding::Level::{Error, Fine, Warning};

fn exchange(status: u16, headers: &[(&'static str, &str)], body: &str) -> Exchange {
    let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
    let outcome = Ok(HttpResponse::new(status, headers, body.as_bytes().to_vec()));
    Exchange { sent: SystemTime::UNIX_EPOCH, first_byte: Duration::from_millis(20), outcome, hops: Vec::new() }
}

fn broken(error: TransportError) -> Exchange {
    Exchange { outcome: Err(error), ..exchange(200, &[], "") }
}

#[test]
fn a_token_must_not_be_cached_on_the_way() {
    for (control, level) in [
        ("no-store", Fine),
        ("no-cache, no-store", Fine),
        ("private, max-age=3600", Warning),
        ("max-age=60", Warning),
        ("public, max-age=60", Error),
        ("s-maxage=60", Error),
    ] {
        assert_eq!(cache_control(&exchange(200, &[("cache-control", control)], "")).level, level, "{control}");
    }
    assert_eq!(cache_control(&exchange(200, &[], "")).level, Warning);
    let aged = exchange(200, &[("cache-control", "no-store"), ("age", "7")], "");
    assert_eq!(cache_control(&aged).level, Error);
}

#[test]
fn only_json_is_fine() {
    for (of, level) in [
        ("application/json", Fine),
        ("application/json; charset=utf-8", Fine),
        ("application/problem+json", Fine),
        ("text/plain", Warning),
        ("text/html; charset=utf-8", Error),
    ] {
        assert_eq!(content_type(&exchange(200, &[("content-type", of)], "")).level, level, "{of}");
    }
}

#[test]
fn a_backend_that_fails_sometimes_is_a_warning_and_always_is_an_error() {
    let (good, bad) = (|| exchange(200, &[], ""), || exchange(503, &[], ""));
    assert_eq!(status(&[good(), good()], false).level, Fine);
    assert_eq!(status(&[good(), bad()], false).level, Warning);
    assert_eq!(status(&[bad(), bad()], false).level, Error);
    let lost = || broken(TransportError::Interrupted);
    assert_eq!(reply(&[good(), lost()], &[], 2).level, Warning);
    assert_eq!(reply(&[lost(), lost()], &[], 2).level, Error);
    for (worst, word) in [(401, "login"), (405, "--post"), (429, "limit"), (500, "log"), (418, "--endpoint")] {
        assert!(status(&[exchange(worst, &[], "")], false).remedy.contains(word), "{worst}");
    }
}

#[test]
fn how_many_requests_were_lost_and_how_is_said() {
    let (good, lost, late) =
        (|| exchange(200, &[], ""), || broken(TransportError::Interrupted), || broken(TransportError::Timeout));
    let (other, gone) = (good(), late());
    let others = [(Check::UnknownId, &other), (Check::NoSession, &gone)];
    for (replies, others, wanted, saw) in [
        (vec![good(), good()], &others[..1], 2, "3 whole replies to 3 requests"),
        (vec![good(), lost(), good(), lost(), good()], &[], 5, "2 of 5 requests broke off before the reply was whole"),
        (
            vec![late(), good(), lost(), late()],
            &[],
            4,
            "3 of 4 requests 2 got no whole reply in time, 1 broke off before the reply was whole",
        ),
        (vec![good(), good()], &others, 2, "1 of 4 requests got no whole reply in time (that for no-session)"),
        (
            vec![late(), late()],
            &[],
            5,
            "2 of 2 requests got no whole reply in time; after two in a row 3 more were not sent",
        ),
    ] {
        assert_eq!(reply(&replies, others, wanted).saw, saw);
    }
    let (replies, fault) =
        ([good(), good(), exchange(503, &[], ""), lost()], "1 of 4 requests failed: 200 (2×), 503 (1×)");
    assert_eq!(status(&replies, false).saw, fault);
}

#[test]
fn a_reply_takes_its_time() {
    let slow = |ms| Exchange { first_byte: Duration::from_millis(ms), ..exchange(200, &[], "") };
    assert_eq!(first_byte(&[slow(4000), slow(10), slow(20)]).level, Fine);
    assert_eq!(first_byte(&[slow(10), slow(1000), slow(2000)]).level, Warning);
    assert_eq!(first_byte(&[slow(1500)]).level, Warning);
}

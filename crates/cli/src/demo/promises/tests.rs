use super::*;

fn good() -> Measured {
    Measured {
        took: Duration::from_secs(15),
        limit: Duration::from_secs(20),
        calls: 334,
        hits: 240,
        fetches: 40,
        fetched: 27,
        failures: 12,
        issued: 30,
        answered: 250,
        renewals: 12,
        fewest_renewals: 3,
        tokens: vec![Tokens { who: "driver_1", got: 5, explained: 6 }],
        updates: 180,
        engine_updates: 180,
        engine_calls: 250,
        engine_refused: [("revoked".to_owned(), 1), ("permission_denied".to_owned(), 1)].into(),
        cold: Cold { callers: 64, served_the_same: 64, fetches: 1, at_once: 0 },
        wrong_id: WrongId { asked: 20, session_rejected: 20, requests: 1, denied: true, token_kept: true },
        rejection: Rejection { recovered_in: Some(Duration::from_millis(9)) },
        outage: Outage { lasted: Duration::from_secs(3), failures: 12, stale_served: 9, updates: 30 },
        output: Output { bytes: 5000, tokens: 30, sessions: 6, leaked: Some(0) },
        lost: 0,
    }
}

fn broken(change: impl FnOnce(&mut Measured)) -> Vec<&'static str> {
    let mut measured = good();
    change(&mut measured);
    check(&measured).into_iter().filter(|promise| !promise.kept).map(|promise| promise.name).collect()
}

#[test]
fn a_good_run_keeps_every_promise() {
    assert_eq!(broken(|_| {}), [""; 0]);
}

#[test]
#[allow(clippy::type_complexity, reason = "a table")]
fn each_promise_can_be_broken() {
    let refuse = |m: &mut Measured, reason: &str, times| m.engine_refused.extend([(reason.to_owned(), times)]);
    let table: [(&str, Box<dyn FnOnce(&mut Measured)>); 27] = [
        ("No token was used", Box::new(move |m| refuse(m, "permission_denied", 2))),
        ("No token was used", Box::new(|m| m.engine_refused.retain(|reason, _| reason != "permission_denied"))),
        ("No call was lost", Box::new(move |m| refuse(m, "not_found", 1))),
        ("No call was lost", Box::new(|m| m.lost = 1)),
        ("No call was lost", Box::new(|m| m.engine_updates = 179)),
        ("No call was lost", Box::new(|m| m.answered = 249)),
        ("A fetch per", Box::new(|m| m.hits = 224)),
        ("A fetch per", Box::new(|m| m.cold.at_once = 16)),
        ("A fetch per", Box::new(|m| m.tokens[0].got = 7)),
        ("Tokens are", Box::new(|m| m.fewest_renewals = 0)),
        ("Many callers", Box::new(|m| m.cold.fetches = 2)),
        ("Many callers", Box::new(|m| m.cold.served_the_same = 63)),
        ("A rejected", Box::new(move |m| refuse(m, "revoked", 2))),
        ("A rejected", Box::new(|m| m.engine_refused.retain(|reason, _| reason != "revoked"))),
        ("A rejected", Box::new(|m| m.rejection.recovered_in = None)),
        ("An outage", Box::new(|m| m.outage.failures = 0)),
        ("An outage", Box::new(|m| m.outage.stale_served = 0)),
        ("An outage", Box::new(|m| m.outage.updates = 0)),
        ("A wrong id", Box::new(|m| m.wrong_id.session_rejected = 19)),
        ("A wrong id", Box::new(|m| m.wrong_id.requests = 20)),
        ("A wrong id", Box::new(|m| m.wrong_id.denied = false)),
        ("A wrong id", Box::new(|m| m.wrong_id.token_kept = false)),
        ("No token and", Box::new(|m| m.output.leaked = Some(1))),
        ("No token and", Box::new(|m| m.output.leaked = None)),
        ("No token and", Box::new(|m| m.output.tokens = 29)),
        ("No token and", Box::new(|m| m.fetched = 31)),
        ("It is over", Box::new(|m| m.took = m.limit)),
    ];
    for (number, (name, change)) in table.into_iter().enumerate() {
        let broken = broken(change);
        assert!(broken.len() == 1 && broken[0].starts_with(name), "{number}: {name}: {broken:?}");
    }
}

#[test]
fn a_call_with_an_expired_token_breaks_two_promises() {
    let broken = broken(|m| m.engine_refused.extend([("expired".to_owned(), 1)]));
    assert_eq!(broken, ["No call was refused for an expired token", "No call was lost, and nothing else was refused"]);
}

#[test]
fn a_run_that_measured_nothing_keeps_next_to_no_promise() {
    let kept = check(&Measured::default()).into_iter().filter(|promise| promise.kept).count();
    assert_eq!(kept, 0);
}

#[test]
fn a_hundred_percent_means_all() {
    assert_eq!((percent(999, 1000), percent(1999, 2000)), ("99.9 %".to_owned(), "99.9 %".to_owned()));
    assert_eq!((percent(7, 7), percent(0, 0)), ("100.0 %".to_owned(), "none".to_owned()));
}

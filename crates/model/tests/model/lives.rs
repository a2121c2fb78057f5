//! What must not come back: rejected tokens, tokens of an old session, anything after the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use fleet_token::{ManualClock, TokenErrorKind};
use shuttle::future::block_on;
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread;

use crate::support::{Backend, factory, in_every_order, key, number, on_clock};

/// The first token twice, as a backend that signs the same claims to the same bytes, then others.
fn the_first_twice() -> Backend {
    Backend::new(|_, _, n| Ok(format!("SECRET-TOKEN-{}", if n < 3 { 1 } else { n })))
}

#[test]
fn a_rejected_token_is_not_served_again() {
    in_every_order(|| {
        let backend = the_first_twice();
        let factory = factory(&backend);
        let rejected = Arc::new(AtomicBool::new(false));
        let rejects = {
            let (factory, rejected) = (factory.clone(), Arc::clone(&rejected));
            thread::spawn(move || {
                let token = factory.blocking_token(&key(1)).unwrap();
                if number(&token) == 1 {
                    factory.invalidate(&key(1), &token);
                    rejected.store(true, SeqCst);
                }
            })
        };
        let asks = |factory: fleet_token::AuthTokenFactory, rejected: Arc<AtomicBool>| {
            move || {
                for _ in 0..2 {
                    let was_rejected = rejected.load(SeqCst);
                    match block_on(factory.token(&key(1))) {
                        Ok(token) => assert!(!(was_rejected && number(&token) == 1), "served after its rejection"),
                        Err(error) => assert!(was_rejected, "{error}"),
                    }
                }
            }
        };
        let other = thread::spawn(asks(factory.clone(), Arc::clone(&rejected)));
        asks(factory, rejected)();
        rejects.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_rejected_token_is_served_under_no_other_key() {
    in_every_order(|| {
        // One token for whoever asks first.
        let backend = Backend::new(|_, _, n| Ok(format!("SECRET-TOKEN-{n}")));
        let factory = factory(&backend);
        let rejected = Arc::new(AtomicBool::new(false));
        let rejects = {
            let (factory, rejected) = (factory.clone(), Arc::clone(&rejected));
            thread::spawn(move || {
                let token = factory.blocking_token(&key(1)).unwrap();
                if number(&token) == 1 {
                    factory.invalidate(&key(1), &token);
                    rejected.store(true, SeqCst);
                }
            })
        };
        let asks = |n: u32| {
            let (factory, rejected) = (factory.clone(), Arc::clone(&rejected));
            move || {
                for _ in 0..2 {
                    let was_rejected = rejected.load(SeqCst);
                    let token = factory.blocking_token(&key(n)).unwrap();
                    assert!(!(was_rejected && number(&token) == 1), "served after its rejection");
                }
            }
        };
        let other = thread::spawn(asks(2));
        asks(2)();
        rejects.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn after_a_clear_no_token_of_the_old_session_is_served() {
    in_every_order(|| {
        let backend = Backend::new(|backend, _, _| Ok(format!("SECRET-TOKEN-{}", backend.session()))).with_clears();
        let factory = factory(&backend);
        let asks = {
            let (factory, backend) = (factory.clone(), backend.clone());
            move || {
                for _ in 0..2 {
                    let is_new = backend.session() == 2;
                    match block_on(factory.token(&key(1))) {
                        Ok(token) => assert!(!is_new || number(&token) >= 1, "a token of the old session"),
                        Err(error) => assert_eq!(error.kind(), TokenErrorKind::Cleared),
                    }
                }
            }
        };
        let other = thread::spawn(asks.clone());
        let signs_in = {
            let (factory, backend) = (factory.clone(), backend.clone());
            thread::spawn(move || {
                backend.sign_in();
                factory.clear();
                // From here on.
                backend.sign_in();
                assert!(block_on(factory.token(&key(1))).is_ok_and(|token| number(&token) >= 1));
            })
        };
        asks();
        other.join().unwrap();
        signs_in.join().unwrap();
    });
}

#[test]
fn a_shutdown_answers_everybody_and_nothing_is_served_after_it() {
    in_every_order(|| {
        let backend = Backend::numbered();
        let factory = factory(&backend);
        let callers: Vec<_> = [1, 2]
            .into_iter()
            .map(|n| {
                let factory = factory.clone();
                thread::spawn(move || match factory.blocking_token(&key(n)) {
                    Ok(token) => assert_eq!(number(&token), 1),
                    Err(error) => assert_eq!(error.kind(), TokenErrorKind::ShutDown),
                })
            })
            .collect();
        block_on(factory.shutdown());
        assert_eq!(factory.blocking_token(&key(1)).unwrap_err().kind(), TokenErrorKind::ShutDown);
        assert!(factory.try_token(&key(2)).is_none());
        for caller in callers {
            caller.join().unwrap();
        }
        assert!(factory.try_token(&key(1)).is_none(), "a fetch that was under way came through");
    });
}

#[test]
fn a_fetch_that_is_given_up_as_it_lands_is_one_or_the_other() {
    in_every_order(|| {
        let backend = Backend::numbered().with_clears();
        let clock = ManualClock::default();
        let factory = on_clock(&backend, &clock).build().unwrap();
        let waits = {
            let factory = factory.clone();
            thread::spawn(move || match block_on(factory.token(&key(1))) {
                Ok(token) => assert!(number(&token) <= 2),
                Err(error) => assert_eq!(error.kind(), TokenErrorKind::Timeout),
            })
        };
        let asks_later = {
            let factory = factory.clone();
            thread::spawn(move || {
                // Past the deadline, within the token's life.
                clock.suspend(Duration::from_secs(60));
                factory.try_token(&key(1));
            })
        };
        match factory.blocking_token(&key(1)) {
            Ok(token) => assert!(number(&token) <= 2),
            Err(error) => assert_eq!(error.kind(), TokenErrorKind::Timeout),
        }
        waits.join().unwrap();
        asks_later.join().unwrap();
        let stats = factory.stats();
        assert!(stats.successes + stats.failures <= stats.flights, "{stats:?}");
    });
}

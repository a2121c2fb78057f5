//! What holds of a key however many ask for it: one fetch, every caller answered, never out of use while in use.

use fleet_token::TokenErrorKind;
use shuttle::future::block_on;
use shuttle::thread;

use crate::support::{Backend, builder, factory, in_every_order, key, number};

#[test]
fn three_callers_of_two_keys_make_one_fetch_each() {
    in_every_order(|| {
        let backend = Backend::numbered();
        let factory = factory(&backend);
        let blocks = {
            let factory = factory.clone();
            thread::spawn(move || factory.blocking_token(&key(1)).map(|token| number(&token)).unwrap())
        };
        let awaits = {
            let factory = factory.clone();
            thread::spawn(move || block_on(factory.token(&key(1))).map(|token| number(&token)).unwrap())
        };
        let other = factory.blocking_token(&key(2)).unwrap();
        assert!(other.value().contains("v2"), "a key's own token");
        assert_eq!((blocks.join().unwrap(), awaits.join().unwrap()), (1, 1));
        assert_eq!((backend.asked(&key(1)), backend.asked(&key(2))), (1, 1));
        let stats = factory.stats();
        assert_eq!((stats.flights, stats.successes, stats.calls), (2, 2, 3));
    });
}

#[test]
fn every_waiter_is_told_of_a_failure_and_nobody_asks_again_in_the_backoff() {
    in_every_order(|| {
        let backend = Backend::new(|_, _, _| Err(fleet_token::TokenError::NotFound));
        let factory = factory(&backend);
        let callers: Vec<_> = (0..2)
            .map(|n| {
                let factory = factory.clone();
                thread::spawn(move || match n {
                    0 => factory.blocking_token(&key(1)).unwrap_err().kind(),
                    _ => block_on(factory.token(&key(1))).unwrap_err().kind(),
                })
            })
            .collect();
        assert_eq!(factory.blocking_token(&key(1)).unwrap_err().kind(), TokenErrorKind::NotFound);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), TokenErrorKind::NotFound);
        }
        assert_eq!(backend.asked(&key(1)), 1);
    });
}

#[test]
fn a_caller_who_goes_away_takes_nothing_from_the_others() {
    in_every_order(|| {
        let backend = Backend::numbered();
        let factory = factory(&backend);
        let leaves = {
            let factory = factory.clone();
            thread::spawn(move || {
                let looks_once = async {
                    let context = key(1);
                    let mut call = Box::pin(factory.token(&context));
                    std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_ready())).await
                };
                block_on(looks_once)
            })
        };
        let stays = {
            let factory = factory.clone();
            thread::spawn(move || block_on(factory.token(&key(1))).map(|token| number(&token)).unwrap())
        };
        assert_eq!(factory.blocking_token(&key(1)).map(|token| number(&token)).unwrap(), 1);
        leaves.join().unwrap();
        assert_eq!(stays.join().unwrap(), 1);
        assert_eq!(backend.asked(&key(1)), 1);
    });
}

#[test]
fn keys_that_push_each_other_out_are_served_all_the_same() {
    in_every_order(|| {
        let backend = Backend::numbered();
        let factory = builder(&backend).max_entries(1).build().unwrap();
        let callers: Vec<_> = [1, 2]
            .into_iter()
            .map(|n| {
                let factory = factory.clone();
                thread::spawn(move || {
                    for n in [n, 3 - n] {
                        let token = factory.blocking_token(&key(n)).unwrap();
                        assert!(token.value().contains(&format!("v{n}")), "a key's own token");
                    }
                })
            })
            .collect();
        assert!(block_on(factory.token(&key(1))).is_ok());
        for caller in callers {
            caller.join().unwrap();
        }
        let stats = factory.stats();
        assert_eq!(stats.flights, stats.successes);
        assert_eq!(stats.calls, 5);
    });
}

#[test]
fn a_key_held_by_a_handle_stays() {
    in_every_order(|| {
        let backend = Backend::numbered();
        let factory = builder(&backend).max_entries(1).build().unwrap();
        let holds = {
            let factory = factory.clone();
            thread::spawn(move || {
                let handle = factory.handle(&key(1)).unwrap();
                let first = block_on(handle.token()).unwrap();
                let again = block_on(handle.token()).unwrap();
                assert!(again.is_same(&first), "it was pushed out while it was held");
                assert!(
                    factory.try_token(&key(1)).is_some_and(|token| token.is_same(&first)),
                    "the handle has its own"
                );
            })
        };
        let pushes = {
            let factory = factory.clone();
            thread::spawn(move || factory.blocking_token(&key(2)).map(drop).unwrap())
        };
        factory.blocking_token(&key(3)).unwrap();
        holds.join().unwrap();
        pushes.join().unwrap();
    });
}

//! What a fleet may expect, with twenty thousand devices.

use fleet_token_fleet_sim::client::Ours;
use fleet_token_fleet_sim::fleet;
use fleet_token_fleet_sim::queue::{Heap, SECOND, Time};
use fleet_token_fleet_sim::scenario::{self, Scenario, Who};
use fleet_token_fleet_sim::tally::Tally;

const DEVICES: u32 = 20_000;
const SEED: u64 = 1;
const MINUTE: Time = 60 * SECOND;
const BIN: Time = 10 * SECOND;

fn ours(scenario: &Scenario) -> Tally {
    Who::Ours.run(&scenario.course(DEVICES, SEED))
}

/// Of so many requests as twice the steady rate brings in ten seconds, this is what chance adds at most: four times the
/// root of the expectation.
fn twice_and_chance(scenario: &Scenario) -> f64 {
    let expected = 2.0 * scenario.steady(DEVICES) * 10.0;
    (expected + 4.0 * expected.sqrt()) / 10.0
}

fn short(scenario: Scenario) -> Scenario {
    Scenario { after: 20 * MINUTE, ..scenario }
}

/// However long, as long as it is shorter than the margin.
#[test]
fn after_an_outage_the_backend_is_asked_twice_as_often_as_usual_at_most_and_nobody_was_without_a_token() {
    for (margin, minutes) in [(10, 2), (10, 5), (10, 8), (10, 9), (5, 2), (5, 4)] {
        let scenario = short(scenario::outage("", "", margin, minutes * MINUTE));
        let tally = ours(&scenario);
        let over = scenario.onset() + scenario.lasts;
        let what = format!("after {minutes} minutes with a margin of {margin}");
        let (first, steady) = (tally.rate(over, over + MINUTE), scenario.steady(DEVICES));
        assert!(first <= 2.0 * steady, "{what}: {first} requests/s in the first minute, {steady} usually");
        let worst = tally.peak(over, over + scenario.after, BIN);
        assert!(worst <= twice_and_chance(&scenario), "{what}: {worst} requests/s, {steady} usually");
        assert_eq!(tally.without, 0, "{what}: {} devices had no token", tally.devices_without);
    }
}

/// Each device makes one fetch more than when all is well, not one every half minute.
#[test]
fn an_outage_is_not_asked_about_again_and_again_while_tokens_are_good() {
    let scenario = short(scenario::outage("", "", 10, 8 * MINUTE));
    let tally = ours(&scenario);
    let (from, over) = (scenario.onset(), scenario.onset() + scenario.lasts);
    let worst = tally.peak(from, over, BIN) / scenario.steady(DEVICES);
    // A fetch is three requests.
    assert!(worst < 4.5, "{worst} times as often as usual in the outage");
}

#[test]
fn a_shift_that_begins_is_a_request_for_each_device() {
    let scenario = scenario::shift("", "", DEVICES, None);
    let tally = ours(&scenario);
    assert_eq!(tally.bins(0, scenario.lasts + MINUTE, scenario.lasts + MINUTE), [DEVICES]);
    let evenly = f64::from(DEVICES) / 300.0;
    let worst = tally.peak(0, scenario.lasts, BIN);
    assert!(worst < 1.1 * evenly, "{worst} requests/s, {evenly} evenly");
}

/// The attempts of a fetch are for a failure that is gone in a moment. A backend that cannot answer all of a shift is not
/// asked three times by each who waits.
#[test]
fn a_backend_that_can_do_half_is_asked_hardly_more_than_by_single_requests() {
    let scenario = short(scenario::shift("", "", DEVICES, Some(0.5)));
    let course = scenario.course(DEVICES, SEED);
    let requests = |who: Who| f64::from(who.run(&course).bins(0, scenario.after, scenario.after)[0]);
    let (ours, single) = (requests(Who::Ours), requests(Who::Ladder));
    assert!(ours < 1.5 * single, "{ours} requests, {single} by a client that makes single ones");
}

#[test]
fn a_day_is_29_fetches_and_no_call_waits() {
    let scenario = scenario::day();
    let tally = Who::Ours.run(&scenario.course(2000, SEED));
    assert!(tally.requests_per_day() <= 29.0, "{}", tally.requests_per_day());
    assert_eq!((tally.without, tally.waited), (0, 0));
}

#[test]
fn a_slow_backend_is_not_noticed_by_calls() {
    let all = scenario::all(DEVICES);
    let scenario = all.iter().find(|scenario| scenario.name == "slow").unwrap();
    let tally = ours(&short(scenario.clone()));
    assert_eq!((tally.without, tally.waited), (0, 0));
}

/// A fifth of all requests failing by chance costs a device less than a second a day.
#[test]
fn a_bad_network_leaves_hardly_anybody_without_a_token() {
    let all = scenario::all(DEVICES);
    let scenario = all.iter().find(|scenario| scenario.name == "flaky").unwrap();
    let tally = Who::Ours.run(&scenario.course(2000, SEED));
    assert!(tally.without_s() < 2000.0, "{} device-seconds", tally.without_s());
}

#[test]
fn the_same_seed_gives_the_same_day_by_any_queue() {
    let scenario = short(scenario::outage("", "", 10, 15 * MINUTE));
    let course = scenario.course(2000, SEED);
    let tally = Who::Ours.run(&course);
    assert_eq!(tally, Who::Ours.run(&course));
    assert_eq!(tally, fleet::run::<Ours, Heap>(&course));
    assert_ne!(tally.requests, Who::Ours.run(&scenario.course(2000, SEED + 1)).requests);
}

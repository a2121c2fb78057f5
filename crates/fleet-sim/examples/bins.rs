use fleet_token_fleet_sim::queue::*;
use fleet_token_fleet_sim::scenario::*;
fn main() {
    let n = 300_000;
    for (m, t) in [(10, 300), (10, 480), (10, 540), (10, 555), (10, 570), (5, 240)] {
        let s = outage("x", "", m, t * SECOND);
        let tally = Who::Ours.run(&s.course(n, 1));
        let off = s.onset() + s.lasts;
        let b: Vec<String> = tally
            .bins(off, off + 120 * SECOND, 10 * SECOND)
            .iter()
            .map(|b| format!("{:.2}", f64::from(*b) / 10.0 / s.steady(n)))
            .collect();
        println!(
            "m{m} T{t} {} max {:.2} w/o {:.0}",
            b.join(" "),
            tally.peak(off, off + s.after, 10 * SECOND) / s.steady(n),
            tally.without_s()
        );
    }
    for s in all(20_000).iter().filter(|s| s.name == "flaky" || s.name == "gaps") {
        let tally = Who::Ours.run(&s.course(20_000, 1));
        println!("{} without {:.0} devices {}", s.name, tally.without_s(), tally.devices_without);
    }
}

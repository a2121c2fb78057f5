use fleet_token_fleet_sim::queue::*;
use fleet_token_fleet_sim::scenario::*;
fn main() {
    let n: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    for s in all(n) {
        if s.after > 20_000 * SECOND && n > 50_000 {
            continue;
        }
        for who in Who::ALL {
            let t = std::time::Instant::now();
            let tally = who.run(&s.course(n, 1));
            let (on, off) = (s.onset(), s.onset() + s.lasts);
            let st = s.steady(n);
            println!(
                "{:24} {:16} base {:.3} peak10 {:.2} peak1 {:.2} min1 {:.2} later {:.2} without {:.2} dev {} waited {:.0} fetch/day {:.2} req/day {:.2} ev {} {:.2}s",
                s.name,
                who.name(),
                tally.rate(3600 * SECOND, 7200 * SECOND) / st,
                tally.peak(on, on + s.lasts + s.after, 10 * SECOND) / st,
                tally.peak(on, on + s.lasts + s.after, SECOND) / st,
                tally.peak(off, off + 60 * SECOND, 10 * SECOND) / st,
                tally.peak(off + 60 * SECOND, off + s.after, 10 * SECOND) / st,
                tally.without_s(),
                tally.devices_without,
                tally.waited_s(),
                tally.tokens_per_day(),
                tally.requests_per_day(),
                tally.events,
                t.elapsed().as_secs_f64()
            );
        }
    }
}

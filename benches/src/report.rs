//! What a run found out, before it is written down.

use crate::hits::Figures;
use crate::stores::{Kind, Side};

/// The four ways in which hits are measured: keys, threads.
pub const SETTINGS: [(usize, usize); 4] = [(1, 1), (1, 2), (10_000, 1), (10_000, 2)];

/// One store's hits.
pub struct HitRow {
    pub kind: Kind,
    /// In the order of [`SETTINGS`]; none where the store has one key only, or the machine one processor.
    pub figures: [Option<Figures>; 4],
    pub allocations: f64,
    pub bytes: f64,
}

impl HitRow {
    /// Nanoseconds a hit in one of [`SETTINGS`].
    pub fn median(&self, setting: usize) -> Option<f64> {
        self.figures[setting].as_ref().map(|figures| figures.median)
    }
}

/// A promise about figures, and how far it is kept.
pub struct Target {
    pub what: String,
    pub asked: String,
    pub got: String,
    pub met: bool,
}

/// The targets about hits, each from the same run.
pub fn hit_targets(rows: &[HitRow]) -> Vec<Target> {
    let mut targets = Vec::new();
    for ours in rows.iter().filter(|row| row.kind.side == Side::Ours) {
        let name = ours.kind.name.trim_start_matches("fleet-token ");
        for (setting, least) in [(0, 5.0), (1, 10.0), (2, 4.0), (3, 4.0)] {
            for (side, whom) in [(Side::Rival, "every keyed rival"), (Side::HandRolled, "a hand-rolled map")] {
                targets.extend(against(rows.iter().filter(|row| row.kind.side == side), whom, ours, setting, least));
            }
        }
        for (setting, (keys, threads)) in SETTINGS.into_iter().enumerate() {
            let floor = rows.iter().find(|row| row.kind.side == Side::Floor).and_then(|row| row.median(setting));
            if let Some((ours, floor)) = ours.median(setting).zip(floor) {
                let what = format!("{name} beside the floor, {}", named(keys, threads));
                targets.push(at_most(what, ours / floor, 1.6, &format!("{ours:.0} ns to {floor:.0} ns")));
            }
        }
        if let Some((one, two)) = ours.median(0).zip(ours.median(1)) {
            let what = format!("{name}, 2 threads beside 1, 1 key");
            targets.push(at_most(what, two / one, 1.15, &format!("{two:.0} ns to {one:.0} ns")));
        }
    }
    let of = |side| rows.iter().find(|row| row.kind.side == side).and_then(|row| row.median(0));
    if let Some((handle, keyed)) = of(Side::Handle).zip(of(Side::Ours)) {
        let said = format!("{handle:.0} ns to {keyed:.0} ns");
        targets.push(at_most("a handle beside the same by key, 1 thread".to_owned(), handle / keyed, 0.7, &said));
    }
    for row in rows.iter().filter(|row| matches!(row.kind.side, Side::Ours | Side::Handle)) {
        let got = format!("{:.2} allocations, {:.0} bytes", row.allocations, row.bytes);
        let what = format!("{}: allocations a hit", row.kind.name.trim_start_matches("fleet-token "));
        targets.push(Target { what, asked: "0".to_owned(), got, met: row.allocations == 0.0 });
    }
    targets
}

/// Those with many keys that are not `least` times as slow, the nearest named.
fn against<'a>(
    rivals: impl Iterator<Item = &'a HitRow>,
    whom: &str,
    ours: &HitRow,
    setting: usize,
    least: f64,
) -> Option<Target> {
    let mine = ours.median(setting)?;
    let rivals = rivals.filter(|row| row.kind.keyed);
    let mut ratios: Vec<(f64, &str)> =
        rivals.filter_map(|row| Some((row.median(setting)? / mine, row.kind.name))).collect();
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let missed: Vec<String> =
        ratios.iter().filter(|(ratio, _)| *ratio < least).map(|(ratio, name)| format!("{name} {ratio:.1} ×")).collect();
    let met = missed.is_empty();
    let (nearest, by) = ratios.first().map(|(ratio, name)| (*name, *ratio))?;
    let kept = ratios.len() - missed.len();
    let got = if met {
        format!("{by:.1} × ({nearest}) at least")
    } else {
        format!("{kept} of {}; not {}", ratios.len(), missed.join(", "))
    };
    let (keys, threads) = SETTINGS[setting];
    let name = ours.kind.name.trim_start_matches("fleet-token ");
    let what = format!("{name} faster than {whom}, {}", named(keys, threads));
    Some(Target { what, asked: format!("≥ {least} ×"), got, met })
}

fn at_most(what: String, ratio: f64, most: f64, said: &str) -> Target {
    Target { what, asked: format!("≤ {most} ×"), got: format!("{ratio:.2} × ({said})"), met: ratio <= most }
}

/// Such as "10 000 keys, 2 threads".
pub fn named(keys: usize, threads: usize) -> String {
    let keys = if keys == 1 { "1 key".to_owned() } else { format!("{} keys", thousands(keys)) };
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!("{keys}, {threads}")
}

/// With a space between thousands.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::KINDS;

    fn rows(ours: f64, rival: f64) -> Vec<HitRow> {
        let row = |kind: Kind| {
            let median = match kind.side {
                Side::Ours => ours,
                Side::Handle => ours / 2.0,
                Side::Floor | Side::OwnedFloor => 20.0,
                Side::Rival | Side::HandRolled => rival,
            };
            let figures = Some(Figures { median, ..Figures::default() });
            HitRow { kind, figures: std::array::from_fn(|_| figures.clone()), allocations: 0.0, bytes: 0.0 }
        };
        KINDS.into_iter().map(row).collect()
    }

    #[test]
    fn a_target_is_met_or_its_distance_is_said() {
        assert!(hit_targets(&rows(20.0, 200.0)).iter().all(|target| target.met));
        let targets = hit_targets(&rows(40.0, 200.0));
        let at = |what: &str| targets.iter().find(|target| target.what.starts_with(what)).unwrap();
        assert!(at("`try_token` faster than every keyed rival, 1 key, 1 thread").met);
        assert!(!at("`try_token` faster than every keyed rival, 1 key, 2 threads").met);
        let floor = at("`try_token` beside the floor, 1 key, 1 thread");
        assert!(!floor.met && floor.got.starts_with("2.00 ×"));
    }

    #[test]
    fn numbers_are_read_in_threes() {
        assert_eq!((thousands(16_000), thousands(4096), thousands(1)), ("16 000".into(), "4096".into(), "1".into()));
    }
}

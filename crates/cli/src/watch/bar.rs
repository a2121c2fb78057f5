//! A token's life as a bar: full when it comes, empty when it expires, with a mark where its margin begins.

use super::model::Life;

/// Parts of a cell, in eighths, from the left.
const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL: char = '█';
/// What is left of the life when there is only the margin left.
const MARGIN: char = '▓';
const MARK: char = '│';
const EMPTY: char = '·';

/// So many cells wide.
pub(crate) fn bar(life: &Life, width: usize) -> String {
    let eighths = |part: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a few cells"
        )]
        let count = (part.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
        count
    };
    let whole = life.whole.as_secs_f64().max(f64::MIN_POSITIVE);
    let left = eighths(life.left.as_secs_f64() / whole);
    let mark = (eighths(life.margin.as_secs_f64() / whole) / 8).min(width.saturating_sub(1));
    (0..width)
        .map(|cell| match left.saturating_sub(cell * 8) {
            0 if cell == mark => MARK,
            0 => EMPTY,
            8.. if cell < mark => MARGIN,
            8.. => FULL,
            part => PARTS[part],
        })
        .collect()
}

/// Where there is no token.
pub(crate) fn none(width: usize) -> String {
    " ".repeat(width)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleet_token::TokenAge;

    use super::*;

    fn at(left: u64) -> String {
        let [whole, left, margin] = [80, left, 20].map(Duration::from_secs);
        bar(&Life { whole, left, margin, age: TokenAge::Fresh }, 8)
    }

    #[test]
    fn it_ages_from_full_to_empty_and_shows_its_margin() {
        assert_eq!(at(80), "▓▓██████");
        assert_eq!(at(55), "▓▓███▌··");
        assert_eq!(at(20), "▓▓│·····");
        assert_eq!(at(5), "▌·│·····");
        assert_eq!(at(0), "··│·····");
    }

    #[test]
    fn a_life_of_nothing_is_no_trouble() {
        let life = Life { whole: Duration::ZERO, left: Duration::ZERO, margin: Duration::ZERO, age: TokenAge::Expired };
        assert_eq!(bar(&life, 4), "│···");
        assert_eq!(bar(&life, 0), "");
    }
}

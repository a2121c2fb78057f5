//! Unicode's normalisation form C (Unicode Standard Annex 15). Pure.
//!
//! The tables are unicode-normalization's. Its own iterator is built for every form at once, and brings 62 KB of tables
//! for those that are not used here into each phone.

use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};

/// `text` in NFC.
pub(crate) fn nfc(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut apart = Vec::with_capacity(text.len());
    for c in text.chars() {
        decompose_canonical(c, |part| apart.push((canonical_combining_class(part), part)));
    }
    composed(ordered(&apart))
}

/// Marks between two starters stand in the order of their classes; those of one class stay as they are.
fn ordered(apart: &[(u8, char)]) -> Vec<(u8, char)> {
    let mut ordered = Vec::with_capacity(apart.len());
    for run in apart.chunk_by(|(_, _), (class, _)| *class != 0) {
        // Class by class: marks without end, which nobody sends but who wants harm, do not take time without end.
        let mut next = run.iter().map(|(class, _)| *class).min();
        while let Some(class) = next {
            ordered.extend(run.iter().filter(|(of, _)| *of == class));
            next = run.iter().map(|(of, _)| *of).filter(|of| *of > class).min();
        }
    }
    ordered
}

/// Each starter takes up what follows it, unless something of the same or a higher class stands between.
fn composed(parts: Vec<(u8, char)>) -> String {
    let mut whole: Vec<char> = Vec::with_capacity(parts.len());
    let (mut starter, mut last_class) = (None, 0);
    for (class, part) in parts {
        if let Some(starter) = starter
            && (starter + 1 == whole.len() || last_class < class)
            && let Some(both) = compose(whole[starter], part)
        {
            whole[starter] = both;
            continue;
        }
        if class == 0 {
            starter = Some(whole.len());
        }
        last_class = class;
        whole.push(part);
    }
    whole.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::nfc;

    #[test]
    fn every_character_is_as_the_crate_s_own_reader_has_it() {
        for c in '\0'..='\u{2fa1f}' {
            // By itself; taken apart; with marks of two classes, in the wrong order.
            let apart: String = std::iter::once(c).nfd().collect();
            for text in [format!("{c}"), apart, format!("a{c}\u{301}\u{327}{c}")] {
                assert!(nfc(&text).chars().eq(text.nfc()), "{}", text.escape_unicode());
            }
        }
    }

    #[test]
    fn marks_without_end_take_no_time_without_end() {
        let marks = "\u{301}\u{327}\u{5b0}\u{3099}".repeat(100_000);
        assert!(nfc(&marks).chars().eq(marks.nfc()));
    }

    proptest! {
        #[test]
        fn any_text_is_as_the_crate_s_own_reader_has_it(
            text in "([aAeo\u{df}가각\u{1100}\u{1161}\u{11a8}]|[\u{300}-\u{36f}\u{591}-\u{5c7}\u{3099}\u{1d165}]|\\PC){0,24}"
        ) {
            prop_assert_eq!(nfc(&text), text.nfc().collect::<String>());
        }
    }
}

//! Texts that are longer than their place: what is missing is told by an `…`.

/// The beginning, in at most so many cells.
pub(super) fn end(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Both ends: ids that begin alike are told apart by how they end.
pub(super) fn middle(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept / 2;
    text.chars().take(kept - tail).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_whole_and_one_that_does_not_says_so() {
        assert_eq!(end("four", 4), "four");
        assert_eq!(end("fives", 4), "fiv…");
        assert_eq!(middle("fifteen letters", 15), "fifteen letters");
        assert_eq!(middle("3f2504e0-4f89-11d3-9a0c-0305e82c3301", 15), "3f2504e…82c3301");
        assert_eq!(middle("3f2504e0-4f89-11d3-9a0c-0305e82c3302", 15), "3f2504e…82c3302");
        for width in 0..9 {
            let longest = width.max(1);
            assert!(end("äöüäöüäöü", width).chars().count() <= longest, "{width}");
            assert!(middle("äöüäöüäöü", width).chars().count() <= longest, "{width}");
        }
    }
}

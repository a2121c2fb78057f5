//! What must never be shown, wherever a backend puts it: it may well send a login or a token back in a header or a claim.

use super::login::is_scheme;
use crate::finding::Finding;

/// Texts shorter than this are no secrets, and stand in half of all words.
const SHORT: usize = 6;

/// The secrets of one run.
#[derive(Clone, Default)]
pub(crate) struct Hidden(Vec<String>);

impl Hidden {
    /// Values of the headers that were given: each whole, and each word of it, with quotes and without.
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut hidden = Self::default();
        for value in values {
            hidden.add(value);
            hidden.add(value.split_once(' ').map_or("", |(_, credentials)| credentials));
            let bare = |word: &str| word.trim_matches(['"', '\'']).to_owned();
            for word in value.split_whitespace().map(bare).filter(|word| !is_scheme(word)) {
                hidden.add_token(&word);
            }
        }
        hidden
    }

    /// A token: each of its parts gives it away.
    pub(crate) fn add_token(&mut self, token: &str) {
        self.add(token);
        for part in token.split('.') {
            self.add(part);
        }
    }

    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        // What is a media type is none, though it comes in a header.
        if secret.len() >= SHORT && !secret.starts_with("application/") && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// The text without them.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<hidden>"))
    }

    pub(crate) fn cleaned(&self, finding: Finding) -> Finding {
        let [saw, means, remedy] = [&finding.saw, &finding.means, &finding.remedy].map(|text| self.clean(text));
        Finding { saw, means, remedy, ..finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_hidden_however_oddly_it_was_given() {
        for value in
            ["Bearer Bearer SECRET-SESSION-1", "\"SECRET-SESSION-1\"", "Bearer 'SECRET-SESSION-1'", "SECRET-SESSION-1"]
        {
            let clean = Hidden::of([value].into_iter()).clean("Bearer SECRET-SESSION-1 is no Bearer");
            assert!(clean.ends_with("<hidden> is no Bearer"), "{value}: {clean}");
        }
    }

    #[test]
    fn a_login_and_every_part_of_a_token_are_hidden() {
        let mut hidden = Hidden::of(["Bearer SECRET-SESSION-1", "x"].into_iter());
        hidden.add_token("abcdefgh.ijklmnop.qrstuvwx");
        let clean = hidden.clean("a SECRET-SESSION-1 b ijklmnop c abcdefgh.ijklmnop.qrstuvwx x");
        assert_eq!(clean, "a <hidden> b <hidden> c <hidden> x");
    }
}

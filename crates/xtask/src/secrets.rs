//! Finds secrets in captured output: tokens, and the sentinels that stand for secrets in our tests. Prints none of them.

use std::io::{self, BufRead};
use std::ops::Range;

/// Stands where a secret was.
const MASK: &str = "<masked>";

/// Characters of a line that are shown on each side of a secret.
const AROUND: usize = 80;

/// A fixed text that gives a secret away, and how far the secret goes on after it.
struct Needle {
    text: &'static str,
    kind: &'static str,
    continues: fn(char) -> bool,
}

/// Tests use these in place of real logins and tokens. The last two are the same texts, and the start of any JWT,
/// as `Debug` prints a byte slice: a buffer in a trace line gives a token away as surely as a string does.
const NEEDLES: [Needle; 4] = [
    Needle { text: "SECRET-SESSION-", kind: "session login", continues: is_word },
    Needle { text: "SECRET-TOKEN-", kind: "token", continues: is_word },
    Needle { text: "83, 69, 67, 82, 69, 84, 45", kind: "sentinel as bytes", continues: is_byte_list },
    Needle { text: "101, 121, 74", kind: "JWT as bytes", continues: is_byte_list },
];

/// What one test of each language prints, as it would print a secret: output without it is not what was searched for.
const CANARY: &str = "SECRET-CANARY-";

/// One line that holds a secret; the text is safe to print.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Counted from 1, as editors do.
    pub(crate) line: usize,
    pub(crate) kind: &'static str,
    pub(crate) excerpt: String,
}

/// What a scan saw.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) lines: usize,
    /// Lines written at trace level: none means that nobody listened, and the scan proves little.
    pub(crate) traced: usize,
    /// Secrets that were printed on purpose, to be found.
    pub(crate) canaries: usize,
    pub(crate) findings: Vec<Finding>,
}

/// Reads all of `output`, which need not be UTF-8, line by line.
pub(crate) fn scan(mut output: impl BufRead) -> io::Result<Scan> {
    let mut seen = Scan::default();
    let mut bytes = Vec::new();
    while output.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        seen.lines += 1;
        seen.traced += usize::from(is_trace(text));
        seen.canaries += usize::from(text.contains(CANARY));
        if let Some((secret, kind)) = find(text) {
            seen.findings.push(Finding { line: seen.lines, kind, excerpt: excerpt(text, &secret) });
        }
        bytes.clear();
    }
    Ok(seen)
}

/// A line of tracing's own format at trace level, in plain text or in colour.
fn is_trace(line: &str) -> bool {
    line.contains(" TRACE ") || line.contains("mTRACE\u{1b}")
}

/// The text with every secret masked.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((secret, _)) = find(rest) {
        masked.push_str(&rest[..secret.start]);
        masked.push_str(MASK);
        rest = &rest[secret.end..];
    }
    masked + rest
}

/// The first secret of the text: where it is, and what it is.
fn find(text: &str) -> Option<(Range<usize>, &'static str)> {
    let sentinels = NEEDLES.iter().filter_map(|needle| {
        let start = text.find(needle.text)?;
        let after = start + needle.text.len();
        Some((start..after + run_of(&text[after..], needle.continues), needle.kind))
    });
    sentinels.chain(find_jwt(text).map(|place| (place, "JWT"))).min_by_key(|(place, _)| place.start)
}

/// A JWT is `eyJ…` (base64url of `{"`), a dot, and `eyJ…` again: header and claims. The signature may be missing.
fn find_jwt(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(offset) = text[from..].find("eyJ") {
        let start = from + offset;
        let header_end = start + run_of(&text[start..], is_base64url);
        if text[header_end..].starts_with(".eyJ") {
            return Some(start..header_end + run_of(&text[header_end..], |c| c == '.' || is_base64url(c)));
        }
        // Any other `eyJ` inside this run ends at the same place, so none of them is a header either.
        from = header_end;
    }
    None
}

/// The length in bytes of the leading characters that `belongs` accepts.
fn run_of(text: &str, belongs: fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn is_base64url(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_word(c: char) -> bool {
    is_base64url(c) || c == '.'
}

fn is_byte_list(c: char) -> bool {
    c.is_ascii_digit() || c == ',' || c == ' '
}

/// The secret's neighbourhood, itself masked: a line may hold more than one.
fn excerpt(line: &str, secret: &Range<usize>) -> String {
    let before: Vec<char> = line[..secret.start].chars().rev().take(AROUND).collect();
    let before: String = before.into_iter().rev().collect();
    // Masked before it is cut, so that no cut leaves half a secret that no longer looks like one.
    let after: String = mask(&line[secret.end..]).chars().take(AROUND).collect();
    format!("{before}{MASK}{after}")
}

#[cfg(test)]
mod tests {
    use super::{mask, scan};

    const JWT: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzYUBwIiwiZXhwIjoxfQ.c2lnbmF0dXJl-_x";

    fn kinds(output: &[u8]) -> Vec<(usize, &'static str)> {
        scan(output).unwrap().findings.iter().map(|finding| (finding.line, finding.kind)).collect()
    }

    #[test]
    fn a_jwt_is_found_wherever_it_stands() {
        for line in [
            JWT.to_owned(),
            format!("Authorization: Bearer {JWT}"),
            format!("{{\"token\":\"{JWT}\",\"ttl\":3600}}"),
            format!("\u{1b}[3mtoken\u{1b}[0m=\u{1b}[2m{JWT}\u{1b}[0m"),
            format!("eyJ is how one starts: {JWT}"),
        ] {
            assert_eq!(kinds(line.as_bytes()), [(1, "JWT")]);
        }
    }

    #[test]
    fn a_jwt_cut_before_its_signature_is_still_one() {
        let cut = &JWT[..JWT.rfind('.').unwrap()];
        assert_eq!(kinds(cut.as_bytes()), [(1, "JWT")]);
        assert_eq!(kinds(&cut.as_bytes()[..cut.len() - 5]), [(1, "JWT")]);
    }

    #[test]
    fn words_that_only_resemble_a_jwt_are_not_one() {
        for line in ["", "eyJ", "eyJhbGciOiJSUzI1NiJ9", "eyJ.eyI", "a.b.c", "eyJab cd.eyJef", "test eyJ ... ok"] {
            assert_eq!(kinds(line.as_bytes()), [], "{line:?}");
        }
    }

    #[test]
    fn the_sentinels_of_our_tests_are_found() {
        let output = b"ok\nlogin=SECRET-SESSION-driver_1\n\ntoken=SECRET-TOKEN-7\n";
        assert_eq!(kinds(output), [(2, "session login"), (4, "token")]);
    }

    #[test]
    fn a_secret_printed_as_bytes_is_found() {
        let output = format!("{:?}\n{:?}\n", JWT.as_bytes(), b"SECRET-TOKEN-7");
        assert_eq!(kinds(output.as_bytes()), [(1, "JWT as bytes"), (2, "sentinel as bytes")]);
    }

    #[test]
    fn a_secret_is_found_as_each_language_prints_it() {
        for line in [
            "AuthToken(value=SECRET-TOKEN-1, generation=1)",
            "\tat dev.fleettoken.Copies.keep(Copies.kt:1) SECRET-TOKEN-1",
            "▿ FleetToken.HTTPHeader - value: \"Bearer SECRET-TOKEN-1\"",
            "{\\\"token\\\":\\\"SECRET-TOKEN-1\\\"}",
            "Optional[SECRET-TOKEN-1]",
            "%22SECRET-TOKEN-1%22",
        ] {
            assert_eq!(kinds(line.as_bytes()), [(1, "token")], "{line}");
        }
        // Kotlin's contentToString, Swift's Array(data), Rust's Debug.
        assert_eq!(kinds(b"[83, 69, 67, 82, 69, 84, 45, 84]"), [(1, "sentinel as bytes")]);
    }

    /// So that nobody takes a clean scan for more than it is.
    #[test]
    fn a_secret_in_another_writing_is_not_found() {
        for line in ["U0VDUkVULVRPS0VOLTE=", "5345435245542d544f4b454e", "- 83\n- 69\n- 67\n- 82", "SECRET-TO\nKEN-1"] {
            assert_eq!(kinds(line.as_bytes()), [], "{line}");
        }
    }

    #[test]
    fn a_canary_is_counted_and_no_finding() {
        let seen = scan(&b"x\nSECRET-CANARY-rust\n"[..]).unwrap();
        assert_eq!((seen.canaries, seen.findings.len()), (1, 0));
    }

    #[test]
    fn output_that_is_not_utf8_and_has_no_last_newline_is_scanned_to_its_end() {
        let mut output = b"\xff\xfe\n\xc3".to_vec();
        output.extend_from_slice(JWT.as_bytes());
        assert_eq!(kinds(&output), [(2, "JWT")]);
    }

    #[test]
    fn no_part_of_a_secret_survives_in_what_is_shown() {
        let line = format!("é {} a={JWT}; b=SECRET-SESSION-x1 c={:?}", "pad ".repeat(40), JWT.as_bytes());
        let findings = scan(line.as_bytes()).unwrap().findings;
        let shown = [findings[0].excerpt.clone(), mask(&line)];
        for text in &shown {
            assert!(text.contains("a=<masked>; b=<masked> c=[<masked>]"), "a secret is not masked");
            for part in JWT.split('.').chain(["x1", "101, 121"]) {
                assert!(!text.contains(part), "a part of a secret is shown");
            }
        }
    }

    #[test]
    fn a_long_run_of_false_starts_takes_no_quadratic_time() {
        let line = "eyJ".repeat(1_000_000);
        assert_eq!(kinds(line.as_bytes()), []);
    }

    #[test]
    fn lines_at_trace_level_are_counted() {
        let output = "\
2026-01-01T00:00:00Z TRACE fleet_token: hit
\u{1b}[2m2026\u{1b}[0m \u{1b}[35mTRACE\u{1b}[0m fleet_token: hit
2026-01-01T00:00:00Z  INFO fleet_token: up
note: run with `RUST_BACKTRACE=1`
";
        let seen = scan(output.as_bytes()).unwrap();
        assert_eq!((seen.lines, seen.traced), (4, 2));
    }
}

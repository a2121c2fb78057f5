//! Findings as lines for people, as wide as the terminal: nothing is cut, and what was not checked is told once, at the
//! end, by its cause.

use std::fmt::Write as _;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::finding::{Check, Finding, Level};

/// Where the text of a finding begins.
const INDENT: usize = 21;

/// Headings and the first check below each.
pub(crate) type Headings = [(Check, &'static str)];

/// A page of that many columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    width: usize,
}

impl Page {
    /// At least as wide as one word beside the ids.
    pub(crate) fn of_width(width: usize) -> Self {
        Self { width: width.max(40) }
    }

    /// A text after `head`; its further lines begin `indent` columns in.
    pub(crate) fn hanging(self, head: &str, indent: usize, text: &str) -> Vec<String> {
        let (text, below) = (text.split_whitespace().collect::<Vec<_>>().join(" "), " ".repeat(indent));
        let options = Options::new(self.width)
            .initial_indent(head)
            .subsequent_indent(&below)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .word_separator(WordSeparator::AsciiSpace)
            // Ids have hyphens, and are searched for.
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(&text, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// A text by itself.
    pub(crate) fn text(self, text: &str) -> Vec<String> {
        self.hanging("", 0, text)
    }

    /// All that was checked, under their headings; then all that was not.
    pub(crate) fn findings(self, findings: &[Finding], headings: &Headings) -> Vec<String> {
        let heading = |finding: &Finding| headings.iter().find(|(check, _)| *check == finding.check).map(|(_, of)| *of);
        let mut lines = Vec::new();
        for part in findings.chunk_by(|_, next| heading(next).is_none()) {
            let mut checked = part.iter().filter(|finding| finding.level != Level::NotChecked).peekable();
            if checked.peek().is_some() {
                lines.extend(part.first().and_then(heading).map(|heading| format!("\n{heading}")));
            }
            lines.extend(checked.flat_map(|finding| self.finding(finding)));
        }
        let unchecked = self.unchecked(findings);
        if !unchecked.is_empty() {
            lines.push("\nNot checked".to_owned());
        }
        lines.extend(unchecked);
        lines
    }

    fn finding(self, finding: &Finding) -> Vec<String> {
        let (style, check) = (finding.level.style(), finding.check.id());
        let head = format!("  {style}{}{style:#} {check:<15}  ", finding.level.mark());
        if !finding.because.is_empty() {
            // What it means, and what to do, stands at its cause.
            return self.hanging(&head, INDENT, &format!("{}, {}", finding.saw, reason(&finding.because)));
        }
        let mut lines = self.hanging(&head, INDENT, &finding.saw);
        let below = |name: &str| format!("{}{name:<6} ", " ".repeat(INDENT));
        for (name, text) in [("means", &finding.means), ("do", &finding.remedy)] {
            if !text.is_empty() {
                lines.extend(self.hanging(&below(name), INDENT + 7, text));
            }
        }
        lines
    }

    /// Each cause once, with all that was not checked for it.
    fn unchecked(self, findings: &[Finding]) -> Vec<String> {
        let mut causes: Vec<(String, Vec<&str>)> = Vec::new();
        for finding in findings.iter().filter(|finding| finding.level == Level::NotChecked) {
            let cause = match finding.because.as_slice() {
                [] => finding.saw.clone(),
                causes => reason(causes),
            };
            match causes.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, ids)) => ids.push(finding.check.id()),
                None => causes.push((cause, vec![finding.check.id()])),
            }
        }
        let (style, mark) = (Level::NotChecked.style(), Level::NotChecked.mark());
        let line = |(cause, ids): (String, Vec<&str>)| {
            self.hanging(&format!("  {mark} "), 4, &format!("{cause}: {}", ids.join(", ")))
        };
        causes.into_iter().flat_map(line).map(|line| format!("{style}{line}{style:#}")).collect()
    }

    /// The last lines: how many of each, and which to look at. What follows from something else is no fault of its own.
    pub(crate) fn summary(self, findings: &[Finding]) -> Vec<String> {
        let (followers, own): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.follows(findings));
        let named = |level: Level| own.iter().filter(|f| f.level == level).map(|f| f.check).collect::<Vec<_>>();
        let mut text = format!("{} ✓", named(Level::Fine).len());
        for level in [Level::Warning, Level::Error] {
            let checks = named(level);
            if !checks.is_empty() {
                let style = level.style();
                let _ = write!(text, ", {style}{} {}{style:#} ({})", checks.len(), level.mark(), names(&checks));
            }
        }
        if !followers.is_empty() {
            let checks: Vec<_> = followers.iter().map(|finding| finding.check).collect();
            let _ = write!(
                text,
                ", {} that only follow{} ({})",
                checks.len(),
                if checks.len() == 1 { "s" } else { "" },
                names(&checks)
            );
        }
        if !named(Level::NotChecked).is_empty() {
            let _ = write!(text, ", {} – not checked", named(Level::NotChecked).len());
        }
        self.text(&text)
    }
}

fn reason(causes: &[Check]) -> String {
    format!("for the reason at {} above", names(causes))
}

fn names(checks: &[Check]) -> String {
    checks.iter().map(|check| check.id()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::settle;

    const HEADINGS: &Headings = &[(Check::Scheme, "The way there"), (Check::Jwt, "The token")];

    fn plain(lines: &[String]) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn what_is_to_be_done_is_shown_under_what_was_seen() {
        let finding = Check::ExpiryUnit.error("expiresInSeconds is 3599000", "It means that.", "Divide.");
        let expected = concat!(
            "  ✗ expiry-unit      expiresInSeconds is 3599000\n",
            "                     means  It means that.\n",
            "                     do     Divide."
        );
        assert_eq!(plain(&Page::of_width(80).findings(&[finding], &[])), expected);
    }

    #[test]
    fn long_texts_are_wrapped_to_any_width_and_nothing_is_lost() {
        let word = "x".repeat(200);
        let text = format!("It says much, the token's issuer above all, and one word of it is {word} at its end.");
        let finding = Check::Issuer.error(text.clone(), &text, &text);
        for width in [40, 60, 80, 132] {
            let lines = Page::of_width(width).findings(std::slice::from_ref(&finding), &[]);
            let shown = plain(&lines);
            assert!(shown.lines().all(|line| line.chars().count() <= width), "{width}:\n{shown}");
            assert!(shown.lines().skip(1).all(|line| line.starts_with(&" ".repeat(INDENT))), "{width}:\n{shown}");
            let whole = shown.replace([' ', '\n'], "");
            assert_eq!(whole.matches(&text.replace(' ', "")).count(), 3, "{width}:\n{shown}");
        }
    }

    #[test]
    fn what_was_not_checked_is_told_once_for_each_cause_over_the_whole_report() {
        let mut findings = [
            Check::Scheme.fine("http"),
            Check::TlsTrust.skipped("http has no TLS"),
            Check::TlsHost.skipped("http has no TLS"),
            Check::Status.error("503", "It is down.", "Wait."),
            Check::Body.wanting("there was no success (2xx)"),
            Check::Jwt.wanting("no token came"),
            Check::UnknownId.wanting("no token came for the id that was asked for"),
        ];
        settle(&mut findings);
        let text = plain(&Page::of_width(80).findings(&findings, HEADINGS));
        let expected = concat!(
            "\nThe way there\n",
            "  ✓ scheme           http\n",
            "  ✗ status           503\n",
            "                     means  It is down.\n",
            "                     do     Wait.\n",
            "\nNot checked\n",
            "  – http has no TLS: tls-trust, tls-host\n",
            "  – for the reason at status above: body, jwt, unknown-id"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn one_cause_is_one_fault_in_the_summary() {
        let mut findings = [
            Check::Dns.fine("x"),
            Check::OtherId.error("another", "PERMISSION_DENIED.", "The key."),
            Check::Sdk.error("refuses it", "An app gets an error.", "x").because(&[Check::OtherId]),
        ];
        settle(&mut findings);
        let page = Page::of_width(80);
        assert_eq!(plain(&page.summary(&findings)), "1 ✓, 1 ✗ (other-id), 1 that only follows (sdk)");
        let shown = plain(&page.findings(&findings, &[]));
        assert!(shown.ends_with("  ✗ sdk              refuses it, for the reason at other-id above"), "{shown}");
    }
}

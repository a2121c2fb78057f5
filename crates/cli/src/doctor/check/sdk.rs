//! What the SDK makes of it all. What it refuses has mostly been found before: then that is named, and not told again.

use fleet_token::TokenErrorKind as Kind;

use crate::doctor::seen::{Exchange, Remark, SdkVerdict, Seen, Step};
use crate::finding::{self, Check, Finding};
use crate::when::rounded;

/// Judges after all others, whose `findings` explain it.
pub(super) fn judge(seen: &Seen, findings: &[Finding]) -> Finding {
    let check = Check::Sdk;
    let (kind, said) = match &seen.sdk {
        Step::Skipped(why) => return check.wanting(*why).settled(findings),
        Step::Failed(why) => return check.wanting(why.clone()).settled(findings),
        Step::Done(SdkVerdict::Uses(left, remarks)) => return uses(*left, remarks, findings),
        Step::Done(SdkVerdict::Refuses(kind, why)) => (*kind, why),
    };
    let name = kind.as_str();
    // It was shown the first reply only.
    if is_passing(seen) {
        return check
            .warning(
                format!("refuses the first reply ({name})"),
                &format!("The error was: {said}. Others were a success: fleet-token tries again by itself; doctor lets it ask once."),
                "See reply and status.",
            )
            .because(&[Check::Status, Check::Reply])
            .settled(findings);
    }
    let means = "An app with fleet-token gets this error.";
    match finding::cause(suspects(kind), findings) {
        Some(cause) => check
            .error(
                format!("refuses it ({name})"),
                &format!("An app with fleet-token gets the error {name}: {said}"),
                &format!("Mend what is found under {}.", cause.id()),
            )
            .because(&[cause]),
        None => check.error(format!("refuses it ({name}): {said}"), means, "docs/events.md explains each error."),
    }
}

fn uses(left: Option<std::time::Duration>, remarks: &[Remark], findings: &[Finding]) -> Finding {
    let check = Check::Sdk;
    let Some(left) = left.map(rounded) else {
        return check
            .warning(
                "uses the token once and does not keep it",
                "Nobody says when it ends.",
                "See declared-expiry. UnknownLifetime::Assume is the setting for a backend that cannot be changed.",
            )
            .because(&[Check::DeclaredExpiry])
            .settled(findings);
    };
    if remarks.is_empty() {
        return check.fine(format!("would use this token for {left}"));
    }
    let (mut causes, mut said) = (Vec::new(), Vec::new());
    for remark in remarks {
        let (suspects, text): (&[Check], _) = match remark {
            Remark::Clamped(text) => {
                (&[Check::ExpiryUnit, Check::DeclaredExpiry, Check::Lifetime, Check::IssuedAt, Check::ClockSkew], text)
            }
            Remark::Scope(text) => (&[Check::Wildcard, Check::Authorization, Check::OtherId], text),
            Remark::Skew(text) => (&[Check::ClockSkew, Check::IssuedAt], text),
        };
        match finding::cause(suspects, findings) {
            Some(cause) => causes.push(cause),
            None => said.push(text.as_str()),
        }
    }
    causes.sort_unstable();
    causes.dedup();
    let names: Vec<_> = causes.iter().map(|cause| cause.id()).collect();
    let works = "fleet-token works around what is wrong; other clients may not.";
    if !said.is_empty() {
        let saw = format!("would use this token for {left}, with a warning: {}", said.join("; "));
        return check.warning(saw, works, "Look at the findings above.");
    }
    let saw = format!("would use this token for {left}, with a warning");
    check.warning(saw, works, &format!("Mend what is found under {}.", names.join(" and "))).because(&causes)
}

/// Under which findings the reason for an error of the SDK's may stand, the likeliest first.
const fn suspects(kind: Kind) -> &'static [Check] {
    match kind {
        Kind::Transport | Kind::Timeout => &[Check::Reply, Check::Tcp],
        Kind::Unavailable | Kind::SessionRejected | Kind::NotFound | Kind::Rejected => &[Check::Status],
        Kind::Redirected => &[Check::Redirect],
        Kind::BadResponse => &[Check::Body, Check::Token, Check::ExpiryUnit, Check::DeclaredExpiry],
        Kind::Disabled => &[Check::Token],
        Kind::ExpiredOnArrival => &[Check::ExpiresAt, Check::ExpiryUnit, Check::DeclaredExpiry, Check::ClockSkew],
        Kind::ScopeMismatch => &[Check::OtherId, Check::Authorization, Check::Wildcard],
        Kind::LifetimeTooShort => &[Check::Lifetime, Check::ExpiresAt, Check::ExpiryUnit, Check::DeclaredExpiry],
        _ => &[],
    }
}

/// Whether the first request failed in a way after which the SDK tries again, and a later one did not.
fn is_passing(seen: &Seen) -> bool {
    let is_tried_again = |first: &Exchange| first.status().is_none_or(|status| status == 429 || status >= 500);
    seen.exchanges().first().is_some_and(is_tried_again) && seen.good().is_some()
}

//! From what was seen to what it means. Pure: each file judges one side of a backend, and is tested without a network.

mod access;
mod address;
mod body;
mod expiry;
mod http;
mod login;
mod network;
mod reply;
mod sdk;
mod time;
mod token;

use super::seen::{Exchange, Seen, Step};
use crate::finding::{self, Check, Finding};

/// What is in one reply: always the same checks, in one order.
fn of_reply(reply: Option<&Exchange>, seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::from(body::judge(reply));
    findings.extend(expiry::judge(reply));
    findings.extend(token::of_reply(reply, &seen.context));
    findings
}

/// Every check's outcome, one each, in the order in which they are shown.
pub(crate) fn all(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::from(address::judge(seen));
    findings.push(login::judge(seen));
    findings.extend(network::judge(seen));
    findings.extend(http::judge(seen));
    findings.extend(time::judge(seen));
    // Behind a load balancer not every reply is like the first: of each check the worst counts.
    let each = seen
        .successes()
        .map(|reply| of_reply(Some(reply), seen))
        .reduce(|one, other| one.into_iter().zip(other).map(|(one, other)| one.or_worse(other)).collect());
    findings.extend(each.unwrap_or_else(|| of_reply(None, seen)));
    findings.extend(token::judge(seen));
    // Where nothing was asked, that is what is wanting.
    if let Step::Skipped(why) = &seen.replies {
        for finding in findings.iter_mut().filter(|finding| finding.check > Check::ClockSkew) {
            (*why).clone_into(&mut finding.saw);
        }
    }
    findings.extend(access::judge(seen));
    findings.sort_by_key(|finding| finding.check);
    finding::settle(&mut findings);
    findings.push(sdk::judge(seen, &findings));
    findings
}

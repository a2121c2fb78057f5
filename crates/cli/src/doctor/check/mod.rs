//! From what was seen to what it means. Pure: each file judges one side of a backend, and is tested without a network.

mod access;
mod address;
mod body;
mod expiry;
mod http;
mod network;
mod time;
mod token;

use super::seen::Seen;
use crate::finding::Finding;

/// Every check's outcome, one each, in the order in which they are shown.
pub(crate) fn all(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::from(address::judge(seen));
    findings.extend(network::judge(seen));
    findings.extend(http::judge(seen));
    findings.extend(time::judge(seen));
    findings.extend(body::judge(seen));
    findings.extend(expiry::judge(seen));
    findings.extend(token::judge(seen));
    findings.extend(access::judge(seen));
    findings.sort_by_key(|finding| finding.check);
    findings
}

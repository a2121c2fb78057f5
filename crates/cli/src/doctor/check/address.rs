//! The URL itself: what a login may travel over, and what must not stand in it.

use crate::doctor::seen::Seen;
use crate::finding::{Check, Finding};

pub(super) fn judge(seen: &Seen) -> [Finding; 2] {
    [scheme(seen), secret(seen)]
}

fn scheme(seen: &Seen) -> Finding {
    let address = &seen.address;
    match (address.is_https, address.is_this_machine) {
        (true, _) => Check::Scheme.fine("https"),
        (false, true) => Check::Scheme.fine("http, and never off this machine"),
        (false, false) => Check::Scheme.error(
            "http to another machine",
            "Everybody on the way can read the app's login and the token. Nothing was sent, and fleet-token sends nothing there.",
            "Serve the route over https. For a phone on your desk, forward a port (adb reverse) and use localhost.",
        ),
    }
}

fn secret(seen: &Seen) -> Finding {
    let address = &seen.address;
    if address.has_user {
        return Check::UrlSecret.error(
            "a user name or a password stands in the URL",
            "URLs end up in logs, proxies and crash reports. Nothing was sent; fleet-token refuses such an endpoint.",
            "Send the login as a header: --header 'Authorization: Bearer …', or Basic.",
        );
    }
    if !address.secret_parameters.is_empty() {
        return Check::UrlSecret.error(
            format!("the query has {}", address.secret_parameters.join(", ")),
            "URLs are logged by servers, proxies and load balancers, and so is whatever secret stands in them.",
            "Let the backend take it as a header, and make a new one: this one has been logged already.",
        );
    }
    Check::UrlSecret.fine("no login in the URL")
}

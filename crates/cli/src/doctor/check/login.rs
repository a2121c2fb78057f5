//! The `--header` as it was given: whether it is the login that was meant. Its value is never shown.

use std::time::Duration;

use crate::doctor::login::{Flaw, Login};
use crate::doctor::seen::{Exchange, Seen};
use crate::finding::{Check, Finding, Level};
use crate::when::rounded;

pub(super) fn judge(seen: &Seen) -> Finding {
    let check = Check::Login;
    if seen.logins.is_empty() {
        return check.skipped("no --header was given");
    }
    let flaws = seen.logins.iter().flat_map(|login| login.flaws.iter().map(move |flaw| (login, *flaw)));
    let mut flaws: Vec<_> = flaws.collect();
    flaws.sort_by_key(|(_, flaw)| *flaw);
    let Some((_, worst)) = flaws.first() else {
        let shown: Vec<_> = seen.logins.iter().map(described).collect();
        return check.fine(format!("{}; not shown", shown.join(", ")));
    };
    let saw: Vec<_> = flaws.iter().map(|(login, flaw)| format!("{}: {}", login.name, words(*flaw).0)).collect();
    let (_, means, remedy) = words(*worst);
    // Where the backend took it all the same it is a matter of luck; where it refused it is the likely reason.
    let found = check.warning(saw.join("; "), means, remedy);
    if *worst != Flaw::TrailingBlank && is_refused(seen) { Finding { level: Level::Error, ..found } } else { found }
}

fn described(login: &Login) -> String {
    login.scheme.map_or_else(|| login.name.clone(), |scheme| format!("{}: {scheme} …", login.name))
}

/// Whether the backend may have refused for the login's sake.
fn is_refused(seen: &Seen) -> bool {
    let of = |status: u16| [400, 401, 403].contains(&status);
    seen.good().is_none() && seen.exchanges().iter().filter_map(Exchange::status).any(of)
}

/// What was seen, what it means and what to do.
fn words(flaw: Flaw) -> (String, &'static str, &'static str) {
    let (saw, means, remedy) = match flaw {
        Flaw::Empty => (
            "nothing stands there",
            "The login is missing. Often it was to come out of a shell's variable that is not set.",
            "Look at the variable: it has to be exported in this shell, and written in double quotes.",
        ),
        Flaw::Variable => (
            "it begins with $, as a variable that was not filled in",
            "In single quotes the shell fills in nothing: the backend gets the variable's name.",
            "Write double quotes: --header \"Authorization: Bearer $TOKEN\".",
        ),
        Flaw::Placeholder => (
            "a placeholder, as on a page of instructions",
            "The backend gets the placeholder, and knows no such login.",
            "Put your app's login there.",
        ),
        Flaw::NameTwice => (
            "the header's name stands in its value again",
            "The backend reads the name as the scheme, and refuses it.",
            "Write the name once: 'Authorization: Bearer …'.",
        ),
        Flaw::SchemeTwice => (
            "the scheme stands there twice, as in Bearer Bearer …",
            "The backend takes the second one for the login.",
            "Write it once. If your app puts it there by itself, its login was stored with the scheme.",
        ),
        Flaw::Quotes => (
            "quotes are left in it",
            "They are sent, and the backend takes them for a part of the login.",
            "Leave them away. jq -r writes texts without quotes.",
        ),
        Flaw::NoScheme { is_jwt: true } => (
            "a JWT without a scheme before it",
            "The header wants a scheme and then the token (RFC 9110 §11.6.2); most backends read nothing else.",
            "Put Bearer and a blank before it: 'Authorization: Bearer …'.",
        ),
        Flaw::NoScheme { is_jwt: false } => (
            "one word, and no scheme before it",
            "The header wants a scheme and then the login (RFC 9110 §11.6.2); most backends read nothing else.",
            "Put the scheme and a blank before it, mostly Bearer: 'Authorization: Bearer …'.",
        ),
        Flaw::Expired(since) => {
            let since = rounded(Duration::from_secs(since.unsigned_abs()));
            return (
                format!("the login is a JWT that ended {since} ago"),
                "The backend refuses it, by its own clock; or it does not look at the end of its logins, which is worse.",
                "Sign in again and take the new one.",
            );
        }
        Flaw::FleetToken => (
            "the login is itself a token for Fleet Engine",
            "The backend wants your app's own login, by which it knows the user. Its answer is what Fleet Engine gets.",
            "Send your app's login.",
        ),
        Flaw::TrailingBlank => (
            "white space at its end, which was cut off here",
            "An app that reads its login from the same place may send it, or fail to: a line break cannot be sent.",
            "Cut it off where the login is stored or read.",
        ),
    };
    (saw.to_owned(), means, remedy)
}

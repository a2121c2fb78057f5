//! Which token, from where: the arguments that every command takes which asks a backend.

use clap::{ArgGroup, Args};
use fleet_token::{AuthTokenContext, Endpoint, IdField, SessionHeaders};

/// Which token, from where.
#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("what").required(true).multiple(true).args(
        ["vehicle_id", "trip_id", "delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"]
    )
))]
pub(crate) struct Request {
    /// Where to ask: a URL with a place for each id, such as https://b.example/token/driver/{vehicleId}. The places are
    /// {vehicleId}, {tripId}, {deliveryVehicleId}, {taskId}, {trackingId}. http is for this machine only.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: String,
    /// Ask with POST and the context as JSON, instead of GET.
    #[arg(long)]
    post: bool,
    /// A header for the backend, such as your app's login. Never shown. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<Secret>,

    /// One on-demand vehicle, as a driver's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["trip_id", "delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"])]
    vehicle_id: Option<String>,
    /// One on-demand trip, as a rider's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"])]
    trip_id: Option<String>,
    /// One delivery vehicle, as a delivery driver's app; also together with --task-id.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["tracking_id", "fleet", "vehicle_service"])]
    delivery_vehicle_id: Option<String>,
    /// One scheduled task; also together with --delivery-vehicle-id.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["tracking_id", "fleet", "vehicle_service"])]
    task_id: Option<String>,
    /// One parcel, as its recipient's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all = ["fleet", "vehicle_service"])]
    tracking_id: Option<String>,
    /// The whole fleet, as an operator's desktop or a server.
    #[arg(long, help_heading = "What for", conflicts_with = "vehicle_service")]
    fleet: bool,
    /// Vehicles nearby, as a rider's app before there is a trip.
    #[arg(long, help_heading = "What for")]
    vehicle_service: bool,
}

/// An argument that no error message and no `Debug` repeats.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Secret {
    /// The header's value, to be looked for in what is about to be shown.
    pub(crate) fn value(&self) -> &str {
        self.0.split_once(':').map_or(self.0.as_str(), |(_, value)| value.trim())
    }
}

impl Request {
    /// What the token is to be for.
    pub(crate) fn context(&self) -> AuthTokenContext {
        if self.fleet {
            return AuthTokenContext::fleet();
        }
        if self.vehicle_service {
            return AuthTokenContext::vehicle_service();
        }
        [
            (IdField::Vehicle, &self.vehicle_id),
            (IdField::Trip, &self.trip_id),
            (IdField::DeliveryVehicle, &self.delivery_vehicle_id),
            (IdField::Task, &self.task_id),
            (IdField::Tracking, &self.tracking_id),
        ]
        .into_iter()
        .fold(AuthTokenContext::new(), |context, (field, id)| match id {
            Some(id) => context.with_id(field, id),
            None => context,
        })
    }

    /// Where it is asked for, not yet checked.
    pub(crate) fn endpoint(&self) -> Endpoint {
        if self.post { Endpoint::post(&self.endpoint) } else { Endpoint::get(self.endpoint.as_str()) }
    }

    /// The headers as they were given, secrets and all.
    pub(crate) fn header_lines(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|Secret(line)| line.as_str())
    }

    /// The app's login; or why a header cannot be sent as it was given, which is not repeated.
    pub(crate) fn session(&self) -> Result<SessionHeaders, &'static str> {
        self.header_lines().try_fold(SessionHeaders::new(), |headers, line| {
            let no_colon = "a --header has no colon; write 'Name: value', such as 'Authorization: Bearer …'";
            let (name, value) = line.split_once(':').ok_or(no_colon)?;
            let value = value.trim();
            headers.with(name.trim(), value).map_err(|_| unsendable(value))
        })
    }
}

/// Why a header with a colon cannot be sent.
fn unsendable(value: &str) -> &'static str {
    if value.contains(['\r', '\n']) {
        "a --header has a line break in the middle of its value: two lines were pasted, or a token that was wrapped"
    } else if value.contains(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{2026}']) {
        "a --header holds a typographic quote or an ellipsis (… is one sign): write plain quotes, and the whole value"
    } else if !value.is_ascii() {
        "a --header holds signs beyond ASCII, which servers do not read alike"
    } else {
        "a --header cannot be sent as it is: there is a blank in its name, or a control character in its value"
    }
}

/// The kind of a context and its ids in words.
pub(crate) fn words(context: &AuthTokenContext) -> String {
    let kind = context.kind().map_or("an unknown context", fleet_token::ContextKind::as_str);
    let ids: Vec<_> = IdField::ALL.into_iter().filter_map(|field| context.id(field)).collect();
    if ids.is_empty() { format!("the {kind}, no id") } else { format!("{kind} {}", ids.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        request: Request,
    }

    fn request(header: &str) -> Request {
        let args = ["", "--endpoint", "https://b.example/{vehicleId}", "--vehicle-id", "v", "--header", header];
        Line::try_parse_from(args).unwrap().request
    }

    #[test]
    fn a_header_needs_a_name_and_a_value_that_can_be_sent() {
        let sendable = |line: &str| request(line).session().is_ok();
        assert!(sendable("Authorization: Bearer x") && sendable("X-A:b"));
        assert!(!sendable("no colon") && !sendable("bad name: x") && !sendable("a: x\r\nb: c"));
    }

    #[test]
    fn why_a_header_cannot_be_sent_is_said_without_its_value() {
        for (line, why) in [
            ("SECRET-SESSION-x", "no colon"),
            ("Authorization: Bearer SECRET-\nSESSION-x", "line break"),
            ("Authorization: \u{201c}SECRET-SESSION-x\u{201d}", "typographic"),
            ("Authorization: Bearer SECRET-SESSION-\u{e4}", "ASCII"),
            ("My Header: SECRET-SESSION-x", "blank in its name"),
        ] {
            let said = request(line).session().unwrap_err();
            assert!(said.contains(why) && !said.contains("SECRET-SESSION"), "{said}");
        }
    }

    #[test]
    fn a_header_is_never_shown() {
        let printed = format!("{:?}", request("Authorization: Bearer SECRET-SESSION-x"));
        assert!(printed.contains("<redacted>") && !printed.contains("SECRET-SESSION"));
    }
}

//! One visit to a backend, step by step; a step that fails ends those that need it. Requests are those that the SDK itself
//! makes, so that the backend sees what it would see from an app.

use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, ConfigError, EndpointError, HttpRequest, SessionHeaders, TokenEvent,
};

use super::hidden::Hidden;
use super::login::Login;
use super::probe::Probe;
use super::seen::{Address, Anonymous, Exchange, Remark, SdkVerdict, Seen, Step};
use super::{network, with_ids};
use crate::clock;
use crate::request::Request;
use crate::when::{rounded, unix_secs};

/// By how much the SDK waits longer than the probe.
const SLACK: Duration = Duration::from_secs(2);
/// Between two requests: together they then take longer than the second to which tokens are rounded.
const PAUSE: Duration = Duration::from_millis(300);
/// An id that nobody has, and that every backend can read.
const NOBODY: &str = "fleet-token-doctor-no-such-id";

/// Looks at the backend; or says why the arguments make no sense.
pub(crate) async fn backend(
    request: &Request,
    times: u8,
    within: Duration,
    mut hidden: Hidden,
) -> Result<(Seen, Hidden), String> {
    let context = request.context();
    context.kind().map_err(|error| error.to_string())?;
    let session = request.session()?;
    let address = Address::of(&request.endpoint).ok_or_else(|| not_a_url(&request.endpoint))?;
    let mut seen = unseen(context, address);
    seen.logins = request.header_lines().filter_map(|line| Login::of(line, unix_secs(clock::wall()))).collect();
    seen.requests = usize::from(times);
    if seen.address.has_user || !(seen.address.is_https || seen.address.is_this_machine) {
        return Ok((seen, hidden));
    }
    // What is wrong with the template is found before anything is looked up.
    let visit = Visit { request, within, probe: Probe::new(false, within).map_err(|error| error.to_string())? };
    visit.factory(&seen.context, &session).map_err(|error| misconfigured(&error))?;

    if !way_there(&mut seen, within).await {
        return Ok((seen, hidden));
    }
    let probe = match Probe::new(seen.address.is_https, within) {
        Ok(probe) => probe,
        Err(error) => {
            seen.replies = Step::Failed(format!("no request could be made: {error}"));
            return Ok((seen, hidden));
        }
    };
    let visit = Visit { probe, ..visit };
    visit.ask(&mut seen, &session, times).await;
    for exchange in seen.exchanges() {
        if let Some(token) = exchange.token() {
            hidden.add_token(&token);
        }
    }
    for token in seen.others().filter_map(|(_, exchange)| exchange.token()) {
        hidden.add_token(&token);
    }
    Ok((seen, hidden))
}

fn unseen(context: AuthTokenContext, address: Address) -> Seen {
    const UNSENT: &str = "nothing was sent";
    Seen {
        context,
        address,
        logins: Vec::new(),
        requests: 0,
        dns: Step::Skipped(UNSENT),
        tcp: Step::Skipped(UNSENT),
        tls: Step::Skipped(UNSENT),
        replies: Step::Skipped(UNSENT),
        unknown_id: Step::Skipped(UNSENT),
        wildcard_id: Step::Skipped(UNSENT),
        no_session: Anonymous::Skipped(UNSENT),
        sdk: Step::Skipped(UNSENT),
    }
}

/// An endpoint that is no URL: mostly the scheme is what is missing.
fn not_a_url(endpoint: &str) -> String {
    let hint = if endpoint.contains("://") { "" } else { "; put https:// before it (http:// for this machine)" };
    format!("--endpoint is not an absolute http(s) URL{hint}")
}

/// What is wrong with the template, without repeating it: a secret may stand in it.
fn misconfigured(error: &ConfigError) -> String {
    match error {
        ConfigError::Endpoint(EndpointError::UnknownPlaceholder { placeholder, .. }) => format!(
            "--endpoint has {{{placeholder}}}, which is no id; known are {{vehicleId}}, {{tripId}}, {{deliveryVehicleId}}, \
             {{taskId}}, {{trackingId}}"
        ),
        ConfigError::Endpoint(EndpointError::PlaceholderInHost { .. }) => {
            "--endpoint has an id in its host; ids belong into the path or the query".to_owned()
        }
        ConfigError::Endpoint(EndpointError::AbsentId { field, kind, .. }) => {
            format!("--endpoint asks for {field}, which a {kind} context does not have")
        }
        ConfigError::Endpoint(_) => "--endpoint is not an absolute http(s) URL".to_owned(),
        other => other.to_string(),
    }
}

/// Name, connection, certificate. Whether requests can follow.
async fn way_there(seen: &mut Seen, within: Duration) -> bool {
    let address = seen.address.clone();
    if address.is_https && is_proxied() {
        let why = "a proxy stands between (HTTPS_PROXY)";
        (seen.dns, seen.tcp, seen.tls) = (Step::Skipped(why), Step::Skipped(why), Step::Skipped(why));
        return true;
    }
    let unreached = "the backend was not reached";
    seen.tls = Step::Skipped(if address.is_https { unreached } else { "http has no TLS" });
    (seen.tcp, seen.replies) = (Step::Skipped(unreached), Step::Skipped(unreached));
    (seen.unknown_id, seen.wildcard_id) = (Step::Skipped(unreached), Step::Skipped(unreached));
    (seen.no_session, seen.sdk) = (Anonymous::Skipped(unreached), Step::Skipped(unreached));
    seen.dns = network::resolve(&address.host, address.port, within).await;
    let Step::Done(addresses) = &seen.dns else { return false };
    let (tcp, stream) = network::connect(addresses, within).await;
    seen.tcp = tcp;
    let Some(stream) = stream else { return false };
    if !address.is_https {
        return true;
    }
    let handshake = network::handshake(stream, &address.host, within).await;
    let trusted = handshake.error.is_none();
    seen.tls = Step::Done(handshake);
    trusted
}

/// Whether https goes by a proxy, as reqwest reads the environment. `NO_PROXY` is not looked at: then steps are skipped that
/// could have been taken.
fn is_proxied() -> bool {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

struct Visit<'a> {
    request: &'a Request,
    within: Duration,
    probe: Probe,
}

impl Visit<'_> {
    /// The SDK, asking through the probe, once and without trying again.
    fn factory(&self, context: &AuthTokenContext, session: &SessionHeaders) -> Result<AuthTokenFactory, ConfigError> {
        let builder = AuthTokenFactory::builder();
        let builder = match context.kind() {
            Ok(kind) => builder.endpoint(kind, self.request.endpoint()),
            Err(_) => builder.default_endpoint(self.request.endpoint()),
        };
        builder
            .header_provider(session.clone())
            .transport(self.probe.clone())
            // Later than the probe's own end, which would go unseen if the SDK dropped the request at the same moment.
            .fetch_deadline(self.within + SLACK)
            .attempt_timeout(self.within + SLACK)
            .max_attempts(1)
            .allow_http_loopback()
            .build()
    }

    /// What the SDK sends for a context, what came back, and what the SDK makes of it.
    async fn sdk(
        &self,
        context: &AuthTokenContext,
        session: &SessionHeaders,
    ) -> Option<(HttpRequest, Exchange, SdkVerdict)> {
        let factory = self.factory(context, session).ok()?;
        let mut stream = factory.events();
        let outcome = factory.token(context).await;
        let notes = std::iter::from_fn(|| stream.try_next()).filter_map(|event| note(&event)).collect();
        let verdict = match outcome {
            Ok(token) => SdkVerdict::Uses(factory.remaining(&token), notes),
            Err(error) => SdkVerdict::Refuses(error.kind(), error.to_string()),
        };
        let (request, exchange) = self.probe.take()?;
        Some((request, exchange, verdict))
    }

    async fn ask(&self, seen: &mut Seen, session: &SessionHeaders, times: u8) {
        let context = seen.context.clone();
        let Some((request, first, verdict)) = self.sdk(&context, session).await else {
            seen.replies = Step::Failed("no request could be made".to_owned());
            return;
        };
        let mut replies = vec![first];
        // A backend that hangs is not made to hang five times; one that loses a request now and then is asked on.
        while replies.len() < usize::from(times) && !is_gone(&replies) {
            tokio::time::sleep(PAUSE).await;
            replies.push(self.probe.exchange(&request).await);
        }
        seen.replies = Step::Done(replies);
        seen.sdk = Step::Done(verdict);
        self.ask_for_others(seen, &context, session).await;
    }

    /// What nobody should get. Only where there is something to get.
    async fn ask_for_others(&self, seen: &mut Seen, context: &AuthTokenContext, session: &SessionHeaders) {
        const NONE: &str = "no token came for the id that was asked for";
        if seen.good().and_then(Exchange::token).is_none() {
            (seen.unknown_id, seen.wildcard_id) = (Step::Skipped(NONE), Step::Skipped(NONE));
            seen.no_session =
                if self.request.headers.is_empty() { Anonymous::WasOne } else { Anonymous::Skipped(NONE) };
            return;
        }
        let unknown = with_ids(context, NOBODY);
        (seen.unknown_id, seen.wildcard_id) = match self.sdk(&unknown, session).await {
            Some((request, exchange, _)) if names(&request, NOBODY) => {
                let star = self.probe.exchange(&starred(request)).await;
                (Step::Done(exchange), Step::Done(star))
            }
            _ => (Step::Skipped("the endpoint takes no id"), Step::Skipped("the endpoint takes no id")),
        };
        seen.no_session = if self.request.headers.is_empty() {
            Anonymous::WasOne
        } else {
            match self.sdk(context, &SessionHeaders::new()).await {
                Some((_, exchange, _)) => Anonymous::Asked(exchange),
                None => Anonymous::Skipped("no request could be made"),
            }
        };
    }
}

/// Whether the last two requests were in vain.
fn is_gone(replies: &[Exchange]) -> bool {
    replies.len() > 1 && replies.iter().rev().take(2).all(|exchange| exchange.reply().is_none())
}

/// Whether a request names an id.
fn names(request: &HttpRequest, id: &str) -> bool {
    let body = request.body.as_deref().map(String::from_utf8_lossy);
    request.url.contains(id) || body.is_some_and(|body| body.contains(id))
}

/// The same request for `*`, which the SDK itself refuses to make.
fn starred(mut request: HttpRequest) -> HttpRequest {
    request.url = request.url.replace(NOBODY, "%2A");
    request.body = request.body.map(|body| String::from_utf8_lossy(&body).replace(NOBODY, "*").into_bytes());
    request
}

/// What the SDK remarks on a token that it uses.
fn note(event: &TokenEvent) -> Option<Remark> {
    Some(match event {
        TokenEvent::LifetimeClamped { claimed, used, .. } => {
            Remark::Clamped(format!("{} are claimed, {} are believed", rounded(*claimed), rounded(*used)))
        }
        TokenEvent::ScopeWarning { mismatch, .. } => Remark::Scope(mismatch.to_string()),
        TokenEvent::ClockSkew { by, device_ahead, .. } => {
            let side = if *device_ahead { "ahead" } else { "behind" };
            Remark::Skew(format!("this machine's clock is {} {side}", rounded(*by)))
        }
        _ => return None,
    })
}

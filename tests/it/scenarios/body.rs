//! Renders scripted reply bodies and headers: JWTs, opaque tokens and times, as they are when the reply is sent.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet_token::HttpResponse;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::format::{Date, Header, Reply};

/// Marks every token of the suite as a secret, so that a search through the output finds a leak.
const SECRET: &str = "SECRET-TOKEN-";

/// Far more than the SDK reads.
const LARGEST_BODY: usize = 1024 * 1024;

/// A token's value, and the label that scenarios know it by.
pub(super) type Labels = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwt {
    id: String,
    exp_in_s: Option<i64>,
    iat_in_s: Option<i64>,
    claims: Option<Map<String, Value>>,
    #[serde(default)]
    payload: Map<String, Value>,
}

/// The reply as it leaves the server at `now`.
pub(super) fn render(reply: &Reply, now: SystemTime, labels: &mut Labels) -> Result<HttpResponse, String> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| -> Result<(), String> {
        let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no header name"))?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| "no header value".to_owned())?);
        Ok(())
    };
    if reply.text_size.is_some_and(|size| size > LARGEST_BODY) {
        return Err(format!("a body has at most {LARGEST_BODY} bytes"));
    }
    let body = match (&reply.json, &reply.text, reply.text_size) {
        (Some(json), None, size) => {
            set("content-type", "application/json")?;
            let json = value(&Value::Object(json.clone()), now, labels)?.to_string();
            let padding = size.unwrap_or(0).saturating_sub(json.len());
            json + &" ".repeat(padding)
        }
        (None, Some(text), None) => text.clone(),
        (None, None, Some(size)) => "x".repeat(size),
        (None, None, None) => String::new(),
        _ => return Err("a reply has one body".to_owned()),
    };
    match &reply.date {
        None | Some(Date::Sent(true)) => set("date", &httpdate::fmt_http_date(now))?,
        Some(Date::Sent(false)) => {}
        Some(Date::Skewed(skew)) => set("date", &httpdate::fmt_http_date(moved(now, skew.offset_ms)?))?,
    }
    for (name, value) in &reply.headers {
        match value {
            Header::Text(text) => set(name, text)?,
            Header::HttpDate(date) => set(name, &httpdate::fmt_http_date(moved(now, date.http_date)?))?,
        }
    }
    Ok(HttpResponse::new(reply.status.unwrap_or(200), headers, body.into_bytes()))
}

/// A value with every `{"$…": …}` replaced by what it stands for.
fn value(template: &Value, now: SystemTime, labels: &mut Labels) -> Result<Value, String> {
    let Value::Object(map) = template else { return Ok(template.clone()) };
    let Some((key, argument)) = map.iter().find(|(key, _)| key.starts_with('$')) else {
        let rendered = map.iter().map(|(key, inner)| Ok((key.clone(), value(inner, now, labels)?)));
        return rendered.collect::<Result<Map<_, _>, String>>().map(Value::Object);
    };
    if map.len() != 1 {
        return Err(format!("{key} stands alone in its object"));
    }
    let offset = || argument.as_i64().ok_or_else(|| format!("{key} takes a number"));
    Ok(match key.as_str() {
        "$jwt" => {
            let jwt = Jwt::deserialize(argument).map_err(|error| format!("$jwt: {error}"))?;
            let token = sign(&jwt, now);
            labels.insert(token.clone(), jwt.id);
            token.into()
        }
        "$opaque" => {
            let label = argument.as_str().ok_or("$opaque takes a label")?;
            let token = format!("{SECRET}{label}");
            labels.insert(token.clone(), label.to_owned());
            token.into()
        }
        "$epoch_ms" => millis(moved(now, offset()?)?).into(),
        "$epoch_s" => (millis(moved(now, offset()?)?) / 1000).into(),
        "$rfc3339" => {
            let time = OffsetDateTime::from(moved(now, offset()?)?);
            time.format(&Rfc3339).map_err(|error| error.to_string())?.into()
        }
        _ => return Err(format!("{key} is unknown")),
    })
}

/// A JWT that nobody signed: whoever reads only its claims cannot tell.
fn sign(jwt: &Jwt, now: SystemTime) -> String {
    let seconds = millis(now).div_euclid(1000);
    let mut payload = jwt.payload.clone();
    if let Some(iat) = jwt.iat_in_s {
        payload.insert("iat".to_owned(), seconds.saturating_add(iat).into());
    }
    if let Some(exp) = jwt.exp_in_s {
        payload.insert("exp".to_owned(), seconds.saturating_add(exp).into());
    }
    if let Some(claims) = &jwt.claims {
        payload.insert("authorization".to_owned(), Value::Object(claims.clone()));
    }
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signature = part(&format!("{SECRET}{}", jwt.id));
    format!("{}.{}.{signature}", part(r#"{"alg":"none","typ":"JWT"}"#), part(&Value::Object(payload).to_string()))
}

/// What no scenario is about: an HTTP date has four digits for the year.
const LONGEST_OFFSET: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);

pub(super) fn moved(time: SystemTime, by_ms: i64) -> Result<SystemTime, String> {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    if by > LONGEST_OFFSET {
        return Err(format!("{by_ms} ms are more than 50 years"));
    }
    Ok(if by_ms < 0 { time - by } else { time + by })
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

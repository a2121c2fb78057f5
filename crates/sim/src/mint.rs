//! The tokens of the simulated backend: unsigned, for nobody here verifies, but with claims as a real one's.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet_token::AuthTokenContext;
use serde_json::{Map, Value, json};

use crate::outside::{Minted, Scope, State, TokenId, millis};
use crate::reply::whole_seconds;
use crate::setting::Key;

/// What kind of token is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A JWT for the key.
    Named,
    /// No JWT.
    Opaque,
    /// A JWT for another id.
    Other,
    /// A JWT for every id.
    Wildcard,
    /// A JWT that authorizes nothing.
    Unclaimed,
    /// A JWT that died before it was sent.
    Expired,
    /// A JWT without `exp`.
    NoExp,
    /// One opaque token for whoever asks.
    Shared,
}

pub(crate) fn mint(state: &mut State, key: Key, at: Duration, style: Style) -> TokenId {
    let now = state.times.server_ms(at);
    if style == Style::Shared
        && let Some(shared) = state.shared.filter(|id| state.ledger[*id].dies_ms > now)
    {
        return shared;
    }
    let longest = millis(state.setting.life);
    let life = state.rng.i64(longest / 4..=longest);
    let id = state.ledger.len();
    let context = &state.setting.contexts[key];
    let has_ids = *context != AuthTokenContext::fleet();
    let is_jwt = !matches!(style, Style::Opaque | Style::Shared);
    let (issued_ms, dies_ms) = match style {
        Style::Expired => (now - life - 5000, whole_seconds(now - state.rng.i64(1000..5000))),
        // A JWT's times are in whole seconds.
        _ if is_jwt => (now, whole_seconds(now + life)),
        _ => (now, now + life),
    };
    let scope = match style {
        Style::Other if has_ids => Scope::Other,
        Style::Wildcard | Style::Unclaimed if has_ids => Scope::Loose,
        _ => Scope::Exact,
    };
    let (has_exp, has_iat) = (is_jwt && style != Style::NoExp, is_jwt && state.rng.u32(..6) > 0);
    let value = if is_jwt {
        let mut payload = Map::new();
        if has_iat {
            payload.insert("iat".to_owned(), issued_ms.div_euclid(1000).into());
        }
        if has_exp {
            payload.insert("exp".to_owned(), (dies_ms / 1000).into());
        }
        if style != Style::Unclaimed {
            payload.insert("authorization".to_owned(), claims(context, style));
        }
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let payload = Value::Object(payload).to_string();
        format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&payload), part(&format!("SECRET-TOKEN-{id}")))
    } else {
        format!("SECRET-TOKEN-{id}")
    };
    state.by_value.insert(value.clone(), id);
    state.ledger.push(Minted { value, dies_ms, issued_ms, sent_for: Vec::new(), has_exp, has_iat, scope });
    if style == Style::Shared {
        state.shared = Some(id);
    }
    id
}

fn claims(context: &AuthTokenContext, style: Style) -> Value {
    let id = |id: Option<&str>| match style {
        Style::Other => json!("somebody-else"),
        Style::Wildcard => json!("*"),
        _ => json!(id),
    };
    let ids = [
        ("vehicleid", context.vehicle_id()),
        ("tripid", context.trip_id()),
        ("deliveryvehicleid", context.delivery_vehicle_id()),
        ("taskid", context.task_id()),
        ("trackingid", context.tracking_id()),
    ];
    ids.into_iter().filter(|(_, of)| of.is_some()).map(|(claim, of)| (claim.to_owned(), id(of))).collect()
}

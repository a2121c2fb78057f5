//! A scenario's steps as Rust values: what the app does, and what must come of it.

use std::collections::BTreeMap;

use fleet_token::{AuthTokenContext, IdField, ServiceType};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::format::{Session, Yes};

/// One step, with the text it had in its file.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) action: Action,
}

impl TryFrom<Value> for Step {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        Ok(Self { text: value.to_string(), action: Action::deserialize(value)? })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Note(#[expect(dead_code, reason = "for readers")] String),
    Call(Call),
    ExpectCall(ExpectCall),
    Cancel(CallId),
    AdvanceMs(u64),
    SuspendMs(u64),
    StepWallMs(i64),
    Invalidate(Invalidate),
    Clear(Yes),
    Prefetch(Vec<Context>),
    NetworkAvailable(Yes),
    SessionChanged(Yes),
    Shutdown(Yes),
    Session(Session),
    Expect(Expect),
    Repeat(Repeat),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    #[serde(default)]
    pub(super) r#as: Face,
    pub(super) context: Context,
    pub(super) valid_for_ms: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) expect: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Face {
    #[default]
    Token,
    TryToken,
    TokenValidFor,
    Handle,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub(super) token: Option<String>,
    pub(super) error: Option<String>,
    pub(super) none: Option<Yes>,
    pub(super) pending: Option<Yes>,
    pub(super) retry_in_ms: Option<u64>,
    pub(super) status: Option<u16>,
    pub(super) retryable: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub(super) struct ExpectCall {
    pub(super) id: String,
    pub(super) outcome: Outcome,
}

impl TryFrom<Map<String, Value>> for ExpectCall {
    type Error = String;

    fn try_from(mut map: Map<String, Value>) -> Result<Self, Self::Error> {
        let id = map.remove("id").and_then(|id| id.as_str().map(str::to_owned)).ok_or("expect_call has no id")?;
        let outcome = Outcome::deserialize(Value::Object(map)).map_err(|error| error.to_string())?;
        Ok(Self { id, outcome })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallId {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invalidate {
    pub(super) context: Context,
    pub(super) token: String,
    pub(super) current: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    pub(super) times: u32,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) fetches: Option<usize>,
    pub(super) flights: Option<u64>,
    #[serde(default)]
    pub(super) stats: BTreeMap<String, u64>,
    pub(super) events: Option<Vec<Event>>,
    pub(super) remaining_ms: Option<Remaining>,
    pub(super) url: Option<String>,
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    pub(super) body: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Event {
    Name(String),
    Detailed(Box<EventDetails>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventDetails {
    pub(super) name: String,
    pub(super) context: Option<Context>,
    pub(super) background: Option<bool>,
    pub(super) error: Option<String>,
    pub(super) attempts: Option<u32>,
    pub(super) lifetime_ms: Option<u64>,
    pub(super) retry_in_ms: Option<u64>,
    pub(super) ended_backoffs: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remaining {
    pub(super) token: String,
    pub(super) ms: u64,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    vehicle_id: Option<String>,
    trip_id: Option<String>,
    delivery_vehicle_id: Option<String>,
    task_id: Option<String>,
    tracking_id: Option<String>,
    service_type: Option<Service>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
enum Service {
    #[serde(rename = "VEHICLE_SERVICE")]
    Vehicle,
    #[serde(rename = "TRIP_SERVICE")]
    Trip,
    #[serde(rename = "DELIVERY_VEHICLE_SERVICE")]
    DeliveryVehicle,
    #[serde(rename = "TASK_SERVICE")]
    Task,
    #[serde(rename = "FLEET_SERVICE")]
    Fleet,
}

impl Context {
    pub(super) fn get(&self) -> AuthTokenContext {
        let ids = [
            (IdField::Vehicle, &self.vehicle_id),
            (IdField::Trip, &self.trip_id),
            (IdField::DeliveryVehicle, &self.delivery_vehicle_id),
            (IdField::Task, &self.task_id),
            (IdField::Tracking, &self.tracking_id),
        ];
        let mut context = AuthTokenContext::new();
        for (field, id) in ids {
            if let Some(id) = id {
                context = context.with_id(field, id);
            }
        }
        let service = match self.service_type {
            None => return context,
            Some(Service::Vehicle) => ServiceType::Vehicle,
            Some(Service::Trip) => ServiceType::Trip,
            Some(Service::DeliveryVehicle) => ServiceType::DeliveryVehicle,
            Some(Service::Task) => ServiceType::Task,
            Some(Service::Fleet) => ServiceType::Fleet,
        };
        context.with_service_type(service)
    }
}

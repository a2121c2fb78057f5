//! The REST face of the engine: path, query and body in, one engine call, JSON out. Tolerates what Google's generated
//! clients send: `updateMask` in both spellings, `$alt` with `enum-encoding=int`, `header.*` in the query.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method as Verb, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::EngineError;
use super::resource::{Attribute, Task, enums_as_numbers};
use super::state::FieldMask;
use super::{Caller, FleetEngine};
use crate::reply::{bearer, google_error};

pub(crate) fn routes(engine: Arc<FleetEngine>) -> Router {
    Router::new().route("/v1/{*path}", any(serve)).with_state(engine)
}

type Pairs = Vec<(String, String)>;

async fn serve(
    State(engine): State<Arc<FleetEngine>>,
    verb: Verb,
    uri: Uri,
    headers: HeaderMap,
    query: Result<Query<Pairs>, QueryRejection>,
    body: Bytes,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let numbers = query.iter().any(|(key, value)| key.ends_with("alt") && value.contains("enum-encoding=int"));
    let outcome = engine.authenticate(bearer(&headers)).and_then(|caller| {
        let call = Call { engine: &engine, caller, query, body };
        call.run(&verb, uri.path())
    });
    match outcome {
        Ok(mut value) => {
            if numbers {
                enums_as_numbers(&mut value);
            }
            ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], format!("{value:#}")).into_response()
        }
        Err(error) => google_error(error.code, error.status, &error.message),
    }
}

/// One authenticated call.
struct Call<'a> {
    engine: &'a FleetEngine,
    caller: Caller,
    query: Pairs,
    body: Bytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    attributes: Vec<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TripSearch {
    vehicle_id: String,
    active_trips_only: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Batch {
    requests: Vec<BatchItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BatchItem {
    task_id: String,
    task: Task,
}

impl Call<'_> {
    fn run(&self, verb: &Verb, path: &str) -> Result<Value, EngineError> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (provider, collection, last) = match parts.as_slice() {
            ["v1", "providers", provider, collection] => (*provider, *collection, None),
            ["v1", "providers", provider, collection, id] => (*provider, *collection, Some(*id)),
            ["v1", "archive" | "deliveryArchive", ..] => {
                return Err(EngineError::unimplemented("The archive is not emulated."));
            }
            _ => return Err(EngineError::not_found("No such path.")),
        };
        let provider = &decoded(provider)?;
        match last {
            None => self.on_collection(verb, provider, collection),
            Some(last) => {
                // The custom verb follows a literal colon, which no id can hold.
                let (id, action) = last.split_once(':').unwrap_or((last, ""));
                self.on_resource(verb, provider, collection, &decoded(id)?, action)
            }
        }
    }

    fn on_collection(&self, verb: &Verb, provider: &str, collection: &str) -> Result<Value, EngineError> {
        let (engine, who) = (self.engine, &self.caller);
        match (verb.as_str(), collection) {
            ("GET", "vehicles") => listed("vehicles", &engine.list_vehicles(who, provider)?),
            ("POST", "vehicles") => {
                json(&engine.create_vehicle(who, provider, &self.param("vehicleId"), self.read()?)?)
            }
            ("POST", "vehicles:search") => {
                let found = engine.search_vehicles(who, provider)?;
                let matches: Vec<_> = found.iter().map(|vehicle| json!({ "vehicle": vehicle })).collect();
                Ok(json!({ "matches": matches }))
            }
            ("POST", "trips") => json(&engine.create_trip(who, provider, &self.param("tripId"), self.read()?)?),
            ("POST", "trips:search") => {
                let search: TripSearch = self.read()?;
                let trips = engine.search_trips(who, provider, &search.vehicle_id, search.active_trips_only)?;
                Ok(json!({ "trips": trips }))
            }
            ("GET", "deliveryVehicles") => listed("deliveryVehicles", &engine.list_delivery_vehicles(who, provider)?),
            ("POST", "deliveryVehicles") => {
                let id = self.param("deliveryVehicleId");
                json(&engine.create_delivery_vehicle(who, provider, &id, self.read()?)?)
            }
            ("GET", "tasks") => listed("tasks", &engine.list_tasks(who, provider)?),
            ("POST", "tasks") => json(&engine.create_task(who, provider, &self.param("taskId"), self.read()?)?),
            ("POST", "tasks:batchCreate") => {
                let batch: Batch = self.read()?;
                let tasks = batch.requests.into_iter().map(|item| (item.task_id, item.task)).collect();
                Ok(json!({ "tasks": engine.batch_create_tasks(who, provider, tasks)? }))
            }
            _ => Err(EngineError::not_found("No such method.")),
        }
    }

    fn on_resource(
        &self,
        verb: &Verb,
        provider: &str,
        collection: &str,
        id: &str,
        action: &str,
    ) -> Result<Value, EngineError> {
        let (engine, who) = (self.engine, &self.caller);
        match (verb.as_str(), collection, action) {
            ("GET", "vehicles", "") => json(&engine.get_vehicle(who, provider, id)?),
            ("PUT", "vehicles", "") => json(&engine.update_vehicle(who, provider, id, self.read()?, &self.mask())?),
            ("DELETE", "vehicles", "") => engine.delete_vehicle(who, provider, id).map(nothing),
            ("POST", "vehicles", "updateAttributes") => {
                let sent: Attributes = self.read()?;
                let now = engine.update_vehicle_attributes(who, provider, id, sent.attributes)?;
                Ok(json!({ "attributes": now }))
            }
            ("GET", "trips", "") => json(&engine.get_trip(who, provider, id)?),
            ("PUT", "trips", "") => json(&engine.update_trip(who, provider, id, &self.read()?, &self.mask())?),
            ("DELETE", "trips", "") => engine.delete_trip(who, provider, id).map(nothing),
            ("GET", "deliveryVehicles", "") => json(&engine.get_delivery_vehicle(who, provider, id)?),
            ("PATCH", "deliveryVehicles", "") => {
                json(&engine.update_delivery_vehicle(who, provider, id, self.read()?, &self.mask())?)
            }
            ("DELETE", "deliveryVehicles", "") => engine.delete_delivery_vehicle(who, provider, id).map(nothing),
            ("GET", "tasks", "") => json(&engine.get_task(who, provider, id)?),
            ("PATCH", "tasks", "") => json(&engine.update_task(who, provider, id, &self.read()?, &self.mask())?),
            ("DELETE", "tasks", "") => engine.delete_task(who, provider, id).map(nothing),
            ("GET", "taskTrackingInfo", "") => json(&engine.get_task_tracking_info(who, provider, id)?),
            _ => Err(EngineError::not_found("No such method.")),
        }
    }

    /// A query parameter in camelCase or snake_case; empty when it is not there.
    fn param(&self, name: &str) -> String {
        let plain = |key: &str| key.replace('_', "").to_ascii_lowercase();
        let found = self.query.iter().find(|(key, _)| plain(key) == plain(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn mask(&self) -> FieldMask {
        FieldMask::parse(&self.param("updateMask"))
    }

    /// The body; an empty one is an empty message.
    fn read<T: DeserializeOwned + Default>(&self) -> Result<T, EngineError> {
        if self.body.is_empty() {
            return Ok(T::default());
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| EngineError::invalid(format!("Invalid JSON payload received: {error}")))
    }
}

fn decoded(segment: &str) -> Result<String, EngineError> {
    let text = percent_decode_str(segment).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| EngineError::invalid("The path is not valid UTF-8."))
}

fn json<T: Serialize>(resource: &T) -> Result<Value, EngineError> {
    serde_json::to_value(resource).map_err(|_| EngineError::internal("The resource could not be written."))
}

fn listed<T: Serialize>(name: &str, items: &[T]) -> Result<Value, EngineError> {
    Ok(json!({ name: json(&items)?, "totalSize": items.len() }))
}

fn nothing((): ()) -> Value {
    json!({})
}

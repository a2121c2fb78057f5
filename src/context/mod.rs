//! What a token is for: the ids and the service it must name. The normalised context is the cache's key.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use icu_normalizer::ComposingNormalizerBorrowed;

mod hash;
mod id;
mod kind;

pub(crate) use self::hash::KeptHash;

pub use self::id::ContextError;
pub use self::kind::{ContextKind, IdField, ServiceType};

/// What a token is for. The field names are those of Google's own SDKs.
///
/// An absent id and an empty one are the same thing, because bridges turn one into the other. Ids are brought into
/// Unicode's NFC, so that two spellings of one id are one key. The whole context is the key: no two contexts ever share
/// a token.
///
/// Making a context never fails; a context that no token can be had for (see [`ContextError`]) is refused by the
/// factory before any request is made, and by [`kind`](Self::kind).
///
/// ```
/// use fleet_token::AuthTokenContext;
///
/// let context = AuthTokenContext::vehicle("driver_12345");
/// assert_eq!(context.vehicle_id(), Some("driver_12345"));
/// assert!(AuthTokenContext::vehicle("").kind().is_err());
/// ```
#[derive(Clone)]
pub struct AuthTokenContext {
    /// Of `names`, worked out once, so that a lookup need not read the ids.
    hash: u64,
    names: Arc<Names>,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Names {
    /// The ids that are there, one after the other.
    text: Box<str>,
    /// Where each of them ends in it; an absent one where the one before it does.
    ends: [usize; 5],
    service_type: Option<ServiceType>,
}

impl Names {
    fn id(&self, field: IdField) -> &str {
        let index = field.index();
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[index]]
    }
}

impl AuthTokenContext {
    /// An empty context, to be filled with the `with_…` calls.
    pub fn new() -> Self {
        Self::of(Names::default())
    }

    fn of(names: Names) -> Self {
        Self { hash: hash::of(&names), names: Arc::new(names) }
    }

    /// One on-demand vehicle, as a driver app needs.
    pub fn vehicle(vehicle_id: impl AsRef<str>) -> Self {
        Self::new().with_id(IdField::Vehicle, vehicle_id)
    }

    /// One on-demand trip, as a consumer app needs.
    pub fn trip(trip_id: impl AsRef<str>) -> Self {
        Self::new().with_id(IdField::Trip, trip_id)
    }

    /// One delivery vehicle, as an untrusted delivery driver app needs.
    pub fn delivery_vehicle(delivery_vehicle_id: impl AsRef<str>) -> Self {
        Self::new().with_id(IdField::DeliveryVehicle, delivery_vehicle_id)
    }

    /// One delivery vehicle and one of its tasks, as a trusted delivery driver app needs.
    pub fn delivery_vehicle_task(delivery_vehicle_id: impl AsRef<str>, task_id: impl AsRef<str>) -> Self {
        Self::delivery_vehicle(delivery_vehicle_id).with_id(IdField::Task, task_id)
    }

    /// One scheduled task.
    pub fn task(task_id: impl AsRef<str>) -> Self {
        Self::new().with_id(IdField::Task, task_id)
    }

    /// One shipment's tracking id, as a recipient's app needs.
    pub fn tracking(tracking_id: impl AsRef<str>) -> Self {
        Self::new().with_id(IdField::Tracking, tracking_id)
    }

    /// The vehicle service without an id: a consumer app that shows vehicles nearby before there is a trip.
    pub fn vehicle_service() -> Self {
        Self::new().with_service_type(ServiceType::Vehicle)
    }

    /// The whole fleet, as an operator's desktop needs.
    pub fn fleet() -> Self {
        Self::new().with_service_type(ServiceType::Fleet)
    }

    /// This context with one id set; an empty `id` takes it away.
    #[must_use]
    pub fn with_id(self, field: IdField, id: impl AsRef<str>) -> Self {
        let mut names = Names { service_type: self.names.service_type, ..Names::default() };
        let mut text = String::with_capacity(self.names.text.len() + id.as_ref().len());
        for other in IdField::ALL {
            if other == field {
                text.push_str(&nfc(id.as_ref()));
            } else {
                text.push_str(self.names.id(other));
            }
            names.ends[other.index()] = text.len();
        }
        names.text = text.into();
        Self::of(names)
    }

    /// This context on one service.
    #[must_use]
    pub fn with_service_type(self, service_type: ServiceType) -> Self {
        let names = Arc::unwrap_or_clone(self.names);
        Self::of(Names { service_type: Some(service_type), ..names })
    }

    /// One of the ids, in NFC.
    pub fn id(&self, field: IdField) -> Option<&str> {
        Some(self.names.id(field)).filter(|id| !id.is_empty())
    }

    /// The on-demand vehicle.
    pub fn vehicle_id(&self) -> Option<&str> {
        self.id(IdField::Vehicle)
    }

    /// The on-demand trip.
    pub fn trip_id(&self) -> Option<&str> {
        self.id(IdField::Trip)
    }

    /// The delivery vehicle.
    pub fn delivery_vehicle_id(&self) -> Option<&str> {
        self.id(IdField::DeliveryVehicle)
    }

    /// The task.
    pub fn task_id(&self) -> Option<&str> {
        self.id(IdField::Task)
    }

    /// The tracking id.
    pub fn tracking_id(&self) -> Option<&str> {
        self.id(IdField::Tracking)
    }

    /// The service, where the context names one.
    pub fn service_type(&self) -> Option<ServiceType> {
        self.names.service_type
    }

    /// Which kind of token this asks for.
    ///
    /// # Errors
    ///
    /// Every [`ContextError`]: this is the whole check, of each id and of their combination.
    pub fn kind(&self) -> Result<ContextKind, ContextError> {
        for field in IdField::ALL {
            if let Some(id) = self.id(field) {
                id::check_id(field, id)?;
            }
        }
        let has = |field: IdField| self.id(field).is_some();
        let kind = match (
            has(IdField::Vehicle),
            has(IdField::Trip),
            has(IdField::DeliveryVehicle),
            has(IdField::Task),
            has(IdField::Tracking),
        ) {
            (true, false, false, false, false) => ContextKind::Vehicle,
            // A trip's token may name the trip's vehicle beside it.
            (_, true, false, false, false) => ContextKind::Trip,
            (false, false, true, false, false) => ContextKind::DeliveryVehicle,
            (false, false, true, true, false) => ContextKind::DeliveryVehicleTask,
            (false, false, false, true, false) => ContextKind::Task,
            // "trackingid" stands alone in a token (Google, "Issue JSON Web Tokens").
            (false, false, false, false, true) => ContextKind::Tracking,
            (false, false, false, false, false) => match self.names.service_type {
                Some(ServiceType::Vehicle) => ContextKind::VehicleService,
                Some(ServiceType::Fleet) => ContextKind::Fleet,
                _ => return Err(ContextError::Empty),
            },
            _ => return Err(ContextError::Combination),
        };
        Ok(kind)
    }
}

/// Unicode's normalisation form C (Unicode Standard Annex 15).
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

impl Default for AuthTokenContext {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for AuthTokenContext {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.names, &other.names) || self.names == other.names)
    }
}

impl Eq for AuthTokenContext {}

impl Hash for AuthTokenContext {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Its ids in words, such as `vehicleId "driver_1"`.
impl fmt::Display for AuthTokenContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = IdField::ALL.into_iter().filter_map(|field| Some((field, self.id(field)?)));
        let mut joint = "";
        for (field, id) in ids {
            write!(f, "{joint}{field} {id:?}")?;
            joint = " and ";
        }
        match self.names.service_type {
            Some(service) => write!(f, "{joint}{}", service.as_str()),
            None if joint.is_empty() => f.write_str("no id"),
            None => Ok(()),
        }
    }
}

#[allow(clippy::missing_fields_in_debug, reason = "absent ids are left out")]
impl fmt::Debug for AuthTokenContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("AuthTokenContext");
        for field in IdField::ALL {
            if let Some(id) = self.id(field) {
                out.field(field.name(), &id);
            }
        }
        if let Some(service) = self.names.service_type {
            out.field("serviceType", &service.as_str());
        }
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_usual_context_has_its_kind() {
        let cases = [
            (AuthTokenContext::vehicle("v"), ContextKind::Vehicle),
            (AuthTokenContext::trip("t"), ContextKind::Trip),
            (AuthTokenContext::trip("t").with_id(IdField::Vehicle, "v"), ContextKind::Trip),
            (AuthTokenContext::delivery_vehicle("d"), ContextKind::DeliveryVehicle),
            (AuthTokenContext::delivery_vehicle_task("d", "k"), ContextKind::DeliveryVehicleTask),
            (AuthTokenContext::task("k"), ContextKind::Task),
            (AuthTokenContext::tracking("x"), ContextKind::Tracking),
            (AuthTokenContext::vehicle_service(), ContextKind::VehicleService),
            (AuthTokenContext::fleet(), ContextKind::Fleet),
        ];
        for (context, kind) in cases {
            assert_eq!(context.kind(), Ok(kind), "{context:?}");
        }
    }

    #[test]
    fn an_empty_id_is_an_absent_id() {
        assert_eq!(AuthTokenContext::vehicle(""), AuthTokenContext::new());
        assert_eq!(AuthTokenContext::vehicle("").kind(), Err(ContextError::Empty));
        assert_eq!(AuthTokenContext::delivery_vehicle_task("d", ""), AuthTokenContext::delivery_vehicle("d"));
    }

    #[test]
    fn a_context_says_in_words_what_it_is_for() {
        assert_eq!(AuthTokenContext::vehicle("a\nb").to_string(), r#"vehicleId "a\nb""#);
        assert_eq!(
            AuthTokenContext::delivery_vehicle_task("d", "k").to_string(),
            r#"deliveryVehicleId "d" and taskId "k""#
        );
        assert_eq!(AuthTokenContext::fleet().to_string(), "FLEET_SERVICE");
    }

    #[test]
    fn two_spellings_of_one_id_are_one_key() {
        assert_eq!(AuthTokenContext::vehicle("cafe\u{301}"), AuthTokenContext::vehicle("caf\u{e9}"));
    }

    #[test]
    fn the_same_text_in_other_ids_is_another_key() {
        let both = |vehicle, trip| AuthTokenContext::trip(trip).with_id(IdField::Vehicle, vehicle);
        assert_ne!(both("ab", "c"), both("a", "bc"));
        assert_eq!(both("ab", "c"), AuthTokenContext::vehicle("ab").with_id(IdField::Trip, "c"));
        assert_eq!(both("ab", "c").with_id(IdField::Vehicle, ""), AuthTokenContext::trip("c"));
        assert_eq!(both("ab", "c").trip_id(), Some("c"));
        assert_ne!(AuthTokenContext::trip("c").with_service_type(ServiceType::Trip), AuthTokenContext::trip("c"));
    }

    #[test]
    fn contexts_whose_hashes_collide_are_still_two_keys() {
        let (one, mut other) = (AuthTokenContext::trip("a"), AuthTokenContext::trip("b"));
        other.hash = one.hash;
        assert_ne!(one, other);
    }

    #[test]
    fn the_same_id_in_another_field_is_another_key() {
        assert_ne!(AuthTokenContext::vehicle("x"), AuthTokenContext::trip("x"));
        assert_ne!(AuthTokenContext::vehicle("x"), AuthTokenContext::delivery_vehicle("x"));
        assert_ne!(AuthTokenContext::task("x"), AuthTokenContext::tracking("x"));
    }

    #[test]
    fn ids_that_fleet_engine_forbids_are_refused() {
        let kind = |id: &str| AuthTokenContext::trip(id).kind();
        for character in id::FORBIDDEN {
            let expected = ContextError::ForbiddenCharacter { field: IdField::Trip, character };
            assert_eq!(kind(&format!("a{character}b")), Err(expected));
        }
        assert_eq!(kind("*"), Err(ContextError::Wildcard { field: IdField::Trip }));
        assert_eq!(kind(".."), Err(ContextError::DotSegment { field: IdField::Trip }));
        assert!(kind("../x").is_err());
        assert_eq!(kind(&"x".repeat(65)), Err(ContextError::TooLong { field: IdField::Trip, characters: 65 }));
    }

    #[test]
    fn ids_that_fleet_engine_allows_are_allowed() {
        // 64 characters, whatever their bytes; decomposed spellings count after NFC.
        for id in ["a*b", "a b", "50%", "a.b", "...", "é", &"é".repeat(64), &"e\u{301}".repeat(64)] {
            assert_eq!(AuthTokenContext::trip(id).kind(), Ok(ContextKind::Trip), "{id}");
        }
    }

    #[test]
    fn a_tracking_id_stands_alone() {
        let context = AuthTokenContext::tracking("x").with_id(IdField::Task, "k");
        assert_eq!(context.kind(), Err(ContextError::Combination));
    }
}

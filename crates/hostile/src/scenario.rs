//! Scenario files (`tests/scenarios/README.md`), read by the readers of the Rust suite.

use std::collections::BTreeMap;

use crate::probe::start;

#[allow(dead_code, reason = "only read here, and played in the suite")]
#[path = "../../../tests/it/scenarios/body.rs"]
mod body;
#[allow(dead_code, reason = "only read here, and played in the suite")]
#[path = "../../../tests/it/scenarios/format.rs"]
mod format;
#[allow(dead_code, reason = "only read here, and played in the suite")]
#[path = "../../../tests/it/scenarios/step.rs"]
mod step;

/// A scenario file.
///
/// Held: it is read or refused; each reply in it can be made or is refused.
pub fn scenario(bytes: &[u8]) {
    let Ok(scenario) = serde_json::from_slice::<format::Scenario>(bytes) else { return };
    for reply in &scenario.replies {
        let _ = body::render(reply, start(), &mut BTreeMap::new());
    }
}

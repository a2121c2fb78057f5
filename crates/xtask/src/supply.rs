//! What the SDK is made of: which crates, under which licences, from where.

use crate::kept::exited;
use crate::run;
use crate::sbom;
use crate::step::Outcome;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "supply";
pub(crate) const ABOUT: &str = "licences, origins and bans of every crate; a bill of materials";

/// RustSec's advisories are on GitHub, which a test run must not need: `cargo deny check advisories` is for a person.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    let deny = ["--log-level", "error", "check", "bans", "licenses", "sources"];
    let denied = match tools::DENY.command(workspace, &deny) {
        Ok(mut command) => exited(run::shown(&mut command)),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    denied.and_then(|| {
        sbom::of_rust(workspace).map_or_else(|error| Outcome::Failed(error.to_string()), |_| Outcome::Passed)
    })
}

//! What is done in each way: calls to Fleet Engine, each with a token for its vehicle.

use futures_util::future::try_join_all;

use crate::Result;
use crate::server::Server;
use crate::ways::Way;

/// Calls for some vehicles in turn.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) vehicles: usize,
    calls: usize,
    /// All calls at the same time, instead of one after the other.
    at_once: bool,
    /// The margin is as long as the tokens live.
    pub(crate) long_margin: bool,
}

pub(crate) const JOBS: &[Job] = &[
    Job {
        name: "a driver's app: 100 calls for its vehicle",
        vehicles: 1,
        calls: 100,
        at_once: false,
        long_margin: false,
    },
    Job {
        name: "a dispatcher: 100 calls for 3 vehicles in turn",
        vehicles: 3,
        calls: 100,
        at_once: false,
        long_margin: false,
    },
    Job { name: "an app that starts: 20 calls at once", vehicles: 1, calls: 20, at_once: true, long_margin: false },
    Job {
        name: "100 calls, with a margin as long as the token lives",
        vehicles: 1,
        calls: 100,
        at_once: false,
        long_margin: true,
    },
];

impl Job {
    pub(crate) async fn run(&self, server: &Server, way: &impl Way) -> Result<()> {
        let call = async |number: usize| {
            let vehicle = format!("vehicle_{}", number % self.vehicles + 1);
            server.get_vehicle(&vehicle, &way.token(&vehicle).await?).await
        };
        if self.at_once {
            try_join_all((0..self.calls).map(call)).await?;
        } else {
            for number in 0..self.calls {
                call(number).await?;
            }
        }
        Ok(())
    }
}

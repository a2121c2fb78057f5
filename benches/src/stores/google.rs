//! Google's own credentials, from the metadata server: one token, renewed by a task of its own.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_auth::credentials::{AccessTokenCredentials, mds};

use super::{Lane, Store, World};
use crate::keys::Walk;

pub(super) struct Google(AccessTokenCredentials);

impl Google {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let endpoint = format!("http://{}", world.address);
        let credentials = mds::Builder::default().with_endpoint(endpoint).build_access_token_credentials();
        Arc::new(Self(credentials.expect("an endpoint")))
    }
}

#[async_trait]
impl Store for Google {
    async fn token(&self, _: &str) -> Result<(), String> {
        self.0.access_token().await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for _ in 0..walk.count {
                let token = self.0.access_token().await.expect("a hit");
                black_box(&*token.token);
            }
        });
    }
}

//! object_store's credential of an S3 bucket, from Amazon's metadata server: one, behind an `RwLock`.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AwsCredentialProvider};
use object_store::{ClientOptions, RetryConfig};

use super::{Lane, Store, World};
use crate::keys::Walk;

pub(super) struct ObjectStore(AwsCredentialProvider);

impl ObjectStore {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let s3 = AmazonS3Builder::new()
            .with_bucket_name("bench")
            .with_region("none")
            .with_metadata_endpoint(format!("http://{}", world.address))
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .build();
        Arc::new(Self(Arc::clone(s3.expect("a bucket").credentials())))
    }
}

#[async_trait]
impl Store for ObjectStore {
    async fn token(&self, _: &str) -> Result<(), String> {
        self.0.get_credential().await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for _ in 0..walk.count {
                let credential = self.0.get_credential().await.expect("a hit");
                black_box(credential.token.as_deref());
            }
        });
    }
}

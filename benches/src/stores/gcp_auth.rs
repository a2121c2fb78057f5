//! gcp_auth with a service account: keyed by scope. Its fetches are signed, and go over loopback.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use gcp_auth::{CustomServiceAccount, TokenProvider};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use serde_json::json;

use super::{Lane, Store, World};
use crate::keys::{Visits, Walk};

pub(super) struct Gcp {
    account: CustomServiceAccount,
    visits: Visits<Arc<str>>,
}

/// Made once a run, and thrown away.
fn private_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("randomness");
        key.to_pkcs8_pem(LineEnding::LF).expect("a key can be written").to_string()
    })
}

impl Gcp {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let account = json!({
            "type": "service_account",
            "project_id": "bench",
            "private_key": private_key(),
            "client_email": "bench@example.com",
            "token_uri": format!("http://{}/token", world.address),
        });
        let account = CustomServiceAccount::from_json(&account.to_string()).expect("an account");
        Arc::new(Self { account, visits: world.keys.visits(|id| Arc::from(id)) })
    }
}

#[async_trait]
impl Store for Gcp {
    async fn token(&self, key: &str) -> Result<(), String> {
        self.account.token(&[key]).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for key in self.visits.walk(walk) {
                let token = self.account.token(&[key]).await.expect("a hit");
                black_box(token.as_str());
            }
        });
    }
}

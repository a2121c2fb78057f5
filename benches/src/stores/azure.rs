//! Microsoft's client-secret credential: keyed by scope. Its transport is in memory.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use serde_json::json;

use super::{Lane, Store, World};
use crate::keys::{Visits, Walk};
use crate::source::Source;

struct InMemory(Arc<Source>);

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemory")
    }
}

#[async_trait]
impl HttpClient for InMemory {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        let fetched = self.0.fetch().await;
        // Not `Io`, which its pipeline would try again behind the cache.
        let fetched = fetched.map_err(|error| azure_core::Error::new(ErrorKind::Other, error))?;
        let expires_in = fetched.lifetime.as_secs();
        let body = json!({
            "token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in, "access_token": fetched.text,
        });
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body.to_string()))
    }
}

pub(super) struct Azure {
    credential: Arc<ClientSecretCredential>,
    visits: Visits<Arc<str>>,
}

impl Azure {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let transport = Transport::new(Arc::new(InMemory(Arc::clone(&world.source))));
        let client_options = ClientOptions { transport: Some(transport), ..ClientOptions::default() };
        let options = ClientSecretCredentialOptions { client_options };
        let secret = Secret::new("SECRET-SESSION-bench");
        let credential = ClientSecretCredential::new("tenant", "client".to_owned(), secret, Some(options));
        Arc::new(Self { credential: credential.expect("good ids"), visits: world.keys.visits(|id| Arc::from(id)) })
    }

    async fn get(&self, key: &str) -> azure_core::Result<AccessToken> {
        self.credential.get_token(&[key], None).await
    }
}

#[async_trait]
impl Store for Azure {
    async fn token(&self, key: &str) -> Result<(), String> {
        self.get(key).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for key in self.visits.walk(walk) {
                let token = self.get(key).await.expect("a hit");
                black_box(token.token.secret());
            }
        });
    }
}

//! The build that has HTTP inside, against the reference backend.

use std::sync::Arc;

use async_trait::async_trait;
use fleet_token_backend::{Grant, World};

use super::super::*;
use super::support::vehicle;

const SESSION: &str = "SECRET-SESSION-1";

struct Login;

#[async_trait]
impl FfiSessionHeaderProvider for Login {
    async fn headers(&self, _: FfiTokenContext) -> Result<Vec<FfiHeader>, FfiSessionError> {
        Ok(vec![FfiHeader { name: "authorization".to_owned(), value: format!("Bearer {SESSION}") }])
    }
}

#[test]
fn without_a_transport_of_the_app_s_the_library_asks_the_backend_itself() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let world = runtime.block_on(World::builder().start()).unwrap();
    world.sessions().allow("driver", SESSION, Grant::driver("v1"));
    let config = FfiConfig {
        presets: vec![FfiPreset::OnDemandStubProvider { base_url: world.backend_url() }],
        allow_http_loopback: true,
        ..FfiConfig::default()
    };
    let factory = FfiTokenFactory::new(config, None, Some(Arc::new(Login))).unwrap();
    let token = factory.token_blocking(vehicle("v1")).unwrap();
    assert!(world.engine().authenticate(Some(&token.value)).is_ok());
    assert!(token.fresh_for_ms > 0);
    assert!(factory.token_blocking(vehicle("v1")).unwrap().value == token.value);
    assert_eq!(factory.stats().fetches, 1);
    let _ = factory.shut_down_now();
}

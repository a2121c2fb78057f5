use super::*;
use crate::{
    EndpointError, FetchRequest, FetchedToken, HttpRequest, HttpResponse, SessionHeaders, TokenError, TransportError,
};

struct Never;

#[async_trait::async_trait]
impl TokenFetcher for Never {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        std::future::pending().await
    }
}

struct NoWire;

#[async_trait::async_trait]
impl HttpTransport for NoWire {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        std::future::pending().await
    }
}

fn error(builder: AuthTokenFactoryBuilder) -> ConfigError {
    builder.build().map(|_| ()).unwrap_err()
}

#[test]
fn what_makes_no_sense_is_refused_when_it_is_built() {
    assert_eq!(error(AuthTokenFactory::builder()), ConfigError::NoEndpoint);
    let both = AuthTokenFactory::builder().fetcher(Never).vehicle_endpoint("https://b.example/{vehicleId}");
    assert_eq!(error(both), ConfigError::FetcherAndEndpoints);
    // A fetcher has no use for any of what HTTP is told.
    let fetcher = || AuthTokenFactory::builder().fetcher(Never);
    for ignored in [
        fetcher().header_provider(SessionHeaders::new()),
        fetcher().transport(NoWire),
        fetcher().response_format(ResponseFormat::Auto),
    ] {
        assert_eq!(error(ignored), ConfigError::FetcherAndEndpoints);
    }
    let zero = AuthTokenFactory::builder().fetcher(Never).fetch_deadline(Duration::ZERO);
    assert_eq!(error(zero), ConfigError::Zero { setting: "fetch_deadline" });
    let http = AuthTokenFactory::builder().vehicle_endpoint("http://b.example/{vehicleId}").allow_http_loopback();
    assert!(matches!(error(http), ConfigError::Endpoint(EndpointError::NotSecure { .. })));
}

#[test]
fn both_of_google_s_sample_backends_are_presets() {
    for builder in [
        AuthTokenFactory::builder().on_demand_stub_provider("https://b.example/"),
        AuthTokenFactory::builder().last_mile_backend("https://b.example"),
    ] {
        assert!(builder.fetcher.is_none() && !builder.endpoints.is_empty());
        for (kind, endpoint) in &builder.endpoints {
            Template::parse(endpoint, *kind, false).unwrap();
        }
    }
}

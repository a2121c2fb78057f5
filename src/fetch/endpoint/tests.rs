use super::*;

fn parse(template: &str) -> Result<Template, EndpointError> {
    Template::parse(&Endpoint::get(template), None, false)
}

fn url(template: &str, context: &AuthTokenContext) -> String {
    let mut endpoints = Endpoints::default();
    endpoints.set_fallback(parse(template).unwrap());
    endpoints.target(context).unwrap().url
}

#[test]
fn an_id_goes_into_the_path_or_the_query() {
    let context = AuthTokenContext::vehicle("driver_12345");
    assert_eq!(url("https://b.example/token/{vehicleId}", &context), "https://b.example/token/driver_12345");
    assert_eq!(url("https://b.example/t?v={vehicleId}&x=1", &context), "https://b.example/t?v=driver_12345&x=1");
    assert_eq!(url("https://b.example/from-login", &context), "https://b.example/from-login");
    assert_eq!(url("https://b.example", &context), "https://b.example");
    let both = AuthTokenContext::delivery_vehicle_task("d", "k");
    assert_eq!(url("https://b.example/{deliveryVehicleId}/{taskId}", &both), "https://b.example/d/k");
}

#[test]
fn every_id_is_percent_encoded() {
    for (id, encoded) in [
        ("a b", "a%20b"),
        ("50%", "50%25"),
        ("caf\u{e9}", "caf%C3%A9"),
        ("a&b=c+d", "a%26b%3Dc%2Bd"),
        ("x\u{0}\n", "x%00%0A"),
        ("{vehicleId}", "%7BvehicleId%7D"),
    ] {
        let context = AuthTokenContext::vehicle(id);
        assert_eq!(url("https://b.example/{vehicleId}/token", &context), format!("https://b.example/{encoded}/token"));
    }
}

#[test]
fn no_id_can_leave_its_segment() {
    for id in ["..", "../admin", "x?y", "x#y", "//evil.example", "https://evil.example"] {
        let context = AuthTokenContext::vehicle(id);
        let mut endpoints = Endpoints::default();
        endpoints.set_fallback(parse("https://b.example/{vehicleId}").unwrap());
        assert!(matches!(endpoints.target(&context), Err(TokenError::InvalidContext(_))), "{id}");
    }
}

#[test]
fn the_wrong_kind_of_url_is_refused() {
    for bad in [
        "",
        "b.example/token",
        "/token",
        "ftp://b.example/",
        "https://",
        "https://b.example/#x",
        "https:// x/",
        "https://b.example:99999/",
        "https://b.example:/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://999.1.1.1/",
        "https://b.example/%{vehicleId}",
        "https://b.example/%2{vehicleId}",
        "https://b.example/%zz/{vehicleId}",
        "https://b.example/100%",
        "https://b.example/a/../{vehicleId}",
        "https://b.example/{vehicleId}/..",
        "https://b.example/{vehicleId}|/../x",
        "https://b.example/./{vehicleId}",
        "https://b.example/%2E%2e/{vehicleId}",
        "https://b.example/.%2e/x?a=b",
    ] {
        assert!(matches!(parse(bad), Err(EndpointError::NotAUrl { .. })), "{bad}: {:?}", parse(bad));
    }
    for password in ["https://me:pw@b.example/", "https://me:pw@b.example/{foo}", "http://me:pw@b.example/#x"] {
        assert_eq!(parse(password).unwrap_err(), EndpointError::UserInfo);
    }
    assert!(matches!(parse("https://b.example/{vehicle}"), Err(EndpointError::UnknownPlaceholder { .. })));
    assert!(matches!(parse("https://b.example/{vehicleId"), Err(EndpointError::UnknownPlaceholder { .. })));
    assert!(matches!(parse("https://b.example/x}"), Err(EndpointError::UnknownPlaceholder { .. })));
    assert!(matches!(parse("https://b.example/x}/{vehicleId}"), Err(EndpointError::UnknownPlaceholder { .. })));
    assert!(parse("https://b.example/..a/...{vehicleId}?next=/../x").is_ok(), "dots that are no step of their own");
}

#[test]
fn no_id_chooses_the_host() {
    for bad in [
        "https://{vehicleId}.example/x",
        "https://b.example{vehicleId}",
        "https://b.example:{vehicleId}/",
        "https://b.{vehicleId}/",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn http_is_for_loopback_and_by_choice_only() {
    let parse = |template: &str, allow| Template::parse(&Endpoint::get(template), None, allow);
    for loopback in ["http://localhost:80/x", "http://127.0.0.1/x", "http://127.9.9.9:8080/x", "http://[::1]:1/x"] {
        assert!(parse(loopback, true).is_ok(), "{loopback}");
        assert!(matches!(parse(loopback, false), Err(EndpointError::NotSecure { .. })), "{loopback}");
    }
    for remote in
        ["http://b.example/x", "http://10.0.0.1/x", "http://localhost.evil.example/", "http://127.0.0.1.nip.io/"]
    {
        assert!(matches!(parse(remote, true), Err(EndpointError::NotSecure { .. })), "{remote}");
    }
}

#[test]
fn a_template_for_a_kind_asks_for_its_ids_only() {
    let endpoint = Endpoint::get("https://b.example/{tripId}");
    assert!(Template::parse(&endpoint, Some(ContextKind::Trip), false).is_ok());
    let error = Template::parse(&endpoint, Some(ContextKind::Vehicle), false).unwrap_err();
    assert!(matches!(error, EndpointError::AbsentId { field: IdField::Trip, kind: ContextKind::Vehicle, .. }));
}

#[test]
fn post_carries_the_context_as_json() {
    let mut endpoints = Endpoints::default();
    let endpoint = Endpoint::post("https://b.example/token");
    endpoints.set(ContextKind::Vehicle, Template::parse(&endpoint, Some(ContextKind::Vehicle), false).unwrap());
    let target = endpoints.target(&AuthTokenContext::vehicle("v\"1")).unwrap();
    assert_eq!(target.method, Method::Post);
    let body: serde_json::Value = serde_json::from_slice(&target.body.unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({ "context": { "vehicleId": "v\"1" }, "serviceType": "UNKNOWN_SERVICE" }));
}

#[test]
fn a_kind_without_an_endpoint_is_a_typed_error() {
    let result = Endpoints::default().target(&AuthTokenContext::trip("t"));
    assert!(matches!(result, Err(TokenError::NoEndpoint(ContextKind::Trip))));
}

//! No token and no login in anything that the command writes, with everything logged that can be: each token that was
//! minted in the run is searched for. `--reveal` is the one exception, and shows it on standard output alone.

use std::io::Read;
use std::process::Stdio;

use base64::Engine as _;
use fleet_token_backend::{Fault, FaultKind, Grant, Shape, TokenKind, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Ran, command};

const LOGIN: &str = "SECRET-SESSION-cli";

/// Runs it, tracing everything.
fn traced(args: &[String]) -> Ran {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let ran = Ran::of(command(&args).env("RUST_LOG", "trace").output().unwrap());
    assert!(ran.err.contains("TRACE"), "nothing was traced, so the search proves nothing");
    ran
}

/// The parts of a token that give it away: its claims and its signature, and the whole of it.
fn parts(token: &str) -> Vec<String> {
    token.split('.').skip(1).chain([token]).map(str::to_owned).collect()
}

fn assert_none(text: &str, tokens: &[String], what: &str) {
    assert!(!text.contains("SECRET-") && !text.contains("eyJ"), "a secret is in what {what} wrote");
    let shown = tokens.iter().flat_map(|token| parts(token)).filter(|part| text.contains(part)).count();
    assert_eq!(shown, 0, "parts of tokens are in what {what} wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_writes_no_secret_whatever_the_backend_does() {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow("somebody", LOGIN, Grant::driver("v1"));
    let kind = TokenKind::Driver { vehicle_id: "v1".into() };
    let fault = |kind| Some(Fault::kind(kind));
    let mut tokens = Vec::new();
    for (fault, shape) in [
        (None, Shape::ALL[0]),
        (None, *Shape::ALL.last().unwrap()),
        (fault(FaultKind::Wildcard), Shape::ALL[0]),
        (fault(FaultKind::WrongId), Shape::ALL[0]),
        (fault(FaultKind::WrongUnit), Shape::ALL[0]),
        (fault(FaultKind::Expired), Shape::ALL[0]),
        (fault(FaultKind::Truncated), Shape::ALL[0]),
        (fault(FaultKind::Html), Shape::ALL[0]),
        (Some(Fault::status(401)), Shape::ALL[0]),
        (Some(Fault::status(503).with_body(r#"{"token":"SECRET-TOKEN-503"}"#)), Shape::ALL[0]),
        (Some(Fault::redirect("/token/driver/v1?token=SECRET-TOKEN-moved")), Shape::ALL[0]),
    ] {
        for form in [&[][..], &["--json"], &["--json", "--reveal"], &["--reveal"]] {
            world.faults().clear();
            if let Some(fault) = &fault {
                world.faults().push_forever("/token/", fault.clone());
            }
            let endpoint = format!("{}/token/driver/{{vehicleId}}?shape={shape}", world.backend_url());
            let header = format!("Authorization: Bearer {LOGIN}");
            let fixed = ["get", "--vehicle-id", "v1", "--header", &header, "--endpoint", &endpoint, "--timeout", "5"];
            let args: Vec<String> = fixed.iter().chain(form).map(|&arg| arg.to_owned()).collect();
            let ran = tokio::task::spawn_blocking(move || traced(&args)).await.unwrap();
            tokens.extend(world.minter().last(&kind).map(|minted| minted.jwt));
            assert_none(&ran.err, &tokens, "get, on standard error,");
            if !form.contains(&"--reveal") {
                assert_none(&ran.out, &tokens, "get");
            }
        }
    }
    tokens.dedup();
    // Two of one second may be the same.
    assert!(tokens.len() > 3, "{} tokens were minted", tokens.len());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_writes_no_secret_whatever_the_backend_does() {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow("somebody", LOGIN, Grant::driver("v1"));
    let kind = TokenKind::Driver { vehicle_id: "v1".into() };
    let mut tokens = Vec::new();
    let faults = FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Hang).map(Fault::kind);
    let more = [
        Fault::status(401),
        Fault::status(503).with_body(r#"{"token":"SECRET-TOKEN-503"}"#),
        Fault::redirect("/token/driver/v1?token=SECRET-TOKEN-moved"),
        Fault::status(200).with_body(r#"{"jwt":"SECRET-TOKEN-two","expires_in":"SECRET-TOKEN-three"}"#),
    ];
    for (index, fault) in faults.chain(more).enumerate() {
        world.faults().clear();
        world.faults().push_forever("/token/", fault);
        let endpoint = format!("{}/token/driver/{{vehicleId}}?shape=A", world.backend_url());
        let header = format!("Authorization: Bearer {LOGIN}");
        let fixed = ["doctor", "--vehicle-id", "v1", "--header", &header, "--endpoint", &endpoint, "--requests", "1"];
        let form: &[&str] = if index % 2 == 0 { &["--json"] } else { &[] };
        let args: Vec<String> = fixed.iter().chain(form).map(|&arg| arg.to_owned()).collect();
        let ran = tokio::task::spawn_blocking(move || traced(&args)).await.unwrap();
        tokens.extend(world.minter().last(&kind).map(|minted| minted.jwt));
        assert_none(&ran.err, &tokens, "doctor, on standard error,");
        assert_none(&ran.out, &tokens, "doctor");
    }
    world.stop().await;
}

/// A backend that sends the login back in every header and every claim, as debugging aids do.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_hides_a_login_that_the_backend_repeats() {
    let encoded = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let token = format!(
        "{}.{}.{}",
        encoded(&format!(r#"{{"alg":"{LOGIN}","kid":"{LOGIN}"}}"#)),
        encoded(&format!(
            r#"{{"iss":"{LOGIN}","sub":"x{LOGIN}","aud":"{LOGIN}","iat":1,"exp":2,"authorization":{{"vehicleid":"{LOGIN}"}}}}"#
        )),
        encoded("a signature that is one")
    );
    for status in ["200 OK", "302 Found", "503 Busy"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let body = format!(r#"{{"token":"{token}","expiresInSeconds":"{LOGIN}","{LOGIN}":1,"again":"{token}"}}"#);
        let names = ["content-type", "cache-control", "retry-after", "location", "x-debug", "age"];
        let head = names.map(|name| format!("{name}: {LOGIN}\r\n")).concat();
        let reply =
            format!("HTTP/1.1 {status}\r\nx-token: {token}\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let reply = reply.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                        if head.ends_with(b"\r\n\r\n") {
                            let _ = stream.write_all(reply.as_bytes()).await;
                            head.clear();
                        }
                    }
                });
            }
        });
        for form in [&[][..], &["--json"]] {
            let endpoint = format!("http://127.0.0.1:{port}/t/{{vehicleId}}");
            let header = format!("Authorization: Bearer {LOGIN}");
            let fixed =
                ["doctor", "--vehicle-id", "v1", "--header", &header, "--endpoint", &endpoint, "--requests", "1"];
            let args: Vec<String> = fixed.iter().chain(form).map(|&arg| arg.to_owned()).collect();
            let ran = tokio::task::spawn_blocking(move || traced(&args)).await.unwrap();
            assert_none(&format!("{}{}", ran.out, ran.err), std::slice::from_ref(&token), "doctor");
            assert_eq!(ran.code, Some(2));
            if status == "200 OK" {
                assert!(ran.out.contains("<hidden>"), "nothing was repeated, so hiding it proves nothing");
            }
        }
        server.abort();
    }
}

/// Both streams of a server are read to their ends, whatever it is asked meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn serve_writes_no_token_that_it_mints_or_is_shown() {
    let mut child =
        command(&["serve"]).env("RUST_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = child.stderr.take().unwrap();
    let logged = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    });
    let mut out = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.contains("\nCtrl-C") {
        let mut some = [0; 4096];
        let count = out.read(&mut some).unwrap();
        assert!(count > 0, "it ended early: {said}");
        said.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    let address = |name: &str| {
        let line = said.lines().find(|line| line.trim().starts_with(name)).unwrap();
        line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
    };
    let (backend, engine) = (address("token backend"), address("Fleet Engine"));
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let endpoint = format!("{backend}/token/driver/{{vehicleId}}");
        let login = "Authorization: Bearer demo-driver-1";
        let args = ["get", "--endpoint", &endpoint, "--vehicle-id", "vehicle_1", "--header", login, "--reveal"];
        let output = command(&args).output().unwrap();
        tokens.push(String::from_utf8(output.stdout).unwrap().trim().to_owned());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let vehicle = format!("{engine}/vehicles/vehicle_1");
    let mut answers = Vec::new();
    // One that is good, one for something else, one that is none.
    for (url, token) in [
        (vehicle.clone(), tokens[0].clone()),
        (vehicle.replace("vehicle_1", "vehicle_2"), tokens[1].clone()),
        (vehicle, format!("{}x", tokens[2])),
    ] {
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [200, 403, 401]);
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut said).unwrap();
    let logged = logged.join().unwrap();
    assert!(logged.matches("token minted").count() >= 4, "nothing was logged, so the search proves nothing");
    assert!(tokens.iter().all(|token| token.starts_with("eyJ")));
    assert_none(&said, &tokens, "serve");
    assert_none(&logged, &tokens, "serve, on standard error,");
}

#[test]
fn a_token_that_is_written_would_be_found() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJzYSJ9.c2lnbmF0dXJl".to_owned();
    for text in ["SECRET-SESSION-x", "eyJ", "x=c2lnbmF0dXJl;"] {
        let found = std::panic::catch_unwind(|| assert_none(text, std::slice::from_ref(&token), "a test"));
        assert!(found.is_err(), "{text} was not found");
    }
    assert_none("nothing", &[token], "a test");
}

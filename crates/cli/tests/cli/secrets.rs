//! No token and no login in anything that the command writes, with everything logged that can be: each token that was
//! minted in the run is searched for. `--reveal` is the one exception, and shows it on standard output alone.

use std::io::Read;
use std::process::Stdio;

use fleet_token_backend::{Fault, FaultKind, Grant, Shape, TokenKind, World};

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

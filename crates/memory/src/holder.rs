//! The process from its arguments to its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use fleet_token::{AuthTokenFactory, AuthTokenFactoryBuilder, ReqwestTransport, rustls};
use parking_lot::Mutex;
use tokio::runtime::Runtime;

use crate::app::{App, Login};
use crate::pipes::{self, Pipes};

/// Runs the process: `pipes`, `http ORIGIN`, or `https ORIGIN ROOT`, with the root certificate in hexadecimal digits.
/// With `pipes kept` fetches run on a runtime of the app's, which stays when the factory goes.
pub fn run() -> ExitCode {
    let pipes = match Pipes::open() {
        Ok(pipes) => Arc::new(Mutex::new(pipes)),
        Err(error) => return complain(&error.to_string()),
    };
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let built = match args[..] {
        ["pipes"] | ["pipes", "kept"] => {
            Ok(endpoints("http://localhost:1").transport(pipes::Transport(Arc::clone(&pipes))))
        }
        ["http", origin] => Ok(endpoints(&format!("http://{origin}"))),
        ["https", origin, root] => trusting(root).map(|wire| endpoints(&format!("https://{origin}")).transport(wire)),
        _ => Err("pipes, http ORIGIN or https ORIGIN ROOT".to_owned()),
    };
    let builder = match built {
        Ok(builder) => builder,
        Err(why) => return complain(&why),
    };
    let login = match Login::new() {
        Ok(login) => login,
        Err(error) => return complain(&error.to_string()),
    };
    let runtime = (args.get(1) == Some(&"kept")).then(Runtime::new).and_then(Result::ok);
    let builder = match &runtime {
        Some(runtime) => builder.runtime(runtime.handle().clone()),
        None => builder,
    };
    let app = match builder.header_provider(login).max_attempts(1).build() {
        Ok(factory) => App::new(factory),
        Err(error) => return complain(&error.to_string()),
    };
    app.work();
    let said = pipes.lock().say_and_wait("held");
    drop(app);
    if runtime.is_none() {
        threads_have_ended();
    }
    match said.and_then(|()| pipes.lock().say_and_wait("dropped")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn endpoints(origin: &str) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder()
        .allow_http_loopback()
        .vehicle_endpoint(format!("{origin}/vehicles/{{vehicleId}}"))
        .trip_endpoint(format!("{origin}/trips/{{tripId}}"))
}

fn trusting(root: &str) -> Result<ReqwestTransport, String> {
    let digits: Vec<char> = root.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
    let der: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>().ok_or("the root is no hexadecimal")?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der.into()).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    ReqwestTransport::with_tls(tls).map_err(|error| error.to_string())
}

/// The factory's own runtime ends behind its back. Who started this process waits only so long for it.
fn threads_have_ended() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    while threads() > 1 {
        std::thread::yield_now();
    }
}

fn complain(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::FAILURE
}

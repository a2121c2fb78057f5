//! The process that holds tokens: started, answered, searched twice, and killed at the latest when dropped.

use std::fmt::{self, Write as _};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::backend::Backend;
use crate::search::{Found, Needles};

/// Far above an honest run on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the searches saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    /// The length of all tokens together.
    pub(crate) minted_bytes: usize,
    /// Tokens that the process held when it was searched first.
    pub(crate) current: usize,
    pub(crate) held_tokens: Found,
    pub(crate) held_login: Found,
    pub(crate) left_tokens: Found,
    pub(crate) left_login: Found,
}

impl Seen {
    pub(crate) fn left(&self) -> usize {
        [self.left_tokens, self.left_login].map(|found| found.whole + found.pieces).iter().sum()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, held_tokens, held_login, left_tokens, left_login, .. } = self;
        write!(f, "{requests} requests; whole copies and pieces while held: ")?;
        write!(
            f,
            "tokens {} + {}, login {} + {}; ",
            held_tokens.whole, held_tokens.pieces, held_login.whole, held_login.pieces
        )?;
        write!(
            f,
            "left: tokens {} + {}, {} bytes of {}, ",
            left_tokens.whole, left_tokens.pieces, left_tokens.bytes, self.minted_bytes
        )?;
        write!(f, "login {} + {}", left_login.whole, left_login.pieces)
    }
}

/// A running process.
pub(crate) struct Holder {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    backend: Backend,
    /// Runs the backend, where it is one on a socket.
    _server: Option<Runtime>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Holder {
    pub(crate) fn over_pipes(program: &str) -> Self {
        Self::start(program, &["pipes"], Backend::default(), None)
    }

    /// The same on a runtime that outlives the factory.
    pub(crate) fn over_pipes_on_a_kept_runtime(program: &str) -> Self {
        Self::start(program, &["pipes", "kept"], Backend::default(), None)
    }

    pub(crate) fn over_http(program: &str) -> Self {
        let (backend, server) = (Backend::default(), Runtime::new().unwrap());
        let origin = serve(&server, &backend, None);
        Self::start(program, &["http", &origin], backend, Some(server))
    }

    pub(crate) fn over_https(program: &str) -> Self {
        let (backend, server) = (Backend::default(), Runtime::new().unwrap());
        let (acceptor, root) = tls();
        let origin = serve(&server, &backend, Some(acceptor)).replace("127.0.0.1", "localhost");
        let mut digits = String::new();
        for byte in root {
            write!(digits, "{byte:02x}").unwrap();
        }
        Self::start(program, &["https", &origin, &digits], backend, Some(server))
    }

    fn start(program: &str, args: &[&str], backend: Backend, server: Option<Runtime>) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        for proxy in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(proxy);
        }
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output, backend, _server: server }
    }

    /// Lets it work, searches it, lets it drop everything, and searches it again.
    pub(crate) fn observe(mut self) -> Seen {
        let watch = Watch::over(self.child.id());
        self.answer_until("held");
        let (tokens, login) = (Needles::new(self.backend.tokens()), Needles::new(self.backend.login()));
        let pid = self.child.id();
        let (held_tokens, held_login) = (tokens.search(pid), login.search(pid));
        self.go_on();
        self.answer_until("dropped");
        let (left_tokens, left_login) = (tokens.search(pid), login.search(pid));
        self.go_on();
        assert!(self.child.wait().unwrap().success());
        watch.ends();
        // Four vehicles, four trips and the one that was escaped, of the second round.
        let minted_bytes = self.backend.tokens().iter().map(String::len).sum();
        Seen {
            requests: self.backend.requests(),
            minted_bytes,
            current: 9,
            held_tokens,
            held_login,
            left_tokens,
            left_login,
        }
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// Answers what is asked over the pipes until the process says that it has come to `place`.
    fn answer_until(&mut self, place: &str) {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended before it had {place}");
            let line = line.trim_end();
            if line == place {
                return;
            }
            let (id, login) = line.strip_prefix("ask ").unwrap().split_once(' ').unwrap();
            let (status, body) = self.backend.reply(id, login);
            let length = u32::try_from(body.len()).unwrap();
            self.input.write_all(&status.to_be_bytes()).unwrap();
            self.input.write_all(&length.to_be_bytes()).unwrap();
            self.input.write_all(body.as_bytes()).unwrap();
        }
    }
}

/// Kills a process that takes too long, which ends whoever reads from it.
struct Watch {
    over: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
}

impl Watch {
    fn over(pid: u32) -> Self {
        let (over, end) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // Also ends when the test has failed and `over` is gone.
            let late = end.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            if late {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
            late
        });
        Self { over, thread }
    }

    fn ends(self) {
        let _ = self.over.send(());
        assert!(!self.thread.join().unwrap(), "it took too long");
    }
}

/// A server on loopback for the backend.
fn serve(runtime: &Runtime, backend: &Backend, tls: Option<TlsAcceptor>) -> String {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let origin = listener.local_addr().unwrap().to_string();
    let backend = backend.clone();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (backend, tls) = (backend.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => answer(stream, &backend).await,
                    Some(tls) => answer(tls.accept(stream).await.unwrap(), &backend).await,
                }
            });
        }
    });
    origin
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, backend: &Backend) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let id = head.split(' ').nth(1).unwrap().rsplit('/').next().unwrap();
        let login = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
        let (status, body) = backend.reply(id, login);
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        // In pieces, which whoever puts them together may have to move.
        for piece in reply.as_bytes().chunks(300) {
            if stream.write_all(piece).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A server at `localhost`, and the root that vouches for it.
fn tls() -> (TlsAcceptor, Vec<u8>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.der().to_vec())
}

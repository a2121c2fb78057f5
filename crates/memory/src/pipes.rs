//! A transport without an HTTP library: requests on standard output, replies on standard input, and no buffer between.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use fleet_token::http::HeaderMap;
use fleet_token::{HttpRequest, HttpResponse, HttpTransport, TransportError, async_trait};
use parking_lot::Mutex;

/// Standard input and output, unbuffered: a buffer would be one more place for a secret.
pub(crate) struct Pipes {
    input: File,
    output: File,
}

impl Pipes {
    pub(crate) fn open() -> io::Result<Self> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { input, output })
    }

    /// Says where the process is, and waits until it may go on.
    pub(crate) fn say_and_wait(&mut self, what: &str) -> io::Result<()> {
        self.line(&[what.as_bytes()])?;
        self.input.read_exact(&mut [0; 1])
    }

    fn line(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            self.output.write_all(part)?;
        }
        self.output.write_all(b"\n")
    }

    /// The reply is two bytes of status, four of length, and the body, read into the one place that is handed on.
    fn ask(&mut self, request: &HttpRequest) -> io::Result<HttpResponse> {
        let path = request.url.rsplit('/').next().unwrap_or_default();
        let login = request.headers.get("authorization").map_or(&b""[..], |value| value.as_bytes());
        self.line(&[b"ask ", path.as_bytes(), b" ", login])?;
        let (mut status, mut length) = ([0; 2], [0; 4]);
        self.input.read_exact(&mut status)?;
        self.input.read_exact(&mut length)?;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap_or(0)];
        self.input.read_exact(&mut body)?;
        Ok(HttpResponse::new(u16::from_be_bytes(status), HeaderMap::new(), body))
    }
}

/// The transport on them.
pub(crate) struct Transport(pub(crate) Arc<Mutex<Pipes>>);

#[async_trait]
impl HttpTransport for Transport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.lock().ask(&request).map_err(|_| TransportError::Interrupted)
    }
}

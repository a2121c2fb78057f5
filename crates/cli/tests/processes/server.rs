//! `fleet-token serve` as a process that can be killed, frozen and started again on its port.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A running server. Killed at the latest when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) backend: SocketAddr,
}

impl Server {
    /// On a free port.
    pub(crate) fn start() -> Self {
        let port = free_port();
        Self::start_on(port)
    }

    /// On the port that an earlier one had.
    pub(crate) fn start_on(port: u16) -> Self {
        let server = Self::spawn(port, keys());
        // Keys are read in the background.
        server.warm_up();
        server
    }

    fn spawn(port: u16, keys: &Path) -> Self {
        let program = env!("CARGO_BIN_EXE_fleet-token");
        // A test that is killed cannot clean up: then the kernel does, where there is a tool to ask it to.
        let has_setpriv =
            Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).status().is_ok_and(|s| s.success());
        let mut command = if has_setpriv { Command::new("setpriv") } else { Command::new(program) };
        if has_setpriv {
            command.args(["--pdeathsig", "KILL", program]);
        }
        command.args(["serve", "--backend-port", &port.to_string(), "--token-lifetime", "600"]);
        command.arg("--keys-dir").arg(keys);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        // It greets when it listens.
        let greeted = out.lines().map_while(Result::ok).any(|line| line.starts_with("Ctrl-C"));
        let server = Self { child, backend: SocketAddr::from(([127, 0, 0, 1], port)) };
        assert!(greeted, "it ended before it listened");
        server
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/token/driver/{{vehicleId}}", self.backend)
    }

    /// No goodbye: as when the machine loses its power.
    pub(crate) fn kill(mut self) -> u16 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.backend.port()
    }

    /// The process stands still; the kernel goes on accepting connections for it.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        // The signal was sent; the process stands still only when each of its threads does.
        let stands_still = || self.states().iter().all(|state| *state == 'T');
        while !stands_still() {
            std::thread::yield_now();
        }
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "kill {signal}");
    }

    /// What each thread does (proc(5), `stat`).
    fn states(&self) -> Vec<char> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stat = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        stat.filter_map(|stat| stat.rsplit(") ").next()?.chars().next()).collect()
    }

    /// The requests for a driver's token that the server answered since it was warm.
    pub(crate) fn requests(&self) -> u64 {
        let stats = self.get("/admin/stats");
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        stats["requests"]["GET /token/driver/{vehicleId} 200"].as_u64().unwrap() - 1
    }

    /// Takes a token of each kind that the tests ask for, however long its key takes.
    fn warm_up(&self) {
        for path in ["/token/driver/warm", "/token/consumer/warm"] {
            assert!(self.get(path).contains("expirationTimestamp"), "no token");
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.backend).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer demo-server\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.split_off(reply.find("\r\n\r\n").unwrap() + 4)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also ends one that is frozen.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signing keys for all servers of the tests: to make them takes seconds, on a busy machine many.
fn keys() -> &'static Path {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("keys");
        std::fs::create_dir_all(&keys).unwrap();
        Server::spawn(free_port(), &keys).warm_up();
        keys
    })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

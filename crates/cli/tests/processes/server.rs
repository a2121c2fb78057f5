//! `fleet-token serve` as a process that can be killed, frozen and started again on its port.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

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
        let program = env!("CARGO_BIN_EXE_fleet-token");
        // A test that is killed cannot clean up: then the kernel does, where there is a tool to ask it to.
        let has_setpriv =
            Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).status().is_ok_and(|s| s.success());
        let mut command = if has_setpriv { Command::new("setpriv") } else { Command::new(program) };
        if has_setpriv {
            command.args(["--pdeathsig", "KILL", program]);
        }
        command.args(["serve", "--backend-port", &port.to_string(), "--token-lifetime", "600"]);
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

    /// What the server counted, from its admin route.
    pub(crate) fn minted(&self) -> u64 {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(self.backend).unwrap();
        stream.write_all(b"GET /admin/stats HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let stats: serde_json::Value = serde_json::from_str(reply.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        stats["minted"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also ends one that is frozen.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

//! `fleet-token serve` on free ports, for as long as an example runs.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use crate::program;
use crate::workspace::Workspace;

/// A running server. It is stopped when dropped.
pub(super) struct Server {
    child: Child,
    /// The token backend's URL, without a slash at the end.
    pub(super) backend: String,
    /// The emulated Fleet Engine's.
    pub(super) engine: String,
}

impl Server {
    /// Builds it if need be, and waits until it listens.
    pub(super) fn start(workspace: &Workspace, args: &[&str]) -> io::Result<Self> {
        let program = program::build(workspace)?;
        // Not from the terminal's keys: an example reads those.
        let mut command = Command::new(program);
        command.arg("serve").args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = child.stdout.take();
        // From here on it is stopped, whatever happens.
        let mut server = Self { child, backend: String::new(), engine: String::new() };
        let mut out = BufReader::new(out.ok_or_else(|| io::Error::other("the server has no output"))?);
        server.read_greeting(&mut out)?;
        // It must never wait for somebody to read what else it says.
        thread::spawn(move || io::copy(&mut out, &mut io::sink()));
        Ok(server)
    }

    /// Reads up to the last line that says how it is called, which it writes once it listens.
    fn read_greeting(&mut self, out: &mut BufReader<ChildStdout>) -> io::Result<()> {
        for line in out.lines() {
            let line = line?;
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["token", "backend", url] => (*url).clone_into(&mut self.backend),
                ["Fleet", "Engine", url, ..] => {
                    let base = url.split("/v1/").next().unwrap_or(url);
                    base.clone_into(&mut self.engine);
                }
                ["Ctrl-C", ..] if !self.backend.is_empty() && !self.engine.is_empty() => return Ok(()),
                _ => {}
            }
        }
        Err(io::Error::other("the server ended before it listened"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

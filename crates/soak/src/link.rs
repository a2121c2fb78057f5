//! This process's end of the other one: starts it, tells it what to do, hears what it says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, thread};

use fleet_token_backend::Stats;

use crate::world::{Command, Said};

/// Far above what the slowest answer takes, which is the making of three RSA keys at the start.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process with the backend and the engine. It ends when this is dropped.
pub(crate) struct Link {
    process: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Said>,
    listener: Option<JoinHandle<()>>,
    pub(crate) backend: String,
    pub(crate) engine: String,
}

impl Link {
    /// Starts it. `weather` is told whenever the backend is gone (`false`) or back (`true`).
    pub(crate) fn start(seed: u64, weather: impl Fn(bool) + Send + 'static) -> Result<Self, String> {
        let own = env::current_exe().map_err(|error| error.to_string())?;
        let mut process = Process::new(own)
            .args(["--world", "--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the backend's process: {error}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (sender, answers) = mpsc::channel();
        let listener = thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(Said::Down) => weather(false),
                    Ok(Said::Up) => weather(true),
                    Ok(said) => drop(sender.send(said)),
                    Err(error) => drop(sender.send(Said::Failed(format!("unreadable: {error}")))),
                }
            }
        });
        let (backend, engine) = (String::new(), String::new());
        let mut link = Self { process, input, answers, listener: Some(listener), backend, engine };
        match link.answer()? {
            Said::Ready { backend, engine } => (link.backend, link.engine) = (backend, engine),
            other => return Err(format!("the backend's process began with {other:?}")),
        }
        Ok(link)
    }

    /// The backend goes away, with all its connections.
    pub(crate) fn rest(&mut self) -> Result<(), String> {
        match self.ask(Command::Rest)? {
            Said::Resting => Ok(()),
            other => Err(format!("asked to rest, it said {other:?}")),
        }
    }

    /// The backend comes back.
    pub(crate) fn resume(&mut self) -> Result<(), String> {
        match self.ask(Command::Resume)? {
            Said::Resumed => Ok(()),
            other => Err(format!("asked to resume, it said {other:?}")),
        }
    }

    /// What backend and engine have counted.
    pub(crate) fn stats(&mut self) -> Result<Stats, String> {
        match self.ask(Command::Stats)? {
            Said::Stats(stats) => Ok(*stats),
            other => Err(format!("asked for its counters, it said {other:?}")),
        }
    }

    fn ask(&mut self, command: Command) -> Result<Said, String> {
        let line = serde_json::to_string(&command).map_err(|error| error.to_string())?;
        if let Some(input) = &mut self.input {
            writeln!(input, "{line}").map_err(|error| format!("the backend's process is gone: {error}"))?;
        }
        self.answer()
    }

    fn answer(&mut self) -> Result<Said, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(Said::Failed(why)) => Err(format!("the backend's process failed: {why}")),
            Ok(said) => Ok(said),
            Err(error) => Err(format!("the backend's process does not answer: {error}")),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

//! Starts one command at the root of the workspace: shown as it runs, or teed to a file and bounded in time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{env, thread};

use crate::stopwatch::Stopwatch;
use crate::workspace::Workspace;

/// Which of a command's two outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipe {
    Out,
    Err,
}

/// How a bounded command came to its end.
#[derive(Debug)]
pub(crate) enum Ending {
    Exited(ExitStatus),
    /// It ran past its limit and was stopped.
    TimedOut,
}

/// The cargo that started this chore, as if typed at the root.
pub(crate) fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    typed_by_hand(command.args(args).current_dir(workspace.root()).stdin(Stdio::null()));
    command
}

/// Without what only a chore's own process knows.
pub(crate) fn typed_by_hand(command: &mut Command) -> &mut Command {
    // `cargo run` describes xtask itself in these. A build script that watches them would rebuild its crate each
    // time cargo is started by hand after a chore, or the other way round.
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs the command with its output on the screen.
pub(crate) fn shown(command: &mut Command) -> io::Result<ExitStatus> {
    announce(command);
    command.status()
}

/// Runs the command with all of its output added to `log`, and each line given to `on_line` as well.
///
/// Standard output and error are two pipes, so that no line of one is cut by the other; between them the order is
/// that of arrival. A command that is not through after `limit` is killed.
pub(crate) fn teed(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    mut on_line: impl FnMut(Pipe, &str),
) -> io::Result<Ending> {
    announce(command);
    let mut log = BufWriter::new(File::options().create(true).append(true).open(log)?);
    let watch = Stopwatch::start();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, lines) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        send_lines(Pipe::Out, pipe, sender.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        send_lines(Pipe::Err, pipe, sender);
    }
    loop {
        match lines.recv_timeout(limit.saturating_sub(watch.elapsed())) {
            Ok((from, line)) => {
                log.write_all(&line)?;
                on_line(from, String::from_utf8_lossy(&line).trim_end());
            }
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                log.flush()?;
                return Ok(Ending::TimedOut);
            }
            Err(RecvTimeoutError::Disconnected) => {
                log.flush()?;
                return Ok(Ending::Exited(child.wait()?));
            }
        }
    }
}

/// Reads the pipe to its end on a thread of its own. A broken pipe ends it as the end of output does.
fn send_lines(from: Pipe, pipe: impl Read + Send + 'static, lines: Sender<(Pipe, Vec<u8>)>) {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match pipe.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            if lines.send((from, line)).is_err() {
                return;
            }
        }
    });
}

/// Says what is run, so that a reader of the log can type it again.
fn announce(command: &Command) {
    // A path of this machine's is nothing to type.
    let set = command.get_envs().filter(|(name, _)| *name != "PATH").filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        let quote = if value.contains(' ') { "\"" } else { "" };
        Some(format!("{}={quote}{value}{quote} ", name.to_string_lossy()))
    });
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    println!("$ {}{} {}", set.collect::<String>(), program.to_string_lossy(), args.join(" "));
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, fs, process};

    use super::{Command, Duration, Ending, Pipe, teed};

    /// A log of its own for each test, removed first: `teed` appends.
    fn log(name: &str) -> std::path::PathBuf {
        let path = env::temp_dir().join(format!("xtask-run-{}-{name}.log", process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    #[test]
    fn every_byte_reaches_the_log_and_every_line_the_reader() {
        let (log, mut lines) = (log("tee"), Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", r"echo out; echo err >&2; printf '\377 no newline'; exit 3"]);
        let ending = teed(&mut command, &log, Duration::from_mins(1), |from, line| {
            lines.push((line.to_owned(), from));
        })
        .unwrap();
        assert!(matches!(ending, Ending::Exited(status) if status.code() == Some(3)));
        lines.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [("err", Pipe::Err), ("out", Pipe::Out), ("\u{fffd} no newline", Pipe::Out)];
        assert_eq!(lines, expected.map(|(line, from)| (line.to_owned(), from)));
        let kept = fs::read(&log).unwrap();
        assert_eq!(kept.len(), "out\nerr\n? no newline\n".len());
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_command_that_hangs_is_stopped_at_its_limit() {
        let log = log("hang");
        let mut command = Command::new("sleep");
        command.arg("600");
        let ending = teed(&mut command, &log, Duration::from_millis(20), |_, _| {}).unwrap();
        assert!(matches!(ending, Ending::TimedOut));
        fs::remove_file(log).unwrap();
    }
}

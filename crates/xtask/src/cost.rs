//! `cargo xtask cost`: how many instructions the things take that an app does all day, counted by callgrind and held to
//! the numbers that were committed. A machine that is busy counts the same as one that is not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io};

use crate::bindings::succeed;
use crate::run::cargo;
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "cost";
pub(crate) const ABOUT: &str = "no hit, miss or parse takes more instructions than it did";

/// Where the numbers are kept.
const COMMITTED: &str = "crates/cost/counts.txt";
/// How far a count may be from the committed one, in percent. A gain is to be accepted too, or it could be lost unseen.
const TOLERANCE: f64 = 3.0;
const HEAD: &str = "\
# Instructions each, under callgrind: written by `cargo xtask cost --accept`, held to within 3 % by `cargo xtask cost`.
# They are the compiler's and libc's as well as ours: with others than these nothing is compared.
";

/// What `cargo xtask cost` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Commit what is counted now.
    #[arg(long)]
    accept: bool,
    /// Count so often, and say how far the counts of one task lie apart.
    #[arg(long, default_value_t = 1)]
    runs: usize,
}

/// Instructions of each task, and what made them.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    /// Compiler, libc and processor.
    made_by: String,
    of: BTreeMap<String, f64>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    cost(args, workspace).unwrap_or_else(|error| Outcome::Failed(error.to_string())).exit_code()
}

/// The step of `cargo xtask test`.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    cost(&Args { accept: false, runs: 1 }, workspace).unwrap_or_else(|error| Outcome::Failed(error.to_string()))
}

fn cost(args: &Args, workspace: &Workspace) -> io::Result<Outcome> {
    if let Some(reason) = missing() {
        return Ok(Outcome::Skipped(reason));
    }
    let program = build(workspace)?;
    let now = Counts { made_by: made_by()?, of: count(&program, workspace)? };
    let (mut farthest, mut off) = (String::new(), 0.0);
    for _ in 1..args.runs {
        for (name, count) in count(&program, workspace)? {
            let by = difference(count, now.of[&name]).abs();
            if by > off {
                (farthest, off) = (name, by);
            }
        }
    }
    if args.runs > 1 {
        println!("{} runs: at most {off:.4} % from the first {farthest}", args.runs);
    }
    let path = workspace.root().join(COMMITTED);
    if args.accept {
        fs::write(&path, now.text())?;
        println!("{COMMITTED} is what was counted");
    }
    let committed = Counts::parse(&fs::read_to_string(path)?)?;
    println!("{}", table(&now, &committed));
    Ok(judge(&now, &committed))
}

/// What keeps this machine from counting.
fn missing() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("the numbers are of Linux on x86_64".to_owned());
    }
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_err().then(|| "no valgrind: Debian's package is called so".to_owned())
}

/// For the oldest processor of the kind, whatever flags are set here: others would count differently.
fn build(workspace: &Workspace) -> io::Result<PathBuf> {
    let folder = workspace.target().join("cost");
    let mut command = cargo(workspace, &["build", "-p", "fleet-token-cost", "--profile", "cost"]);
    command.env("RUSTFLAGS", "-C target-cpu=x86-64").arg("--target-dir").arg(&folder);
    succeed(&mut command)?;
    Ok(folder.join("cost/fleet-token-cost"))
}

/// One process a task, so that none depends on what was counted before it.
fn count(program: &Path, workspace: &Workspace) -> io::Result<BTreeMap<String, f64>> {
    let listed = Command::new(program).output()?;
    let out = workspace.log("callgrind");
    let mut counts = BTreeMap::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let [name, times, counted] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(io::Error::other(format!("not a task: {line}")));
        };
        let _ = fs::remove_file(&out);
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", &format!("--toggle-collect=*{counted}*")]);
        command.arg(format!("--callgrind-out-file={}", out.display())).arg(program).arg(name);
        // Which copy of memcpy and the like libc takes depends on the processor, unless it is told.
        command.env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM");
        // Valgrind's own words are wanted only if it fails.
        let ended = command.env("LC_ALL", "C").output()?;
        let total = fs::read_to_string(&out).ok().and_then(|text| total(&text)).filter(|total| *total > 0.0);
        match (ended.status.success(), total, times.parse::<f64>()) {
            (true, Some(total), Ok(times)) => counts.insert(name.to_owned(), total / times),
            (true, None, _) => {
                return Err(io::Error::other(format!("{name}: no function is called *{counted}* any more")));
            }
            _ => return Err(io::Error::other(format!("{name}: {}", String::from_utf8_lossy(&ended.stderr)))),
        };
    }
    if counts.is_empty() { Err(io::Error::other("nothing was counted")) } else { Ok(counts) }
}

/// What a file of callgrind's says was counted.
fn total(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("summary: "))?.trim().parse().ok()
}

fn made_by() -> io::Result<String> {
    let first_line = |program: &str, arg: &str| -> io::Result<String> {
        let said = Command::new(program).arg(arg).output()?;
        Ok(String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().to_owned())
    };
    let rustc = first_line(&env::var("RUSTC").unwrap_or_else(|_| "rustc".into()), "--version")?;
    // `ldd (Debian GLIBC 2.36-9+deb12u10) 2.36`: the last word, since mends of one release leave counts as they are.
    let libc = first_line("ldd", "--version")?;
    Ok(format!("{rustc}, glibc {}, {}", libc.rsplit(' ').next().unwrap_or_default(), env::consts::ARCH))
}

impl Counts {
    fn text(&self) -> String {
        let lines = self.of.iter().map(|(name, count)| format!("{name} {count:.1}\n"));
        format!("{HEAD}made by: {}\n{}", self.made_by, lines.collect::<String>())
    }

    fn parse(text: &str) -> io::Result<Self> {
        let mut counts = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(made_by) = line.strip_prefix("made by: ") {
                made_by.clone_into(&mut counts.made_by);
                continue;
            }
            let parsed = line.split_once(' ').and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
            let (name, count) = parsed.ok_or_else(|| io::Error::other(format!("{COMMITTED}: {line}")))?;
            counts.of.insert(name, count);
        }
        Ok(counts)
    }
}

/// In percent of what it was.
fn difference(now: f64, was: f64) -> f64 {
    (now / was - 1.0) * 100.0
}

fn table(now: &Counts, committed: &Counts) -> String {
    let mut text = format!("{:24} {:>12} {:>12} {:>10}\n", "instructions each", "now", "committed", "difference");
    for (name, count) in &now.of {
        let row = match committed.of.get(name) {
            Some(was) => format!("{was:>12.1} {:>+8.2} %", difference(*count, *was)),
            None => format!("{:>12} {:>10}", "none", ""),
        };
        text += format!("{name:24} {count:>12.1} {row}").trim_end();
        text.push('\n');
    }
    text
}

fn judge(now: &Counts, committed: &Counts) -> Outcome {
    const ACCEPT: &str = "if that is meant: `cargo xtask cost --accept`";
    if now.made_by != committed.made_by {
        return Outcome::Skipped(format!(
            "this is {}, the numbers are of {}; {ACCEPT}",
            now.made_by, committed.made_by
        ));
    }
    if !now.of.keys().eq(committed.of.keys()) {
        return Outcome::Failed(format!("the tasks are not those of {COMMITTED}; {ACCEPT}"));
    }
    let off = |(name, count): (&String, &f64)| {
        let by = difference(*count, committed.of[name]);
        (by.is_nan() || by.abs() > TOLERANCE).then(|| format!("{name} {by:+.1} %"))
    };
    let off: Vec<_> = now.of.iter().filter_map(off).collect();
    if off.is_empty() { Outcome::Passed } else { Outcome::Failed(format!("{}; {ACCEPT}", off.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Outcome, judge, total};

    fn counts(hit: f64) -> Counts {
        Counts { made_by: "rustc 1, glibc 2, x".to_owned(), of: [("hit/one".to_owned(), hit)].into() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Counts::parse(&counts(1198.5).text()).unwrap(), counts(1198.5));
        assert!(Counts::parse("hit/one many\n").is_err());
    }

    #[test]
    fn three_percent_either_way_are_let_through_and_no_more() {
        for within in [97.1, 100.0, 102.9] {
            assert_eq!(judge(&counts(within), &counts(100.0)), Outcome::Passed, "{within}");
        }
        for outside in [96.9, 103.1, f64::NAN] {
            assert!(matches!(judge(&counts(outside), &counts(100.0)), Outcome::Failed(_)), "{outside}");
        }
    }

    #[test]
    fn another_compiler_is_not_compared_with_and_a_task_that_is_gone_is_noticed() {
        let other = Counts { made_by: "rustc 2".to_owned(), ..counts(100.0) };
        assert!(matches!(judge(&other, &counts(100.0)), Outcome::Skipped(_)));
        assert!(matches!(judge(&Counts { of: [].into(), ..counts(1.0) }, &counts(100.0)), Outcome::Failed(_)));
    }

    #[test]
    fn callgrind_says_its_total_in_a_line_of_its_own() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 1198027\ntotals: 1198027\n"), Some(1_198_027.0));
        assert_eq!(total("version: 1\n"), None);
    }
}

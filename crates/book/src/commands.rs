//! Whether commands that pages show exist: each subcommand and each `--option` of ours is looked up in what the program itself
//! says by `--help`.

use std::path::Path;

/// Programs of others that pages call.
const OTHERS: [&str; 17] = [
    "adb", "cd", "curl", "echo", "export", "git", "java", "jq", "man", "mkdir", "mvn", "rustup", "sleep", "source",
    "swift", "wait", "kill",
];
/// What cargo itself can do, as far as pages use it.
const CARGO: [&str; 10] = ["add", "bench", "build", "check", "deny", "doc", "fetch", "install", "new", "test"];

/// What a program says by `--help` after some words; `None` if it knows no such subcommand.
type Help<'a> = dyn Fn(&str, &[&str]) -> Option<String> + 'a;

/// Looks commands up.
pub struct Commands<'a> {
    root: &'a Path,
    help: &'a Help<'a>,
}

impl<'a> Commands<'a> {
    /// `help` is asked for `fleet-token` and `xtask`.
    pub fn new(root: &'a Path, help: &'a Help<'a>) -> Self {
        Self { root, help }
    }

    /// What is wrong with the commands of a script, a line each.
    pub fn faults(&self, script: &str) -> Vec<String> {
        commands(script).iter().filter_map(|words| self.fault(words)).collect()
    }

    fn fault(&self, words: &[String]) -> Option<String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["cargo", "run"] => None,
            ["fleet-token" | "target/release/fleet-token", args @ ..] => self.ours("fleet-token", args),
            ["cargo", "xtask", args @ ..] => self.ours("xtask", args),
            ["cargo", "run", args @ ..] => {
                let (own, theirs) = args.split_at(args.iter().position(|word| *word == "--").unwrap_or(args.len()));
                match package(own) {
                    Some(package) => self.package(package),
                    None => self.ours("fleet-token", theirs.get(1..).unwrap_or_default()),
                }
            }
            ["cargo", "test", args @ ..] if filters(args) > 1 => {
                Some(format!("`cargo test` takes one filter before `--`: `{}`", words.join(" ")))
            }
            ["cargo", subcommand, args @ ..] if CARGO.contains(subcommand) => {
                package(args).and_then(|package| self.package(package))
            }
            [program, ..] if program.contains('/') => {
                (!self.root.join(program).is_file()).then(|| format!("`{program}` is no file"))
            }
            [program, ..] if OTHERS.contains(program) => None,
            _ => Some(format!("nothing checks `{}`", words.join(" "))),
        }
    }

    fn package(&self, package: &str) -> Option<String> {
        let folder = package.strip_prefix("fleet-token-").unwrap_or(package);
        let known = package == "fleet-token" || self.root.join("crates").join(folder).is_dir();
        (!known).then(|| format!("no package {package}"))
    }

    fn ours(&self, program: &str, args: &[&str]) -> Option<String> {
        let mut path: Vec<&str> = Vec::new();
        let mut help = (self.help)(program, &path)?;
        for word in args.iter().take_while(|word| !word.starts_with('-')) {
            if !help.contains("Commands:") {
                break;
            }
            path.push(word);
            let Some(text) = (self.help)(program, &path) else {
                return Some(format!("{program} knows no `{}`", path.join(" ")));
            };
            help = text;
        }
        // What follows is another program's.
        if help.lines().any(|line| line.starts_with("Usage:") && line.ends_with("[ARGS]...")) {
            return None;
        }
        let args = args.split(|word| *word == "--").next().unwrap_or_default();
        let mut options = args.iter().filter(|word| word.starts_with('-') && word.len() > 1);
        let unknown = options.find(|option| !names(&help, option.split('=').next().unwrap_or_default()))?;
        Some(format!("{program} {} knows no `{unknown}`", path.join(" ")))
    }
}

/// Whether the text names the option, and not only a longer one.
fn names(help: &str, option: &str) -> bool {
    help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == option)
}

fn package<'a>(args: &[&'a str]) -> Option<&'a str> {
    let at = args.iter().position(|word| matches!(*word, "-p" | "--package"))?;
    args.get(at + 1).copied()
}

/// How many tests are named to cargo itself.
fn filters(args: &[&str]) -> usize {
    const WITH_VALUE: [&str; 7] = ["-p", "--package", "--features", "--test", "--bin", "--bench", "--example"];
    let own = args.split(|word| *word == "--").next().unwrap_or_default();
    let named = own.iter().enumerate().filter(|(at, word)| {
        !word.starts_with('-') && !at.checked_sub(1).is_some_and(|before| WITH_VALUE.contains(&own[before]))
    });
    named.count()
}

/// The commands of a script, as words; comments, assignments before a command and redirections are left out.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in script.replace("\\\n", " ").lines() {
        let (mut words, mut word, mut quote, mut depth) = (Vec::new(), String::new(), None, 0_u32);
        let mut end = |words: &mut Vec<String>| {
            let is_assignment = |word: &String| word.split_once('=').is_some_and(|(name, _)| is_name(name));
            let command: Vec<String> = std::mem::take(words).into_iter().skip_while(is_assignment).collect();
            if !command.is_empty() {
                found.push(command);
            }
        };
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (_, '$') if chars.peek() == Some(&'(') => depth += 1,
                (_, ')') if depth > 0 => depth -= 1,
                (None, '#') if word.is_empty() && depth == 0 => break,
                (None, ' ') if depth == 0 => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
                (None, '|' | '&' | ';') if depth == 0 => {
                    words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                    end(&mut words);
                }
                _ => word.push(c),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        end(&mut words);
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn help(program: &str, path: &[&str]) -> Option<String> {
        let text = match (program, path) {
            ("fleet-token" | "xtask", []) => "Commands: get --json",
            ("fleet-token", ["get"]) => "--endpoint <URL> --vehicle-id <ID>",
            ("xtask", ["example"]) => "Run one\n\nUsage: cargo xtask example <NAME> [ARGS]...",
            ("xtask", ["dist"]) => "Commands: android",
            ("xtask", ["dist", "android"]) => "-h, --help",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn faults(script: &str) -> Vec<String> {
        let folder = Folder::new("commands", &[("crates/soak/Cargo.toml", ""), ("run.sh", ""), ("a/run.sh", "")]);
        Commands::new(folder.path(), &help).faults(script)
    }

    #[test]
    fn what_a_program_does_not_know_is_found() {
        assert_eq!(faults("cargo run -- get --vehicle v"), ["fleet-token get knows no `--vehicle`"]);
        assert_eq!(faults("cargo run -- fetch"), ["fleet-token knows no `fetch`"]);
        assert_eq!(faults("cargo xtask dist ios"), ["xtask knows no `dist ios`"]);
        assert_eq!(faults("A=1 cargo test -p fleet-token-sock"), ["no package fleet-token-sock"]);
        assert_eq!(faults("cd x && b/run.sh"), ["`b/run.sh` is no file"]);
        assert_eq!(faults("fleet-tokn get"), ["nothing checks `fleet-tokn get`"]);
        assert_eq!(faults("cargo test -p fleet-token-soak a b -- c").len(), 1);
        assert_eq!(faults("cargo rum"), ["nothing checks `cargo rum`"]);
    }

    #[test]
    fn what_it_knows_is_not() {
        let script = "\
# a comment
cargo run                       # the demo
cargo run -- --json
cargo run -q -- get --endpoint 'https://a/{vehicleId}' \\
  --vehicle-id=v | jq .token &
cargo xtask dist android
cargo test -p fleet-token-soak --features x --test y one -- another third
cargo xtask example desktop --rest
HEADER=\"a b\" A=$(cargo nothing; x) a/run.sh --x
cargo run -p fleet-token-soak -- --x; cargo doc --open
";
        assert_eq!(faults(script), [""; 0]);
    }
}

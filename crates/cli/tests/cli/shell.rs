//! What shells and `man` are told, and colours.

use fleet_token_backend::{Grant, World};

use super::{Ran, command, run};

/// Every command that `--help` lists, `help` itself aside.
fn commands() -> Vec<String> {
    let help = run(&["--help"]).out;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    let names: Vec<_> = names.filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() > 7, "{names:?}");
    names
}

#[test]
fn the_page_of_commands_has_each() {
    let page = include_str!("../../../../docs/command.md");
    for command in commands() {
        assert!(page.contains(&format!("| `{command}`")) || page.contains(&format!("| [`{command}`]")), "{command}");
    }
}

#[test]
fn every_shell_is_told_every_command() {
    let commands = commands();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        for word in commands.iter().map(String::as_str).chain(["vehicle-id", "endpoint"]) {
            assert!(ran.out.contains(word), "{shell} is not told of {word}");
        }
    }
    assert_eq!(run(&["completions", "no-such-shell"]).code, Some(2));
}

#[test]
fn bash_reads_its_completions() {
    let script = run(&["completions", "bash"]).out;
    let Ok(output) = std::process::Command::new("bash").args(["-n", "-c", &script]).output() else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn man_has_a_page_of_all_and_of_each() {
    let all = run(&["man"]);
    assert!(all.code == Some(0) && all.out.contains(".TH fleet-token 1"), "{}", all.out);
    for command in commands() {
        assert!(all.out.contains(&format!("fleet\\-token\\-{command}(1)")), "{command}");
        let page = run(&["man", &command]).out;
        assert!(page.contains(&format!(".TH fleet-token-{command} 1")), "{command}: {page}");
    }
    assert_eq!(run(&["man", "no-such-command"]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_that_want_them() {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow_anonymous(Grant::driver("v1"));
    let endpoint = format!("{}/token/driver/{{vehicleId}}", world.backend_url());
    let colours = async |name: &'static str, value: &'static str| {
        let args = ["doctor", "--requests", "1", "--endpoint", &endpoint, "--vehicle-id", "v1"];
        let mut command = command(&args);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env(name, value);
        let ran = tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap())).await.unwrap();
        ran.out.contains('\u{1b}')
    };
    assert!(!colours("TERM", "xterm").await, "a pipe is no terminal");
    assert!(colours("CLICOLOR_FORCE", "1").await, "there are colours to be had");
    let both = async {
        let args = ["doctor", "--requests", "1", "--endpoint", &endpoint, "--vehicle-id", "v1"];
        let mut command = command(&args);
        command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
        let ran = tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap())).await.unwrap();
        ran.out.contains('\u{1b}')
    };
    assert!(!both.await, "NO_COLOR is obeyed whatever else is asked for");
    world.stop().await;
}

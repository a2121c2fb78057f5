//! What shells and `man` are told, and colours.

use fleet_token_backend::{Grant, World};

use super::{Ran, command, run};

const COMMANDS: [&str; 7] = ["demo", "serve", "get", "doctor", "inspect", "completions", "man"];

#[test]
fn every_shell_is_told_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        for word in COMMANDS.iter().chain(&["vehicle-id", "endpoint"]) {
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
    for command in COMMANDS {
        assert!(all.out.contains(&format!("fleet\\-token\\-{command}(1)")), "{command}");
        let page = run(&["man", command]).out;
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

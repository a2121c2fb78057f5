//! A page as a script: what a reader does who follows it, command by command, in the page's order.
//!
//! Marks after a block's language say what is to be done with it:
//!
//! | mark | the block is |
//! |---|---|
//! | `run` | typed into the reader's terminal, which keeps its folder and its variables |
//! | `run beside` | the same, in the folder that holds the checkout |
//! | `serve` | typed into a terminal of its own, where it stays until the next such block or the page's end |
//! | `file=PATH` | saved as this file, below the folder where the reader is |
//! | `printed` | the end of what the block before printed |
//! | `printed like` | the same, but for its numbers |

use std::fmt::Write as _;

use crate::markdown::{Block, Page};

/// What the language of a block may be followed by, here or for [`crate::blocks`]; a path follows `file=`.
pub(crate) const MARKS: [&str; 11] =
    ["run", "beside", "serve", "file=", "printed", "like", "no_run", "compile_fail", "ignore", "reply", "refused"];

/// The head of each script. It is given the checkout, and a folder that is empty but for `beside`, where the checkout is `fleet-token`.
const HEAD: &str = r#"set -euo pipefail
checkout=$1 folder=$2
served=
stop() { [ -z "$served" ] || { kill -- "-$served" 2>/dev/null || true; wait "$served" 2>/dev/null || true; served=; }; }
ended() { code=$?; [ "$code" -eq 0 ] || cat "$folder/printed" "$folder/served" || true; stop; exit "$code"; }
trap ended EXIT
: >"$folder/printed"; : >"$folder/served"
listening() {
  for _ in $(seq 3000); do
    if grep -q '^Ctrl-C' "$folder/served"; then return; fi
    kill -0 "$served" 2>/dev/null || { echo "the server ended: its output follows"; exit 1; }
    sleep 0.1
  done
  echo "the server does not listen: its output follows"; exit 1
}
plain() { sed $'s/\e\\[[0-9;]*m//g'; }   # colours are no part of what a program says
numbers() { sed -E 's/[0-9]+(\.[0-9]+)?/0/g'; }
cd "$checkout"
"#;

/// What following a page comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// For bash, with the checkout and an empty folder as its arguments.
    pub script: String,
    /// Blocks that are run or served.
    pub followed: usize,
}

impl Walk {
    /// The script of the page at `path`; `None` if no block of it is to be run.
    pub fn of(path: &str, page: &Page) -> Option<Self> {
        let mut walk = Self { script: HEAD.to_owned(), ..Self::default() };
        for block in &page.blocks {
            walk.add(path, block);
        }
        (walk.followed > 0).then_some(walk)
    }

    fn add(&mut self, path: &str, block: &Block) {
        let script = &mut self.script;
        let code = block.code.trim_end();
        let file = block.marks().find_map(|mark| mark.strip_prefix("file="));
        let _ = if block.is("run") {
            self.followed += 1;
            let to = if block.is("beside") { "cd \"$folder/beside\"\n" } else { "" };
            writeln!(
                script,
                "echo '{path}:{}'\n{to}{{\n{code}\n}} >\"$folder/printed\"\nsed '$a\\' \"$folder/printed\"",
                block.line
            )
        } else if block.is("serve") {
            self.followed += 1;
            writeln!(
                script,
                "echo '{path}:{}'\nstop\n: >\"$folder/served\"\nset -m\n(cd \"$checkout\"\n{code}\n) >\"$folder/served\" 2>&1 &\nserved=$!\nset +m\nlistening",
                block.line
            )
        } else if let Some(file) = file {
            writeln!(script, "mkdir -p \"$(dirname {file})\"\ncat >{file} <<'END OF {file}'\n{code}\nEND OF {file}")
        } else if block.is("printed") {
            let but = if block.is("like") { "numbers" } else { "cat" };
            let lines = code.lines().count();
            writeln!(
                script,
                "echo '{path}:{} is what was printed'\ndiff <({but} <<'END OF TEXT'\n{code}\nEND OF TEXT\n) <(tail -n {lines} \"$folder/printed\" | plain | {but})",
                block.line
            )
        } else {
            Ok(())
        };
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::pages::Pages;
    use crate::testing::Folder;

    /// The text, followed; what it printed, and whether it went well.
    fn followed(text: &str) -> (String, bool) {
        let folder = Folder::new("walk", &[("checkout/here", ""), ("walk/beside/there", "")]);
        let walk = Walk::of("a.md", &Page::parse(text)).unwrap();
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(walk.script).arg("walk").arg(folder.path().join("checkout")).arg(folder.path().join("walk"));
        let output = bash.output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
    }

    #[test]
    fn blocks_are_one_terminal_and_what_is_printed_is_compared() {
        let page = "```sh run\nexport A=7\nls\n```\n```text printed\nhere\n```\n\
                    ```sh run beside\nls; mkdir b; cd b\n```\n```text printed\nthere\n```\n\
                    ```text file=c/d.txt\n$A `x`\n```\n```sh run\ncat c/d.txt; echo -e \"\\e[0mtook 1.5 s, $A\"\n```\n\
                    ```text printed like\n$A `x`\ntook 22 s, 9\n```\n```sh\nfalse\n```\n";
        let (printed, well) = followed(page);
        assert!(well, "{printed}");
        let walk = Walk::of("a.md", &Page::parse(page)).unwrap();
        assert_eq!((walk.followed, walk.script.matches(" is what was printed").count()), (3, 3));
    }

    #[test]
    fn what_goes_wrong_for_a_reader_fails() {
        assert!(!followed("```sh run\nfalse\necho on\n```\n").1);
        assert!(!followed("```sh run\nfalse | cat\n```\n").1);
        assert!(!followed("```sh run\necho $UNKNOWN_HERE\n```\n").1);
        assert!(!followed("```sh run\necho 1\n```\n```text printed\n2\n```\n").1);
        assert!(!followed("```sh run\necho one 1\n```\n```text printed like\ntwo 1\n```\n").1);
        assert!(followed("```sh run\necho one 1\n```\n```text printed like\none 2\n```\n").1);
    }

    #[test]
    fn a_server_listens_first_and_ends_before_the_next_and_with_the_page() {
        let serve = |name: &str| {
            format!(
                "```sh serve\ntrap 'echo {name} >>ended; exit' TERM\necho Ctrl-C ends it\ntail -f /dev/null & wait\n```\n"
            )
        };
        let look = "```sh run\ncat \"$folder/served\"; cat ended || true\n```\n";
        let (printed, well) = followed(&format!("{}{look}{}{look}", serve("a"), serve("b")));
        assert!(well, "{printed}");
        assert_eq!(printed, "a.md:1\na.md:6\nCtrl-C ends it\na.md:9\na.md:14\nCtrl-C ends it\na\n");
        assert!(!followed("```sh serve\nexit 3\n```\n").1, "one that ends at once is no server");
    }

    #[test]
    fn a_page_without_commands_to_run_is_not_followed() {
        assert_eq!(Walk::of("a.md", &Page::parse("```sh\nls\n```\n```text printed\nx\n```\n")), None);
    }

    #[test]
    fn the_pages_that_say_ten_minutes_are_followed() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let pages = Pages::read(&fs::canonicalize(root).unwrap()).unwrap();
        for path in ["docs/quickstart-rust.md", "docs/quickstart-android.md", "docs/quickstart-ios.md", "docs/ios.md"] {
            assert!(Walk::of(path, pages.get(path).unwrap()).is_some(), "{path}");
        }
    }
}

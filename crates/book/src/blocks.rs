//! Whether each block of code is held by something: Rust by the doc-tests, Kotlin, Java and Swift by a source that is compiled
//! and has the same words, commands by the programs that they name, JSON by a reader and a schema. The rest is `text`.

use std::path::Path;
use std::{fs, io};

use crate::commands::Commands;
use crate::markdown::Block;
use crate::pages::{Pages, files};
use crate::reply::ReplySchema;
use crate::walk::MARKS;

/// Whose doc-tests include pages, by a path to the page that ends so.
const DOC_TESTS: [&str; 3] = ["src/lib.rs", "crates/book/src/doctests.rs", "crates/backend/src/lib.rs"];

/// What blocks are compared with.
pub struct Judges<'a> {
    commands: &'a Commands<'a>,
    schema: ReplySchema,
    /// The code of [`DOC_TESTS`].
    doc_tests: String,
    /// A compiled file's ending, and its words.
    sources: Vec<(String, String)>,
}

impl<'a> Judges<'a> {
    /// Reads the sources that blocks may stand in.
    pub fn read(root: &Path, commands: &'a Commands<'a>) -> io::Result<Self> {
        let doc_tests = DOC_TESTS.iter().filter_map(|path| fs::read_to_string(root.join(path)).ok()).collect();
        let mut sources = Vec::new();
        for folder in ["bindings", "examples"].map(|folder| root.join(folder)).iter().filter(|folder| folder.is_dir()) {
            for path in files(folder, &is_shown)? {
                let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
                sources.push((ending, words(&fs::read_to_string(&path)?)));
            }
        }
        Ok(Self { commands, schema: ReplySchema::read(root)?, doc_tests, sources })
    }

    /// What is wrong with the blocks of all pages, a line each.
    pub fn faults(&self, pages: &Pages) -> Vec<String> {
        let blocks = pages.iter().flat_map(|(path, page)| page.blocks.iter().map(move |block| (path, block)));
        blocks
            .flat_map(|(path, block)| {
                self.of(path, block).into_iter().map(move |why| format!("{path}:{}: {why}", block.line))
            })
            .collect()
    }

    fn of(&self, page: &str, block: &Block) -> Vec<String> {
        let Some(language) = block.language() else {
            // Indented: text, but for commands of ours.
            let ours = block.code.lines().filter(|line| line.starts_with("cargo ") || line.starts_with("fleet-token "));
            return self.commands.faults(&ours.collect::<Vec<_>>().join("\n"));
        };
        let unknown = block
            .marks()
            .find(|mark| !MARKS.iter().any(|known| known.ends_with('=') && mark.starts_with(known) || mark == known));
        if let Some(mark) = unknown {
            return vec![format!("nothing is done about the mark `{mark}`")];
        }
        match language {
            "text" => stands_for_something(&block.code).into_iter().collect(),
            "sh" => self.commands.faults(&block.code),
            "rust" if block.is("ignore") => vec!["Rust that no compiler reads".to_owned()],
            "rust" => {
                let included = self.doc_tests.contains(&format!("{page}\")"));
                (!included).then(|| format!("Rust, but no doc-test includes {page}")).into_iter().collect()
            }
            "kotlin" => self.compiled("kt", block),
            "java" => self.compiled("java", block),
            "swift" => self.compiled("swift", block),
            "json" => self.json(block),
            other => vec![format!("nothing checks `{other}`: make it `text`")],
        }
    }

    /// Imports stand at the head of a file, the rest anywhere in it, in one piece.
    fn compiled(&self, ending: &str, block: &Block) -> Vec<String> {
        let (imports, rest): (Vec<_>, Vec<_>) = block.code.lines().partition(|line| line.starts_with("import "));
        let wanted: Vec<_> = imports.into_iter().map(words).chain([words(&rest.join("\n"))]).collect();
        let whole = [words(&block.code)];
        let stands = |pieces: &[String], source: &str| pieces.iter().all(|piece| source.contains(piece.as_str()));
        let found = self
            .sources
            .iter()
            .any(|(kind, source)| kind == ending && (stands(&wanted, source) || stands(&whole, source)));
        (!found).then(|| format!("no compiled .{ending} file has this block")).into_iter().collect()
    }

    fn json(&self, block: &Block) -> Vec<String> {
        let Ok(value) = serde_json::from_str(&block.code) else {
            return vec!["this is no JSON".to_owned()];
        };
        let accepted = self.schema.accepts(&value);
        match (block.is("reply"), block.is("refused")) {
            (true, _) if !accepted => vec!["the schema of token replies refuses this".to_owned()],
            (_, true) if accepted => vec!["the schema of token replies accepts this".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Sources whose code may be shown on pages: those of the snippet tests, of examples, and what apps copy.
fn is_shown(path: &Path) -> bool {
    let path = path.to_string_lossy();
    let ending = [".kt", ".java", ".swift"].iter().any(|ending| path.ends_with(ending));
    ending && ["Snippets", "/examples/", "/Example/", "/Adapters/"].iter().any(|part| path.contains(part))
}

/// A block that is a single word in capitals, such as `RUN`, waits for what was to be put there.
fn stands_for_something(text: &str) -> Option<String> {
    let text = text.trim();
    let is_placeholder = text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    is_placeholder.then(|| format!("`{text}` stands for something that was never put there"))
}

fn words(text: &str) -> String {
    // Markers between the snippets are no code of theirs.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("// snippet:") && line.trim() != "// end");
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    /// The faults of a page with this block.
    fn faults(block: &str) -> Vec<String> {
        let schema = include_str!("../../../docs/token-response.schema.json");
        let page = format!("# A\n\n{block}\n");
        let folder = Folder::new(
            "blocks",
            &[
                ("docs/a.md", &page),
                ("docs/token-response.schema.json", schema),
                ("src/lib.rs", "#[doc = include_str!(\"../docs/b.md\")]"),
                ("bindings/kotlin/x/Snippets.kt", "import a.B\nfun f() {\n    g(1,\n      2)\n}\n"),
                ("bindings/kotlin/x/Other.kt", "fun other() {}\n"),
            ],
        );
        let help = |_: &str, _: &[&str]| None;
        let commands = Commands::new(folder.path(), &help);
        let pages = Pages::read(folder.path()).unwrap();
        Judges::read(folder.path(), &commands).unwrap().faults(&pages)
    }

    #[test]
    fn code_that_nobody_compiles_is_found() {
        assert!(faults("```kotlin\nimport a.B\n\ng(1, 2)\n```").is_empty());
        assert_eq!(
            faults("```kotlin\nimport a.C\n\ng(1, 2)\n```"),
            ["docs/a.md:3: no compiled .kt file has this block"]
        );
        assert_eq!(faults("```kotlin\ng(1, 3)\n```").len(), 1);
        assert_eq!(faults("```kotlin\nfun other() {}\n```").len(), 1, "not in a file that is shown");
        assert_eq!(faults("```java\ng(1, 2)\n```").len(), 1);
        assert_eq!(faults("```rust\nlet a = 1;\n```"), ["docs/a.md:3: Rust, but no doc-test includes docs/a.md"]);
        assert_eq!(faults("```rust,ignore\nlet a = 1;\n```"), ["docs/a.md:3: Rust that no compiler reads"]);
        assert_eq!(faults("```toml\na = 1\n```"), ["docs/a.md:3: nothing checks `toml`: make it `text`"]);
        assert_eq!(faults("```\nplain\n```"), ["docs/a.md:3: nothing checks ``: make it `text`"]);
        assert!(faults("```text\nplain\n```\n\n    indented").is_empty());
        assert_eq!(faults("```sh rnu\nls\n```"), ["docs/a.md:3: nothing is done about the mark `rnu`"]);
        assert_eq!(faults("```text\nRUN\n```"), ["docs/a.md:3: `RUN` stands for something that was never put there"]);
    }

    #[test]
    fn json_that_is_none_and_replies_that_are_not_what_they_are_said_to_be_are_found() {
        assert!(faults("```json\n{\"x\": 1}\n```").is_empty());
        assert_eq!(faults("```json\n{x: 1}\n```"), ["docs/a.md:3: this is no JSON"]);
        assert!(faults("```json reply\n{\"token\": \"a.b.c\"}\n```").is_empty());
        assert_eq!(faults("```json reply\n{\"tokens\": \"a.b.c\"}\n```").len(), 1);
        assert!(faults("```json refused\n{\"tokens\": \"a.b.c\"}\n```").is_empty());
        assert_eq!(faults("```json refused\n{\"token\": \"a.b.c\"}\n```").len(), 1);
    }
}

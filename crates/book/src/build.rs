//! Puts the book together: the pages that `docs/SUMMARY.md` names and whatever they link to, laid out as in the repository, so
//! that each link is good in both; then mdBook, whose warnings are errors; then each link of the HTML.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::markdown::attributes;
use crate::pages::{Pages, files, name, resolve};

const SUMMARY: &str = "docs/SUMMARY.md";
/// What mdBook is told, and how the book looks.
const SETTINGS: [&str; 2] = ["docs/book.toml", "docs/book.css"];

/// Builds the book into `out/html`. `Ok` is what is wrong with it, a line each.
pub fn build(pages: &Pages, mdbook: &Path, out: &Path) -> io::Result<Vec<String>> {
    let (chapters, mut faults) = chapters(pages);
    if !faults.is_empty() {
        return Ok(faults);
    }
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    lay_out(pages, &chapters, out)?;
    let ran = Command::new(mdbook)
        .arg("build")
        .arg(out)
        .env("MDBOOK_BUILD__BUILD_DIR", "html")
        .env("MDBOOK_BOOK__SRC", "src")
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    faults.extend(said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).map(str::to_owned));
    if !ran.status.success() {
        faults.push(format!("mdbook: {}", ran.status));
    }
    faults.extend(dead_links(&out.join("html"))?);
    Ok(faults)
}

/// The pages of the book, by their paths from the root, and what is missing among them.
fn chapters(pages: &Pages) -> (BTreeSet<String>, Vec<String>) {
    let Some(summary) = pages.get(SUMMARY) else {
        return (BTreeSet::new(), vec![format!("no {SUMMARY}")]);
    };
    let chapters: BTreeSet<String> = summary.links.iter().filter_map(|link| resolve(SUMMARY, &link.to)).collect();
    let mut faults: Vec<String> = pages
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.starts_with("docs/") && *path != SUMMARY && !chapters.contains(*path))
        .map(|path| format!("{path} is not in {SUMMARY}"))
        .collect();
    for chapter in &chapters {
        let links = pages.get(chapter).map(|page| page.links.as_slice()).unwrap_or_default();
        for link in links.iter().filter(|link| !link.to.contains("://")) {
            let target = link.to.split('#').next().filter(|file| !file.is_empty());
            let Some(to) = target.and_then(|file| resolve(chapter, file)) else { continue };
            if pages.get(&to).is_some() && !chapters.contains(&to) {
                faults.push(format!("{chapter}:{}: {to} is not in {SUMMARY}", link.line));
            }
        }
    }
    (chapters, faults)
}

/// Copies chapters, and the files that they link to, into `out/src`.
fn lay_out(pages: &Pages, chapters: &BTreeSet<String>, out: &Path) -> io::Result<()> {
    let src = out.join("src");
    let mut wanted: BTreeSet<String> = chapters.clone();
    for chapter in chapters {
        let links = pages.get(chapter).map(|page| page.links.as_slice()).unwrap_or_default();
        let files = links.iter().filter(|link| !link.to.contains("://")).filter_map(|link| {
            link.to.split('#').next().filter(|file| !file.is_empty()).and_then(|file| resolve(chapter, file))
        });
        wanted.extend(files);
    }
    for path in wanted {
        let from = pages.root().join(&path);
        for file in if from.is_dir() { files(&from, &|_| true)? } else { vec![from] } {
            let to = src.join(name(pages.root(), &file));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(file, to)?;
        }
    }
    for path in SETTINGS {
        fs::copy(pages.root().join(path), out.join(path.trim_start_matches("docs/")))?;
    }
    let summary = fs::read_to_string(pages.root().join(SUMMARY))?;
    fs::write(src.join("SUMMARY.md"), from_the_root(&summary))
}

/// The summary with its paths as seen from the root.
fn from_the_root(summary: &str) -> String {
    let mut text = String::new();
    let mut rest = summary;
    while let Some((before, after)) = rest.split_once("](") {
        let (path, after) = after.split_once(')').unwrap_or((after, ""));
        let path = resolve(SUMMARY, path).unwrap_or_else(|| path.to_owned());
        text.extend([before, "](", &path, ")"]);
        rest = after;
    }
    text + rest
}

/// What is linked to in the HTML under `folder` and not there.
fn dead_links(folder: &Path) -> io::Result<Vec<String>> {
    let is_html = |path: &Path| path.extension().is_some_and(|extension| extension == "html");
    let mut html = HashMap::new();
    for path in files(folder, &is_html)? {
        let text = fs::read_to_string(&path)?;
        html.insert(path, text);
    }
    let anchors: HashMap<&PathBuf, HashSet<&str>> = html
        .iter()
        .map(|(path, text)| (path, text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()))
        .collect();
    let mut faults = BTreeSet::new();
    for (path, text) in &html {
        let page = name(folder, path);
        if ["404.html", "print.html", "toc.html"].contains(&page.as_str()) {
            continue; // Of mdBook: the first is for the root of a site only, the others repeat the pages.
        }
        for to in attributes(text).filter(|to| !to.contains(':') && !to.is_empty()) {
            let (file, anchor) = to.split_once('#').map_or((to, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { Some(page.clone()) } else { resolve(&page, file) };
            let Some(target) = target.map(|target| folder.join(target)) else {
                faults.insert(format!("{page}: {to} leads out of the book"));
                continue;
            };
            let there = anchor.is_none_or(|anchor| {
                anchor.is_empty() || anchors.get(&target).is_some_and(|known| known.contains(anchor))
            });
            if !target.exists() || !there {
                faults.insert(format!("{page}: {to} is not in the book"));
            }
        }
    }
    Ok(faults.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_page_that_the_summary_lacks_is_found() {
        let folder = Folder::new(
            "summary",
            &[
                ("docs/SUMMARY.md", "# S\n- [A](a.md)\n"),
                ("docs/a.md", "# A\n[x](../x/y.md) [z](../z.rs)\n"),
                ("docs/b.md", "# B\n"),
                ("x/y.md", "# Y\n"),
                ("z.rs", ""),
            ],
        );
        let (_, faults) = chapters(&Pages::read(folder.path()).unwrap());
        assert_eq!(faults, ["docs/b.md is not in docs/SUMMARY.md", "docs/a.md:2: x/y.md is not in docs/SUMMARY.md"]);
    }

    #[test]
    fn the_summary_is_moved_to_the_root() {
        assert_eq!(from_the_root("- [A](../README.md)\n- [B](b.md)\n"), "- [A](README.md)\n- [B](docs/b.md)\n");
    }

    #[test]
    fn a_dead_link_in_the_html_is_found() {
        let folder = Folder::new(
            "html",
            &[
                (
                    "a.html",
                    r##"<a href="b.html#x">1</a><a href="b.html#y">2</a><a href="c.html">3</a><a href="#z">4</a><h1 id="z">"##,
                ),
                ("b.html", r#"<h1 class="c" id="x">"#),
            ],
        );
        let faults = dead_links(folder.path()).unwrap();
        assert_eq!(faults, ["a.html: b.html#y is not in the book", "a.html: c.html is not in the book"]);
    }
}

//! The pictures of the pages, made of texts that lie beside them: diagrams in [pikchr](https://pikchr.org), and the demo as it
//! looks in a terminal.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anstyle::{Color, RgbColor};
use anstyle_svg::{Term, WIN10_CONSOLE};
use pikchr::{Pikchr, PikchrFlags};

use crate::pages::{files, name};

const FOLDER: &str = "docs/pictures";
const DEMO: &str = "docs/pictures/demo.ansi";
/// What a terminal is wide at most. What is longer is cut.
const COLUMNS: usize = 126;

/// Lines of the demo that are shown: each with one of these.
const SHOWN: [&str; 19] = [
    "64 callers",
    "everybody sets off",
    "revokes",
    "answered 401",
    "threw its token",
    "got a new token",
    "new token: accepted",
    "driver_3's app asks",
    "answered 403",
    "driver_1  renewed",
    "OUTAGE",
    "for vehicle_1: the connection",
    "goes on with the token for vehicle_1",
    "again for vehicle_1",
    "vehicle_1 again",
    "No call was",
    "No token was used",
    "A fetch per renewal",
    "Every promise",
];

/// Makes every picture anew.
pub fn make(root: &Path) -> io::Result<()> {
    for (path, svg) in pictures(root)? {
        fs::write(&path, svg)?;
    }
    Ok(())
}

/// Which pictures are not what their texts say, a line each.
pub fn faults(root: &Path) -> io::Result<Vec<String>> {
    let mut stale = pictures(root)?;
    stale.retain(|(path, svg)| fs::read_to_string(path).ok().as_ref() != Some(svg));
    let told = |path: &Path| format!("{} is not what its text says: cargo xtask pictures", name(root, path));
    Ok(stale.iter().map(|(path, _)| told(path)).collect())
}

/// Each picture's path, and what should stand there.
fn pictures(root: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut made = Vec::new();
    for path in files(&root.join(FOLDER), &|path| path.extension().is_some_and(|e| e == "pikchr" || e == "ansi"))? {
        let text = fs::read_to_string(&path)?;
        let svg = if path.extension().is_some_and(|extension| extension == "ansi") {
            terminal().render_svg(&text)
        } else {
            diagram(&text).map_err(|error| io::Error::other(format!("{}: {error}", name(root, &path))))?
        };
        made.push((path.with_extension("svg"), svg.trim_end().to_owned() + "\n"));
    }
    Ok(made)
}

/// A dark terminal whose colours can all be read.
fn terminal() -> Term {
    let colour = |red, green, blue| Color::Rgb(RgbColor(red, green, blue));
    Term::new().palette(WIN10_CONSOLE).fg_color(colour(204, 204, 204)).bg_color(colour(24, 26, 31)).min_width_px(400)
}

/// A diagram on paper of its own, so that it can be read on dark pages too, in the letters that pages have.
fn diagram(text: &str) -> Result<String, String> {
    let drawn = Pikchr::render(text, None, PikchrFlags::default())?.to_string();
    let (_, size) = drawn.split_once("viewBox=\"0 0 ").ok_or("no view box")?;
    let (size, _) = size.split_once('"').ok_or("no view box")?;
    let (width, height) = size.split_once(' ').ok_or("no view box")?;
    let (head, rest) = drawn.split_once('>').ok_or("no element")?;
    let (rest, _) = rest.rsplit_once("</svg>").ok_or("no end")?;
    let pad = |length: &str| length.parse::<f64>().map(|length| length + 24.0).map_err(|error| error.to_string());
    let (wide, high) = (pad(width)?, pad(height)?);
    let head =
        head.replace(&format!("viewBox=\"0 0 {width} {height}\""), &format!("viewBox=\"-12 -12 {wide} {high}\""));
    Ok(format!(
        "{head} width=\"{wide}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\">\n\
         <rect x=\"-12\" y=\"-12\" width=\"{wide}\" height=\"{high}\" rx=\"6\" fill=\"#fff\"/>\n{rest}</svg>"
    ))
}

/// Runs the demo and keeps the lines of it that are shown, with their colours.
pub fn record(root: &Path, fleet_token: &Path) -> io::Result<()> {
    let ran = Command::new(fleet_token).env("CLICOLOR_FORCE", "1").output()?;
    if !ran.status.success() {
        return Err(io::Error::other(format!("the demo failed: {}", ran.status)));
    }
    fs::write(root.join(DEMO), shown(&String::from_utf8_lossy(&ran.stdout)))
}

fn shown(output: &str) -> String {
    // Details of the promises at the end, and what is said of the table, are for those who run it.
    let is_headline =
        |line: &&str| line.starts_with('\u{1b}') && !line.starts_with("    ") || line.starts_with("Every");
    let lines = output.lines().filter(is_headline).filter(|line| SHOWN.iter().any(|words| line.contains(words)));
    let spaced =
        lines.map(|line| if line.contains("No call was refused") { format!("\n{}", cut(line)) } else { cut(line) });
    ["$ cargo run".to_owned()].into_iter().chain(spaced).map(|line| line + "\n").collect()
}

/// The first [`COLUMNS`] of a line, its colours aside.
fn cut(line: &str) -> String {
    let (mut text, mut width, mut escape) = (String::new(), 0, false);
    for c in line.chars() {
        match (escape, c) {
            (true, _) => escape = c != 'm',
            (false, '\u{1b}') => escape = true,
            (false, _) if width == COLUMNS => return text + "…\u{1b}[0m",
            (false, _) => width += 1,
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_picture_that_is_not_what_its_text_says_is_found() {
        let folder = Folder::new(
            "pictures",
            &[("docs/pictures/a.pikchr", "box \"a\"\n"), ("docs/pictures/b.ansi", "\u{1b}[32mgreen\u{1b}[0m\n")],
        );
        let wrong = |file: &str| format!("docs/pictures/{file} is not what its text says: cargo xtask pictures");
        assert_eq!(faults(folder.path()).unwrap(), [wrong("a.svg"), wrong("b.svg")]);
        make(folder.path()).unwrap();
        assert_eq!(faults(folder.path()).unwrap(), [""; 0]);
        fs::write(folder.path().join("docs/pictures/a.pikchr"), "box \"b\"\n").unwrap();
        assert_eq!(faults(folder.path()).unwrap(), [wrong("a.svg")]);
        fs::write(folder.path().join("docs/pictures/a.pikchr"), "bocks\n").unwrap();
        assert!(faults(folder.path()).is_err());
    }

    #[test]
    fn a_long_line_is_cut_and_keeps_its_colours() {
        let long = format!("\u{1b}[1m{}\u{1b}[0m", "x".repeat(COLUMNS + 1));
        assert_eq!(cut(&long), format!("\u{1b}[1m{}…\u{1b}[0m", "x".repeat(COLUMNS)));
        assert_eq!(cut("\u{1b}[1mx\u{1b}[0m"), "\u{1b}[1mx\u{1b}[0m");
    }
}

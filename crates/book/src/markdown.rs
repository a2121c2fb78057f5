//! What the checks want of a page: its links, the anchors that others may link to, and its blocks of code. Pure.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page, read.
#[derive(Debug, Default)]
pub struct Page {
    /// The page's first heading.
    pub title: String,
    /// Where links and pictures lead to.
    pub links: Vec<Link>,
    /// The names of its headings as GitHub makes them; mdBook's are the same.
    pub anchors: Vec<String>,
    /// What is fenced or indented.
    pub blocks: Vec<Block>,
    /// The lines of rows that are in no table, since an empty line or no heading is before them: readers see their `|`.
    pub torn: Vec<usize>,
}

/// A link or a picture.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    /// As it is written.
    pub to: String,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands after the fence, such as `json reply`; `None` for an indented block.
    pub info: Option<String>,
    /// Its lines.
    pub code: String,
    /// The line that it begins in, from 1.
    pub line: usize,
}

impl Block {
    /// The language: the first word after the fence.
    pub fn language(&self) -> Option<&str> {
        self.info.as_deref().map(|info| info.split([' ', ',']).next().unwrap_or_default())
    }

    /// The words after the language.
    pub fn marks(&self) -> impl Iterator<Item = &str> {
        self.info.as_deref().into_iter().flat_map(|info| info.split([' ', ',']).skip(1))
    }

    /// Whether this is one of them.
    pub fn is(&self, mark: &str) -> bool {
        self.marks().any(|word| word == mark)
    }
}

impl Page {
    /// Reads a page.
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut heading: Option<String> = None;
        let mut block: Option<Block> = None;
        let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
        let options = Options::ENABLE_TABLES | Options::ENABLE_GFM | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    if let Some(words) = heading.take() {
                        let anchor = anchor(&words);
                        let count = seen.entry(anchor.clone()).or_default();
                        page.anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
                        *count += 1;
                        if page.title.is_empty() {
                            page.title = words;
                        }
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link { to: dest_url.to_string(), line: line_of(range.start) });
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let line = line_of(range.start);
                    page.links.extend(attributes(&html).map(|to| Link { to: to.to_owned(), line }));
                }
                Event::Start(Tag::Paragraph) if text[range.start..].starts_with('|') => {
                    page.torn.push(line_of(range.start));
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => Some(info.to_string()),
                        CodeBlockKind::Indented => None,
                    };
                    block = Some(Block { info, code: String::new(), line: line_of(range.start) });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(words) | Event::Code(words) => match (&mut block, &mut heading) {
                    (Some(block), _) => block.code.push_str(&words),
                    (None, Some(heading)) => heading.push_str(&words),
                    (None, None) => {}
                },
                _ => {}
            }
        }
        page
    }
}

/// What `src` and `href` of a piece of HTML lead to.
pub(crate) fn attributes(html: &str) -> impl Iterator<Item = &str> {
    let values = |name: &'static str| html.split(name).skip(1).filter_map(|rest| rest.split('"').next());
    values(" src=\"").chain(values(" href=\""))
}

/// GitHub's name of a heading: lower case, a hyphen for each space, and nothing but letters, digits, `-` and `_`.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_links_anchors_and_blocks() {
        let text = "# A `b`: c!\n\n[x](y.md#z) ![p](q.svg)\n<img src=\"r.svg\">\n\n## Twice\n## Twice\n\n```json reply\n{}\n```\n\n    cargo run\n";
        let page = Page::parse(text);
        assert_eq!(page.title, "A b: c!");
        assert_eq!(page.anchors, ["a-b-c", "twice", "twice-1"]);
        let links: Vec<_> = page.links.iter().map(|link| (link.to.as_str(), link.line)).collect();
        assert_eq!(links, [("y.md#z", 3), ("q.svg", 3), ("r.svg", 4)]);
        assert_eq!(page.blocks[0].language(), Some("json"));
        assert!(page.blocks[0].is("reply") && !page.blocks[0].is("json"));
        assert_eq!(page.blocks[1], Block { info: None, code: "cargo run\n".into(), line: 13 });
    }

    #[test]
    fn a_row_after_an_empty_line_is_in_no_table() {
        let table = "| a | b |\n|---|---|\n| 1 | 2 |\n";
        assert!(Page::parse(table).torn.is_empty());
        assert_eq!(Page::parse(&format!("{table}\n| 3 | 4 |\n")).torn, [5]);
    }

    #[test]
    fn a_link_in_code_is_no_link() {
        assert!(Page::parse("`[x](y.md)`\n\n```text\n[x](y.md)\n```\n").links.is_empty());
    }
}

//! Whether every link leads somewhere: files that are there, anchors that are there. What is outside the repository is
//! looked at and not called.

use crate::pages::{Pages, resolve};

/// What is wrong with the links of all pages, a line each.
pub fn faults(pages: &Pages) -> Vec<String> {
    let links = pages.iter().flat_map(|(path, page)| page.links.iter().map(move |link| (path, link)));
    links
        .filter_map(|(path, link)| fault(pages, path, &link.to).map(|why| format!("{path}:{}: {why}", link.line)))
        .collect()
}

fn fault(pages: &Pages, from: &str, to: &str) -> Option<String> {
    if to.contains("://") {
        return match to.parse::<http::Uri>() {
            Ok(url) if url.scheme_str() == Some("https") && url.host().is_some_and(|host| host.contains('.')) => None,
            _ => Some(format!("`{to}` is no https URL")),
        };
    }
    let (file, anchor) = to.split_once('#').map_or((to, None), |(file, anchor)| (file, Some(anchor)));
    let Some(path) = (if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) }) else {
        return Some(format!("`{to}` leads out of the repository"));
    };
    if !pages.root().join(&path).exists() {
        return Some(format!("`{to}`: no file {path}"));
    }
    let anchor = anchor?;
    match pages.get(&path) {
        Some(page) if page.anchors.iter().any(|known| known == anchor) => None,
        Some(_) => Some(format!("`{to}`: {path} has no heading #{anchor}")),
        None => Some(format!("`{to}`: an anchor in a file that is no page")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn what_leads_nowhere_is_found() {
        let folder = Folder::new(
            "links",
            &[
                ("README.md", "# A\n[ok](docs/b.md#b-c) [ok](#a) [ok](docs) [ok](https://example.com/x)\n"),
                (
                    "docs/b.md",
                    "# B c\n[1](../README.md#b)\n[2](gone.md)\n[3](../../x)\n[4](#c)\n[5](http://example.com)\n[6](c.svg#x)\n",
                ),
                ("docs/c.svg", ""),
            ],
        );
        let pages = Pages::read(folder.path()).unwrap();
        assert_eq!(
            faults(&pages),
            [
                "docs/b.md:2: `../README.md#b`: README.md has no heading #b",
                "docs/b.md:3: `gone.md`: no file docs/gone.md",
                "docs/b.md:4: `../../x` leads out of the repository",
                "docs/b.md:5: `#c`: docs/b.md has no heading #c",
                "docs/b.md:6: `http://example.com` is no https URL",
                "docs/b.md:7: `c.svg#x`: an anchor in a file that is no page",
            ]
        );
    }
}

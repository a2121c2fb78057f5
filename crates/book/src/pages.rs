//! Every page of the repository that is written in Markdown, and the files that its links may name.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use crate::markdown::Page;

/// Folders whose files are made, not written.
const MADE: [&str; 5] = ["target", ".git", ".build", "generated", "node_modules"];

/// The checkout, read once.
pub struct Pages {
    root: PathBuf,
    /// By their path from the root, with `/` between its parts.
    pages: BTreeMap<String, Page>,
}

impl Pages {
    /// Reads every page under `root`.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut pages = BTreeMap::new();
        let is_page = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
        // Markdown among sources is a template.
        let is_page = |path: &Path| is_page(path) && !path.iter().any(|part| part == "src");
        for path in files(root, &is_page)? {
            let text = fs::read_to_string(&path)?;
            pages.insert(name(root, &path), Page::parse(&text));
        }
        Ok(Self { root: root.to_path_buf(), pages })
    }

    /// Where the checkout is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The page of this path.
    pub fn get(&self, path: &str) -> Option<&Page> {
        self.pages.get(path)
    }

    /// Rows that a reader sees as text, a line each.
    pub fn torn_tables(&self) -> Vec<String> {
        let torn = self.iter().flat_map(|(path, page)| page.torn.iter().map(move |line| (path, line)));
        torn.map(|(path, line)| format!("{path}:{line}: a row of no table")).collect()
    }

    /// All pages, with their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Page)> {
        self.pages.iter().map(|(path, page)| (path.as_str(), page))
    }
}

/// The files under `folder` that are wanted, in order, but for those that were made.
pub fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_made = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| MADE.contains(&name));
        if path.is_dir() && !path.is_symlink() {
            if !is_made {
                found.extend(files(&path, wanted)?);
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The path of a file from the root, with `/` between its parts.
pub fn name(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What `link` names when it stands on the page `from`; `None` if that is outside the repository.
pub fn resolve(from: &str, link: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in Path::new(link).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn a_link_is_read_from_its_pages_folder_and_stays_in_the_repository() {
        assert_eq!(resolve("docs/a.md", "../README.md").as_deref(), Some("README.md"));
        assert_eq!(resolve("docs/a.md", "b/c.svg").as_deref(), Some("docs/b/c.svg"));
        assert_eq!(resolve("README.md", "./src/lib.rs").as_deref(), Some("src/lib.rs"));
        assert_eq!(resolve("docs/a.md", "../../x"), None);
        assert_eq!(resolve("docs/a.md", "/etc/passwd"), None);
    }
}

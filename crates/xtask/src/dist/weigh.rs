//! What a library is made of: reads the map that lld writes while it links, since what is shipped has no names left.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Crates with less than this, in bytes, share one line.
const NOTABLE: u64 = 4000;

/// Bytes by section and, of code and the tables that belong to it, by crate.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Weights {
    pub(crate) sections: BTreeMap<String, u64>,
    pub(crate) crates: BTreeMap<String, u64>,
}

impl Weights {
    /// Reads lines such as these, of which the last is a symbol of the one before it:
    ///
    /// ```text
    ///  VMA  LMA Size Align Out     In      Symbol
    /// 5fd0  5fd0  ad5    16 .text
    /// 5fd0  5fd0   a0    16         /folder/a.o:(.text._ZN4core3fmt5write17h0123456789abcdefE)
    /// 5fd0  5fd0   a0     1                 core::fmt::write
    /// ```
    pub(crate) fn of_map(map: &str) -> Self {
        let mut weights = Self::default();
        for line in map.lines() {
            let Some((size, level, what)) = entry(line) else { continue };
            if level == 0 && what.starts_with('.') {
                *weights.sections.entry(what.to_owned()).or_default() += size;
            } else if level == 1
                && let Some(function) = function(what)
            {
                *weights.crates.entry(crate_of(&format!("{:#}", rustc_demangle::demangle(function)))).or_default() +=
                    size;
            }
        }
        weights
    }

    /// The biggest first.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let mut sections: Vec<_> = self.sections.iter().filter(|(_, size)| **size >= 1000).collect();
        sections.sort_by_key(|(_, size)| u64::MAX - **size);
        for (name, size) in sections {
            let _ = writeln!(text, "  {size:>9}  {name}");
        }
        let (mut crates, rest): (Vec<_>, Vec<_>) = self.crates.iter().partition(|(_, size)| **size >= NOTABLE);
        crates.sort_by_key(|(_, size)| u64::MAX - **size);
        let _ = writeln!(
            text,
            "of code, constants and unwind tables that bear a function's name, by the crate that wrote it:"
        );
        for (name, size) in crates {
            let _ = writeln!(text, "  {size:>9}  {name}");
        }
        let _ = writeln!(text, "  {:>9}  {} others", rest.iter().map(|(_, size)| **size).sum::<u64>(), rest.len());
        text
    }
}

/// Size, depth and name of a line, if it is one that has them.
fn entry(line: &str) -> Option<(u64, usize, &str)> {
    let mut rest = line;
    let mut fields = [""; 4];
    for field in &mut fields {
        rest = rest.trim_start();
        (*field, rest) = rest.split_once(' ')?;
    }
    let name = rest.trim_start();
    let [_, _, size, align] = fields;
    align.parse::<u64>().ok()?;
    Some((u64::from_str_radix(size, 16).ok()?, (rest.len() - name.len()) / 8, name))
}

/// The function in `a.o:(.text.unlikely.NAME)`.
fn function(section: &str) -> Option<&str> {
    let section = section.rsplit_once(":(")?.1.strip_suffix(')')?;
    let named = [".text.unlikely.", ".text.", ".gcc_except_table.", ".rodata."].into_iter();
    named
        .filter_map(|prefix| section.strip_prefix(prefix))
        .find(|name| !name.starts_with('.') && !name.starts_with("cst"))
}

/// The crate that wrote a function: `<&mut a::B as c::D>::e` is of `a`, unless `a` is one that writes for others.
fn crate_of(name: &str) -> String {
    // `fn`s that C calls have no path: the generator's, or the system's.
    if !name.contains("::") {
        let ours = ["uniffi_fleet_token", "ffi_fleet_token", "UNIFFI_META"];
        return if ours.iter().any(|prefix| name.starts_with(prefix)) { "fleet_token (exported calls)" } else { "C" }
            .into();
    }
    let inner = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let inner = ["mut ", "const ", "dyn "].into_iter().fold(inner, |inner, word| inner.trim_start_matches(word));
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    let root = &inner[..end];
    if root == "std" {
        // As much as most crates, and nothing that a token needs.
        for part in ["backtrace_rs", "backtrace"] {
            if inner[end..].starts_with(&format!("::{part}")) {
                return "std (backtraces)".to_owned();
            }
        }
    }
    match root {
        // A type parameter, `<T as core::…>::…`, or a slice, `[T]`.
        root if inner[end..].starts_with("::") => root.to_owned(),
        _ => name
            .split(" as ")
            .nth(1)
            .map_or_else(|| "?".to_owned(), |of| of.split("::").next().unwrap_or("?").to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Weights, crate_of};

    const MAP: &str = "\
             VMA              LMA     Size Align Out     In      Symbol
            5fd0             5fd0      1ad    16 .text
            5fd0             5fd0       a0    16         /x/a.o:(.text._ZN4core3fmt5write17h0123456789abcdefE)
            5fd0             5fd0       a0     1                 core::fmt::write
            6070             6070       10    16         /x/a.o:(.text.unlikely._ZN4core3fmt5never17h0123456789abcdefE)
            6080             6080        9    16         /x/a.o:(.text.uniffi_fleet_token_fn_clone)
            6090             6090       20     4 .rodata
            6090             6090       20     4         <internal>:(.rodata.cst16)
";

    #[test]
    fn a_map_gives_sections_and_crates() {
        let weights = Weights::of_map(MAP);
        assert_eq!(weights.sections, [(".text".to_owned(), 0x1ad), (".rodata".to_owned(), 0x20)].into());
        let crates = [("core".to_owned(), 0xb0), ("fleet_token (exported calls)".to_owned(), 9)];
        assert_eq!(weights.crates, crates.into());
    }

    #[test]
    fn a_function_is_of_the_crate_that_wrote_it() {
        for (name, of) in [
            ("tokio::runtime::task::raw::poll", "tokio"),
            ("<&mut serde_json::de::Deserializer<R> as serde_core::de::Deserializer>::deserialize_any", "serde_json"),
            ("<T as core::convert::Into<U>>::into", "core"),
            ("std::backtrace_rs::symbolize::gimli::resolve", "std (backtraces)"),
            ("std::io::Write::write_all", "std"),
            ("memcpy", "C"),
        ] {
            assert_eq!(crate_of(name), of, "{name}");
        }
    }
}

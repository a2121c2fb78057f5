//! `docs/performance-phones.md`: between its markers stands what was measured last, and nothing else is touched.

use std::process::Command;
use std::{fs, io, thread};

use crate::workspace::Workspace;

const PAGE: &str = "docs/performance-phones.md";

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`.
pub(super) fn put(workspace: &Workspace, name: &str, text: &str) -> io::Result<()> {
    let path = workspace.root().join(PAGE);
    let page = fs::read_to_string(&path)?;
    fs::write(&path, replaced(&page, name, text)?)?;
    println!("written into {PAGE}");
    Ok(())
}

fn replaced(page: &str, name: &str, text: &str) -> io::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || io::Error::other(format!("{PAGE} has no {} … {end}", begin.trim()));
    let (before, rest) = page.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

/// The machine, the day, and `with`, which is what ran there.
pub(super) fn measured_on(with: &str) -> io::Result<String> {
    let said = |program: &str, args: &[&str]| -> io::Result<String> {
        let output = Command::new(program).args(args).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cores = thread::available_parallelism()?;
    // Where there is none, as on a Mac, the system's name has to do.
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let (system, day) = (said("uname", &["-srm"])?, said("date", &["-u", "+%F"])?);
    Ok(format!("{day}, {model}, {cores} cores, {system}, {with}. Load of the machine when it was over: {load}."))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = "a\n<!-- kotlin -->\nold\n<!-- /kotlin -->\nb\n<!-- swift -->\nkept\n<!-- /swift -->\n";
        let expected = "a\n<!-- kotlin -->\nnew\n<!-- /kotlin -->\nb\n<!-- swift -->\nkept\n<!-- /swift -->\n";
        assert_eq!(replaced(page, "kotlin", "new\n").unwrap(), expected);
        assert!(replaced(page, "java", "new\n").is_err());
    }
}

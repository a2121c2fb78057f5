//! What has to be changed in the Kotlin that uniffi 0.32 writes.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// How a call into the app's code begins: on `Dispatchers.Default`, which callers who block in the library may hold
/// whole, so that nobody is left to answer them.
const LAUNCH: &str = "GlobalScope.launch coroutineBlock@";

/// Begun on the thread that calls instead. The wrapper at once moves on to threads that are kept for the app's code.
const LAUNCH_HERE: &str = "GlobalScope.launch(kotlinx.coroutines.Dispatchers.Unconfined) coroutineBlock@";

/// Once with a declared error, once without.
const LAUNCHES: usize = 2;

/// Mends the source in the folder. Fails if it is not as it was known, rather than leaving it as it is.
pub(crate) fn mend(folder: &Path) -> io::Result<()> {
    let sources = sources(folder)?;
    let [source] = sources.as_slice() else {
        return Err(io::Error::other(format!("one Kotlin file was expected, not {}", sources.len())));
    };
    let text = fs::read_to_string(source)?;
    let found = text.matches(LAUNCH).count();
    if found != LAUNCHES {
        let wanted = format!("{LAUNCHES} times `{LAUNCH}` was expected, not {found}");
        return Err(io::Error::other(format!("{wanted}: does uniffi call in another way now?")));
    }
    fs::write(source, text.replace(LAUNCH, LAUNCH_HERE))
}

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "kt") {
            found.push(path);
        }
    }
    Ok(found)
}

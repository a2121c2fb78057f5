//! Finds secrets, and pieces of secrets, in the memory of another process.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// What is indexed: any run of `2 × WINDOW - 1` bytes of a secret holds such a window at a multiple of it.
const WINDOW: usize = 8;
/// A shorter run is no piece of a secret, but a coincidence.
const PIECE: usize = 2 * WINDOW - 1;

/// Secrets, indexed by each of their windows.
pub(crate) struct Needles {
    secrets: Vec<Vec<u8>>,
    windows: HashMap<[u8; WINDOW], (usize, usize)>,
    /// The first two bytes of each window, which most places do not have.
    starts: HashSet<[u8; 2]>,
}

/// How often secrets were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Complete ones.
    pub(crate) whole: usize,
    /// Pieces of at least 15 bytes.
    pub(crate) pieces: usize,
    /// The bytes of both.
    pub(crate) bytes: usize,
}

impl Needles {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
        let (mut windows, mut common) = (HashMap::new(), HashSet::new());
        for (which, secret) in secrets.iter().enumerate() {
            for (at, window) in secret.windows(WINDOW).enumerate() {
                let window: [u8; WINDOW] = window.try_into().unwrap();
                if windows.insert(window, (which, at)).is_some() {
                    common.insert(window);
                }
            }
        }
        // What is there more than once, such as the header of a JWT, is no secret, and says not where it belongs.
        windows.retain(|window, _| !common.contains(window));
        let starts = windows.keys().map(|window: &[u8; WINDOW]| [window[0], window[1]]).collect();
        Self { secrets, windows, starts }
    }

    /// Searches all that a process can read of its own memory.
    pub(crate) fn search(&self, pid: u32) -> Found {
        let memory = File::open(format!("/proc/{pid}/mem")).expect("a child's memory may be read");
        let mut found = Found::default();
        let mut searched = 0;
        for line in fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().lines() {
            let mut fields = line.split_whitespace();
            let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
            // The kernel's own pages, which cannot be read from outside and hold nothing of the process.
            if !rights.starts_with('r')
                || line.ends_with("[vvar]")
                || line.contains("[vvar_")
                || line.ends_with("[vsyscall]")
            {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // A file's page beyond its end cannot be read either.
            let read = read_up_to(&memory, &mut bytes, from);
            searched += read;
            self.search_bytes(&bytes[..read], &mut found);
        }
        assert!(searched > 1 << 20, "only {searched} bytes could be read");
        found
    }

    fn search_bytes(&self, bytes: &[u8], found: &mut Found) {
        let mut at = 0;
        while at + WINDOW <= bytes.len() {
            let window: &[u8; WINDOW] = bytes[at..at + WINDOW].try_into().unwrap();
            let known = self.starts.contains(&window[..2]).then(|| self.windows.get(window)).flatten();
            let Some(&(which, offset)) = known else {
                at += WINDOW;
                continue;
            };
            let secret = &self.secrets[which];
            let before = bytes[..at].iter().rev().zip(secret[..offset].iter().rev());
            let before = before.take_while(|(one, other)| one == other).count();
            let after = bytes[at..].iter().zip(&secret[offset..]).take_while(|(one, other)| one == other).count();
            if before + after >= PIECE {
                let is_whole = before + after == secret.len();
                *if is_whole { &mut found.whole } else { &mut found.pieces } += 1;
                found.bytes += before + after;
            }
            at = (at + after).next_multiple_of(WINDOW);
        }
    }
}

fn read_up_to(memory: &File, bytes: &mut [u8], from: u64) -> usize {
    let mut read = 0;
    while read < bytes.len() {
        match memory.read_at(&mut bytes[read..], from + read as u64) {
            Ok(more) if more > 0 => read += more,
            _ => break,
        }
    }
    read
}

#[test]
fn secrets_and_their_pieces_are_found_wherever_they_stand() {
    let secret = "0123456789abcdefghijklmnopqrstuvwxyz";
    let needles = Needles::new([secret.to_owned()]);
    for before in 0..20 {
        for (from, to) in [(0, 36), (0, 15), (21, 36), (3, 18), (10, 33), (0, 14)] {
            let bytes = [vec![b'.'; before], secret.as_bytes()[from..to].to_vec(), vec![b'.'; 9]].concat();
            let mut found = Found::default();
            needles.search_bytes(&bytes, &mut found);
            let is_piece = to - from >= PIECE && to - from < 36;
            let bytes = if to - from >= PIECE { to - from } else { 0 };
            let expected = Found { whole: usize::from(to - from == 36), pieces: usize::from(is_piece), bytes };
            assert_eq!(found, expected, "{from}..{to} after {before} bytes");
        }
    }
}

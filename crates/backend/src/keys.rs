//! RS256 keys: generated or read from PEM files, one ring of them a world, with rotation.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::Mutex;
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::traits::PublicKeyParts;

use crate::role::Role;

const BITS: usize = 2048;

/// What can go wrong with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system's randomness or the arithmetic failed.
    #[error("no RSA key could be made: {0}")]
    Generate(String),
    /// The file is no RSA private key in PKCS#8 or PKCS#1 PEM of at least 2048 bits.
    #[error("{} holds no usable RSA private key: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        reason: String,
    },
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The token could not be signed.
    #[error("signing failed: {0}")]
    Sign(String),
}

/// One private key, ready to sign, with its public half, ready to verify.
pub struct SigningKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    pem: Secret,
}

/// PEM text whose `Debug` shows nothing.
struct Secret(String);

impl SigningKey {
    /// A new RSA key of 2048 bits. Takes a noticeable part of a second: call it where blocking is fine.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`] when the operating system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, BITS)
            .map_err(|error| KeyError::Generate(error.to_string()))?;
        Self::from_rsa(&key).map_err(KeyError::Generate)
    }

    /// Reads an RSA private key from PKCS#8 (`BEGIN PRIVATE KEY`, what Google's key files hold) or PKCS#1 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::File`] when it cannot be read, [`KeyError::Pem`] when it is no usable key.
    pub fn read_pem(path: &Path) -> Result<Self, KeyError> {
        let wrong = |reason: String| KeyError::Pem { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        let key = RsaPrivateKey::from_pkcs8_pem(&text)
            .or_else(|_| RsaPrivateKey::from_pkcs1_pem(&text))
            .map_err(|_| wrong("neither PKCS#8 nor PKCS#1 PEM".into()))?;
        if key.size() * 8 < BITS {
            return Err(wrong(format!("{} bits, fewer than {BITS}", key.size() * 8)));
        }
        Self::from_rsa(&key).map_err(wrong)
    }

    /// Writes the private key as PKCS#8 PEM, readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`KeyError::File`] when it cannot be written.
    pub fn write_pem(&self, path: &Path) -> Result<(), KeyError> {
        use std::io::Write as _;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(path)
            .and_then(|mut file| file.write_all(self.pem.0.as_bytes()))
            .map_err(|source| KeyError::File { path: path.to_owned(), source })
    }

    fn from_rsa(key: &RsaPrivateKey) -> Result<Self, String> {
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
        let public = key.to_public_key();
        let modulus = public.n().to_bytes_be();
        // A Google private_key_id is 40 hexadecimal digits. This one is the end of the public modulus, so that a key
        // read from a file keeps its id across restarts.
        let kid = modulus[modulus.len() - 20..].iter().fold(String::with_capacity(40), |mut kid, byte| {
            let _ = fmt::Write::write_fmt(&mut kid, format_args!("{byte:02x}"));
            kid
        });
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
        let decoding = DecodingKey::from_rsa_raw_components(&modulus, &public.e().to_bytes_be());
        Ok(Self { kid, encoding, decoding, pem: Secret(pem.to_string()) })
    }

    /// The key's id, the `kid` of the tokens it signs.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) const fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    pub(crate) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

type Slot = Arc<Made>;

/// A key, once it is made. Whoever only looks never waits for it, and never misses it.
#[derive(Debug, Default)]
struct Made {
    key: OnceLock<Arc<SigningKey>>,
    /// Held while the key is made: a second one would be lost work, and its file would belong to nobody.
    making: Mutex<()>,
}

/// Where keys come from: made on first use, once per role and generation.
///
/// A key takes long to make, so worlds of one process share a pool unless told otherwise. Accounts differ by provider id,
/// and rotation belongs to the [`KeyRing`], so worlds do not disturb each other.
#[derive(Clone, Debug, Default)]
pub struct KeyPool {
    slots: Arc<Mutex<BTreeMap<(Role, u32), Slot>>>,
    dir: Option<Arc<Path>>,
}

impl KeyPool {
    /// A pool of its own, with keys that nobody else has.
    pub fn fresh() -> Self {
        Self::default()
    }

    /// The pool that worlds of this process share by default.
    pub fn process_wide() -> Self {
        static POOL: LazyLock<KeyPool> = LazyLock::new(KeyPool::default);
        POOL.clone()
    }

    /// Keys from `<dir>/<account>.pem`; one that is missing is made and written there. Rotated keys are
    /// `<account>.1.pem`, `<account>.2.pem` …
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self { slots: Arc::default(), dir: Some(Arc::from(dir.into())) }
    }

    fn key(&self, role: Role, generation: u32) -> Result<Arc<SigningKey>, KeyError> {
        let slot = Arc::clone(self.slots.lock().entry((role, generation)).or_default());
        let _making = match slot.key.get() {
            Some(key) => return Ok(Arc::clone(key)),
            None => slot.making.lock(),
        };
        if let Some(key) = slot.key.get() {
            return Ok(Arc::clone(key));
        }
        let made = Arc::new(self.make(role, generation)?);
        Ok(Arc::clone(slot.key.get_or_init(|| made)))
    }

    fn make(&self, role: Role, generation: u32) -> Result<SigningKey, KeyError> {
        let (Some(dir), Some(path)) = (&self.dir, self.path(role, generation)) else {
            return SigningKey::generate();
        };
        if path.exists() {
            return SigningKey::read_pem(&path);
        }
        std::fs::create_dir_all(dir).map_err(|source| KeyError::File { path: dir.to_path_buf(), source })?;
        let key = SigningKey::generate()?;
        key.write_pem(&path)?;
        Ok(key)
    }

    fn path(&self, role: Role, generation: u32) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| {
            dir.join(match generation {
                0 => format!("{}.pem", role.account_name()),
                n => format!("{}.{n}.pem", role.account_name()),
            })
        })
    }

    /// The key if it was ever made; one that was not has signed nothing.
    fn existing(&self, role: Role, generation: u32) -> Option<Arc<SigningKey>> {
        let slot = self.slots.lock().get(&(role, generation)).cloned();
        if let Some(slot) = slot {
            // A key that is being made right now has signed nothing either.
            return slot.key.get().cloned();
        }
        self.path(role, generation).filter(|path| path.exists())?;
        self.key(role, generation).ok()
    }
}

/// The keys of one world: for each role the one that signs now, and which old ones still verify.
#[derive(Debug)]
pub struct KeyRing {
    pool: KeyPool,
    generations: Mutex<BTreeMap<Role, u32>>,
    revoked: Mutex<HashSet<String>>,
}

impl KeyRing {
    /// A ring that takes its keys from `pool`, no role rotated yet.
    pub fn new(pool: KeyPool) -> Self {
        Self { pool, generations: Mutex::default(), revoked: Mutex::default() }
    }

    /// The key that signs for `role` now; made on first use, which blocks.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when it cannot be made or read.
    pub fn current(&self, role: Role) -> Result<Arc<SigningKey>, KeyError> {
        self.pool.key(role, self.generation(role))
    }

    /// Makes the key that [`KeyRing::rotate`] lets sign next, which blocks.
    pub(crate) fn prepare_next(&self, role: Role) -> Result<(), KeyError> {
        self.pool.key(role, self.generation(role) + 1).map(drop)
    }

    /// Lets the next key sign for `role`. Tokens of the old key stay good until [`KeyRing::revoke`].
    pub fn rotate(&self, role: Role) {
        *self.generations.lock().entry(role).or_insert(0) += 1;
    }

    /// Refuses every token signed by the key `kid` from now on.
    pub fn revoke(&self, kid: &str) {
        self.revoked.lock().insert(kid.to_owned());
    }

    /// The keys with which a token of `kid` may verify; without a `kid` all that still hold, as tokens signed through
    /// Google's `signBlob` carry none.
    pub(crate) fn verifying(&self, kid: Option<&str>) -> Vec<(Role, Arc<SigningKey>)> {
        let mut found = Vec::new();
        for role in Role::ALL {
            for generation in 0..=self.generation(role) {
                let Some(key) = self.pool.existing(role, generation) else { continue };
                if kid.is_none_or(|kid| kid == key.kid()) && !self.revoked.lock().contains(key.kid()) {
                    found.push((role, key));
                }
            }
        }
        found
    }

    fn generation(&self, role: Role) -> u32 {
        self.generations.lock().get(&role).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_kid_and_nothing_else() {
        let key = KeyRing::new(KeyPool::process_wide()).current(Role::DriverSdkUser).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(key.kid()) && !shown.contains("PRIVATE"), "{shown}");
        assert_eq!(key.kid().len(), 40);
    }

    #[test]
    fn a_role_keeps_its_key_until_it_is_rotated() {
        let ring = KeyRing::new(KeyPool::process_wide());
        let first = ring.current(Role::DriverSdkUser).unwrap();
        assert_eq!(first.kid(), ring.current(Role::DriverSdkUser).unwrap().kid());
        ring.rotate(Role::DriverSdkUser);
        assert_ne!(first.kid(), ring.current(Role::DriverSdkUser).unwrap().kid());
        assert_eq!(ring.verifying(Some(first.kid())).len(), 1);
        ring.revoke(first.kid());
        assert!(ring.verifying(Some(first.kid())).is_empty());
    }

    #[test]
    fn many_first_users_of_a_role_get_one_key() {
        let ring = KeyRing::new(KeyPool::fresh());
        let kids = std::thread::scope(|scope| {
            let ask = || ring.current(Role::Viewer).unwrap().kid().to_owned();
            let askers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect::<HashSet<_>>()
        });
        assert_eq!(kids.len(), 1);
    }

    #[test]
    fn keys_survive_in_their_directory() {
        let dir = std::env::temp_dir().join(format!("fleet-token-keys-{}", std::process::id()));
        let made = KeyRing::new(KeyPool::in_dir(&dir)).current(Role::Viewer).unwrap();
        let read = KeyRing::new(KeyPool::in_dir(&dir)).current(Role::Viewer).unwrap();
        assert_eq!(made.kid(), read.kid());
        std::fs::write(dir.join("driver.pem"), "no key").unwrap();
        let error = KeyRing::new(KeyPool::in_dir(&dir)).current(Role::DriverSdkUser).unwrap_err();
        assert!(matches!(error, KeyError::Pem { .. }), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

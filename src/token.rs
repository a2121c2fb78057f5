//! The token itself: a secret with a lifetime. Redacted wherever it could be printed, wiped when the last copy goes.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::boot_time::BootTime;
use crate::policy::Schedule;
use crate::sync::{Lent, owned};

const PREFIX: &str = "Bearer ";

/// A Fleet Engine token: cheap to clone, never printed, wiped from memory when the last clone is dropped.
///
/// Hand [`value`](Self::value) to Google's SDKs, or put [`authorization_header`](Self::authorization_header) on a
/// request of your own. Do not keep it: ask the factory again for the next request, which costs next to nothing.
pub struct AuthToken {
    /// From the cache it comes on the cache's account: without writing to memory that threads share, as counting a share
    /// would.
    inner: Lent<Sealed>,
}

/// A token's content, shared by its clones; what the cache swaps in one step.
pub(crate) struct Sealed {
    /// `Bearer …`, rendered once, so that neither form has to be built for a request.
    bearer: Zeroizing<String>,
    schedule: Option<Schedule>,
    generation: u64,
}

impl AuthToken {
    pub(crate) fn new(secret: &str, schedule: Option<Schedule>, generation: u64) -> Self {
        let mut bearer = Zeroizing::new(String::with_capacity(PREFIX.len() + secret.len()));
        bearer.push_str(PREFIX);
        bearer.push_str(secret);
        Self::of(Arc::new(Sealed { bearer, schedule, generation }))
    }

    pub(crate) fn of(inner: Arc<Sealed>) -> Self {
        Self { inner: owned(inner) }
    }

    pub(crate) fn lent(inner: Lent<Sealed>) -> Self {
        Self { inner }
    }

    /// A share in the content.
    pub(crate) fn sealed(&self) -> Arc<Sealed> {
        Arc::clone(&self.inner)
    }

    /// The secret itself: what `AuthTokenFactory.getToken` of Google's SDKs returns.
    ///
    /// Treat it as a password: not in logs, not in crash reports, not on disk.
    pub fn value(&self) -> &str {
        &self.inner.bearer[PREFIX.len()..]
    }

    /// The value of an `Authorization` header, `Bearer …` (RFC 6750 §2.1), marked sensitive, so that HTTP stacks
    /// neither print it nor keep it in a compression table. It shares the token's memory: nothing is copied.
    pub fn authorization_header(&self) -> HeaderValue {
        struct Shared(Arc<Sealed>);
        impl AsRef<[u8]> for Shared {
            fn as_ref(&self) -> &[u8] {
                self.0.bearer.as_bytes()
            }
        }
        let bytes = Bytes::from_owner(Shared(self.sealed()));
        // Only visible ASCII is ever accepted as a token, so this cannot fail; an empty value would be refused by any
        // server, which is the safe way to be wrong.
        let mut value = HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// When it expires, on the factory's clock; `None` when nobody said and it is not cached.
    pub fn expires_at(&self) -> Option<BootTime> {
        self.inner.schedule.map(|schedule| schedule.expires_at)
    }

    /// Numbers the tokens that the factory commits, over all contexts: of two for one context, the newer has the higher.
    pub fn generation(&self) -> u64 {
        self.inner.generation
    }

    /// Whether both are clones of one token.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn schedule(&self) -> Option<&Schedule> {
        self.inner.schedule.as_ref()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.value())
    }
}

impl Clone for AuthToken {
    fn clone(&self) -> Self {
        Self::of(self.sealed())
    }
}

impl Sealed {
    /// What stands where there is no token: it has no schedule, which every token that is kept has.
    pub(crate) fn nothing() -> Arc<Self> {
        static NOTHING: LazyLock<Arc<Sealed>> =
            LazyLock::new(|| Arc::new(Sealed { bearer: Zeroizing::new(String::new()), schedule: None, generation: 0 }));
        Arc::clone(&NOTHING)
    }

    pub(crate) fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    pub(crate) fn is_secret_of(&self, token: &AuthToken) -> bool {
        self.bearer == token.inner.bearer
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthToken")
            .field("value", &"[redacted]")
            .field("expires_at", &self.expires_at())
            .field("generation", &self.generation())
            .finish()
    }
}

impl fmt::Display for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted token]")
    }
}

/// Recognises a secret without keeping it: a keyed hash that means nothing outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(secret: &str) -> Self {
        static KEYS: OnceLock<RandomState> = OnceLock::new();
        Self(KEYS.get_or_init(RandomState::new).hash_one(secret))
    }
}

/// Whether `secret` can stand in an `Authorization` header: visible ASCII without spaces, as every JWT and every
/// RFC 6750 `b64token` is. Anything else would be a header injection or a mangled reply.
pub(crate) fn is_header_safe(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "SECRET-TOKEN-abc.def.ghi";

    #[test]
    fn a_token_never_prints() {
        let token = AuthToken::new(SECRET, None, 7);
        for printed in [format!("{token}"), format!("{token:?}"), format!("{token:#?}")] {
            assert!(!printed.contains("SECRET-TOKEN"), "the secret was printed");
            assert!(printed.contains("redacted"));
        }
        assert!(!format!("{:?}", token.authorization_header()).contains("SECRET-TOKEN"));
    }

    #[test]
    fn the_header_is_a_sensitive_bearer_on_the_same_memory() {
        let token = AuthToken::new(SECRET, None, 7);
        let header = token.authorization_header();
        assert!(header.is_sensitive());
        assert_eq!(header.as_bytes(), format!("Bearer {SECRET}").as_bytes());
        assert_eq!(header.as_bytes().as_ptr(), token.inner.bearer.as_ptr());
        drop(token);
        assert_eq!(header.as_bytes().len(), PREFIX.len() + SECRET.len());
    }

    #[test]
    fn a_token_says_which_of_the_factory_s_it_is() {
        let (third, seventh) = (AuthToken::new(SECRET, None, 3), AuthToken::new(SECRET, None, 7));
        assert_eq!((third.generation(), seventh.generation()), (3, 7));
        assert!(!third.is_same(&AuthToken::new("other", None, 3)));
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        assert!(is_header_safe(SECRET));
        for bad in ["", "a b", "a\r\nX: y", "é", "a\0"] {
            assert!(!is_header_safe(bad));
        }
    }
}

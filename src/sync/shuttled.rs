//! The ones that a model checker can see.

use std::cell::OnceCell;
use std::collections::HashMap as Inner;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

/// A mutex without poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// Empty only while its thread waits on a [`Condvar`].
pub(crate) struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }
}

impl<T> std::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    #[allow(clippy::expect_used, reason = "nobody can look while the thread waits")]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a guard that is not waiting")
    }
}

impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
    #[allow(clippy::expect_used, reason = "nobody can look while the thread waits")]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("a guard that is not waiting")
    }
}

/// Waits for ever: a thread whose wake-up is lost is a deadlock, which shuttle finds.
#[derive(Debug)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) {
        if let Some(inner) = guard.0.take() {
            guard.0 = Some(self.0.wait(inner).unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Set once; before and after each look and each setting others may come between.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    steps: AtomicUsize,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { steps: AtomicUsize::new(0), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.steps.load(std::sync::atomic::Ordering::SeqCst);
        let value = self.value.get();
        self.steps.load(std::sync::atomic::Ordering::SeqCst);
        value
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.steps.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let set = self.value.set(value);
        self.steps.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        set
    }
}

/// What an `ArcSwap` gave to look at.
pub(crate) type Lent<T> = Arc<T>;

/// The same without an `ArcSwap`.
pub(crate) fn owned<T>(value: Arc<T>) -> Lent<T> {
    value
}

pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

impl<T> ArcSwap<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Lent<T> {
        self.load_full()
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        Arc::clone(&self.0.lock())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        let old = std::mem::replace(&mut *self.0.lock(), value);
        drop(old);
    }
}

/// As papaya's, as far as it is used.
pub(crate) struct HashMap<K, V, S>(Mutex<Inner<K, V, S>>);

/// What one look found, shared out so that it is used outside the map's lock. For one look only.
pub(crate) struct Pinned<'a, K, V, S> {
    map: &'a HashMap<K, V, S>,
    found: OnceCell<Vec<V>>,
}

pub(crate) fn map<K, V, S>(hasher: S) -> HashMap<K, V, S> {
    HashMap(Mutex::new(Inner::with_hasher(hasher)))
}

impl<K: Eq + Hash, V: Clone, S: BuildHasher> HashMap<K, V, S> {
    pub(crate) fn pin(&self) -> Pinned<'_, K, V, S> {
        Pinned { map: self, found: OnceCell::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl<K: Eq + Hash, V: Clone, S: BuildHasher> Pinned<'_, K, V, S> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let found = self.map.0.lock().get(key).cloned();
        self.found.get_or_init(|| found.into_iter().collect()).first()
    }

    #[allow(clippy::indexing_slicing, reason = "there is one")]
    pub(crate) fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V) -> &V {
        let found = self.map.0.lock().entry(key).or_insert_with(make).clone();
        &self.found.get_or_init(|| vec![found])[0]
    }

    pub(crate) fn values(&self) -> std::slice::Iter<'_, V> {
        let found = self.map.0.lock().values().cloned().collect();
        self.found.get_or_init(|| found).iter()
    }

    pub(crate) fn remove_if(&self, key: &K, which: impl FnOnce(&K, &V) -> bool) -> Result<(), ()> {
        let mut map = self.map.0.lock();
        match map.get(key) {
            Some(found) if which(key, found) => drop(map.remove(key)),
            _ => return Err(()),
        }
        Ok(())
    }
}

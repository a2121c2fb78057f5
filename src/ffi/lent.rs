//! The app's own objects, which are its own again when the factory has ended.

use std::sync::Arc;

use parking_lot::Mutex;

/// An object of the app's, until it is [given back](Self::give_back). Clones lend the same one.
///
/// The core lives as long as the app holds the factory. A transport or a login that holds the factory too, as one that
/// belongs to the app's session does, would keep both for ever: no garbage collector looks through this library.
pub(super) struct Lent<T: ?Sized>(Arc<Mutex<Option<Arc<T>>>>);

impl<T: ?Sized> Lent<T> {
    pub(super) fn new(object: Arc<T>) -> Self {
        Self(Arc::new(Mutex::new(Some(object))))
    }

    /// The object, unless the factory has ended.
    pub(super) fn get(&self) -> Option<Arc<T>> {
        self.0.lock().clone()
    }

    /// Lets go of it. A call that is under way keeps it until it answers.
    pub(super) fn give_back(&self) {
        // Dropped after the lock is: that is a call into the app's language.
        let object = self.0.lock().take();
        drop(object);
    }
}

impl<T: ?Sized> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

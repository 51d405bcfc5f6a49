//! What is shared with the interface: who writes it locks it here, and tells that there is something new.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::shared_view::{Shared, lock};

/// Between two calls of the interface's wake function.
const WAKE: Duration = Duration::from_millis(16);

/// What is shared with the interface, and how it is told that there is something new.
pub(super) struct Publisher {
    shared: Arc<Mutex<Shared>>,
    wake: Box<dyn Fn() + Send>,
    woken: Instant,
}

impl Publisher {
    pub fn new(shared: Arc<Mutex<Shared>>, wake: Box<dyn Fn() + Send>) -> Self {
        Self { shared, wake, woken: Instant::now() }
    }

    /// What is shared, as soon as the interface does not read it.
    pub fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// What is shared, unless the interface is reading it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Shared>> {
        match self.shared.try_lock() {
            Ok(shared) => Some(shared),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Tells the interface, at most 60 times a second unless `now`.
    pub fn wake(&mut self, now: bool) {
        if now || self.woken.elapsed() >= WAKE {
            self.woken = Instant::now();
            (self.wake)();
        }
    }
}

//! The interface's only way to the engine.

use std::rc::Rc;

use crate::engine::protocol::Command;
use crate::engine::{Engine, Shared};

/// What trains: the engine, or a stand-in for it in tests.
pub trait Trainer {
    /// Queues a command without waiting; `false` when it found no room.
    fn send(&self, command: Command) -> bool;
    /// Shows what is shared, for as long as `look` takes.
    fn read(&self, read: &mut dyn FnMut(&mut Shared));
}

impl Trainer for Engine {
    fn send(&self, command: Command) -> bool {
        Self::send(self, command)
    }

    fn read(&self, read: &mut dyn FnMut(&mut Shared)) {
        self.read_mut(|shared| read(shared));
    }
}

impl<T: Trainer> Trainer for Rc<T> {
    fn send(&self, command: Command) -> bool {
        (**self).send(command)
    }

    fn read(&self, read: &mut dyn FnMut(&mut Shared)) {
        (**self).read(read);
    }
}

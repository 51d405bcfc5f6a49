//! The training thread: commands in, telemetry out, never waiting for the interface.
//!
//! [`worker`] is the thread. Each of its duties is a struct that owns what it needs; those that change what is trained
//! (an edit, going back, forks, a saved training) are files of the worker's own.

mod capture;
mod edits;
mod errand;
mod examine;
mod field;
mod fork;
mod ground;
mod guard;
mod instant;
mod pace;
pub mod protocol;
mod publish;
mod publisher;
mod resume;
mod revise;
mod roll_back;
mod row_pool;
mod shared_view;
mod survey;
mod surveyor;
mod timeline;
mod track;
mod travel;
pub mod watch;
mod worker;

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use crate::train::ids::Revision;
pub use examine::{Curvature, Examined};
pub use ground::{Ground, Landscape, Moment, SurveyError, Way};
pub use guard::OwnEdit;
use protocol::Command;
use publisher::Publisher;
use shared_view::lock;
pub use shared_view::{LaneView, Options, Shared, Snapshot, SnapshotReason};
pub use survey::{surface_frame, surface_loss};
pub use track::Track;
use worker::Worker;

/// Commands that may wait.
const QUEUE: usize = 256;

/// The handle of a training thread, which ends when this is dropped.
pub struct Engine {
    commands: Option<SyncSender<Command>>,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread. `wake` is called, at most 60 times a second, when there is something new to see.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        revision: Arc<Revision>,
        options: Options,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = sync_channel(QUEUE);
        let shared = Arc::new(Mutex::new(Shared::default()));
        let publisher = Publisher::new(Arc::clone(&shared), Box::new(wake));
        let worker = Worker::new(revision, options, inbox, publisher);
        let thread = Builder::new().name("training".into()).spawn(move || worker.work())?;
        Ok(Self { commands: Some(commands), shared, thread: Some(thread) })
    }

    /// Queues a command. `false` when the queue is full (try again) or the thread is gone.
    pub fn send(&self, command: Command) -> bool {
        self.commands.as_ref().is_some_and(|commands| commands.try_send(command).is_ok())
    }

    /// Looks at what is shared; keep it short, and copy out what is needed for longer.
    pub fn read<R>(&self, f: impl FnOnce(&Shared) -> R) -> R {
        f(&lock(&self.shared))
    }

    /// A handle with which another thread sees the same.
    pub fn viewer(&self) -> Viewer {
        Viewer { shared: Arc::clone(&self.shared) }
    }

    /// As [`Engine::read`], for settings of the telemetry such as its smoothing.
    pub fn read_mut<R>(&self, f: impl FnOnce(&mut Shared) -> R) -> R {
        f(&mut lock(&self.shared))
    }
}

/// What an engine shows, for another thread to look at; also when the engine is gone.
#[derive(Clone)]
pub struct Viewer {
    shared: Arc<Mutex<Shared>>,
}

impl Viewer {
    /// Looks at what is shared; keep it short, and copy out what is needed for longer.
    pub fn read<R>(&self, f: impl FnOnce(&Shared) -> R) -> R {
        f(&lock(&self.shared))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been shown as a failed state already.
            let _ = thread.join();
        }
    }
}

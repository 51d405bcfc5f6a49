//! A thread that writes checkpoints, so that training never waits for a disk.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::policy::{self, Entry, Reason};
use super::{Checkpoint, Policy, file_name, folder};
use crate::files;

/// Checkpoints that may wait for the disk.
const WAITING: usize = 4;

/// What became of the checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub written: u64,
    /// Given up for newer ones because the disk was too slow.
    pub dropped: u64,
    /// Why the newest one that failed is not on the disk; nothing once a later one is.
    pub problem: Option<String>,
}

/// The handle of the writing thread. When it is dropped, what waits is written first.
pub struct Writer {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// What the two threads share.
#[derive(Default)]
struct Desk {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Reason, Checkpoint)>,
    writing: bool,
    closed: bool,
    report: Report,
}

impl Desk {
    /// A panic of the other thread leaves a queue that is still good.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Makes the folder and starts the thread. Checkpoints in the folder after `from` updates are of a
    /// future that will not be, and are deleted: all of them when a training begins at 0.
    ///
    /// # Errors
    /// When the folder cannot be made, read or tidied, or the system gives no thread.
    pub fn start(folder: &Path, policy: Policy, from: u64) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        files::sweep(folder);
        let mut entries = Vec::new();
        // The newest first: whenever this is cut short, what is left is a training's folder.
        for (update, file) in folder::list(folder)?.into_iter().rev() {
            if !std::fs::metadata(&file).is_ok_and(|there| there.is_file()) {
                folder::set_aside(&file)?;
            } else if update > from || from == 0 {
                std::fs::remove_file(&file)?;
            } else if let Ok(checkpoint) = Checkpoint::open(&file) {
                entries.push(entry(&checkpoint));
            }
        }
        let desk = Arc::new(Desk::default());
        let shelf = Shelf { folder: folder.to_owned(), policy, entries };
        let work = {
            let desk = Arc::clone(&desk);
            move || shelf.work(&desk)
        };
        let thread = Builder::new().name("checkpoints".into()).spawn(work)?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Hands a checkpoint over and returns at once. Where too many wait already, the oldest of the
    /// least important is given up.
    pub fn offer(&self, checkpoint: Checkpoint, reason: Reason) {
        let mut queue = self.desk.lock();
        queue.waiting.push_back((reason, checkpoint));
        if queue.waiting.len() > WAITING {
            let reasons: Vec<Reason> = queue.waiting.iter().map(|(reason, _)| *reason).collect();
            if policy::gives_way(&reasons).and_then(|at| queue.waiting.remove(at)).is_some() {
                queue.report.dropped += 1;
            }
        }
        drop(queue);
        self.desk.changed.notify_all();
    }

    /// Waits until everything handed over is on the disk, or has failed to get there.
    pub fn flush(&self) -> Report {
        let mut queue = self.desk.lock();
        while queue.writing || !queue.waiting.is_empty() {
            queue = self.desk.wait(queue);
        }
        queue.report.clone()
    }

    /// How it stands now.
    pub fn report(&self) -> Report {
        self.desk.lock().report.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread does not panic; if it did, there is nothing left to write.
            let _ = thread.join();
        }
    }
}

fn entry(checkpoint: &Checkpoint) -> Entry {
    let (update, val_loss) = (checkpoint.update(), checkpoint.val_loss());
    Entry { update, val_loss, asked: checkpoint.is_asked_for() }
}

/// The folder as the writing thread knows it.
struct Shelf {
    folder: PathBuf,
    policy: Policy,
    entries: Vec<Entry>,
}

impl Shelf {
    fn work(mut self, desk: &Desk) {
        loop {
            let mut queue = desk.lock();
            let checkpoint = loop {
                if let Some((_, checkpoint)) = queue.waiting.pop_front() {
                    break checkpoint;
                }
                if queue.closed {
                    return;
                }
                queue = desk.wait(queue);
            };
            queue.writing = true;
            drop(queue);
            let result = self.put(&checkpoint);
            let mut queue = desk.lock();
            queue.writing = false;
            match result {
                Ok(()) => {
                    queue.report.written += 1;
                    queue.report.problem = None;
                }
                Err(error) => {
                    let update = checkpoint.update();
                    let problem = format!("the checkpoint after update {update} is not on the disk: {error}");
                    tracing::warn!("{problem}");
                    queue.report.problem = Some(problem);
                }
            }
            drop(queue);
            desk.changed.notify_all();
        }
    }

    /// Writes one, then deletes what need not stay.
    fn put(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        let update = checkpoint.update();
        checkpoint.save(&self.folder.join(file_name(update)))?;
        self.entries.retain(|entry| entry.update != update);
        self.entries.push(entry(checkpoint));
        for update in policy::stale(&self.entries, &self.policy) {
            match std::fs::remove_file(self.folder.join(file_name(update))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.entries.retain(|entry| entry.update != update),
            }
        }
        Ok(())
    }
}

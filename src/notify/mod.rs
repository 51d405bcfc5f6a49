//! Notifications: what the detectors find reaches a person who looks elsewhere, by the desktop or by a webhook.
//!
//! A [`Notifier`] has a thread behind a bounded queue: whoever tells it something goes on at once. The same finding of
//! the same run is told once. Desktop messages go through `notify-send`, webhooks through `curl`, which speaks TLS; a
//! request that takes longer than ten seconds is given up.

mod deliver;
mod watch;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

use serde::Serialize;

pub use watch::{Found, Watch};

/// Notes that may wait; a person reads no more at once.
const WAITING: usize = 16;

/// Where notes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Messages of the desktop.
    pub desktop: bool,
    /// An address that takes JSON; it may hold a secret and is never said.
    pub webhook: Option<String>,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    pub experiment: String,
    pub run: String,
    /// What was found, such as `Divergence`.
    pub kind: &'static str,
    /// `error`, `warning` or `notice`.
    pub severity: &'static str,
    pub update: u64,
    pub text: String,
    /// The section of the runbook.
    pub runbook: String,
}

/// The programs that deliver; others in tests.
#[derive(Clone, Debug)]
pub struct Programs {
    pub desktop: PathBuf,
    pub webhook: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        Self { desktop: PathBuf::from("notify-send"), webhook: PathBuf::from("curl") }
    }
}

/// Delivers notes on a thread of its own, and never makes anybody wait.
pub struct Notifier {
    notes: SyncSender<(Note, Ways)>,
    problems: Receiver<String>,
    lost: u64,
}

impl Notifier {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(programs: Programs) -> io::Result<Self> {
        let (notes, waiting) = sync_channel::<(Note, Ways)>(WAITING);
        let (told, problems) = sync_channel(WAITING);
        Builder::new().name("notify".to_owned()).spawn(move || {
            let mut said: Option<String> = None;
            for (note, ways) in waiting {
                for problem in deliver::all(&programs, &note, &ways) {
                    // The same trouble again and again is said once.
                    if said.as_ref() != Some(&problem) {
                        // Where nobody has read the ones before, one more tells nothing new.
                        let _ = told.try_send(problem.clone());
                        said = Some(problem);
                    }
                }
            }
        })?;
        Ok(Self { notes, problems, lost: 0 })
    }

    /// Tells somebody, if there is room: a message that waits behind many others comes too late to help.
    pub fn tell(&mut self, note: Note, ways: &Ways) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.notes.try_send((note, ways.clone()))
        {
            self.lost += 1;
        }
    }

    /// What could not be delivered since the last call, in sentences.
    pub fn problems(&mut self) -> Vec<String> {
        let mut all: Vec<String> = self.problems.try_iter().collect();
        match std::mem::take(&mut self.lost) {
            0 => {}
            1 => all.push("a notification was dropped: others still wait to be delivered".to_owned()),
            lost => all.push(format!("{lost} notifications were dropped: others still wait to be delivered")),
        }
        all
    }
}

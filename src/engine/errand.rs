//! Long work beside the training, one piece at a time, on a thread of its own.

use std::thread::{Builder, JoinHandle};

use crate::train::cohort::Cohort;
use crate::train::errand::{End, Errand};

/// Where the errands are.
#[derive(Default)]
pub(super) struct Errands {
    out: Option<(Errand, JoinHandle<End>)>,
    /// Sent as soon as the one before is back; a newer one takes its place.
    next: Option<Errand>,
}

impl Errands {
    /// Whether there is one to look after.
    pub(super) fn are_out(&self) -> bool {
        self.out.is_some() || self.next.is_some()
    }

    /// Whether training rests for one.
    pub(super) fn hold(&self) -> bool {
        self.out.as_ref().is_some_and(|(errand, _)| errand.holds && !errand.progress.is_cancelled())
    }

    /// Takes the newest errand; the one before is cancelled.
    pub(super) fn take(&mut self, errand: Errand) {
        self.cancel(false);
        self.next = Some(errand);
    }

    /// Cancels what is out; with `holding`, only what training rests for.
    pub(super) fn cancel(&mut self, holding: bool) {
        if let Some((errand, _)) = &self.out
            && (errand.holds || !holding)
        {
            errand.progress.cancel();
        }
    }
}

impl Drop for Errands {
    fn drop(&mut self) {
        self.cancel(false);
        if let Some((_, thread)) = self.out.take() {
            // Its promise tells of a panic.
            let _ = thread.join();
        }
    }
}

impl Errands {
    /// Nothing could be prepared, so there is nothing to work on.
    pub(super) fn drop_next(&mut self) {
        self.next = None;
    }

    /// Receives an errand that is back, and sends the next one out; whether one came back.
    pub(super) fn run(&mut self, cohort: &Cohort) -> bool {
        let back = self.out.take_if(|(_, thread)| thread.is_finished());
        let is_back = back.is_some();
        // A thread that panicked has dropped its half of the job, which says so.
        if let Some((errand, thread)) = back
            && let Ok(end) = thread.join()
            && !errand.progress.is_cancelled()
        {
            end(cohort);
        }
        if self.out.is_none()
            && let Some(errand) = self.next.take()
            && !errand.progress.is_cancelled()
            && let Some(work) = errand.begin(cohort)
        {
            match Builder::new().name(errand.name.into()).spawn(work) {
                Ok(thread) => self.out = Some((errand, thread)),
                Err(error) => tracing::error!("no thread for a {}: {error}", errand.name),
            }
        }
        is_back
    }
}

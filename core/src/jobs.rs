//! Long work on a thread of its own: how far it is, whether anybody still waits for it, and its answer.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;

/// Answers that may wait: more than any work gives before it is done.
const QUEUE: usize = 8;

/// Nobody waits for the work any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before its end")]
pub struct Cancelled;

/// The work ended without an answer: its thread panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it stopped without an answer")]
pub struct Lost;

/// How far work has come, and whether anybody still waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    /// The bits of an `f32`.
    share: AtomicU32,
    cancelled: AtomicBool,
}

impl Progress {
    /// Says that `done` of `total` steps are done; called often, it is what makes work stoppable.
    ///
    /// # Errors
    /// [`Cancelled`] when nobody waits any more.
    pub fn report(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        let share = done as f32 / total.max(1) as f32;
        self.share.store(share.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// The share that is done, 0 to 1.
    pub fn share(&self) -> f32 {
        f32::from_bits(self.share.load(Ordering::Relaxed))
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// For work that takes a flag to stop at.
    pub fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }
}

/// Where the work hands in its answer, or several, each better than the one before.
pub struct Answers<T> {
    progress: Arc<Progress>,
    queue: SyncSender<T>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl<T> Answers<T> {
    /// Hands an answer in. Where nobody waits any more it is dropped.
    pub fn give(&self, answer: T) {
        // An error says that the job is gone, and so is whoever wanted the answer.
        let _ = self.queue.send(answer);
        (self.wake)();
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// Work on its way. Dropping it cancels the work.
pub struct Job<T> {
    progress: Arc<Progress>,
    answers: Receiver<T>,
}

impl<T> Job<T> {
    /// A job whose work somebody else does. `wake` is called after each answer.
    pub fn pair(wake: impl Fn() + Send + Sync + 'static) -> (Answers<T>, Self) {
        let (queue, answers) = sync_channel(QUEUE);
        let progress = Arc::new(Progress::default());
        (Answers { progress: Arc::clone(&progress), queue, wake: Box::new(wake) }, Self { progress, answers })
    }

    /// The next answer; nothing while there is none.
    pub fn poll(&self) -> Option<Result<T, Lost>> {
        match self.answers.try_recv() {
            Ok(answer) => Some(Ok(answer)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Lost)),
        }
    }

    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl<T: Send + 'static> Job<T> {
    /// Does the work on a thread of this name; what it returns is its last answer.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        name: &str,
        wake: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(&Answers<T>) -> T + Send + 'static,
    ) -> io::Result<Self> {
        let (answers, job) = Self::pair(wake);
        Builder::new().name(name.to_owned()).spawn(move || {
            let answer = work(&answers);
            answers.give(answer);
        })?;
        Ok(job)
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("progress", &self.progress).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<T>(job: &Job<T>) -> Result<T, Lost> {
        loop {
            match job.poll() {
                Some(answer) => return answer,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn answers_come_in_order_and_the_last_is_what_the_work_returns() {
        let work = |answers: &Answers<u32>| {
            answers.give(1);
            assert_eq!(answers.progress().report(1, 2), Ok(()));
            2
        };
        let (wake, woken) = sync_channel(2);
        let job = Job::spawn("work", move || wake.send(()).unwrap(), work).unwrap();
        assert_eq!([answer(&job), answer(&job)], [Ok(1), Ok(2)]);
        assert_eq!(job.progress().share(), 0.5);
        assert_eq!(woken.iter().count(), 2, "each answer wakes, and then the work is gone");
    }

    #[test]
    fn work_that_nobody_waits_for_learns_of_it() {
        let (answers, job) = Job::<()>::pair(|| ());
        assert_eq!(answers.progress().report(0, 1), Ok(()));
        drop(job);
        assert_eq!(answers.progress().report(1, 1), Err(Cancelled));
        answers.give(());
    }

    #[test]
    fn work_that_panics_is_lost() {
        let (answers, job) = Job::<()>::pair(|| ());
        assert_eq!(job.poll(), None);
        drop(answers);
        assert_eq!(job.poll(), Some(Err(Lost)));
    }
}

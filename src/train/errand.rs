//! Long work beside a training: what it needs is copied out of the cohort between two updates, the rest is
//! done on a thread of its own, and whoever asked holds a promise.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::TrainError;
use super::cohort::Cohort;

/// How far an errand has come, and whether anybody still waits for it.
#[derive(Debug, Default)]
pub struct Ticket {
    /// The bits of an `f32`.
    share: AtomicU32,
    cancelled: AtomicBool,
}

impl Ticket {
    /// Says that `done` of `total` steps are done; called often, it is what makes an errand stoppable.
    ///
    /// # Errors
    /// [`TrainError::Cancelled`] when nobody waits any more.
    pub fn report(&self, done: u64, total: u64) -> Result<(), TrainError> {
        let share = done as f32 / total.max(1) as f32;
        self.share.store(share.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
        if self.is_cancelled() { Err(TrainError::Cancelled) } else { Ok(()) }
    }

    /// The share that is done, 0 to 1.
    pub fn progress(&self) -> f32 {
        f32::from_bits(self.share.load(Ordering::Relaxed))
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// The result that an errand will bring. Dropping it cancels the errand.
#[derive(Debug)]
pub struct Promise<T> {
    ticket: Arc<Ticket>,
    answer: Receiver<Result<T, TrainError>>,
}

impl<T> Promise<T> {
    /// The result, once.
    pub fn poll(&self) -> Option<Result<T, TrainError>> {
        match self.answer.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(TrainError::Cancelled)),
        }
    }

    /// The share that is done, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.ticket.progress()
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.ticket.cancel();
    }
}

/// Looks at the cohort; short, because training waits for it.
pub type Begin = Box<dyn FnOnce(&Cohort) -> Option<Work> + Send>;
/// The long part, on another thread.
pub type Work = Box<dyn FnOnce() -> End + Send>;
/// Hands the result over, with another look at the cohort.
pub type End = Box<dyn FnOnce(&Cohort) + Send>;

/// A piece of work that an engine is asked to do; clones are the same piece, which is done once.
#[derive(Clone)]
pub struct Errand {
    /// The name of its thread.
    pub name: &'static str,
    /// Whether training rests until it is back.
    pub holds: bool,
    pub ticket: Arc<Ticket>,
    begin: Arc<Mutex<Option<Begin>>>,
}

impl Errand {
    /// Work on what `begin` copies out of the cohort, while training goes on.
    pub fn new<S: Send + 'static, T: Send + 'static>(
        name: &'static str,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Ticket) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        Self::build(name, false, begin, work, |_, result| Ok(result))
    }

    /// As [`Errand::new`], but training rests meanwhile: `end` sees the cohort that `begin` saw.
    pub fn holding<S: Send + 'static, R: Send + 'static, T: Send + 'static>(
        name: &'static str,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Ticket) -> Result<R, TrainError> + Send + 'static,
        end: impl FnOnce(&Cohort, R) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        Self::build(name, true, begin, work, end)
    }

    fn build<S: Send + 'static, R: Send + 'static, T: Send + 'static>(
        name: &'static str,
        holds: bool,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Ticket) -> Result<R, TrainError> + Send + 'static,
        end: impl FnOnce(&Cohort, R) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        let ticket = Arc::new(Ticket::default());
        let (tell, answer) = sync_channel(1);
        let working = Arc::clone(&ticket);
        let begin: Begin = Box::new(move |cohort| {
            let stand = match begin(cohort) {
                Ok(stand) => stand,
                Err(error) => {
                    answered(&tell, Err(error));
                    return None;
                }
            };
            let work: Work = Box::new(move || {
                let result = work(stand, &working);
                let end: End =
                    Box::new(move |cohort| answered(&tell, result.and_then(|result| end(cohort, result))));
                end
            });
            Some(work)
        });
        let errand =
            Self { name, holds, ticket: Arc::clone(&ticket), begin: Arc::new(Mutex::new(Some(begin))) };
        (errand, Promise { ticket, answer })
    }

    /// The work to do now; `None` when it was begun before, or cannot be done (the promise knows why).
    pub fn begin(&self, cohort: &Cohort) -> Option<Work> {
        let begin = self.begin.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        begin(cohort)
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("name", &self.name).field("holds", &self.holds).finish_non_exhaustive()
    }
}

/// Nobody waits for the answer any more when the promise is gone.
fn answered<T>(tell: &SyncSender<Result<T, TrainError>>, answer: Result<T, TrainError>) {
    let _ = tell.try_send(answer);
}

//! Long work beside a training: what it needs is copied out of the cohort between two updates, the rest is
//! done on a thread of its own, and whoever asked holds a promise.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::TrainError;
use super::cohort::Cohort;
use crate::jobs::{Job, Progress};

/// The result that an errand will bring. Dropping it cancels the errand.
pub type Promise<T> = Job<Result<T, TrainError>>;

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
    pub progress: Arc<Progress>,
    begin: Arc<Mutex<Option<Begin>>>,
}

impl Errand {
    /// Work on what `begin` copies out of the cohort, while training goes on.
    pub fn new<S: Send + 'static, T: Send + 'static>(
        name: &'static str,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Progress) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        Self::build(name, false, begin, work, |_, result| Ok(result))
    }

    /// As [`Errand::new`], but training rests meanwhile: `end` sees the cohort that `begin` saw.
    pub fn holding<S: Send + 'static, R: Send + 'static, T: Send + 'static>(
        name: &'static str,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Progress) -> Result<R, TrainError> + Send + 'static,
        end: impl FnOnce(&Cohort, R) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        Self::build(name, true, begin, work, end)
    }

    fn build<S: Send + 'static, R: Send + 'static, T: Send + 'static>(
        name: &'static str,
        holds: bool,
        begin: impl FnOnce(&Cohort) -> Result<S, TrainError> + Send + 'static,
        work: impl FnOnce(S, &Progress) -> Result<R, TrainError> + Send + 'static,
        end: impl FnOnce(&Cohort, R) -> Result<T, TrainError> + Send + 'static,
    ) -> (Self, Promise<T>) {
        let (answers, promise) = Job::pair(|| ());
        let progress = Arc::clone(promise.progress());
        let begin: Begin = Box::new(move |cohort| {
            let stand = match begin(cohort) {
                Ok(stand) => stand,
                Err(error) => {
                    answers.give(Err(error));
                    return None;
                }
            };
            let work: Work = Box::new(move || {
                let result = work(stand, answers.progress());
                let end: End =
                    Box::new(move |cohort| answers.give(result.and_then(|result| end(cohort, result))));
                end
            });
            Some(work)
        });
        (Self { name, holds, progress, begin: Arc::new(Mutex::new(Some(begin))) }, promise)
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

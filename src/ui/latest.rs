//! Work that a panel asked for again and again: the newest answer, and the one that is on its way.

use std::fmt::Display;

use crate::jobs::Job;

/// The newest answer and what it was made of, and the work on its way with what it is made of.
#[derive(Debug)]
pub struct Latest<K, T> {
    done: Option<(K, T)>,
    pending: Option<(K, Job<T>)>,
}

impl<K, T> Default for Latest<K, T> {
    fn default() -> Self {
        Self { done: None, pending: None }
    }
}

impl<K: PartialEq, T> Latest<K, T> {
    /// Waits for this; what was answered stays until its answer is there, what was waited for is cancelled.
    pub fn renew(&mut self, key: K, job: Job<T>) {
        self.pending = Some((key, job));
    }

    /// Waits for this and forgets what was answered.
    pub fn restart(&mut self, key: K, job: Job<T>) {
        *self = Self { done: None, pending: Some((key, job)) };
    }

    /// Sets the answer, where it needed no waiting.
    pub fn set(&mut self, key: K, answer: T) {
        self.done = Some((key, answer));
    }

    /// Takes in an answer that has come; the one it takes the place of. Work that ended without one answers `lost`.
    pub fn poll(&mut self, lost: impl FnOnce() -> T) -> Option<T> {
        let (_, job) = self.pending.as_ref()?;
        let answer = job.poll()?.unwrap_or_else(|_| lost());
        let before = self.done.take();
        self.done = self.pending.take().map(|(key, _)| (key, answer));
        before.map(|(_, answer)| answer)
    }

    /// Cancels work that is made of something else than what is wanted.
    pub fn cancel_unless(&mut self, wanted: impl FnOnce(&K) -> bool) {
        if !self.pending.as_ref().is_some_and(|(key, _)| wanted(key)) {
            self.pending = None;
        }
    }

    /// Cancels what is on its way.
    pub fn cancel(&mut self) {
        self.pending = None;
    }

    /// The share that is done, while there is work on its way.
    pub fn progress(&self) -> Option<f32> {
        self.pending.as_ref().map(|(_, job)| job.progress().share())
    }

    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The newest answer, and what it was made of.
    pub fn newest(&self) -> Option<(&K, &T)> {
        self.done.as_ref().map(|(key, answer)| (key, answer))
    }

    /// The newest answer, to take something out of it.
    pub fn newest_mut(&mut self) -> Option<&mut T> {
        self.done.as_mut().map(|(_, answer)| answer)
    }

    /// The answer made of this.
    pub fn of(&self, key: &K) -> Option<&T> {
        self.newest().filter(|(of, _)| *of == key).map(|(_, answer)| answer)
    }
}

impl<K: PartialEq, T, E: Display> Latest<K, Result<T, E>> {
    pub fn answer(&self) -> Option<&T> {
        self.newest()?.1.as_ref().ok()
    }

    /// Why there is no answer.
    pub fn error(&self) -> Option<String> {
        self.newest()?.1.as_ref().err().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stays_until_the_next_one_is_there() {
        let mut latest = Latest::default();
        latest.set(1, "first");
        let (answers, job) = Job::pair(|| ());
        latest.renew(2, job);
        latest.poll(|| "lost");
        assert_eq!((latest.newest(), latest.of(&2)), (Some((&1, &"first")), None));
        answers.give("second");
        latest.poll(|| "lost");
        assert_eq!((latest.newest(), latest.is_pending()), (Some((&2, &"second")), false));
    }

    #[test]
    fn work_made_of_what_is_no_longer_wanted_is_cancelled() {
        let mut latest = Latest::default();
        let (answers, job) = Job::pair(|| ());
        latest.restart(1, job);
        latest.cancel_unless(|key| *key == 1);
        assert!(answers.progress().report(0, 1).is_ok());
        latest.cancel_unless(|key| *key == 2);
        assert!(answers.progress().report(0, 1).is_err());
        latest.poll(|| 0);
        assert_eq!(latest.newest(), None);
    }

    #[test]
    fn lost_work_answers_that_it_is_lost() {
        let mut latest: Latest<u8, Result<(), &str>> = Latest::default();
        let (answers, job) = Job::pair(|| ());
        latest.restart(1, job);
        drop(answers);
        latest.poll(|| Err("lost"));
        assert_eq!(latest.error().as_deref(), Some("lost"));
    }
}

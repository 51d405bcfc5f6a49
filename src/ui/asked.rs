//! Long work that a panel asked the engine for: on its way, or done.

use crate::train::errand::Promise;

/// The newest answer, and the one that is waited for.
#[derive(Debug)]
pub struct Asked<T> {
    /// With the generation of the document it was asked in.
    promise: Option<(u64, Promise<T>)>,
    answer: Option<Result<T, String>>,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self { promise: None, answer: None }
    }
}

impl<T> Asked<T> {
    /// Waits for this from now on; what was waited for before is cancelled, and what was answered forgotten.
    pub fn wait(&mut self, generation: u64, promise: Promise<T>) {
        *self = Self { promise: Some((generation, promise)), answer: None };
    }

    /// Takes in the answer when it has come. Where that of the generation it was asked in is not wanted any more, the
    /// work is cancelled.
    pub fn poll(&mut self, wanted: impl FnOnce(u64) -> bool) {
        let Some((asked, promise)) = &self.promise else { return };
        if let Some(answer) = promise.poll() {
            self.answer = Some(answer.map_err(|error| error.to_string()));
            self.promise = None;
        } else if !wanted(*asked) {
            self.promise = None;
        }
    }

    /// Cancels what is on its way.
    pub fn cancel(&mut self) {
        self.promise = None;
    }

    /// The share that is done, while there is work on its way.
    pub fn progress(&self) -> Option<f32> {
        self.promise.as_ref().map(|(_, promise)| promise.progress())
    }

    pub fn answer(&self) -> Option<&T> {
        self.answer.as_ref()?.as_ref().ok()
    }

    /// Why there is no answer.
    pub fn error(&self) -> Option<&str> {
        self.answer.as_ref()?.as_ref().err().map(String::as_str)
    }
}

//! Waiting for a training from outside, for those who have no frames to wait in.

use std::thread;
use std::time::{Duration, Instant};

use super::Engine;
use super::protocol::{State, Status};

/// How long training may stand still.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at it.
pub const LOOK: Duration = Duration::from_millis(2);

/// Why waiting ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    #[error("nothing trained: {0}")]
    Failed(String),
    #[error("training stood still at update {at} for {} seconds", PATIENCE.as_secs())]
    Stuck { at: u64 },
}

impl Engine {
    /// Waits until the training's state is as wanted.
    ///
    /// # Errors
    /// When training fails, or stands still for two minutes.
    pub fn wait_until(&self, done: impl Fn(&Status) -> bool) -> Result<Status, Unfinished> {
        let (mut last, mut since) = (None, Instant::now());
        loop {
            let status = self.read(|shared| shared.status.clone());
            if let State::Failed(message) = status.state {
                return Err(Unfinished::Failed(message));
            }
            if done(&status) {
                return Ok(status);
            }
            if last != Some(status.update) {
                (last, since) = (Some(status.update), Instant::now());
            } else if since.elapsed() > PATIENCE {
                return Err(Unfinished::Stuck { at: status.update });
            }
            thread::sleep(LOOK);
        }
    }
}

//! A training's folder, to go on from.

use std::path::{Path, PathBuf};

use super::folder::good_before;
use super::{Checkpoint, Past, PastError, Refusal, newest_good};

/// The newest good checkpoint of a training, and what it had measured by then.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    pub checkpoint: Checkpoint,
    /// The lines of `metrics.csv` up to the checkpoint; nothing where there is no such file.
    pub past: Option<Past>,
    /// Good checkpoints before it, the oldest first: places to go back to.
    pub earlier: Vec<Checkpoint>,
    /// Why newer checkpoints are not it, the newest first.
    pub refused: Vec<String>,
}

/// Why a folder is no training to go on with.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    #[error("there are no checkpoints in {}: choose a folder that `anneal train --out` wrote", folder.display())]
    NoCheckpoints { folder: PathBuf },
    #[error("there is no good checkpoint in {}: {}", folder.display(), reasons(refused))]
    NoneGood { folder: PathBuf, refused: Vec<Refusal> },
    #[error(transparent)]
    Past(#[from] PastError),
}

fn reasons(refused: &[Refusal]) -> String {
    refused.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; ")
}

impl Continuation {
    /// Reads a folder that `anneal train` wrote.
    ///
    /// # Errors
    /// When it has no good checkpoint, or its metrics cannot be read.
    pub fn read(folder: &Path) -> Result<Self, ContinueError> {
        let checkpoints = folder.join("checkpoints");
        let found = newest_good(&checkpoints)
            .map_err(|_| ContinueError::NoCheckpoints { folder: checkpoints.clone() })?;
        let Some((_, checkpoint)) = found.newest else {
            return Err(if found.refused.is_empty() {
                ContinueError::NoCheckpoints { folder: checkpoints }
            } else {
                ContinueError::NoneGood { folder: checkpoints, refused: found.refused }
            });
        };
        let file = folder.join("metrics.csv");
        let past = file.exists().then(|| Past::read(&file, &checkpoint, |_| ())).transpose()?;
        let refused = found.refused.iter().map(Refusal::to_string).collect();
        let mut earlier = good_before(&checkpoints, checkpoint.update());
        earlier.retain(|before| before.is_of_the_training_of(&checkpoint));
        Ok(Self { checkpoint, past, earlier, refused })
    }
}

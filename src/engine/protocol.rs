//! The engine's protocol: what the interface asks of it, and what it answers.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::analysis::detect::Policy;
use crate::train::checkpoint::{Checkpoint, Continuation, Forget};
use crate::train::device::Choice;
use crate::train::errand::Errand;
use crate::train::ids::{LaneId, Mode, Revision, RunId, SnapshotId};

/// How fast the playhead moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Speed {
    #[default]
    Unlimited,
    /// Updates a second.
    Limited(f64),
}

/// Where a picture of a model's output over a plane of inputs is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRequest {
    pub lane: LaneId,
    /// The plane in data coordinates: left, right, bottom, top.
    pub bounds: [f32; 4],
    /// Samples along each side, the outer ones on the bounds.
    pub side: usize,
}

/// A model's output over a plane of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub request: FieldRequest,
    pub update: u64,
    pub outputs: usize,
    /// Row by row from the bottom, `side * side * outputs`: class probabilities, or predicted values.
    pub values: Vec<f32>,
}

/// How training is watched over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guard {
    pub policy: Policy,
    /// The longest the training may take, in seconds; no limit without a number.
    pub time_limit: Option<f64>,
}

/// Which plane of parameter space is to be surveyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurveyRequest {
    /// The weights themselves, of a model that has two.
    Weights,
    /// The two directions in which the weights of all lanes moved most.
    Trajectory,
    /// Two random directions around where a lane stands.
    Random(LaneId),
    /// From one snapshot to another, and a random direction across.
    Between(SnapshotId, SnapshotId),
}

#[derive(Clone, Debug)]
pub enum Command {
    Play,
    Pause,
    /// One update, then pause.
    Step,
    /// Back to update 0 with fresh weights, playing.
    Restart,
    Speed(Speed),
    /// The experiment was edited: runs that stayed the same keep what they learned, new ones catch up.
    Revise(Arc<Revision>, Mode),
    /// Train elsewhere from the next update on.
    Device(Choice),
    /// Keep this picture fresh, or none.
    Watch(Option<FieldRequest>),
    /// Work beside the training; one that is under way is cancelled for it.
    Errand(Errand),
    /// Take a snapshot of every lane where it is now.
    Capture,
    /// Answer with the whole state, between two updates; with the reason where there is none.
    Save(SyncSender<Result<Checkpoint, String>>),
    /// One run back to update 0 with fresh weights; the others wait until it has caught up.
    Begin(RunId),
    /// What to do when something goes wrong.
    Guard(Guard),
    /// Put these lanes under the microscope, and no others.
    Examine(Vec<LaneId>),
    /// Put all lanes where they were at the moment of a snapshot, and pause.
    Travel(SnapshotId, Forget),
    /// Go on with a saved training, whose experiment is the revision in effect, and pause.
    Continue(Arc<Continuation>, Forget),
    /// Keep the loss over this plane surveyed, or none.
    Survey(Option<SurveyRequest>),
}

/// What the engine is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Reading data, before the first update.
    #[default]
    Preparing,
    Playing,
    Paused,
    /// Every lane has reached the end of the run.
    Finished,
    /// Nothing can train, and why; a new revision tries again.
    Failed(String),
}

/// Where the cohort stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub state: State,
    /// Updates every lane has done.
    pub update: u64,
    /// Updates of the whole run.
    pub updates: u64,
    pub updates_per_epoch: u64,
    /// The newest revision in effect.
    pub generation: u64,
    /// Lane-updates a second, over the last moments of training.
    pub lane_updates_per_second: f64,
    /// Seconds of training in an update, in the mean so far.
    pub seconds_per_update: Option<f64>,
    /// Where it trains, in words, and what was asked for.
    pub device: String,
    /// The device alone, without why.
    pub device_name: String,
    pub choice: Choice,
    /// The loss of knowing only how often each answer occurs, in nats.
    pub chance_loss: Option<f64>,
    /// Learnable numbers of one lane.
    pub parameters: usize,
    /// Samples to train on, and those of one micro-batch.
    pub samples: usize,
    pub batch: usize,
}

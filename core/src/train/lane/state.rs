//! What a lane carries from update to update, apart from its row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Lane, PartState};
use crate::model::Score;
use crate::schedule::ScheduleError;
use crate::train::control::{Control, ControlState};
use crate::train::optimizer;
use crate::train::scaler::{ScaleState, Scaler};
use crate::train::stopper::{StopState, Stopper};
use crate::train::team::TeamState;

/// Everything but its weights and buffers that a lane's next update depends on.
///
/// The order of the samples is not here: it is a pure function of seed and epoch. Neither is the
/// accumulation, since a lane is always between two updates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// Updates done.
    pub update: u64,
    /// The update at which the schedule began, 0 unless it was forgotten on the way.
    pub schedule_from: u64,
    /// The update at which the optimizer's buffers began, 0 unless they were forgotten on the way; later by
    /// each update that was left out since.
    pub optimizer_from: u64,
    /// What the optimizer remembers beside its buffers; older checkpoints know of schedule-free ones only.
    #[serde(default, alias = "averaging")]
    scalars: Vec<Bits>,
    /// What is known of each parameter once some were frozen; older checkpoints have none.
    #[serde(default)]
    parts: Vec<PartState>,
    /// Micro-batches dealt beyond those of the experiment's own batch; older checkpoints have none.
    #[serde(default)]
    extra: i64,
    #[serde(with = "in_toml")]
    pub control: Option<ControlState>,
    /// The training loss summed over the epoch so far, and how many updates that are.
    epoch_loss: (Bits, u64),
    /// The newest validation of the epoch so far: loss, right ones, all.
    epoch_score: Option<(Bits, u64, u64)>,
    /// The newest validation loss.
    val_loss: Option<Bits>,
    /// The losses of all batches so far, summed, and how many there were, where the data has phases; older checkpoints
    /// have none.
    #[serde(default)]
    seen: (Bits, u64),
    /// The shares that were predicted right, summed; older checkpoints have none.
    #[serde(default)]
    seen_right: Option<Bits>,
    /// Where the members of a team stand; older checkpoints have none.
    #[serde(default)]
    pub(in crate::train) team: Option<TeamState>,
    /// What early stopping has seen; older checkpoints have none.
    #[serde(default)]
    stop: Option<StopState>,
    /// Where the loss scale stands; older checkpoints have none.
    #[serde(default)]
    scale: Option<ScaleState>,
    pub diverged_at: Option<u64>,
    pub failed: Option<String>,
}

impl LaneState {
    /// Whether the lane can make another update before the end of the run.
    pub fn can_train(&self) -> bool {
        self.failed.is_none() && !self.has_stopped()
    }

    /// Whether the lane was stopped before its end.
    pub fn has_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.has_stopped())
    }

    /// The newest validation loss.
    pub fn val_loss(&self) -> Option<f64> {
        self.val_loss.map(f64::from)
    }
}

/// A number kept bit by bit: JSON has no infinity and no NaN, and a run that diverged has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bits(u64);

impl From<f64> for Bits {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

impl From<Bits> for f64 {
    fn from(bits: Bits) -> Self {
        Self::from_bits(bits.0)
    }
}

/// A controller's numbers as TOML text inside the JSON: it writes infinity and NaN, too.
mod in_toml {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ControlState;

    pub fn serialize<S: Serializer>(control: &Option<ControlState>, to: S) -> Result<S::Ok, S::Error> {
        let text = control.as_ref().map(toml::to_string).transpose().map_err(S::Error::custom)?;
        text.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ControlState>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| toml::from_str(&text)).transpose().map_err(D::Error::custom)
    }
}

impl Lane {
    /// What a checkpoint has to keep besides the lane's row.
    pub fn state(&self) -> LaneState {
        LaneState {
            update: self.update,
            schedule_from: self.schedule_from,
            optimizer_from: self.optimizer_from,
            scalars: self.scalars.iter().copied().map(Bits::from).collect(),
            parts: self.parts.clone(),
            extra: self.extra,
            control: self.controller.as_ref().map(Control::state),
            epoch_loss: (self.epoch_loss.0.into(), self.epoch_loss.1),
            epoch_score: self.epoch_score.map(|score| (score.loss.into(), score.correct, score.count)),
            val_loss: self.val_loss.map(Bits::from),
            seen: (self.seen.0.into(), self.seen.1),
            seen_right: self.seen_right.map(Bits::from),
            team: self.team.as_ref().map(|team| team.state()),
            stop: self.stopper.as_ref().map(Stopper::state),
            scale: self.scaler.as_ref().map(Scaler::state),
            diverged_at: self.diverged_at,
            failed: self.failed.clone(),
        }
    }

    /// Goes on from a state of a lane that followed the same run plan so far. Nothing measured before stays in
    /// the log. Where another optimizer's plan begins, its updates are counted from 0.
    ///
    /// # Errors
    /// When the state of the controller is none that a run leaves; the lane is then as it was.
    pub fn restore(&mut self, state: &LaneState) -> Result<(), ScheduleError> {
        // What the controller knows, it learned under the plan of the last update.
        let plan = Arc::clone(self.run_plan.plan(state.update.saturating_sub(1)));
        self.controller = match (plan.control.clone(), &state.control) {
            (Some(fresh), Some(state)) => Some(fresh.resume(state)?),
            (fresh, _) => fresh,
        };
        self.plan = plan;
        self.update = state.update;
        self.schedule_from = state.schedule_from;
        self.optimizer_from = state.optimizer_from;
        self.scalars = state.scalars.iter().copied().map(f64::from).collect();
        self.scalars.resize(optimizer::rule(self.plan.kind).scalars(), 0.0);
        self.parts.clone_from(&state.parts);
        self.extra = state.extra;
        self.epoch_loss = (state.epoch_loss.0.into(), state.epoch_loss.1);
        self.epoch_score =
            state.epoch_score.map(|(loss, correct, count)| Score { loss: loss.into(), correct, count });
        self.order_epoch = None;
        self.seen = (state.seen.0.into(), state.seen.1);
        self.seen_right = state.seen_right.map(f64::from);
        self.val_loss = state.val_loss();
        if let (Some(stopper), Some(state)) = (&mut self.stopper, state.stop) {
            stopper.resume(state);
        }
        if let (Some(scaler), Some(state)) = (&mut self.scaler, state.scale) {
            scaler.resume(state);
        }
        self.diverged_at = state.diverged_at;
        self.failed.clone_from(&state.failed);
        self.log.clear();
        self.name_groups();
        let _ = self.turn();
        Ok(())
    }

    /// Begins the schedule, and the controller that multiplies it, from their start at the next update: what a
    /// training does that saved its weights and lost its scheduler.
    pub fn forget_schedule(&mut self) {
        self.schedule_from = self.update;
        self.controller = self.plan.control.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_checkpoints_average_is_read() {
        let mut value = serde_json::to_value(LaneState::default()).unwrap();
        let fields = value.as_object_mut().unwrap();
        let bits = [0.5_f64.to_bits(), 2.0_f64.to_bits()];
        assert!(fields.remove("scalars").is_some());
        fields.insert("averaging".to_owned(), serde_json::json!(bits));
        let state: LaneState = serde_json::from_value(value).unwrap();
        assert_eq!(state.scalars.into_iter().map(f64::from).collect::<Vec<_>>(), [0.5, 2.0]);
    }
}

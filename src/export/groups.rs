//! What a run says of its parameter groups, as exports need it.

use super::knots::Knots;
use super::track::Track;
use super::{ExportError, formula};
use crate::experiment::group::Group;
use crate::experiment::{GroupRate, Run};
use crate::schedule::Clock;

/// A parameter group, resolved.
pub struct GroupTrack {
    pub name: String,
    pub rate: GroupTrackRate,
    pub weight_decay: Option<f64>,
    /// The first update that trains it.
    pub thaw: u64,
}

pub enum GroupTrackRate {
    /// The run's rate times this.
    Factor(f64),
    Own(Track),
}

impl GroupTrack {
    /// # Errors
    /// When a schedule of a group cannot be resolved.
    pub fn all(run: &Run, clock: Clock) -> Result<Vec<Self>, ExportError> {
        let one = |group: &Group| {
            let rate = match &group.lr {
                GroupRate::Factor(factor) => GroupTrackRate::Factor(*factor),
                GroupRate::Schedule(own) => {
                    let curve = own.resolve(clock)?;
                    let knots = || {
                        let values: Vec<f64> = (0..clock.updates).map(|update| curve.at(update)).collect();
                        Track::Knots(Knots::through(&values))
                    };
                    let track = formula::of(own, &curve, clock).map_or_else(knots, Track::Formula);
                    GroupTrackRate::Own(track)
                }
            };
            Ok(Self {
                name: group.name().to_owned(),
                rate,
                weight_decay: group.weight_decay,
                thaw: group.freeze.map_or(0, |span| span.whole_updates(clock)),
            })
        };
        run.groups.iter().map(one).collect()
    }

    /// What its schedule is, for a comment in double quotes.
    pub fn about(&self) -> String {
        format!("The rate of the group {}.", self.name.replace(['\\', '"'], "'"))
    }

    /// The rate at an update where the run's is `lr`.
    pub fn at(&self, update: u64, lr: f64) -> f64 {
        match &self.rate {
            _ if update < self.thaw => 0.0,
            GroupTrackRate::Factor(factor) => lr * factor,
            GroupTrackRate::Own(track) => track.at(update),
        }
    }
}

/// What a target can say of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Groups {
    /// Groups, their schedules, decays and freezes.
    All,
    /// No groups; every parameter decays, or only matrices do, as one wants.
    Decay,
    /// No groups, and every parameter decays.
    #[default]
    None,
    /// No groups, and only matrices decay, whatever one wants: transformers' Trainer and timm.
    Matrices,
}

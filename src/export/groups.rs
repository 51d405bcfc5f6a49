//! What a run says of its parameter groups, as exports need it.

use super::recipe::{Recipe, Track};
use super::{ExportError, formula, knots::Knots};
use crate::experiment::{Decay, GroupRate, Run};
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
        let one = |group: &crate::experiment::Group| {
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
    /// No groups, and every parameter decays.
    #[default]
    None,
    /// No groups, and only matrices decay, whatever one wants: transformers' Trainer and timm.
    Matrices,
}

/// One sentence for each thing said of single parameters: carried, changed or left out.
pub fn notes(recipe: &Recipe<'_>, carries: Groups) -> Vec<String> {
    let mut notes = Vec::new();
    for group in &recipe.groups {
        let mut what = match &group.rate {
            GroupTrackRate::Factor(1.0) => "at the run's rate".to_owned(),
            GroupTrackRate::Factor(factor) => format!("at {factor:?} times the rate"),
            GroupTrackRate::Own(_) => "on a schedule of its own".to_owned(),
        };
        if let Some(decay) = group.weight_decay {
            what.push_str(&format!(", weight decay {decay:?}"));
        }
        if group.thaw > 0 {
            what.push_str(&format!(", frozen for {} updates", group.thaw));
        }
        notes.push(if carries == Groups::All {
            format!("Carried: the parameter group \"{}\" ({what}).", group.name)
        } else {
            format!(
                "Left out: the parameter group \"{}\" ({what}); all of its parameters learn as the rest does.",
                group.name
            )
        });
    }
    let decays = recipe.number("weight_decay") > 0.0 || recipe.varying("weight_decay").is_some();
    match (recipe.run.decay, carries) {
        (Decay::Matrices, Groups::All | Groups::Matrices) if decays => {
            notes.push("Carried: biases and norms do not decay.".to_owned());
        }
        (Decay::Matrices, Groups::None) if decays => {
            notes.push("Left out: decay = \"matrices\"; biases and norms decay there, too.".to_owned());
        }
        (Decay::All, Groups::Matrices) if decays => notes.push(
            "Changed: biases and norms do not decay there; decay = \"matrices\" trains the same here."
                .to_owned(),
        ),
        _ => {}
    }
    notes
}

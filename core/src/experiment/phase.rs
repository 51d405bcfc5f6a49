//! Phases of the data: stretches of a run in which training sees other samples.

use std::sync::Arc;

use super::Experiment;
use crate::data::{Alteration, Poison, SampleOrder, Shift};
use crate::schedule::kind::{Kind, Value};
use crate::schedule::{Clock, Schedule, Span};

/// The most phases of an experiment.
pub const MOST: usize = 8;

/// A stretch of the run with training data of its own. What it does not say is as `[data]` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Unique among the phases.
    pub name: Arc<str>,
    /// Nothing for the last one, which has what is left.
    pub length: Option<Span>,
    /// Another shipped data set, of the same shape and number of classes.
    pub source: Option<String>,
    /// Only samples of these classes, in order; nothing is all of them.
    pub classes: Option<Vec<u32>>,
    /// The share of training labels replaced by random ones.
    pub label_noise: Option<f64>,
    pub shift: Shift,
    pub order: SampleOrder,
    pub poison: Option<Poison>,
}

impl Phase {
    /// A phase of this name and length that sees what `[data]` says.
    pub fn new(name: &str, length: Option<Span>) -> Self {
        Self {
            name: name.into(),
            length,
            source: None,
            classes: None,
            label_noise: None,
            shift: Shift::default(),
            order: SampleOrder::default(),
            poison: None,
        }
    }

    /// What its place among the phases makes of the data, where `[data]` has this label noise.
    pub fn alteration(&self, index: usize, label_noise: f64) -> Alteration {
        Alteration {
            index: index as u64,
            classes: self.classes.clone(),
            label_noise: self.label_noise.unwrap_or(label_noise),
            shift: self.shift,
            order: self.order,
            poison: self.poison,
        }
    }

    /// Whether held-out samples are those of another phase, too.
    pub fn validates_as(&self, other: &Self) -> bool {
        (&self.source, &self.classes, self.shift) == (&other.source, &other.classes, other.shift)
    }
}

/// The updates at which the phases begin, the first at 0. Lengths are rounded one by one, as those of a sequence's parts
/// are.
pub fn begins(phases: &[Phase], clock: Clock) -> Vec<u64> {
    let mut at = 0_u64;
    let begin = |phase: &Phase| {
        let begins = at;
        at = at.saturating_add(phase.length.map_or(0, |length| length.whole_updates(clock)));
        begins
    };
    phases.iter().map(begin).collect()
}

impl Experiment {
    /// Gives the parts of sequences that follow a phase its length: what an edit of the phases calls for. A part whose
    /// phase is gone, or is the last one now, keeps the length it has.
    pub fn follow_phases(&mut self) {
        let phases = &self.data.phases;
        for run in &mut self.runs {
            follow(&mut run.lr, phases);
        }
    }
}

fn follow(schedule: &mut Schedule, phases: &[Phase]) {
    let kind = &mut schedule.kind;
    for field in Kind::fields(kind.name()).unwrap_or_default() {
        let followed = match kind.get(field.name) {
            Some(Value::Parts(mut parts)) => {
                for part in &mut parts {
                    follow(&mut part.schedule, phases);
                    let Some(name) = &part.phase else { continue };
                    match phases.iter().find(|phase| phase.name == *name).and_then(|phase| phase.length) {
                        Some(length) if part.length.is_some() => part.length = Some(length),
                        _ => part.phase = None,
                    }
                }
                Value::Parts(parts)
            }
            Some(Value::Factors(mut factors)) => {
                factors.iter_mut().for_each(|factor| follow(factor, phases));
                Value::Factors(factors)
            }
            _ => continue,
        };
        kind.set(field.name, followed);
    }
}

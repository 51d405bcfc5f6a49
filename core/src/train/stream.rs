//! The samples of runs whose data has phases: those of all phases in one table, and which of its rows an update sees.
//!
//! Rows of the whole data set come first, so that whatever asks for training samples by their number finds the same ones
//! as without phases.

use std::ops::Range;
use std::sync::Arc;

use super::team::member_names;
use super::{Misfit, TrainError};
use crate::data::{Altered, Prepared, SampleOrder, Samples};
use crate::experiment::Experiment;
use crate::experiment::phase::{self, Phase};
use crate::schedule::Clock;
use crate::telemetry::{GroupNames, MOST_PHASES, phase_name};

const _: () = assert!(phase::MOST == MOST_PHASES, "a row has room for every phase");

/// Stages of a curriculum.
const STAGES: u64 = 5;

/// The data of all phases.
#[derive(Debug)]
pub struct Phased {
    /// The whole training part, then that of each phase.
    pub train: Samples,
    /// The held-out samples of the phases that have others than the whole data set.
    pub validation: Samples,
    /// In the order of their updates; the first begins at 0.
    segments: Vec<Segment>,
    phases: Vec<Part>,
    /// The names of the phases' columns.
    names: Arc<[Arc<str>]>,
}

/// A stretch of updates that see the same samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first update.
    pub from: u64,
    /// Its first row.
    pub first: u32,
    pub samples: usize,
}

/// What is known of a phase.
#[derive(Clone, Debug)]
struct Part {
    /// Its held-out samples, as rows of the stream's; nothing where they are those of the whole data set.
    held_out: Option<Range<u32>>,
    /// Its training rows.
    rows: Range<u32>,
    mislabelled: Vec<u32>,
}

impl Phased {
    /// The stream of an experiment with phases; nothing of one without.
    ///
    /// # Errors
    /// When a phase, or the first stage of its curriculum, has fewer samples than an update takes at once.
    pub fn new(
        experiment: &Experiment,
        prepared: &Prepared,
        clock: Clock,
        batch: usize,
    ) -> Result<Option<Self>, TrainError> {
        let phases = &experiment.data.phases;
        let Prepared::Samples { train, validation, phases: altered, .. } = prepared else { return Ok(None) };
        if phases.is_empty() {
            return Ok(None);
        }
        let mut stream = Self {
            train: train.clone(),
            validation: validation.select(&[]),
            segments: Vec::new(),
            phases: Vec::new(),
            names: phases.iter().map(|phase| phase_name(&phase.name).into()).collect(),
        };
        let begins = phase::begins(phases, clock);
        let ends = begins.iter().skip(1).copied().chain([clock.updates]);
        let plain = Phase::new("", None);
        for (at, ((phase, altered), (begin, end))) in
            phases.iter().zip(altered.iter()).zip(begins.iter().copied().zip(ends)).enumerate()
        {
            if begin >= clock.updates && clock.updates > 0 {
                let (name, updates) = (phase.name.to_string(), clock.updates);
                return Err(Misfit::LatePhase { name, begins: begin, updates }.into());
            }
            if altered.train.len() < batch {
                let (name, samples) = (phase.name.to_string(), altered.train.len());
                return Err(Misfit::Phase { name, batch, samples }.into());
            }
            let held_out = match phases.iter().take(at).position(|other| other.validates_as(phase)) {
                Some(known) => stream.phases.get(known).and_then(|part| part.held_out.clone()),
                None if phase.validates_as(&plain) => None,
                None => Some(append(&mut stream.validation, &altered.validation)),
            };
            let rows = append(&mut stream.train, &altered.train);
            stream.segments.extend(segments(phase, altered, rows.start, (begin, end), batch));
            let mislabelled = altered.mislabelled.iter().map(|row| row + rows.start).collect();
            stream.phases.push(Part { held_out, rows, mislabelled });
        }
        Ok(Some(stream))
    }

    /// The stretch that an update is in, and its place among them.
    pub fn segment(&self, update: u64) -> (usize, Segment) {
        let at = self.segments.partition_point(|segment| segment.from <= update).saturating_sub(1);
        (
            at,
            self.segments.get(at).copied().unwrap_or(Segment {
                from: 0,
                first: 0,
                samples: self.train.len(),
            }),
        )
    }

    /// The names of the phases' columns, in the order of the phases.
    pub fn names(&self) -> &Arc<[Arc<str>]> {
        &self.names
    }

    /// Of each phase, its held-out samples as rows of [`Phased::validation`]; nothing where they are those of the whole
    /// data set.
    pub fn held_out(&self) -> impl Iterator<Item = Option<Range<u32>>> + '_ {
        self.phases.iter().map(|part| part.held_out.clone())
    }

    /// The training rows that some phase sees, and which of them have a wrong label, each in order.
    pub fn rows(&self) -> (impl Iterator<Item = u32> + '_, Vec<u32>) {
        let wrong = self.phases.iter().flat_map(|part| part.mislabelled.iter().copied()).collect();
        (self.phases.iter().flat_map(|part| part.rows.clone()), wrong)
    }
}

/// What the columns of an experiment's parameter groups and of its phases or members are called, in the order of files.
pub fn column_names(experiment: &Experiment) -> GroupNames {
    let phases = experiment.data.phases.iter().map(|phase| phase_name(&phase.name).into());
    let members = experiment.team.as_ref().map(member_names).unwrap_or_default();
    experiment.group_names().iter().cloned().chain(phases).chain(members.iter().cloned()).collect()
}

/// The stretches of a phase: one, or the stages of a curriculum.
fn segments(
    phase: &Phase,
    altered: &Altered,
    first: u32,
    (begin, end): (u64, u64),
    batch: usize,
) -> Vec<Segment> {
    let all = altered.train.len();
    if phase.order == SampleOrder::Shuffled {
        return vec![Segment { from: begin, first, samples: all }];
    }
    let updates = end.saturating_sub(begin);
    let stage = |at: u64| Segment {
        from: begin + (u128::from(updates) * u128::from(at) / u128::from(STAGES)) as u64,
        first,
        samples: (all * (at as usize + 1)).div_ceil(STAGES as usize).max(batch),
    };
    (0..STAGES).map(stage).collect()
}

/// Adds samples behind others of the same kind; the rows they become.
fn append(to: &mut Samples, more: &Samples) -> Range<u32> {
    let from = to.len() as u32;
    to.append(more);
    from..to.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Split};

    #[test]
    fn a_curriculum_grows_from_a_fifth_to_all_of_its_samples() {
        let digits = Dataset::load("digits").unwrap();
        let split = Split { seed: 0, validation: 0.2, label_noise: 0.0, limit: Some(500) };
        let phase = Phase { order: SampleOrder::EasyFirst, ..Phase::new("only", None) };
        let altered = digits.alter(&split, &phase.alteration(0, 0.0)).unwrap();
        let stages = segments(&phase, &altered, 7, (100, 200), 32);
        let expected = [(100, 100), (120, 200), (140, 300), (160, 400), (180, 500)];
        assert_eq!(stages, expected.map(|(from, samples)| Segment { from, first: 7, samples }));
        let hardness = crate::data::difficulty(&altered.train).unwrap();
        let mean = |range: Range<usize>| hardness[range.clone()].iter().sum::<f64>() / range.len() as f64;
        assert!(mean(0..100) < mean(200..300) && mean(200..300) < mean(400..500));
    }
}

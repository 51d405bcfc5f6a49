//! What panels keep between frames that ask the engine for long work: settings, work on its way, answers.

use crate::analysis::audit::{Audit, RunRecord};
use crate::analysis::baseline::{self, Baseline};
use crate::analysis::noise_scale::{self, Batching, Keep, Measured, Scaling};
use crate::analysis::proof::{self, Proof, Under, neighbours};
use crate::analysis::range_test::{self, Options, RangeTest, Start};
use crate::analysis::suggest::Rule;
use crate::engine::protocol::Command;
use crate::experiment::{Data, Experiment, Model, Optimizer, Run, Train};
use crate::train::ids::{LaneId, RunId};

use super::asked::Asked;
use super::studio::Studio;
use super::view::Context;

/// What of an experiment an answer depends on: with another of these it says nothing any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    data: Data,
    model: Model,
    train: Train,
    optimizer: Optimizer,
}

impl Basis {
    fn of(experiment: &Experiment, run: &Run) -> Self {
        Self {
            data: experiment.data.clone(),
            model: experiment.model.clone(),
            train: experiment.train.clone(),
            optimizer: run.optimizer.clone(),
        }
    }
}

/// The range test of the selected run.
#[derive(Debug)]
pub struct RangeLab {
    pub seeds: u64,
    pub updates: u64,
    pub start: Start,
    /// The suggestion that is looked at.
    pub rule: Option<Rule>,
    pub under: Under,
    pub test: Asked<RangeTest>,
    /// What the test was of.
    pub of: Option<(RunId, Basis)>,
    pub proof: Asked<Vec<Proof>>,
}

impl Default for RangeLab {
    fn default() -> Self {
        let Options { updates, seeds, .. } = Options::default();
        Self {
            seeds: seeds as u64,
            updates: updates as u64,
            start: Start::Fresh,
            rule: None,
            under: Under::OneCycle,
            test: Asked::default(),
            of: None,
            proof: Asked::default(),
        }
    }
}

/// Another batch for the experiment.
#[derive(Debug, Default)]
pub struct BatchLab {
    /// What is thought of; as the experiment has it without one.
    pub to: Option<Batching>,
    pub keep: Option<Keep>,
    pub scaling: Option<Scaling>,
    pub noise: Asked<Measured>,
    pub of: Option<RunId>,
}

/// The audit of what is trained.
#[derive(Debug, Default)]
pub struct ReportLab {
    pub baseline: Asked<Baseline>,
    /// What the baseline is of.
    pub of: Option<Basis>,
    /// The newest audit, and the state of telemetry and baseline it was made of.
    audit: Option<((u64, bool), Audit)>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Lab {
    pub range: RangeLab,
    pub batch: BatchLab,
    pub report: ReportLab,
    /// What the glossary is searched for.
    pub term: String,
}

impl Lab {
    /// Whether an answer is on its way.
    pub fn is_busy(&self) -> bool {
        let Self { range, batch, report, .. } = self;
        let shares = [
            range.test.progress(),
            range.proof.progress(),
            batch.noise.progress(),
            report.baseline.progress(),
        ];
        shares.iter().any(Option::is_some)
    }
}

impl Studio {
    /// Takes in what has come. An edit cancels what it makes meaningless; a range test, for which training rests,
    /// ends also when another panel than its own is `shown`.
    pub fn poll_lab(&mut self, shown: Option<Context>) {
        let generation = self.document.generation();
        let lab = &mut self.lab;
        lab.range.test.poll(|asked| asked == generation && shown == Some(Context::RangeTest));
        lab.range.proof.poll(|asked| asked == generation);
        lab.batch.noise.poll(|asked| asked == generation);
        if self.lab.report.baseline.progress().is_some() {
            // A baseline has no schedule, so those of the runs may change meanwhile.
            let wanted = self.lab.report.of == self.document.first().and_then(|first| self.basis(first));
            self.lab.report.baseline.poll(|_| wanted);
        }
    }

    /// Sweeps the selected run.
    pub fn test_range(&mut self) {
        let run = self.view.selected;
        let Some(basis) = self.basis(run) else { return };
        let lab = &mut self.lab.range;
        let options =
            Options { seeds: lab.seeds as usize, updates: lab.updates as usize, ..Options::default() };
        let (errand, promise) = range_test::errand(run, options, lab.start);
        lab.test.wait(self.document.generation(), promise);
        lab.proof = Asked::default();
        lab.of = Some((run, basis));
        self.tell(Command::Errand(errand));
    }

    /// Trains the selected run with this peak, a third and three times of it.
    pub fn prove(&mut self, peak: f64) {
        let lab = &mut self.lab.range;
        let (errand, promise) =
            proof::errand(self.view.selected, neighbours(peak).to_vec(), lab.seeds as usize, lab.under);
        lab.proof.wait(self.document.generation(), promise);
        self.tell(Command::Errand(errand));
    }

    /// Estimates the noise scale where the selected run stands.
    pub fn measure_noise(&mut self) {
        let run = self.view.selected;
        let (errand, promise) = noise_scale::errand(LaneId { run, replica: 0 });
        self.lab.batch.noise.wait(self.document.generation(), promise);
        self.lab.batch.of = Some(run);
        self.tell(Command::Errand(errand));
    }

    /// Tunes the constant rate that the report compares with.
    pub fn tune_baseline(&mut self) {
        let Some(basis) = self.document.first().and_then(|first| self.basis(first)) else { return };
        let (errand, promise) = baseline::errand();
        self.lab.report.baseline.wait(self.document.generation(), promise);
        self.lab.report.of = Some(basis);
        self.tell(Command::Errand(errand));
    }

    /// Whether the range test was of the selected run as it is now, its schedule apart.
    pub fn range_is_current(&self) -> bool {
        let of = self.lab.range.of.as_ref();
        of.is_some_and(|(run, basis)| *run == self.view.selected && self.basis(*run).as_ref() == Some(basis))
    }

    /// What was trained so far, in the tables of the report: against the tuned baseline where there is one for this
    /// experiment, otherwise against the first run with a constant rate, or the first.
    pub fn audit(&mut self) -> Option<&Audit> {
        let basis = self.document.first().and_then(|first| self.basis(first));
        let tuned = self.lab.report.baseline.answer().filter(|_| self.lab.report.of == basis);
        let state = (self.frame.tallies.stamp, tuned.is_some());
        if self.lab.report.audit.as_ref().is_none_or(|(of, _)| *of != state) {
            let records = self.records();
            let title = &self.document.experiment().name;
            let audit = match tuned.cloned() {
                Some(baseline) => baseline.audit(title, records),
                None => Audit::of_runs(self.document.experiment(), records),
            };
            self.lab.report.audit = Some((state, audit));
        }
        self.lab.report.audit.as_ref().map(|(_, audit)| audit)
    }

    fn records(&self) -> Vec<RunRecord> {
        let lanes = &self.frame.tallies.lanes;
        let record = |(row, run): (super::document::Row, &Run)| {
            let of_run = lanes.iter().filter(|(id, _)| id.run == row.id);
            RunRecord::new(run, of_run.map(|(_, tally)| tally.clone()).collect())
        };
        self.document.runs().map(record).collect()
    }

    fn basis(&self, run: RunId) -> Option<Basis> {
        Some(Basis::of(self.document.experiment(), self.document.run(run)?))
    }
}

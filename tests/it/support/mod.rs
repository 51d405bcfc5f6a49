//! What tests of every room share: experiments as texts to change, trainings of them, and waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anneal_studio::engine::{Engine, Shared};
use anneal_studio::experiment::Experiment;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::{Revision, RunId};

/// A text that tests change before they use it.
pub trait Fixture {
    /// The text with every `from` replaced. Fails where there is none: a test that changes nothing proves nothing.
    fn with(&self, from: &str, to: &str) -> String;
}

impl Fixture for str {
    #[track_caller]
    fn with(&self, from: &str, to: &str) -> String {
        assert!(self.contains(from), "there is no {from:?} to replace in\n{self}");
        self.replace(from, to)
    }
}

/// The experiment in a text as an engine is given it.
#[track_caller]
pub fn revision(text: &str, generation: u64) -> Arc<Revision> {
    let experiment = Experiment::parse(text, "test.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    revision_of(experiment, generation)
}

pub fn revision_of(experiment: Experiment, generation: u64) -> Arc<Revision> {
    let ids = (0..experiment.runs.len() as u32).map(RunId).collect();
    Arc::new(Revision { generation, experiment, ids })
}

pub fn pool(threads: usize) -> Arc<rayon::ThreadPool> {
    Arc::new(anneal_studio::train::pool(Some(threads)).expect("threads"))
}

/// The lanes of the experiment in a text, on so many threads.
#[track_caller]
pub fn cohort(text: &str, threads: usize) -> Cohort {
    Cohort::new(revision(text, 0), pool(threads)).expect("the test's experiment trains")
}

/// Waits until it is done, and fails after a minute.
#[track_caller]
pub fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "still waiting for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until what an engine shows is as wanted.
#[track_caller]
pub fn wait_for(engine: &Engine, what: &str, done: impl Fn(&Shared) -> bool) {
    wait(what, || engine.read(&done));
}

/// An experiment that is the same in all tests, whatever the studio opens with: three runs on the digits.
pub fn digits() -> Experiment {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digits.toml");
    Experiment::open(path).expect("a shipped example")
}

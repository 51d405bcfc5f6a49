//! What the range test panel keeps: settings, work on its way, answers.

use crate::analysis::proof::{self, Proof, Under, neighbours};
use crate::analysis::range_test::{self, Options, RangeTest, Start};
use crate::analysis::suggest::Rule;
use crate::engine::protocol::Command;
use crate::train::TrainError;
use crate::train::ids::RunId;
use crate::ui::basis::Basis;
use crate::ui::latest::Latest;
use crate::ui::studio::Studio;

/// The range test of the selected run. Work is keyed by the generation of the document it was asked in.
#[derive(Debug)]
pub struct State {
    pub seeds: u64,
    pub updates: u64,
    pub start: Start,
    /// The suggestion that is looked at.
    pub rule: Option<Rule>,
    pub under: Under,
    pub test: Latest<u64, Result<RangeTest, TrainError>>,
    pub proof: Latest<u64, Result<Vec<Proof>, TrainError>>,
    /// What the test was of.
    of: Option<(RunId, Basis)>,
}

impl Default for State {
    fn default() -> Self {
        let Options { updates, seeds, .. } = Options::default();
        Self {
            seeds: seeds as u64,
            updates: updates as u64,
            start: Start::Fresh,
            rule: None,
            under: Under::OneCycle,
            test: Latest::default(),
            proof: Latest::default(),
            of: None,
        }
    }
}

/// Takes in what has come. An edit cancels what it makes meaningless, and the test, for which training rests, ends
/// also when another panel is shown.
pub fn poll(studio: &mut Studio, shown: bool) -> bool {
    let generation = studio.document.generation();
    let State { test, proof, .. } = studio.panels.of();
    test.poll(|| Err(TrainError::Cancelled));
    test.cancel_unless(|asked| *asked == generation && shown);
    proof.poll(|| Err(TrainError::Cancelled));
    proof.cancel_unless(|asked| *asked == generation);
    test.is_pending() || proof.is_pending()
}

/// Sweeps the selected run.
pub fn test(studio: &mut Studio) {
    let run = studio.view.selected;
    let Some(basis) = Basis::of(&studio.document, run) else { return };
    let generation = studio.document.generation();
    let state = studio.panels.of::<State>();
    let options =
        Options { seeds: state.seeds as usize, updates: state.updates as usize, ..Options::default() };
    let (errand, promise) = range_test::errand(run, options, state.start);
    state.test.restart(generation, promise);
    state.proof = Latest::default();
    state.of = Some((run, basis));
    studio.tell(Command::Errand(errand));
}

/// Trains the selected run with this peak, a third and three times of it.
pub fn prove(studio: &mut Studio, peak: f64) {
    let (run, generation) = (studio.view.selected, studio.document.generation());
    let state = studio.panels.of::<State>();
    let (errand, promise) = proof::errand(run, neighbours(peak).to_vec(), state.seeds as usize, state.under);
    state.proof.restart(generation, promise);
    studio.tell(Command::Errand(errand));
}

/// Whether the test was of the selected run as it is now, its schedule apart.
pub fn is_current(studio: &Studio) -> bool {
    let of = studio.panels.peek::<State>().and_then(|state| state.of.as_ref());
    of.is_some_and(|(run, basis)| {
        *run == studio.view.selected && Basis::of(&studio.document, *run).as_ref() == Some(basis)
    })
}

//! An experiment file that needs nothing beside it: one run, without what it refers to.

use super::recipe::Recipe;
use crate::experiment::{Experiment, Number, Run};
use crate::schedule::{Kind, Schedule};

/// The experiment with this run alone, and with the rates that its tables took from files.
pub(super) fn alone(recipe: &Recipe<'_>) -> Experiment {
    // Its origin is not there.
    let mut run = Run { fork: None, ..recipe.run.clone() };
    inline(&mut run.lr);
    for info in run.optimizer.kind.numbers() {
        if let Some(Number::Schedule(schedule)) = run.optimizer.get(info.name) {
            let mut schedule = schedule.clone();
            inline(&mut schedule);
            run.optimizer.set(info.name, Number::Schedule(schedule));
        }
    }
    Experiment { runs: vec![run], ..recipe.experiment.clone() }
}

fn inline(schedule: &mut Schedule) {
    match &mut schedule.kind {
        Kind::Listed(listed) => listed.values.file = None,
        Kind::Sequence(sequence) => sequence.parts.iter_mut().for_each(|part| inline(&mut part.schedule)),
        Kind::Product(product) => product.of.iter_mut().for_each(inline),
        _ => {}
    }
}

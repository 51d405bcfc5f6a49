//! Whether the best values are at the edge of the space: better ones may lie beyond it.

use super::trial::Trial;
use crate::experiment::Sweep;
use crate::experiment::sweep::{Range, Values};

/// How near to an end a value that was not chosen from a grid counts as being there.
const NEAR: f64 = 0.02;

/// A sentence for each axis whose best value is at an end that can be moved.
pub fn at_the_edge(sweep: &Sweep, best: &Trial) -> Vec<String> {
    let mut sentences = Vec::new();
    for axis in &sweep.over {
        let Values::Range(range) = &axis.values else { continue };
        let Some((_, value)) = best.values.iter().find(|(path, _)| *path == axis.path) else { continue };
        let Some(end) = range.number_of(value).and_then(|number| end(range, number)) else { continue };
        sentences.push(format!("the {end} edge of the space wins, {} = {value}: widen it", axis.path));
    }
    sentences
}

fn end(range: &Range, number: f64) -> Option<&'static str> {
    let share = range.share(number);
    // Below nothing there is nothing.
    if number <= range.from || share < NEAR {
        return Some("lower").filter(|_| range.from > 0.0);
    }
    (number >= range.to || share > 1.0 - NEAR).then_some("upper")
}

//! A number of the update as a text writes it.

use super::knots::Knots;
use crate::schedule::formula::Term;

/// A number as a text writes it: in closed form, or by its values at some updates.
pub enum Track {
    Formula(Term),
    Knots(Knots),
}

impl Track {
    pub fn at(&self, update: u64) -> f64 {
        match self {
            Self::Formula(formula) => formula.at(update as f64),
            Self::Knots(knots) => knots.at(update),
        }
    }

    pub fn values(&self, updates: u64) -> Vec<f64> {
        (0..updates).map(|update| self.at(update)).collect()
    }
}

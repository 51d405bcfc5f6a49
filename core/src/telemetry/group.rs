//! What an update measures of each parameter group: a table of columns, as [`super::Column`] is of the whole run.

use std::sync::Arc;

use super::series::Precision;

/// The most groups that a row has room for.
pub const MOST_GROUPS: usize = 8;

/// The names of the groups of a row, in the order of its values.
pub type GroupNames = Arc<[Arc<str>]>;

/// One measured quantity of a group. In files its column is `NAME:GROUP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupColumn {
    /// The rate that the update used for the group; the highest where layer decay makes them differ. 0 while frozen.
    Lr,
    /// The length of the group's weights after the update, measured when the held-out samples are scored.
    ParamNorm,
}

impl GroupColumn {
    pub const ALL: [Self; 2] = [Self::Lr, Self::ParamNorm];

    /// The name in files, before the group's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lr => "lr",
            Self::ParamNorm => "param_norm",
        }
    }

    pub(super) const fn precision(self) -> Precision {
        match self {
            Self::Lr => Precision::Double,
            Self::ParamNorm => Precision::Single,
        }
    }
}

/// What one update of one lane measured of its groups, in the order of the names that go with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupRow {
    count: u8,
    has_norms: bool,
    norms: [f32; MOST_GROUPS],
    rates: [f64; MOST_GROUPS],
}

impl GroupRow {
    /// The rates of at most [`MOST_GROUPS`] groups.
    pub fn new(rates: &[f64]) -> Self {
        let mut row = Self::default();
        for (slot, rate) in row.rates.iter_mut().zip(rates) {
            (*slot, row.count) = (*rate, row.count + 1);
        }
        row
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.count.into()
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the lengths of the groups' weights, as many as there are groups.
    pub fn set_norms(&mut self, norms: impl IntoIterator<Item = f32>) {
        self.norms.iter_mut().zip(norms).for_each(|(slot, norm)| *slot = norm);
        self.has_norms = self.count > 0;
    }

    /// The value of a group; nothing where this update did not measure it.
    pub fn get(&self, column: GroupColumn, group: usize) -> Option<f64> {
        if group >= self.len() {
            return None;
        }
        match column {
            GroupColumn::Lr => self.rates.get(group).copied(),
            GroupColumn::ParamNorm => {
                self.norms.get(group).filter(|_| self.has_norms).map(|norm| f64::from(*norm))
            }
        }
    }

    /// The value as a file has it; empty where there is none.
    pub(super) fn text(&self, column: GroupColumn, group: usize) -> String {
        match (column, self.get(column, group)) {
            (_, None) => String::new(),
            (GroupColumn::Lr, Some(rate)) => rate.to_string(),
            // The fewest digits of single precision.
            (GroupColumn::ParamNorm, Some(norm)) => (norm as f32).to_string(),
        }
    }
}

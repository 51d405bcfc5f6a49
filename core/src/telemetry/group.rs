//! What an update measures of each parameter group, phase of the data or member of a team: a table of columns, as
//! [`super::Column`] is of the whole run.

use std::sync::Arc;

use super::series::Precision;

/// The most groups that a row has room for.
pub const MOST_GROUPS: usize = 8;
/// The most phases that a row has room for.
pub const MOST_PHASES: usize = 8;
/// The most clients or workers that a row has room for, the first ones.
pub const MOST_MEMBERS: usize = 8;

/// Where the name of a phase begins among those of groups: no parameter's name has a colon.
const PHASE: &str = "phase:";

/// What the columns of the phase of this name are called.
pub fn phase_name(name: &str) -> String {
    format!("{PHASE}{name}")
}

/// The phase whose columns are called so; nothing of a parameter group's.
pub fn phase_of(name: &str) -> Option<&str> {
    name.strip_prefix(PHASE)
}

/// Where the names of members begin.
const MEMBERS: [&str; 2] = ["client:", "worker:"];

/// What the columns of a federated client are called, or, where nobody is a client, those of a worker.
pub fn member_name(is_client: bool, member: usize) -> String {
    let [client, worker] = MEMBERS;
    format!("{}{member}", if is_client { client } else { worker })
}

/// Whether columns of this name are a client's or worker's.
pub fn is_member(name: &str) -> bool {
    MEMBERS.iter().any(|begin| name.starts_with(begin))
}

/// The names of the groups of a row, in the order of its values, and then those of its phases or of its members.
pub type GroupNames = Arc<[Arc<str>]>;

/// One measured quantity of a parameter group, of a phase of the data, or of a member of a team. In files its column is
/// `NAME:GROUP`, `NAME:phase:PHASE`, `NAME:client:0` or `NAME:worker:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupColumn {
    /// The rate that the update used for the group; the highest where layer decay makes them differ. 0 while frozen.
    Lr,
    /// The length of the group's weights after the update, measured when the held-out samples are scored.
    ParamNorm,
    /// The mean loss on the phase's held-out samples.
    ValLoss,
    /// The share of the phase's held-out samples that are classified correctly.
    ValAccuracy,
    /// The member's batch loss; nothing of a client that has no part in the round.
    TrainLoss,
    /// How far the member went since the last average, measured where members are averaged.
    Way,
}

impl GroupColumn {
    pub const ALL: [Self; 6] =
        [Self::Lr, Self::ParamNorm, Self::ValLoss, Self::ValAccuracy, Self::TrainLoss, Self::Way];

    /// Those of what is called so: a parameter group, a phase, or a member.
    pub fn of(name: &str) -> [Self; 2] {
        if is_member(name) {
            [Self::TrainLoss, Self::Way]
        } else if phase_of(name).is_some() {
            [Self::ValLoss, Self::ValAccuracy]
        } else {
            [Self::Lr, Self::ParamNorm]
        }
    }

    /// The name in files, before the group's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lr => "lr",
            Self::ParamNorm => "param_norm",
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
            Self::TrainLoss => "train_loss",
            Self::Way => "way",
        }
    }

    pub(super) const fn precision(self) -> Precision {
        match self {
            Self::Lr => Precision::Double,
            Self::ParamNorm | Self::ValLoss | Self::ValAccuracy | Self::TrainLoss | Self::Way => {
                Precision::Single
            }
        }
    }
}

/// What one update of one lane measured of its groups and of its phases or members, in the order of the names that go
/// with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupRow {
    /// How many groups there are.
    count: u8,
    has_norms: bool,
    /// How many phases were scored.
    scored: u8,
    norms: [f32; MOST_GROUPS],
    rates: [f64; MOST_GROUPS],
    losses: [f32; MOST_PHASES],
    accuracies: [Option<f32>; MOST_PHASES],
    /// How many members there are.
    members: u8,
    of_members: [OfMember; MOST_MEMBERS],
}

/// What an update measured of a member: its batch loss, and how far it went since the last average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OfMember {
    pub loss: Option<f32>,
    pub way: Option<f32>,
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

    /// Takes the loss and, where there is one, the accuracy of at most [`MOST_PHASES`] phases.
    pub fn set_scores(&mut self, scores: impl IntoIterator<Item = (f32, Option<f32>)>) {
        self.scored = 0;
        for ((loss, accuracy), score) in self.losses.iter_mut().zip(&mut self.accuracies).zip(scores) {
            (*loss, *accuracy) = score;
            self.scored += 1;
        }
    }

    /// Takes what was measured of at most [`MOST_MEMBERS`] members.
    pub fn set_members(&mut self, members: impl IntoIterator<Item = OfMember>) {
        self.members = 0;
        for (slot, member) in self.of_members.iter_mut().zip(members) {
            (*slot, self.members) = (member, self.members + 1);
        }
    }

    /// The value of what is at a place among the names; nothing where this update did not measure it.
    pub fn get(&self, column: GroupColumn, at: usize) -> Option<f64> {
        let is_group = |at: &usize| *at < self.len();
        let beside = at.checked_sub(self.len());
        let phase = beside.filter(|phase| *phase < usize::from(self.scored));
        let member = beside.filter(|member| *member < usize::from(self.members));
        let member = member.and_then(|at| self.of_members.get(at));
        match column {
            GroupColumn::Lr => Some(at).filter(is_group).and_then(|at| self.rates.get(at)).copied(),
            GroupColumn::ParamNorm => {
                let norm = Some(at).filter(is_group).and_then(|at| self.norms.get(at));
                norm.filter(|_| self.has_norms).map(|norm| f64::from(*norm))
            }
            GroupColumn::ValLoss => phase.and_then(|at| self.losses.get(at)).map(|loss| f64::from(*loss)),
            GroupColumn::ValAccuracy => {
                phase.and_then(|at| self.accuracies.get(at).copied().flatten()).map(f64::from)
            }
            GroupColumn::TrainLoss => member.and_then(|it| it.loss).map(f64::from),
            GroupColumn::Way => member.and_then(|it| it.way).map(f64::from),
        }
    }

    /// The value as a file has it; empty where there is none.
    pub(super) fn text(&self, column: GroupColumn, at: usize) -> String {
        match (column, self.get(column, at)) {
            (_, None) => String::new(),
            (GroupColumn::Lr, Some(rate)) => rate.to_string(),
            // The fewest digits of single precision.
            (_, Some(single)) => (single as f32).to_string(),
        }
    }
}

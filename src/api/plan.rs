//! What the rates and numbers of a live run are to be: courses that each hold from an update on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schedule::{Curve, Piecewise};

/// Values over the updates of the whole run.
#[derive(Clone, Debug)]
pub enum Course {
    /// Values from update `from` on, `every` updates apart with straight lines between; the last is held.
    Values { from: u64, every: u64, values: Arc<[f64]> },
    /// Straight lines from point to point; the first and the last value are held outside.
    Points(Arc<[(u64, f64)]>),
    /// A schedule that sees its own tick from 0 at `origin`.
    Curve { origin: u64, curve: Arc<Curve> },
}

impl Course {
    /// The same value always.
    pub fn constant(value: f64) -> Self {
        Self::Values { from: 0, every: 1, values: Arc::from([value]) }
    }

    fn at(&self, update: u64) -> f64 {
        match self {
            Self::Curve { origin, curve } => curve.at(update.saturating_sub(*origin)),
            Self::Values { from, every, values } => {
                let past = update.saturating_sub(*from);
                let every = (*every).max(1);
                let (at, rest) = (usize::try_from(past / every).unwrap_or(usize::MAX), past % every);
                let last = values.last().copied().unwrap_or_default();
                let left = values.get(at).copied().unwrap_or(last);
                let right = values.get(at.saturating_add(1)).copied().unwrap_or(last);
                if rest == 0 { left } else { between(left, right, rest as f64 / every as f64) }
            }
            Self::Points(points) => {
                let (before, after) = points.split_at(points.partition_point(|(at, _)| *at <= update));
                match (before.last(), after.first()) {
                    (Some(left), Some(right)) => {
                        let share = (update - left.0) as f64 / (right.0 - left.0) as f64;
                        between(left.1, right.1, share)
                    }
                    (Some(only), None) | (None, Some(only)) => only.1,
                    (None, None) => 0.0,
                }
            }
        }
    }
}

fn between(left: f64, right: f64, share: f64) -> f64 {
    left + (right - left) * share
}

/// What holds from an update on.
#[derive(Clone, Debug)]
enum Piece {
    /// What the other program's own scheduler says.
    Theirs,
    Bent {
        factor: f64,
        course: Course,
    },
}

/// The plan of one parameter group.
#[derive(Clone, Debug)]
struct Group {
    name: String,
    /// What its own scheduler says, as far as it was told.
    base: Course,
    pieces: Piecewise<Piece>,
}

impl Group {
    fn at(&self, update: u64) -> f64 {
        match self.pieces.at(update) {
            Piece::Theirs => self.base.at(update),
            Piece::Bent { factor, course } => factor * course.at(update),
        }
    }

    /// The first update from `made` on that is bent, if any is.
    fn first_bent(&self, made: u64) -> Option<u64> {
        let is_bent = |update: &u64| matches!(self.pieces.at(*update), Piece::Bent { .. });
        std::iter::once(made).chain(self.pieces.turns().filter(|turn| *turn > made)).find(is_bent)
    }
}

/// The plan of all groups, and of the numbers that were bent.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    groups: Vec<Group>,
    /// Nothing where their own value holds.
    numbers: BTreeMap<String, Piecewise<Option<f64>>>,
}

impl Plan {
    /// A plan in which every group follows its own scheduler.
    pub fn new(groups: impl IntoIterator<Item = (String, Course)>) -> Self {
        let pieces = || Piecewise::from(Piece::Theirs);
        let group = |(name, base)| Group { name, base, pieces: pieces() };
        Self { groups: groups.into_iter().map(group).collect(), numbers: BTreeMap::new() }
    }

    /// The names of the groups.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.name.as_str())
    }

    fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    fn group_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.name == name)
    }

    /// The rate of a group at an update.
    pub fn rate(&self, group: &str, update: u64) -> Option<f64> {
        Some(self.group(group)?.at(update))
    }

    /// The updates at which what holds for a group changes.
    pub fn turns(&self, group: &str) -> Vec<u64> {
        self.group(group).map(|group| group.pieces.turns().collect()).unwrap_or_default()
    }

    /// Another course of a group's own scheduler: what is bent stays.
    pub fn rebase(&mut self, group: &str, base: Course) {
        if let Some(group) = self.group_mut(group) {
            group.base = base;
        }
    }

    /// Another course for a group from an update on.
    pub fn replace(&mut self, group: &str, from: u64, course: Course) {
        if let Some(group) = self.group_mut(group) {
            group.pieces.put(from, Piece::Bent { factor: 1.0, course });
        }
    }

    /// The rest of a group's plan from an update on, times a factor.
    pub fn scale(&mut self, group: &str, from: u64, factor: f64) {
        let Some(group) = self.group_mut(group) else { return };
        let scaled = |piece: &Piece| match piece {
            Piece::Theirs => Piece::Bent { factor, course: group.base.clone() },
            Piece::Bent { factor: before, course } => {
                Piece::Bent { factor: before * factor, course: course.clone() }
            }
        };
        let later: Vec<u64> = group.pieces.turns().filter(|turn| *turn > from).collect();
        let pieces = std::iter::once(from).chain(later);
        let pieces: Vec<(u64, Piece)> = pieces.map(|turn| (turn, scaled(group.pieces.at(turn)))).collect();
        for (turn, piece) in pieces {
            group.pieces.put(turn, piece);
        }
    }

    /// A number of the optimizer from an update on.
    pub fn set_number(&mut self, name: &str, from: u64, value: f64) {
        let pieces = self.numbers.entry(name.to_owned()).or_insert_with(|| Piecewise::from(None));
        pieces.put(from, Some(value));
    }

    /// Gives the scheduler of a group its control back, and with `all` those of all groups and every number.
    pub fn release(&mut self, group: Option<&str>, from: u64) {
        for each in self.groups.iter_mut().filter(|each| group.is_none_or(|group| each.name == group)) {
            each.pieces.put(from, Piece::Theirs);
        }
        if group.is_none() {
            self.numbers.values_mut().for_each(|pieces| pieces.put(from, None));
        }
    }

    /// Before an update what held before holds; from there on this.
    pub fn keep_until(&mut self, before: &Self, update: u64) {
        for group in &mut self.groups {
            if let Some(old) = before.group(&group.name) {
                group.pieces = joined(&old.pieces, &group.pieces, update);
            }
        }
        let own = Piecewise::from(None);
        for (name, pieces) in &mut self.numbers {
            *pieces = joined(before.numbers.get(name).unwrap_or(&own), pieces, update);
        }
    }

    /// The groups that are bent at some update from `made` on, each with the first such update.
    pub fn bent(&self, made: u64) -> Vec<(&str, u64)> {
        self.groups.iter().filter_map(|group| Some((group.name.as_str(), group.first_bent(made)?))).collect()
    }

    /// The numbers that are bent at some update from `made` on: the first such update, and the value there.
    pub fn numbers(&self, made: u64) -> Vec<(&str, u64, f64)> {
        let bent = |pieces: &Piecewise<Option<f64>>| {
            let turns = std::iter::once(made).chain(pieces.turns().filter(|turn| *turn > made));
            turns.filter_map(|turn| Some((turn, (*pieces.at(turn))?))).next()
        };
        let all = self.numbers.iter();
        let all =
            all.filter_map(|(name, pieces)| bent(pieces).map(|(from, value)| (name.as_str(), from, value)));
        all.collect()
    }
}

/// One up to an update, and then the other.
fn joined<T: Clone>(before: &Piecewise<T>, after: &Piecewise<T>, update: u64) -> Piecewise<T> {
    let mut all = before.clone();
    if update < u64::MAX {
        let turns = std::iter::once(update).chain(after.turns().filter(|turn| *turn > update));
        turns.for_each(|turn| all.put(turn, after.at(turn).clone()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let falling: Arc<[f64]> = (0..10).map(|i| 1.0 - 0.1 * f64::from(i)).collect();
        Plan::new([("all".to_owned(), Course::Values { from: 0, every: 1, values: falling })])
    }

    fn rates(plan: &Plan) -> Vec<f64> {
        (0..12).filter_map(|update| plan.rate("all", update)).collect()
    }

    #[test]
    fn a_factor_scales_the_rest_and_leaves_the_past() {
        let (before, mut plan) = (rates(&plan()), plan());
        plan.scale("all", 4, 0.5);
        let after = rates(&plan);
        assert_eq!(after[..4], before[..4]);
        assert!((4..12).all(|at| after[at] == 0.5 * before[at]), "{after:?}");
        // Another one from earlier on scales what is already scaled.
        plan.scale("all", 2, 4.0);
        let again = rates(&plan);
        assert_eq!(again[2..4], [4.0 * before[2], 4.0 * before[3]]);
        assert_eq!(again[4..], before[4..].iter().map(|rate| 2.0 * rate).collect::<Vec<_>>());
    }

    #[test]
    fn a_course_replaces_all_that_is_later_and_a_release_gives_it_back() {
        let (before, mut plan) = (rates(&plan()), plan());
        plan.scale("all", 8, 9.0);
        plan.replace("all", 3, Course::Points(Arc::from([(3, 1.0), (7, 0.0)])));
        assert_eq!(rates(&plan)[3..10], [1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0]);
        assert_eq!(plan.bent(0), [("all", 3)]);
        assert_eq!(plan.bent(5), [("all", 5)]);
        plan.release(None, 6);
        assert_eq!(rates(&plan)[6..], before[6..]);
        assert_eq!((plan.bent(5), plan.bent(6)), (vec![("all", 5)], vec![]));
    }

    #[test]
    fn values_told_every_so_often_are_joined_by_lines() {
        let course = Course::Values { from: 10, every: 4, values: Arc::from([1.0, 2.0]) };
        let values: Vec<f64> = [0, 10, 11, 12, 14, 99].map(|update| course.at(update)).to_vec();
        assert_eq!(values, [1.0, 1.0, 1.25, 1.5, 2.0, 2.0]);
    }

    #[test]
    fn a_number_holds_from_its_update_on() {
        let mut plan = plan();
        plan.set_number("weight_decay", 5, 0.1);
        assert_eq!(plan.numbers(2), [("weight_decay", 5, 0.1)]);
        assert_eq!(plan.numbers(7), [("weight_decay", 7, 0.1)]);
        plan.release(None, 6);
        assert_eq!(plan.numbers(7), []);
    }

    #[test]
    fn what_held_before_a_change_holds_until_it_begins() {
        let (before, mut bent) = (plan(), plan());
        bent.scale("all", 3, 0.5);
        bent.set_number("momentum", 3, 0.8);
        bent.replace("all", 8, Course::constant(7.0));
        let (old, new) = (rates(&before), rates(&bent));
        bent.keep_until(&before, 6);
        let now = rates(&bent);
        assert_eq!((&now[..6], &now[6..]), (&old[..6], &new[6..]));
        assert_eq!(bent.numbers(0), [("momentum", 6, 0.8)]);
        bent.keep_until(&before, u64::MAX);
        assert_eq!((rates(&bent), bent.numbers(0)), (old, vec![]));
    }
}

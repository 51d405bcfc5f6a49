//! Groups that were found, as an imported run has them.

use super::super::settings::set;
use super::super::{Imported, Unread};
use super::Found;
use crate::experiment::group::MOST;
use crate::experiment::{Group, GroupRate, Number, OptimizerKind};
use crate::schedule::Span;

impl Found {
    /// Gives the run its groups. `rate_of` says what the rate of one of the text's groups, by its place, is to the
    /// run's; nothing where that is not known.
    pub fn apply(self, imported: &mut Imported, rate_of: &mut dyn FnMut(usize) -> Option<GroupRate>) {
        self.sentences().into_iter().for_each(|note| imported.note(note));
        self.assumed.into_iter().for_each(|sentence| imported.assume(sentence));
        self.unread.into_iter().for_each(|unread| imported.leave(unread));
        let plan = self.plan;
        if let (Some(optimizer), Some(decay)) = (&mut imported.optimizer, plan.weight_decay) {
            set(optimizer, "weight_decay", Some(decay));
        }
        imported.decay = plan.decay;
        imported.layer_decay = plan.layer_decay;
        let kind = imported.optimizer.as_ref().map(|optimizer| optimizer.kind);
        let freezes = plan.groups.iter().any(|own| own.of.is_none());
        for own in plan.groups {
            let mut group = Group { weight_decay: own.weight_decay, ..Group::new(&own.pattern) };
            let line = own.of.and_then(|at| self.taken.get(at)).map_or(0, |taken| taken.line);
            match own.of {
                None => group.freeze = Some(Span::Percent(100.0)),
                Some(at) => match rate_of(at) {
                    Some(rate) => group.lr = rate,
                    None => {
                        let what = format!("the rate of the group \"{}\"", own.pattern);
                        imported.leave(Unread::telling(what, line));
                    }
                },
            }
            if let Some(why) = kind.and_then(|kind| cannot(kind, &group.lr)) {
                let what = format!("the rate of the group \"{}\": {why}", own.pattern);
                imported.leave(Unread::telling(what, line));
                group.lr = GroupRate::Factor(1.0);
            }
            // One that learns as the rest does is needed only to keep what comes after it away.
            if !freezes && group == Group::new(&own.pattern) {
                continue;
            }
            if imported.groups.len() == MOST {
                let what =
                    format!("the group \"{}\" and those after it: a run has at most {MOST}", own.pattern);
                imported.leave(Unread::telling(what, line));
                break;
            }
            imported.groups.push(group);
        }
    }
}

impl Found {
    /// Gives the run its groups where a function sets the rate of them all: only what multiplies it is their own.
    pub fn apply_scales(mut self, imported: &mut Imported) {
        if !self.scaled {
            self.plan.layer_decay = None;
        }
        let run = self.plan.rate.unwrap_or(0.0);
        let rates: Vec<f64> = self.taken.iter().map(|taken| taken.rate).collect();
        let scaled = self.scaled;
        self.apply(imported, &mut |at| {
            let own = rates.get(at).copied().filter(|_| scaled && run > 0.0);
            Some(GroupRate::Factor(own.map_or(1.0, |own| own / run)))
        });
    }
}

/// Why an optimizer has no such rate of a group.
fn cannot(kind: OptimizerKind, rate: &GroupRate) -> Option<&'static str> {
    match rate {
        GroupRate::Schedule(_) if kind.is_schedule_free() => {
            Some("a schedule-free optimizer has one schedule")
        }
        GroupRate::Schedule(_) if kind == OptimizerKind::Prodigy => {
            Some("Prodigy estimates one rate for all")
        }
        GroupRate::Factor(factor) if kind == OptimizerKind::Prodigy && *factor != 0.0 && *factor != 1.0 => {
            Some("Prodigy estimates one rate for all")
        }
        _ => None,
    }
}

impl Imported {
    /// Takes it that biases and norms do not decay, as the framework has it, where anything does.
    pub(in super::super) fn decays_matrices(&mut self) {
        let decays = self.optimizer.as_ref().and_then(|optimizer| optimizer.get("weight_decay"));
        if decays.is_some_and(|decay| *decay != Number::Fixed(0.0)) {
            self.decay = crate::experiment::Decay::Matrices;
        }
    }
}

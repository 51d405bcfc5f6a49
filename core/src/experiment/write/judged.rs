//! What runs are judged by, as a person would write it: when they stop, what they are attacked with, and how their loss
//! is scaled.

use super::{Table, float, named, text};
use crate::experiment::attack::{Attack, AttackKind};
use crate::experiment::precision::Dynamic;
use crate::experiment::{LossScale, Metric, Stop};

pub(super) fn stop(stop: &Stop) -> Table {
    let default = Stop::default();
    let mut table = Table::default();
    table.add("metric", named(&Metric::ALL, &stop.metric));
    table.add("patience", stop.patience);
    table.add_unless(&default.min_delta, "min_delta", &stop.min_delta, float);
    table.add_unless(&default.restore_best, "restore_best", &stop.restore_best, bool::to_string);
    table
}

pub(super) fn attack(attack: &Attack) -> Table {
    let mut table = Table::default();
    table.add("kind", named(&AttackKind::ALL, &attack.kind));
    table.add("eps", float(&attack.eps));
    if attack.kind == AttackKind::Pgd {
        table.add_unless(&Attack::STEPS, "steps", &attack.steps, usize::to_string);
    }
    table.add_unless(&false, "train", &attack.train, bool::to_string);
    table
}

pub(super) fn loss_scale(scale: &LossScale) -> String {
    let default = Dynamic::default();
    match scale {
        LossScale::Fixed(scale) => float(scale),
        LossScale::Dynamic(rule) if *rule == default => text("dynamic"),
        LossScale::Dynamic(rule) => {
            let mut table = Table::default();
            table.add_unless(&default.init, "init", &rule.init, float);
            table.add_unless(&default.growth, "growth", &rule.growth, float);
            table.add_unless(&default.backoff, "backoff", &rule.backoff, float);
            table.add_unless(&default.interval, "interval", &rule.interval, u64::to_string);
            table.inline()
        }
    }
}

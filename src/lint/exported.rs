//! What other frameworks would make of a run that is right here.

use super::{Severity, Subject, Warning, all};
use crate::experiment::Controller;
use crate::schedule::kind::{Kind, OneCycle};

pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let hint = |code: &'static str, message: &str| Warning::new(Severity::Hint, code, message);
    for (path, schedule) in all(&subject.run.lr) {
        match &schedule.kind {
            Kind::OneCycle(cycle) => warnings.extend(one_cycle(subject, &path, cycle)),
            Kind::CosineRestarts(kind) if kind.mult == 3.0 => warnings.push(hint(
                "restarts-by-three",
                "PyTorch's CosineAnnealingWarmRestarts and timm miss a restart with cycles that grow by 3 when they \
                 are given fractional epochs: at 121 times the first cycle the rate is the floor",
            )),
            Kind::Cosine(_) | Kind::Polynomial(_) | Kind::Tanh(_) | Kind::KDecay(_)
                if path.is_empty() && schedule.warmup.is_some() =>
            {
                warnings.push(hint(
                    "timm-truncates-peak",
                    "timm starts this curve within the warmup unless --warmup-prefix is given, and then never reaches \
                     the peak",
                ));
            }
            _ => {}
        }
    }
    if subject.experiment.train.accumulate > 1 {
        warnings.push(hint(
            "keras-counts-micro-batches",
            "Keras with gradient_accumulation_steps asks its schedule for every micro-batch: all lengths have to be \
             multiplied by the accumulation there",
        ));
    }
    if let Some(Controller::Plateau(_)) = subject.run.controller {
        warnings.push(hint(
            "plateau-patience-differs",
            "PyTorch cuts after patience + 1 reports without improvement, as here; Keras and optax after patience",
        ));
    }
    warnings
}

/// PyTorch divides by the climb's length less one update.
fn one_cycle(subject: &Subject, path: &str, cycle: &OneCycle) -> Option<Warning> {
    let over = cycle.over.map_or(Some(subject.time.total()), |over| subject.time.updates(over))?.round();
    let climb = cycle.pct_start * over;
    if climb == 1.0 || cycle.pct_start == 1.0 {
        let message = format!(
            "pct_start of {} in {over} updates makes PyTorch's OneCycleLR divide by zero: a phase has no length",
            cycle.pct_start
        );
        let warning = Warning::new(Severity::Warning, "one-cycle-divides-by-zero", message);
        return Some(warning.set(format!("lr.{path}pct_start"), "0.3"));
    }
    (climb < 1.0).then(|| {
        let message =
            "the climb is shorter than an update: the cycle starts within its descent, below the peak";
        let warning = Warning::new(Severity::Warning, "one-cycle-never-climbs", message);
        warning.set(format!("lr.{path}pct_start"), "0.3")
    })
}

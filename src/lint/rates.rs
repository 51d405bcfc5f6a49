//! Rates that train nothing, or not what was meant.

use super::{Remedy, Severity, Subject, Warning, all};
use crate::experiment::optimizer::Steps;
use crate::experiment::{Controller, Greedy, Number, Rounding, WeightFormat};
use crate::schedule::MAX_RATE;
use crate::schedule::formula::Variables;
use crate::schedule::kind::{Kind, Multistep, Step, Value};
use crate::schedule::lowered::Lowered;

/// The size of a usual weight: that of a layer of 400 inputs.
const USUAL_WEIGHT: f64 = 0.05;
/// The most ticks at which a formula is looked at.
const MAX_TICKS: u64 = 1_000_000;
/// The updates at which the curve is looked at.
const LOOKS: u64 = 1000;

pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let mut warnings = Vec::new();
    floors(subject, &mut warnings);
    growth(subject, &mut warnings);
    mirror(subject, &mut warnings);
    if subject.knows_curve() {
        nothing(subject, &mut warnings);
        vanishing(subject, &mut warnings);
        greedy(subject, &mut warnings);
        underflow(subject, &mut warnings);
        formula(subject, &mut warnings);
    }
    warnings
}

fn warn(code: &'static str, message: String) -> Warning {
    Warning::new(Severity::Warning, code, message)
}

fn floors(subject: &Subject, warnings: &mut Vec<Warning>) {
    for (path, schedule) in all(&subject.run.lr) {
        let number = |name: &str| match schedule.kind.get(name) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        if let (Some(floor), Some(peak)) = (number("floor"), number("peak"))
            && floor > peak
        {
            let message = format!("the floor, {floor}, is above the peak, {peak}: the rate rises");
            warnings.push(
                Warning::new(Severity::Error, "floor-above-peak", message)
                    .set(format!("lr.{path}floor"), "0.0"),
            );
        }
    }
}

fn growth(subject: &Subject, warnings: &mut Vec<Warning>) {
    for (path, schedule) in all(&subject.run.lr) {
        if let Kind::Step(Step { gamma, .. }) | Kind::Multistep(Multistep { gamma, .. }) = &schedule.kind
            && *gamma > 1.0
        {
            let message = format!("each step multiplies by {gamma}: the rate grows");
            warnings.push(
                warn("steps-grow", message).set(format!("lr.{path}gamma"), format!("{:?}", 1.0 / gamma)),
            );
        }
    }
}

/// Values that are no rates, where a long run's formula was not looked at before.
fn formula(subject: &Subject, warnings: &mut Vec<Warning>) {
    let Kind::Formula(kind) = &subject.run.lr.kind else { return };
    let total = Lowered::new(&subject.run.lr, subject.time.clock).ticks();
    let value = |tick: u64| kind.value.at(Variables { t: tick as f64, total: total as f64 });
    let wrong = (0..total.min(MAX_TICKS)).filter(|tick| !(0.0..=MAX_RATE).contains(&value(*tick)));
    let (mut first, mut count) = (None, 0_u64);
    for tick in wrong {
        first.get_or_insert(tick);
        count += 1;
    }
    if let Some(first) = first {
        let message = format!(
            "the formula gives no rate at {count} of {total} ticks, {:?} at tick {first} for one: the nearest rate \
             is used there",
            value(first)
        );
        warnings.push(Warning::new(Severity::Error, "formula-gives-no-rate", message));
    }
}

fn mirror(subject: &Subject, warnings: &mut Vec<Warning>) {
    let optimizer = &subject.run.optimizer;
    let (low, high) = subject.curve.range();
    let mirrors = |name: &&str| matches!(optimizer.get(name), Some(Number::Mirror { .. }));
    let name = optimizer.kind.momentum_name();
    if let (Some(name), true) = (name.filter(mirrors), low == high) {
        let message = format!("{name} mirrors a rate that never changes: it stays at its lowest value");
        let field = format!("optimizer.{name}");
        warnings.push(warn("mirror-of-a-constant", message).with(Remedy::Remove { field }));
    }
}

fn nothing(subject: &Subject, warnings: &mut Vec<Warning>) {
    if subject.curve.range().1 == 0.0 {
        let message = "the rate is 0 throughout: nothing is trained".to_owned();
        warnings.push(Warning::new(Severity::Error, "zero-rate", message).set("lr.peak", "0.1"));
    }
}

/// A factor meant for epochs, applied every update.
fn vanishing(subject: &Subject, warnings: &mut Vec<Warning>) {
    let peak = subject.curve.range().1;
    let half = subject.curve.at(subject.time.clock.updates / 2);
    for (path, schedule) in all(&subject.run.lr) {
        if let Kind::Exponential(_) = schedule.kind
            && half < peak * 1e-6
        {
            let message = format!(
                "halfway the rate has fallen to {half:.1e}: the factor is applied every update; count epochs if it is \
                 meant for one"
            );
            warnings.push(warn("exponential-vanishes", message).set(format!("lr.{path}tick"), "\"epoch\""));
        }
    }
}

fn greedy(subject: &Subject, warnings: &mut Vec<Warning>) {
    let Some(Controller::Greedy(Greedy { rule, .. })) = &subject.run.controller else { return };
    let peak = subject.curve.range().1;
    if rule.min_lr >= peak {
        let message = format!(
            "greedy never cuts: its min_lr, {}, is not below the highest rate, {peak}{}",
            rule.min_lr,
            if rule.min_lr == 1e-3 { " (1e-3 is GreedyLR's default)" } else { "" }
        );
        let value = format!("{:e}", peak / 100.0);
        warnings.push(warn("greedy-never-cuts", message).set("greedy.min_lr", value));
    }
    if rule.max_lr <= peak {
        let message = format!(
            "greedy never raises: its max_lr, {}, is not above the highest rate, {peak}",
            rule.max_lr
        );
        let value = format!("{:e}", peak * 10.0);
        warnings
            .push(Warning::new(Severity::Hint, "greedy-never-raises", message).set("greedy.max_lr", value));
    }
}

/// Steps that weights of few bits cannot take. Only optimizers whose step is about as large as the rate
/// can be judged without their gradients.
fn underflow(subject: &Subject, warnings: &mut Vec<Warning>) {
    let (format, bits) = match subject.experiment.train.weights {
        WeightFormat::F32 => return,
        WeightFormat::Bf16 => ("bf16", 8),
        WeightFormat::F16 => ("f16", 11),
    };
    // What stochastic rounding takes away is right on average.
    if subject.run.optimizer.kind.info().steps != Steps::Rate
        || subject.experiment.train.rounding == Rounding::Stochastic
    {
        return;
    }
    // A change of less than half the distance of neighbouring numbers is rounded away.
    let least = USUAL_WEIGHT * 2_f64.powi(-bits - 1);
    let total = subject.time.clock.updates;
    let step = total.div_ceil(LOOKS).max(1);
    let looks = (0..total).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    let (mut lost, mut all) = (0_u64, 0_u64);
    for update in looks {
        all += 1;
        lost += u64::from(subject.curve.at(update) < least);
    }
    let share = lost as f64 / all.max(1) as f64;
    if share > 0.25 {
        let severity = if share > 0.75 { Severity::Warning } else { Severity::Hint };
        let message = format!(
            "in {:.0} % of the run the rate is below {least:.1e}, where {format} weights of a usual size \
             ({USUAL_WEIGHT}) round an update of this optimizer away",
            100.0 * share
        );
        warnings.push(Warning::new(severity, "rate-underflows", message).set("train.weights", "\"f32\""));
    }
}

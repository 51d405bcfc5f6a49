//! Traps in pasted PyTorch, Lightning and Keras code.

use super::{Severity, Warning, text_metric, text_training};
use crate::import::ImportError;
use crate::import::python::{Call, Expr, Program};
use crate::import::text::Text;

/// Keras' schedule classes.
pub(super) const KERAS_SCHEDULES: [&str; 6] = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "PolynomialDecay",
    "PiecewiseConstantDecay",
    "InverseTimeDecay",
];

/// An argument that is a number.
fn number(program: &Program, call: &Call, name: &str, place: usize) -> Option<f64> {
    program.number(call.argument(name, place)?, call.line)
}

pub(super) fn pytorch(text: &Text<'_>) -> Result<Vec<Warning>, ImportError> {
    let Some(program) = text.program() else { return Err(ImportError::NoSchedule("Python is looked for")) };
    let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
    let mut warnings = Vec::new();
    for call in &calls {
        match call.name.as_str() {
            "OneCycleLR" => one_cycle(program, call, &calls, &mut warnings),
            "CosineAnnealingWarmRestarts" if number(program, call, "T_mult", 2) == Some(3.0) => {
                let message = "with T_mult=3 and fractional epochs, step(epoch) misses the restart at 121 times T_0: the \
                               rate is eta_min there; plain step() is right";
                let warning = Warning::new(Severity::Warning, "restarts-by-three", message).at(call.line);
                warnings.push(warning.replacing("step(epoch)", "step()"));
            }
            "ConstantLR" if number(program, call, "factor", 1) == Some(0.0) => {
                let message = "ConstantLR with factor=0 divides by zero when it ends";
                let warning =
                    Warning::new(Severity::Error, "constant-divides-by-zero", message).at(call.line);
                warnings.push(warning.replacing("factor=0", "factor=1e-8"));
            }
            "LinearLR" if number(program, call, "start_factor", 1) == Some(0.0) => {
                let message = "LinearLR cannot start at 0: start_factor has to be above 0";
                let warning = Warning::new(Severity::Error, "linear-from-zero", message).at(call.line);
                warnings.push(warning.replacing("start_factor=0", "start_factor=1e-8"));
            }
            "ReduceLROnPlateau" => {
                let message = "PyTorch cuts after patience + 1 reports without improvement; Keras and optax after patience";
                let warning = Warning::new(Severity::Hint, "plateau-patience-differs", message).at(call.line);
                let patience = number(program, call, "patience", 3).unwrap_or(10.0);
                let less = (patience - 1.0).max(0.0);
                warnings.push(warning.replacing(
                    format!("patience={patience}"),
                    format!("patience={less} (where Keras' {patience} is meant)"),
                ));
            }
            "LambdaLR" | "MultiplicativeLR"
                if call.arguments.iter().chain(call.named.iter().map(|(_, value)| value)).any(is_lambda) =>
            {
                let message = "a lambda is not part of the scheduler's state_dict: whoever resumes has to build the same one";
                let warning = Warning::new(Severity::Hint, "lambda-not-saved", message).at(call.line);
                warnings.push(
                    warning.adding("a class with __call__ in the lambda's place: its fields are saved"),
                );
            }
            "SequentialLR" | "ChainedScheduler" => within(program, call, &mut warnings),
            _ => {}
        }
    }
    lightning(text.raw, program, &mut warnings);
    warnings.extend(text_training::lint(program));
    Ok(warnings)
}

fn is_lambda(value: &Expr) -> bool {
    matches!(value, Expr::Lambda(_))
}

fn one_cycle(program: &Program, call: &Call, calls: &[&Call], warnings: &mut Vec<Warning>) {
    let product = || Some(number(program, call, "epochs", 3)? * number(program, call, "steps_per_epoch", 4)?);
    let total = number(program, call, "total_steps", 2).or_else(product);
    let pct_start = number(program, call, "pct_start", 5).unwrap_or(0.3);
    if pct_start == 1.0 || total.is_some_and(|total| pct_start * total == 1.0) {
        let message =
            format!("pct_start={pct_start} leaves OneCycleLR a phase without length: it divides by zero");
        let warning = Warning::new(Severity::Error, "one-cycle-divides-by-zero", message).at(call.line);
        warnings.push(warning.replacing(format!("pct_start={pct_start}"), "pct_start=0.3"));
    }
    if total.is_some_and(|total| pct_start * total < 1.0) {
        let message =
            "the climb is shorter than an update: the cycle starts within its descent, below the peak";
        let least = total.map_or(1.0, |total| 2.0 / total).min(1.0);
        let warning = Warning::new(Severity::Warning, "one-cycle-never-climbs", message).at(call.line);
        warnings
            .push(warning.replacing(format!("pct_start={pct_start}"), format!("pct_start={least} or more")));
    }
    // A loop that is written out longer than the cycle.
    let loops = calls.iter().filter(|call| call.name == "range");
    let longest =
        loops.filter_map(|call| number(program, call, "stop", call.arguments.len().min(2).saturating_sub(1)));
    if let (Some(total), Some(longest)) =
        (total, longest.fold(None, |most: Option<f64>, stop| Some(most.map_or(stop, |most| most.max(stop)))))
        && longest > total
    {
        let message = format!(
            "the loop makes {longest} steps and the cycle has {total}: the step after the last has a wrong rate (a \
             negative one if linear), the next raises an error"
        );
        let warning = Warning::new(Severity::Error, "one-cycle-extra-step", message).at(call.line);
        warnings.push(warning.replacing(format!("total_steps={total}"), format!("total_steps={longest}")));
    }
}

/// What a scheduler of schedulers does to those in it.
fn within(program: &Program, call: &Call, warnings: &mut Vec<Warning>) {
    let place = usize::from(call.name == "SequentialLR");
    let Some(Expr::List(items)) = call.argument("schedulers", place).map(|list| program.resolve(list)) else {
        return;
    };
    let is_chained = call.name == "ChainedScheduler";
    for item in items {
        let Expr::Call(child) = program.resolve(item) else { continue };
        let name = child.name.as_str();
        if name == "ReduceLROnPlateau" {
            let message = format!("ReduceLROnPlateau does not work inside {}: it needs a metric", call.name);
            let warning = Warning::new(Severity::Error, "plateau-inside-another", message).at(child.line);
            warnings.push(warning.adding("step() of the plateau by itself, with its metric, once an epoch"));
        }
        let sets = matches!(name, "OneCycleLR" | "CyclicLR");
        if !is_chained && sets {
            let message = format!(
                "{name} inside SequentialLR overwrites the rate that the other parts start from: they run from its \
                 first rate"
            );
            let warning = Warning::new(Severity::Warning, "part-overwrites-others", message).at(child.line);
            warnings.push(warning.adding(format!("{name} alone: it has a climb of its own")));
        }
        if is_chained && (sets || name == "CosineAnnealingWarmRestarts") {
            let message = format!("{name} sets the rate: inside ChainedScheduler it undoes the others");
            let warning = Warning::new(Severity::Warning, "chained-overwrites", message).at(child.line);
            warnings.push(warning.replacing(name, format!("a LambdaLR with {name}'s factors")));
        }
        let floor = number(program, child, "eta_min", 2).unwrap_or(0.0);
        if is_chained && name == "CosineAnnealingLR" && floor > 0.0 {
            let message =
                "a chained CosineAnnealingLR with eta_min > 0 pulls the rate back up after another drops it";
            let warning = Warning::new(Severity::Warning, "chained-cosine-rises", message).at(child.line);
            warnings.push(warning.replacing(format!("eta_min={floor}"), "eta_min=0"));
        }
    }
}

/// Lightning steps a scheduler once an epoch unless it is told otherwise.
fn lightning(text: &str, program: &Program, warnings: &mut Vec<Warning>) {
    let is_lightning = text.contains("configure_optimizers") || text.contains("estimated_stepping_batches");
    let has_interval =
        text.contains("\"interval\"") || text.contains("'interval'") || text.contains("interval=");
    let counts_updates = |call: &Call| {
        let counts =
            ["OneCycleLR", "CyclicLR"].contains(&call.name.as_str()) || call.name.ends_with("_with_warmup");
        counts || text.contains("estimated_stepping_batches") && call.name.ends_with("LR")
    };
    let calls = program.calls();
    let counting = calls.iter().find(|(_, call)| counts_updates(call));
    if let (true, false, Some((_, call))) = (is_lightning, has_interval, counting) {
        let message = "Lightning steps this scheduler once an epoch: it counts updates only with \"interval\": \"step\"";
        let warning = Warning::new(Severity::Error, "lightning-interval", message).at(call.line);
        warnings.push(warning.adding("\"interval\": \"step\""));
    }
}

pub(super) fn keras(text: &Text<'_>) -> Result<Vec<Warning>, ImportError> {
    let Some(program) = text.program() else { return Err(ImportError::NoSchedule("Python is looked for")) };
    let calls = program.calls();
    let mut warnings = Vec::new();
    let schedules = calls.iter().any(|(_, call)| KERAS_SCHEDULES.contains(&call.name.as_str()));
    for (_, call) in &calls {
        let every = number(program, call, "gradient_accumulation_steps", usize::MAX).unwrap_or(1.0);
        if schedules && every > 1.0 {
            let message = format!(
                "Keras asks the schedule for every micro-batch: with gradient_accumulation_steps={every} it is over \
                 after a {every}th of the updates; multiply all its step counts by {every}"
            );
            let warning =
                Warning::new(Severity::Warning, "keras-counts-micro-batches", message).at(call.line);
            warnings.push(warning.replacing("decay_steps", format!("decay_steps * {every}")));
        }
        if call.name == "PiecewiseConstantDecay" {
            let message = "Keras drops one step after a boundary; PyTorch and optax at it";
            let warning = Warning::new(Severity::Hint, "keras-drops-late", message).at(call.line);
            warnings.push(warning.adding("boundaries that are one less, to drop where PyTorch does"));
        }
        if call.name == "ReduceLROnPlateau" {
            let message = "Keras cuts after patience reports without improvement; PyTorch after patience + 1";
            let warning = Warning::new(Severity::Hint, "plateau-patience-differs", message).at(call.line);
            let patience = number(program, call, "patience", 2).unwrap_or(10.0);
            warnings.push(warning.replacing(
                format!("patience={patience}"),
                format!("patience={} (where PyTorch's {patience} is meant)", patience + 1.0),
            ));
            text_metric::monitor(program, call, call.argument("monitor", 0), 4, &mut warnings);
            if schedules {
                let message =
                    "the callback cannot set the rate of an optimizer that was given a schedule: TypeError";
                let warning =
                    Warning::new(Severity::Error, "keras-plateau-over-schedule", message).at(call.line);
                warnings.push(warning.adding("a plain rate for the optimizer, or no ReduceLROnPlateau"));
            }
        }
    }
    Ok(warnings)
}

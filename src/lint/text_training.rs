//! Traps in how a training steps its scheduler: what public bug reports of PyTorch are about.

use super::{Remedy, Severity, Warning, text_metric};
use crate::import::clock::{self, Stepping};
use crate::import::python::eval::Value;
use crate::import::python::{Call, Expr, Program, Site, StmtKind};
use crate::schedule::{Span, Tick};

/// A scheduler of a program, and what it is called.
struct Made<'p> {
    call: &'p Call,
    name: Option<&'p str>,
}

const CLASSES: [&str; 12] = [
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "LambdaLR",
];

pub(super) fn lint(program: &Program) -> Vec<Warning> {
    let sites = program.sites();
    let is_made = |call: &Call| {
        CLASSES.contains(&call.name.as_str())
            || matches!(call.name.as_str(), "SequentialLR" | "ChainedScheduler")
            || call.name.starts_with("get_") && call.name.contains("schedule")
    };
    let made: Vec<Made<'_>> = sites
        .iter()
        .filter(|site| is_made(site.call))
        .map(|site| Made { call: site.call, name: site.name })
        .collect();
    if made.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = made.iter().filter_map(|made| made.name).collect();
    let stepping = clock::read(program, &names);
    let mut warnings = Vec::new();
    for made in &made {
        arguments(program, &sites, made, &mut warnings);
        if let Some(stepping) = &stepping {
            lengths(program, made, stepping, &mut warnings);
        }
    }
    if let Some(stepping) = &stepping {
        places(stepping, &mut warnings);
    }
    calls(program, &sites, &made, &mut warnings);
    resumed(program, &sites, &made, &mut warnings);
    text_metric::monitors(program, &mut warnings);
    warnings
}

/// A run that goes on from a saved state.
fn resumed(program: &Program, sites: &[Site<'_>], made: &[Made<'_>], warnings: &mut Vec<Warning>) {
    let holder = |site: &Site<'_>| {
        let holder = site.call.path.rsplit_once('.').map_or("", |(holder, _)| holder);
        holder.rsplit('.').next().unwrap_or(holder).to_lowercase()
    };
    let loads: Vec<&Site<'_>> = sites.iter().filter(|site| site.call.name == "load_state_dict").collect();
    let of_optimizer =
        loads.iter().find(|site| holder(site).contains("opt") && !holder(site).contains("sched"));
    let of_scheduler = loads.iter().any(|site| {
        let holder = holder(site);
        holder.contains("sched") || made.iter().any(|made| made.name == Some(holder.as_str()))
    });
    for made in made {
        let last = made.call.argument("last_epoch", usize::MAX);
        let given = last.and_then(|value| program.number(value, made.call.line)).filter(|last| *last >= 0.0);
        if let (Some(last), None, false) = (given, of_optimizer, of_scheduler) {
            let message = format!(
                "last_epoch={last} with a new optimizer: PyTorch raises KeyError, as its groups have no initial_lr"
            );
            let warning =
                Warning::new(Severity::Error, "last-epoch-without-state", message).at(made.call.line);
            warnings.push(warning.adding("optimizer.load_state_dict(...) before the scheduler is made"));
        }
    }
    if let (Some(site), false, Some(first)) = (of_optimizer, of_scheduler, made.first())
        && !made.iter().any(|made| made.call.argument("last_epoch", usize::MAX).is_some())
    {
        let message = format!(
            "the optimizer's state is loaded and the scheduler's is not: {} begins again at its first step, with the rate \
             that was saved",
            first.call.name
        );
        let warning =
            Warning::new(Severity::Warning, "scheduler-state-not-loaded", message).at(site.call.line);
        warnings.push(warning.adding("scheduler.load_state_dict(...) after the scheduler is made"));
    }
}

fn number(program: &Program, call: &Call, name: &str, place: usize) -> Option<f64> {
    program.number(call.argument(name, place)?, call.line)
}

/// Where `step()` stands.
fn places(stepping: &Stepping, warnings: &mut Vec<Warning>) {
    if stepping.outside {
        let message = "scheduler.step() stands in no loop: it is called once, and the rate stays";
        let warning = Warning::new(Severity::Warning, "step-outside-loop", message).at(stepping.line);
        warnings.push(warning.adding("scheduler.step() into the loop, after optimizer.step()"));
    }
    if stepping.first {
        let message =
            "scheduler.step() comes before optimizer.step(): the first rate of the schedule is never used";
        let remedy = Remedy::Add { text: "optimizer.step()\nscheduler.step()".to_owned() };
        warnings.push(
            Warning::new(Severity::Warning, "step-before-optimizer", message).at(stepping.line).with(remedy),
        );
    }
    if let Some(spelled) = &stepping.spelled {
        let over = match stepping.micro_batches {
            Some(every) => format!("after a {every}th of the updates it is meant for"),
            None => "that many times too early".to_owned(),
        };
        let message = format!(
            "scheduler.step() is called for every micro-batch, and the optimizer makes an update after {spelled} of \
             them: the schedule is over {over}"
        );
        let remedy =
            Remedy::Add { text: "move scheduler.step() below optimizer.step(), into its `if`".to_owned() };
        warnings.push(
            Warning::new(Severity::Warning, "steps-micro-batches", message).at(stepping.line).with(remedy),
        );
    }
}

/// What a class is given, whatever steps it.
fn arguments(program: &Program, sites: &[Site<'_>], made: &Made<'_>, warnings: &mut Vec<Warning>) {
    let call = made.call;
    let rate = rate_of(program, sites, call);
    let floor = match call.name.as_str() {
        "ReduceLROnPlateau" => number(program, call, "min_lr", 7).map(|floor| ("min_lr", floor)),
        "CosineAnnealingLR" => number(program, call, "eta_min", 2).map(|floor| ("eta_min", floor)),
        "CosineAnnealingWarmRestarts" => number(program, call, "eta_min", 3).map(|floor| ("eta_min", floor)),
        _ => None,
    };
    if let (Some((name, floor)), Some(rate)) = (floor, rate)
        && floor > rate
    {
        let message =
            format!("{name}={floor} is above the optimizer's rate of {rate}: {} raises it", call.name);
        let remedy =
            Remedy::Replace { from: format!("{name}={floor}"), to: format!("{name}={:.0e}", rate / 100.0) };
        warnings
            .push(Warning::new(Severity::Warning, "floor-above-rate", message).at(call.line).with(remedy));
    }
    let place = if call.name == "LinearLR" { 3 } else { 2 };
    if matches!(call.name.as_str(), "ConstantLR" | "LinearLR")
        && number(program, call, "total_iters", place) == Some(0.0)
    {
        let message = format!(
            "{} with total_iters=0 multiplies the first rate and never gives it back: the factor stays",
            call.name
        );
        let remedy = Remedy::Replace { from: "total_iters=0".to_owned(), to: "total_iters=1".to_owned() };
        warnings.push(Warning::new(Severity::Warning, "factor-stays", message).at(call.line).with(remedy));
    }
    starts_at_zero(program, call, warnings);
    if call.name == "SequentialLR" {
        let items = match call.argument("schedulers", 1).map(|list| program.resolve_at(list, call.line)) {
            Some(Expr::List(items)) => items.as_slice(),
            _ => &[],
        };
        for item in items.iter().skip(1) {
            if let Expr::Call(child) = program.resolve_at(item, call.line)
                && matches!(child.name.as_str(), "SequentialLR" | "ChainedScheduler")
            {
                let message = format!(
                    "{} after a milestone of SequentialLR: PyTorch 2.15 raises NotImplementedError there",
                    child.name
                );
                let remedy = Remedy::Add { text: "its parts to the outer SequentialLR instead".to_owned() };
                warnings.push(
                    Warning::new(Severity::Error, "sequential-refuses", message).at(child.line).with(remedy),
                );
            }
        }
    }
}

/// A first update whose rate is nothing.
fn starts_at_zero(program: &Program, call: &Call, warnings: &mut Vec<Warning>) {
    let is_zero = match call.name.as_str() {
        name if name.starts_with("get_") && name.ends_with("_with_warmup") => {
            number(program, call, "num_warmup_steps", 1).is_some_and(|warmup| warmup > 0.0)
        }
        "LambdaLR" => {
            let Some(function) = call.argument("lr_lambda", 1) else { return };
            let applied = Expr::Call(Box::new(Call {
                name: String::new(),
                path: String::new(),
                callee: Some(function.clone()),
                arguments: vec![Expr::Number(0.0)],
                named: Vec::new(),
                line: call.line,
            }));
            matches!(program.constant(&applied, call.line), Value::Number(factor) if factor == 0.0)
        }
        _ => false,
    };
    if is_zero {
        let message = "the first update has a rate of 0: it changes nothing";
        let warning = Warning::new(Severity::Hint, "first-rate-zero", message).at(call.line);
        warnings.push(
            warning.adding("1 to the step in the climb, (step + 1) / warmup, where that update matters"),
        );
    }
}

/// The rate of the optimizer that a scheduler is given.
fn rate_of(program: &Program, sites: &[Site<'_>], call: &Call) -> Option<f64> {
    let first = call.argument("optimizer", 0)?;
    let made = match program.resolve_at(first, call.line) {
        Expr::Call(optimizer) => &**optimizer,
        // `optimizer` of another function: the only one there is.
        _ => {
            let mut found = sites.iter().map(|site| site.call).filter(|call| {
                matches!(
                    call.name.as_str(),
                    "SGD" | "Adam" | "AdamW" | "RMSprop" | "Adagrad" | "RAdam" | "NAdam"
                )
            });
            let only = found.next()?;
            if found.next().is_some() {
                return None;
            }
            only
        }
    };
    number(program, made, "lr", 1)
}

/// Whether a value is the number of batches of an epoch, or is made of it.
fn counts_batches(program: &Program, value: &Expr, line: usize, level: usize) -> bool {
    if level > 6 {
        return false;
    }
    match value {
        Expr::Call(call) if call.name == "len" => {
            let of = call.arguments.first().map(Expr::shown).unwrap_or_default().to_lowercase();
            ["load", "dl", "data", "train", "batch"].iter().any(|word| of.contains(word))
        }
        Expr::Binary("*", sides) => {
            counts_batches(program, &sides.0, line, level + 1)
                || counts_batches(program, &sides.1, line, level + 1)
        }
        Expr::Name(name) => {
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            last.contains("steps_per_epoch")
                || match program.resolve_at(value, line) {
                    Expr::Name(_) => false,
                    resolved => counts_batches(program, resolved, line, level + 1),
                }
        }
        _ => false,
    }
}

fn counts_epochs(value: &Expr) -> bool {
    match value {
        Expr::Name(name) => {
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            last.contains("epoch") && !last.contains("per_epoch")
        }
        _ => false,
    }
}

/// Lengths against what a step counts, and against the loop.
fn lengths(program: &Program, made: &Made<'_>, stepping: &Stepping, warnings: &mut Vec<Warning>) {
    let call = made.call;
    let by_epoch = stepping.tick == Tick::Epoch && !stepping.fractional;
    let over = match call.name.as_str() {
        "CosineAnnealingLR" => call.argument("T_max", 1).map(|value| ("T_max", value)),
        "OneCycleLR" => call.argument("total_steps", 2).map(|value| ("total_steps", value)),
        "PolynomialLR" => call.argument("total_iters", 1).map(|value| ("total_iters", value)),
        name if name.starts_with("get_") => {
            call.argument("num_training_steps", 2).map(|value| ("num_training_steps", value))
        }
        _ => None,
    };
    let in_batches = over.is_some_and(|(_, value)| counts_batches(program, value, call.line, 0))
        || call.name == "OneCycleLR"
            && call.argument("steps_per_epoch", 4).is_some_and(|value| *value != Expr::None);
    if by_epoch && !stepping.outside && in_batches {
        let code = if call.name == "OneCycleLR" { "one-cycle-by-epoch" } else { "batches-by-epoch" };
        let message = format!(
            "{} is told of batches, and scheduler.step() is called once an epoch (line {}): only the beginning of the \
             schedule is ever used",
            call.name, stepping.line
        );
        let remedy = Remedy::Add { text: "scheduler.step() after every optimizer.step() instead".to_owned() };
        warnings.push(Warning::new(Severity::Error, code, message).at(call.line).with(remedy));
    }
    if !by_epoch
        && !stepping.outside
        && !stepping.fractional
        && over.is_some_and(|(_, value)| counts_epochs(value))
    {
        let message = format!(
            "{} is told of epochs, and scheduler.step() is called for every batch (line {}): the schedule is over within \
             the first epochs",
            call.name, stepping.line
        );
        let remedy =
            Remedy::Add { text: "scheduler.step() once an epoch instead, or count batches".to_owned() };
        warnings.push(Warning::new(Severity::Error, "epochs-by-batch", message).at(call.line).with(remedy));
    }
    let total = match (stepping.total, by_epoch) {
        (Some(Span::Epochs(epochs)), true) => Some(epochs),
        (Some(Span::Updates(updates)), false) => Some(updates),
        _ => None,
    };
    if let ("CosineAnnealingLR", Some((_, value)), Some(total)) = (call.name.as_str(), over, total)
        && let Some(over) = program.number(value, call.line)
        && over < total
        && over >= 1.0
    {
        let message = format!(
            "T_max={over} is shorter than the loop of {total}: past it the cosine climbs again, back to the first rate \
             at {}",
            2.0 * over
        );
        let remedy = Remedy::Replace { from: format!("T_max={over}"), to: format!("T_max={total}") };
        warnings
            .push(Warning::new(Severity::Warning, "cosine-rises-again", message).at(call.line).with(remedy));
    }
}

/// Calls around schedulers that do something else than they seem to.
fn calls(program: &Program, sites: &[Site<'_>], made: &[Made<'_>], warnings: &mut Vec<Warning>) {
    let names: Vec<&str> = made.iter().filter_map(|made| made.name).collect();
    let is_scheduler = |holder: &str| {
        names.contains(&holder)
            || holder.rsplit('.').next().unwrap_or(holder).to_lowercase().contains("sched")
    };
    let lightning_by_step = says_interval_step(program);
    for made in made {
        if made.call.name == "CosineAnnealingLR"
            && lightning_by_step
            && made.call.argument("T_max", 1).is_some_and(counts_epochs)
        {
            let message =
                "Lightning steps this scheduler for every batch, and its T_max is a number of epochs";
            let remedy = Remedy::Replace { from: "\"step\"".to_owned(), to: "\"epoch\"".to_owned() };
            let warning = Warning::new(Severity::Error, "interval-step-by-epochs", message);
            warnings.push(warning.at(made.call.line).with(remedy));
        }
    }
    let loads = sites.iter().any(|site| {
        site.call.name == "load_state_dict"
            && site.call.path.rsplit_once('.').is_some_and(|(holder, _)| is_scheduler(holder))
    });
    for made in made {
        let last = made.call.argument("last_epoch", usize::MAX);
        if loads && last.is_some_and(|value| program.number(value, made.call.line) != Some(-1.0)) {
            let message = "last_epoch is given and a state is loaded: the state overrules it, and with last_epoch PyTorch \
                           refuses an optimizer without initial_lr";
            let remedy = Remedy::Remove { field: "last_epoch".to_owned() };
            let warning = Warning::new(Severity::Warning, "last-epoch-and-state", message);
            warnings.push(warning.at(made.call.line).with(remedy));
        }
    }
    for site in sites {
        let call = site.call;
        let holder = call.path.rsplit_once('.').map_or("", |(holder, _)| holder);
        if call.name == "get_lr" && is_scheduler(holder) && call.arguments.is_empty() {
            let message =
                "get_lr() is not what was last used: outside step() it gives another value for some classes";
            let remedy = Remedy::Replace { from: "get_lr()".to_owned(), to: "get_last_lr()".to_owned() };
            warnings.push(Warning::new(Severity::Warning, "get-lr", message).at(call.line).with(remedy));
        }
        if call.name == "prepare" && call.arguments.iter().any(|value| is_scheduler(&value.shown())) {
            let message = "accelerate steps a prepared scheduler once for each process: on N devices it is over after an \
                           Nth of its length, unless that is multiplied by num_processes";
            let remedy = Remedy::Add {
                text: "split_batches=True, or lengths times accelerator.num_processes".to_owned(),
            };
            warnings
                .push(Warning::new(Severity::Hint, "accelerate-steps", message).at(call.line).with(remedy));
        }
        if call.name == "step"
            && let Some(plateau) = made.iter().find(|made| {
                made.call.name == "ReduceLROnPlateau" && made.name.is_some_and(|name| name == holder)
            })
        {
            text_metric::plateau(program, plateau.call, call, warnings);
        }
    }
}

/// Whether a Lightning configuration says `interval: step`.
fn says_interval_step(program: &Program) -> bool {
    fn says(value: &Expr) -> bool {
        match value {
            Expr::Table(pairs) => pairs.iter().any(|pair| {
                let is = |value: &Expr, text: &str| matches!(value, Expr::Text(found) if found == text);
                is(&pair.key, "interval") && is(&pair.value, "step") || says(&pair.value)
            }),
            Expr::List(items) => items.iter().any(says),
            _ => false,
        }
    }
    let mut found = false;
    program.visit(&mut |stmt, _| {
        if let StmtKind::Assign(_, value) | StmtKind::Value(value) | StmtKind::Return(Some(value)) =
            &stmt.kind
        {
            found |= says(value);
        }
    });
    found
}

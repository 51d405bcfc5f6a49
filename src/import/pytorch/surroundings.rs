//! What a program does around its schedulers: how its loop steps them, and what wraps them or sets a rate beside them.

use super::super::clock::Stepping;
use super::super::python::{Call, Expr, Pair, Program, Site, Within};
use super::super::rates::rates_set;
use super::super::shape::{as_epochs, scaled};
use super::super::{Imported, Options, Unread};
use super::{SCHEDULERS, lambda, others};
use crate::schedule::{Span, Tick};

/// The schedule as its loop steps it.
pub(super) fn adapted(mut imported: Imported, stepping: &Stepping, options: &Options) -> Imported {
    if let (Some(every), None) = (stepping.micro_batches, options.tick) {
        imported.note(format!(
            "scheduler.step() (line {}) is called for every micro-batch, and the optimizer makes an update after {every} of \
             them: the lengths were divided by {every}",
            stepping.line
        ));
        imported.lr = scaled(&imported.lr, 1.0 / every);
        imported.accumulate = Some(every as usize);
        imported.updates = imported.updates.map(|length| match length {
            Span::Updates(steps) => Span::Updates(steps / every),
            other => other,
        });
    }
    if let (Some(by), None) = (&stepping.spelled, stepping.micro_batches) {
        imported.note(format!(
            "scheduler.step() (line {}) is called for every micro-batch, and the optimizer makes an update after {by} of \
             them, which is not known here: in updates the schedule is that much shorter",
            stepping.line
        ));
    }
    if stepping.fractional && options.tick.is_none() {
        imported.lr = as_epochs(&imported.lr);
    }
    if stepping.outside {
        imported.note(format!(
            "scheduler.step() on line {} stands in no loop that the text shows",
            stepping.line
        ));
    }
    if stepping.first {
        imported.note(format!(
            "scheduler.step() (line {}) stands before optimizer.step(): PyTorch skips the first rate then, which is not \
             done here",
            stepping.line
        ));
    }
    imported
}

/// Names what looks like a scheduler or sets a rate, and was not read.
pub(super) fn left_out(program: &Program, sites: &[Site<'_>], imported: &mut Imported) {
    for site in sites {
        if others::is_stranger(site.call) && program.class(&site.call.name).is_none() {
            let shown = Expr::Call(Box::new(site.call.clone())).shown();
            imported.leave(Unread {
                matters: true,
                ..Unread::new(site.call.name.clone(), shown, site.call.line)
            });
        }
    }
    for site in sites.iter().filter(|site| is_wrapper(program, site.call)) {
        let shown = Expr::Call(Box::new(site.call.clone())).shown();
        imported
            .leave(Unread { matters: true, ..Unread::new(site.call.name.clone(), shown, site.call.line) });
    }
    for site in sites.iter().filter(|site| site.call.name == "add_param_group") {
        let shown = match site.call.arguments.first().map(|group| program.resolve_at(group, site.call.line)) {
            Some(Expr::Table(pairs)) => {
                let entry = |pair: &Pair| format!("{}: {}", pair.key.shown(), pair.value.shown());
                pairs.iter().map(entry).collect::<Vec<_>>().join(", ")
            }
            other => other.map(Expr::shown).unwrap_or_default(),
        };
        let name = "a group of parameters that is added later";
        imported.leave(Unread { matters: true, ..Unread::new(name, shown, site.call.line) });
    }
    // What a scheduler's own class sets was read with it.
    let mut own = Vec::new();
    program.visit(&mut |stmt, within| {
        if within.iter().any(|frame| matches!(frame, Within::Class(class) if lambda::is_scheduler(class))) {
            own.push(stmt.line);
        }
    });
    for (line, value) in rates_set(program).into_iter().filter(|(line, _)| !own.contains(line)) {
        imported.leave(Unread { matters: true, ..Unread::new("a rate that the loop sets", value, line) });
    }
}

/// Whether a call looks as if it made another schedule of one: `create_lr_scheduler_with_warmup(scheduler, ...)`.
fn is_wrapper(program: &Program, call: &Call) -> bool {
    let name = call.name.to_lowercase();
    let tells = name.contains("warmup") || name.contains("scheduler") || name == "concatscheduler";
    let is_made = |value: &Expr| matches!(program.resolve_at(value, call.line), Expr::Call(inner) if SCHEDULERS.contains(&inner.name.as_str()));
    tells
        && call.name.starts_with(|c: char| c.is_ascii_lowercase())
        && !SCHEDULERS.contains(&call.name.as_str())
        && program.function(&call.name).is_none()
        && call.arguments.iter().chain(call.named.iter().map(|(_, value)| value)).any(is_made)
}

/// What an event of ignite's engine counts at which the scheduler is called.
pub(super) fn ignite_event(sites: &[Site<'_>], names: &[&str]) -> Option<(Tick, usize)> {
    sites.iter().map(|site| site.call).filter(|call| call.name == "add_event_handler").find_map(|call| {
        let handler = call.argument("handler", 1)?.shown();
        let is_scheduler = names.contains(&handler.as_str()) || handler.to_lowercase().contains("scheduler");
        let event = call.argument("event_name", 0)?.shown();
        let tick = match event.rsplit('.').next()? {
            name if name.starts_with("EPOCH") => Tick::Epoch,
            name if name.starts_with("ITERATION") => Tick::Update,
            _ => return None,
        };
        is_scheduler.then_some((tick, call.line))
    })
}

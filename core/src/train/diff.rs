//! What an edit changed, in words for the timeline.

use crate::experiment::{self, Controller, Decay, Group, GroupRate, Number, Run};
use crate::numbers::round_to;
use crate::schedule::formula::Definition;
use crate::schedule::kind::Value;
use crate::schedule::{Clock, Kind, Schedule};

/// The difference between a run before and after an edit, as short as it can be said.
pub fn describe(old: &Run, new: &Run) -> String {
    let mut parts = Vec::new();
    schedule("", &old.lr, &new.lr, &mut parts);
    if old.optimizer.kind == new.optimizer.kind {
        for ((info, before), (_, after)) in old.optimizer.values().zip(new.optimizer.values()) {
            if before != after {
                parts.push(format!("{} {} → {}", info.name, number(before), number(after)));
            }
        }
        for ((info, before), (_, after)) in old.optimizer.switches().zip(new.optimizer.switches()) {
            if before != after {
                parts.push(format!("{} {}", info.name, on_off(after)));
            }
        }
    } else {
        parts.push(format!("{} → {}", old.optimizer.kind.name(), new.optimizer.kind.name()));
    }
    if old.fork != new.fork {
        parts.push("another fork".to_owned());
    }
    let name = |run: &Run| run.controller.as_ref().map_or("none", Controller::name);
    match (name(old), name(new)) {
        (before, after) if before != after => parts.push(format!("controller {before} → {after}")),
        (same, _) if old.controller != new.controller => parts.push(format!("{same} changed")),
        _ => {}
    }
    if old.layer_decay != new.layer_decay {
        parts.push("layer decay changed".to_owned());
    }
    if old.decay != new.decay {
        let which = if new.decay == Decay::All { "of all parameters" } else { "of matrices only" };
        parts.push(format!("weight decay {which}"));
    }
    groups(&old.groups, &new.groups, &mut parts);
    match (&old.batch, &new.batch) {
        (Some(old), Some(new)) => schedule("batch ", old, new, &mut parts),
        (None, Some(new)) => parts.push(format!("batch on a {} schedule", new.kind.name())),
        (Some(_), None) => parts.push("batch as the experiment says".to_owned()),
        (None, None) => {}
    }
    if parts.is_empty() { "no change".to_owned() } else { parts.join(", ") }
}

/// Groups are known by their names; those of the same name are compared.
fn groups(old: &[Group], new: &[Group], parts: &mut Vec<String>) {
    let find = |groups: &'_ [Group], name: &str| groups.iter().position(|group| group.name() == name);
    for group in old.iter().filter(|group| find(new, group.name()).is_none()) {
        parts.push(format!("group {} removed", group.name()));
    }
    for group in new {
        let name = group.name();
        let Some(before) = find(old, name).and_then(|at| old.get(at)) else {
            parts.push(format!("group {name} added"));
            continue;
        };
        match (&before.lr, &group.lr) {
            (GroupRate::Schedule(old), GroupRate::Schedule(new)) => {
                schedule(&format!("group {name}: "), old, new, parts);
            }
            (old, new) if old != new => {
                parts.push(format!("group {name}: rate {} → {}", group_rate(old), group_rate(new)));
            }
            _ => {}
        }
        if before.weight_decay != group.weight_decay {
            let said = group.weight_decay.map_or_else(|| "as the run's".to_owned(), decimal);
            parts.push(format!("group {name}: weight decay {said}"));
        }
        if before.freeze != group.freeze {
            parts.push(match &group.freeze {
                Some(span) => format!("group {name}: frozen for {span}"),
                None => format!("group {name}: not frozen"),
            });
        }
    }
    let order = |groups: &[Group]| groups.iter().map(|group| group.name().to_owned()).collect::<Vec<_>>();
    if old.len() == new.len()
        && order(old) != order(new)
        && new.iter().all(|it| find(old, it.name()).is_some())
    {
        parts.push("groups in another order".to_owned());
    }
}

fn group_rate(rate: &GroupRate) -> String {
    match rate {
        GroupRate::Factor(factor) => format!("× {}", decimal(*factor)),
        GroupRate::Schedule(schedule) => format!("a {} schedule", schedule.kind.name()),
    }
}

/// Whether two runs, each one of an experiment's, make the same updates from `from` on where they start from
/// the same weights; forks are followed to the runs they share their past with.
pub fn makes_same_updates(old: (&[Run], usize), new: (&[Run], usize), clock: Clock, from: u64) -> bool {
    let lineage = |(runs, at)| experiment::lineage(runs, at, clock).ok();
    let (Some(before), Some(after)) = (lineage(old), lineage(new)) else { return false };
    let turns = before.turns().chain(after.turns()).filter(|turn| *turn > from);
    turns.chain([from]).all(|update| {
        let old = old.0.get(*before.at(update));
        let new = new.0.get(*after.at(update));
        old.zip(new).is_some_and(|(old, new)| old.trains_as(new))
    })
}

fn schedule(prefix: &str, old: &Schedule, new: &Schedule, parts: &mut Vec<String>) {
    if old.kind.name() == new.kind.name() {
        for field in Kind::fields(new.kind.name()).unwrap_or_default() {
            let (before, after) = (old.kind.get(field.name), new.kind.get(field.name));
            if let (Some(Value::Formula(before)), Some(Value::Formula(after))) = (&before, &after) {
                formula(prefix, before, after, parts);
            } else if before != after {
                parts.push(format!("{prefix}{} {} → {}", field.name, value(before), value(after)));
            }
        }
    } else {
        parts.push(format!("{prefix}{} → {}", old.kind.name(), new.kind.name()));
    }
    match (&old.warmup, &new.warmup) {
        (None, None) => {}
        (Some(_), None) => parts.push(format!("{prefix}warmup off")),
        (None, Some(warmup)) => parts.push(format!("{prefix}warmup over {}", warmup.over)),
        (Some(old), Some(new)) if old.over != new.over => {
            parts.push(format!("{prefix}warmup over {} → {}", old.over, new.over));
        }
        (Some(old), Some(new)) if old != new => parts.push(format!("{prefix}warmup changed")),
        _ => {}
    }
    if old.cooldown != new.cooldown {
        parts.push(match &new.cooldown {
            Some(cooldown) => format!("{prefix}cooldown over {}", cooldown.over),
            None => format!("{prefix}cooldown off"),
        });
    }
    if old.clamp != new.clamp {
        parts.push(format!("{prefix}clamp changed"));
    }
    if old.tick != new.tick {
        parts.push(format!("{prefix}tick changed"));
    }
}

fn formula(prefix: &str, old: &Definition, new: &Definition, parts: &mut Vec<String>) {
    if old.formula() != new.formula() {
        parts.push(format!("{prefix}value {} → {}", old.formula(), new.formula()));
    }
    for (name, after) in new.constants() {
        match old.get(name) {
            Some(before) if before == after => {}
            Some(before) => parts.push(format!("{prefix}{name} {} → {}", decimal(before), decimal(after))),
            None => parts.push(format!("{prefix}{name} {}", decimal(after))),
        }
    }
}

fn number(number: &Number) -> String {
    match number {
        Number::Fixed(fixed) => decimal(*fixed),
        Number::Schedule(schedule) => format!("a {} schedule", schedule.kind.name()),
        Number::Mirror { low, high } => format!("mirror {} to {}", decimal(*low), decimal(*high)),
    }
}

fn value(value: Option<Value>) -> String {
    match value {
        Some(Value::Number(number)) => decimal(number),
        Some(Value::Span(Some(span))) => {
            span.with_amount((span.amount() * 100.0).round() / 100.0).to_string()
        }
        Some(Value::Span(None)) => "the rest".to_owned(),
        Some(Value::Flag(flag)) => on_off(flag).to_owned(),
        Some(Value::Choice(choice)) => choice.to_owned(),
        Some(Value::Formula(definition)) => definition.formula().to_string(),
        Some(Value::Points(points)) => format!("{} points", points.len()),
        Some(Value::Values(table)) => format!("{} values", table.values.len()),
        Some(Value::Milestones(milestones)) => format!("{} milestones", milestones.len()),
        Some(Value::Parts(parts)) => format!("{} parts", parts.len()),
        Some(Value::Factors(factors)) => format!("{} factors", factors.len()),
        None => "none".to_owned(),
    }
}

fn on_off(flag: bool) -> &'static str {
    if flag { "on" } else { "off" }
}

/// Three significant digits, as short as they can be written.
fn decimal(value: f64) -> String {
    let rounded = round_to(value, 3);
    let size = rounded.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) { format!("{rounded:e}") } else { format!("{rounded}") }
}

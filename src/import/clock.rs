//! What a training loop says of time: where `scheduler.step()` stands in it, and how long the loop is.

use super::python::{Expr, Program, Site, Stmt, StmtKind, Within};
use crate::schedule::{Span, Tick};

/// How many loops around the functions of a program are followed.
const MAX_CALLS: usize = 4;

/// Where the scheduler of a program is stepped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stepping {
    /// What a step counts.
    pub tick: Tick,
    pub line: usize,
    /// The length of the loop around it, where it says so.
    pub total: Option<Span>,
    /// It stands in no loop that the text shows.
    pub outside: bool,
    /// It is given a fraction of an epoch (`step(epoch + i / n)`), and counts epochs continuously.
    pub fractional: bool,
    /// The optimizer makes an update after so many of its steps.
    pub micro_batches: Option<f64>,
    /// The same as the program spells it, whether or not it is known.
    pub spelled: Option<String>,
    /// It stands in the loop before `optimizer.step()`.
    pub first: bool,
}

/// A loop around a place.
#[derive(Clone, Copy)]
pub(crate) struct Loop<'p> {
    pub target: Option<&'p Expr>,
    /// What it goes through; nothing for `while`.
    pub items: Option<&'p Expr>,
    pub body: &'p [Stmt],
}

/// What a loop counts from.
pub(crate) enum First<'p> {
    At(f64),
    /// What is worked out anew whenever it begins.
    Of(&'p Expr),
}

/// The loops around a site, the outermost first, with those around calls of the function it is in.
pub(crate) fn loops<'p>(site: &Site<'p>, sites: &[Site<'p>]) -> Vec<Loop<'p>> {
    let mut found = own_loops(&site.within);
    let mut within = site.within.clone();
    for _ in 0..MAX_CALLS {
        let function = within.iter().rev().find_map(|frame| match frame {
            Within::Def(function) => Some(*function),
            _ => None,
        });
        let Some(function) = function else { break };
        let is_call = |other: &&Site<'p>| {
            other.call.name == function.name
                && !other
                    .within
                    .iter()
                    .any(|frame| matches!(frame, Within::Def(outer) if outer.line == function.line))
        };
        let calls: Vec<&Site<'p>> = sites.iter().filter(is_call).collect();
        let Some(caller) = calls.iter().find(|site| !own_loops(&site.within).is_empty()).or(calls.first())
        else {
            break;
        };
        let mut outer = own_loops(&caller.within);
        outer.extend(found);
        found = outer;
        within.clone_from(&caller.within);
    }
    found
}

/// The loops of the function that the place is in itself.
pub(crate) fn own_loops<'p>(within: &[Within<'p>]) -> Vec<Loop<'p>> {
    let start = within.iter().rposition(|frame| matches!(frame, Within::Def(_))).map_or(0, |at| at + 1);
    let frames = within.get(start..).unwrap_or_default();
    frames
        .iter()
        .filter_map(|frame| match frame {
            Within::For { target, items, body } => {
                (!is_over_parts(items)).then_some(Loop { target: Some(target), items: Some(items), body })
            }
            Within::While { body } => Some(Loop { target: None, items: None, body }),
            _ => None,
        })
        .collect()
}

/// Whether a loop goes through the parts of one update: groups of parameters, optimizers, schedulers.
fn is_over_parts(items: &Expr) -> bool {
    let shown = items.shown().to_lowercase();
    let last = shown.rsplit(['.', '(', ' ']).find(|part| !part.is_empty()).unwrap_or(&shown);
    shown.contains("param_groups")
        || ["optimizers", "schedulers", "opts", "optims"]
            .iter()
            .any(|name| last.trim_end_matches(')') == *name)
        || shown.starts_with("zip(opt")
        || shown.starts_with("enumerate(opt")
}

/// What a loop goes through, without `enumerate`, `tqdm` and their like.
fn plain_items(items: &Expr) -> &Expr {
    let mut items = items;
    for _ in 0..4 {
        match items {
            Expr::Call(call)
                if matches!(
                    call.name.as_str(),
                    "enumerate" | "tqdm" | "trange" | "track" | "iter" | "progress_bar" | "log_every"
                ) && call.name != "trange" =>
            {
                match call.arguments.first() {
                    Some(inner) => items = inner,
                    None => break,
                }
            }
            _ => break,
        }
    }
    items
}

impl Loop<'_> {
    /// The loop's `range`, as its first value and how many there are.
    pub fn range(&self, program: &Program, line: usize) -> Option<(f64, f64)> {
        let Expr::Call(call) = plain_items(self.items?) else { return None };
        if !matches!(call.name.as_str(), "range" | "trange" | "arange") {
            return None;
        }
        let number = |place: usize| program.number(call.arguments.get(place)?, line);
        match call.arguments.len() {
            1 => Some((0.0, number(0)?)),
            2 | 3 => {
                let start = number(0).unwrap_or(0.0);
                // `range(start, start + 200)` counts 200, wherever it starts.
                if let (Some(first), Some(Expr::Binary("+", sides))) =
                    (call.arguments.first(), call.arguments.get(1))
                    && sides.0 == *first
                    && let Some(count) = program.number(&sides.1, line)
                {
                    return Some((start, count));
                }
                Some((start, (number(1)? - start) / if call.arguments.len() == 3 { number(2)? } else { 1.0 }))
            }
            _ => None,
        }
    }

    /// What `enumerate(loader, start=...)` counts from.
    pub fn first_value(&self, program: &Program, line: usize) -> Option<First<'_>> {
        let Expr::Call(call) = self.items? else { return None };
        let start = (call.name == "enumerate").then(|| call.argument("start", 1)).flatten()?;
        Some(match program.number(start, line) {
            Some(first) => First::At(first),
            None => First::Of(start),
        })
    }

    fn is_range(&self) -> bool {
        self.items.is_some_and(|items| {
            matches!(plain_items(items), Expr::Call(call) if matches!(call.name.as_str(), "range" | "trange" | "arange"))
        })
    }

    /// The name of what it counts.
    pub fn variable(&self) -> Option<&str> {
        match self.target? {
            Expr::Name(name) => Some(name),
            // `for i, batch in enumerate(loader)`.
            Expr::List(names) => match names.first() {
                Some(Expr::Name(name)) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it goes through epochs: it says so, or there is a loop through data in it.
    pub fn is_epochs(&self) -> bool {
        let named = self.variable().is_some_and(|name| {
            let name = name.to_lowercase();
            name.contains("epoch") || matches!(name.as_str(), "ep" | "e" | "_epoch")
        });
        if named {
            return true;
        }
        if self.items.is_some() && !self.is_range() {
            return false;
        }
        has_loop(self.body) || trains_an_epoch(self.body)
    }
}

/// Whether there is a loop in statements, but through parameter groups.
fn has_loop(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::For { items, .. } => !is_over_parts(items) && !items.shown().starts_with("range"),
        StmtKind::Block(body) => has_loop(body),
        StmtKind::If(branches, otherwise) => {
            branches.iter().any(|(_, body)| has_loop(body)) || has_loop(otherwise)
        }
        _ => false,
    })
}

/// Whether a function that trains is called in statements.
pub(crate) fn trains_an_epoch(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| {
        let (StmtKind::Value(value) | StmtKind::Assign(_, value)) = &stmt.kind else { return false };
        matches!(value, Expr::Call(call) if call.callee.is_none() && {
            let name = call.name.to_lowercase();
            (name.starts_with("train") || name.contains("epoch") || name == "fit") && !name.contains("step")
        })
    })
}

/// Whether a call is that of a scheduler's `step`.
fn steps(site: &Site<'_>, names: &[&str]) -> bool {
    let call = site.call;
    if !matches!(call.name.as_str(), "step" | "step_update") {
        return false;
    }
    let Some((holder, _)) = call.path.rsplit_once('.') else { return false };
    let last = holder.rsplit('.').next().unwrap_or(holder);
    names.contains(&holder) || last.to_lowercase().contains("sched") || last.starts_with("lr_")
}

pub(crate) fn steps_optimizer(site: &Site<'_>) -> bool {
    let call = site.call;
    let holder = call.path.rsplit_once('.').map_or("", |(holder, _)| holder).to_lowercase();
    let of_optimizer = holder.contains("opt") && !holder.contains("sched");
    call.name == "step" && (of_optimizer || holder.ends_with("scaler"))
}

/// The period of an `if (i + 1) % n == 0` around a site.
fn guard<'p>(site: &Site<'p>, program: &Program) -> Option<(&'p Expr, Option<f64>)> {
    site.within.iter().rev().find_map(|frame| match frame {
        Within::If { test } => period(test).map(|by| (by, program.number(by, site.call.line))),
        _ => None,
    })
}

fn period(test: &Expr) -> Option<&Expr> {
    match test {
        Expr::Binary("%", sides) => Some(&sides.1),
        Expr::Binary(_, sides) => period(&sides.0).or_else(|| period(&sides.1)),
        Expr::Compare(first, rest) => {
            period(first).or_else(|| rest.iter().find_map(|(_, value)| period(value)))
        }
        Expr::Unary(_, value) => period(value),
        _ => None,
    }
}

/// Where the scheduler is stepped, if it is; `names` are what it is called.
pub(crate) fn read(program: &Program, names: &[&str]) -> Option<Stepping> {
    let sites = program.sites();
    let step = sites.iter().filter(|site| steps(site, names)).max_by_key(|site| loops(site, &sites).len())?;
    let around = loops(step, &sites);
    let line = step.call.line;
    let optimizer =
        sites.iter().filter(|site| steps_optimizer(site)).max_by_key(|site| loops(site, &sites).len());
    let own = guard(step, program).is_some();
    let period = optimizer
        .filter(|_| !own)
        .filter(|optimizer| loops(optimizer, &sites).len() == around.len())
        .and_then(|optimizer| guard(optimizer, program))
        .filter(|(_, number)| number.is_none_or(|every| every > 1.0));
    let spelled = period.map(|(by, _)| by.shown());
    let micro_batches = period.and_then(|(_, number)| number);
    let first = optimizer.is_some_and(|optimizer| {
        let same = loops(optimizer, &sites).len() == around.len();
        same && !around.is_empty() && optimizer.call.line > line
    });
    let Some(innermost) = around.last() else {
        return Some(Stepping {
            tick: Tick::Update,
            line,
            total: None,
            outside: true,
            fractional: false,
            micro_batches: None,
            spelled: None,
            first: false,
        });
    };
    let argument = step.call.arguments.first();
    let fractional = matches!(argument, Some(Expr::Binary("+", sides))
        if matches!(sides.0, Expr::Binary("/", _)) || matches!(sides.1, Expr::Binary("/", _)));
    let outer_epochs = around.iter().rev().skip(1).any(Loop::is_epochs);
    let per_epoch = innermost.is_epochs()
        && (!outer_epochs || innermost.variable().is_some_and(|name| name.to_lowercase().contains("epoch")));
    let tick = if per_epoch && !fractional { Tick::Epoch } else { Tick::Update };
    let epochs =
        around.iter().find(|around| around.is_epochs()).and_then(|around| around.range(program, line));
    let total = match (epochs, around.as_slice()) {
        (Some((_, count)), _) if count > 0.0 => Some(Span::Epochs(count)),
        (None, [only]) => only
            .range(program, line)
            .map(|(_, count)| Span::Updates(count))
            .filter(|span| span.amount() > 0.0),
        _ => None,
    };
    Some(Stepping { tick, line, total, outside: false, fractional, micro_batches, spelled, first })
}

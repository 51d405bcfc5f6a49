//! How a function of the tick is called: which variable counts, what else it is given, and for how long.

use super::{
    Expr, Function, Imported, Machine, Options, Program, StmtKind, Stop, Tick, Value, Within, clock,
};
use crate::import::python::eval::Done;
use crate::import::python::{Bound, Site, Stmt};
use crate::import::rates::{holds_rate, is_setting, optimizer_of};
use crate::schedule::Span;
use crate::schedule::formula::Definition;

/// Updates of an epoch where a rate changes within epochs and nothing says how many there are.
const PER_EPOCH: f64 = 100.0;

/// Names of what counts, and of how long a run is.
const TICKS: [&str; 24] = [
    "it",
    "iter",
    "iteration",
    "step",
    "epoch",
    "i",
    "n",
    "current_step",
    "global_step",
    "iter_num",
    "cur_iter",
    "current_iter",
    "steps",
    "iters",
    "epochs",
    "s",
    "e",
    "ep",
    "count",
    "index",
    "step_num",
    "num_updates",
    "cur_step",
    "current_epoch",
];
/// Names of what is a rate, or a share of the run, and counts nothing.
const NO_TICKS: [&str; 10] =
    ["lr", "learning_rate", "rate", "new_lr", "value", "x", "progress", "optimizer", "model", "args"];
const TOTALS: [&str; 20] = [
    "max_iters",
    "max_steps",
    "num_iterations",
    "num_steps",
    "total_steps",
    "train_iters",
    "max_iter",
    "n_iters",
    "total_iters",
    "iterations",
    "num_training_steps",
    "n_steps",
    "total_iterations",
    "lr_decay_iters",
    "num_epochs",
    "epochs",
    "n_epochs",
    "max_epochs",
    "total_epochs",
    "nb_epoch",
];

/// What is evaluated at each tick.
#[derive(Clone)]
enum Way<'p> {
    /// A function of the tick, at this place among its parameters.
    Function { function: &'p Function, place: usize },
    /// A call as it stands in a loop.
    Call(&'p Expr),
    /// A call that makes the function of the tick.
    Made(&'p Expr),
    /// The beginning of a loop's body, up to what sets the rate.
    Body(&'p [Stmt]),
}

#[derive(Clone)]
pub(super) struct Drive<'p> {
    /// What it is called, for people.
    pub what: String,
    way: Way<'p>,
    line: usize,
    pub tick: Tick,
    /// Variables that count epochs, updates within one, and updates from the beginning of the run.
    epochs: Vec<String>,
    updates: Vec<String>,
    whole: Vec<String>,
    /// The first value of what counts updates within an epoch, and of what counts all of them.
    first: f64,
    /// The rate is set after the update, or the epoch, of its tick: the next one is the first that has it.
    pub is_late: bool,
    /// The first value of what counts.
    start: f64,
    /// How many there are of it.
    total: Option<f64>,
    /// Updates of an epoch, where both count; and whether that was assumed.
    pub per_epoch: Option<f64>,
    pub assumed_epoch: bool,
    asked: Option<Span>,
}

/// Whether a parameter of this name counts updates or epochs.
pub fn counts(name: &str) -> bool {
    TICKS.contains(&name) || name.ends_with("step") || name.ends_with("iter") || name.ends_with("epoch")
}

impl<'p> Drive<'p> {
    /// A function that takes the tick; the rest of what it takes has defaults or is known.
    pub fn of_function(program: &'p Program, function: &'p Function) -> Option<Self> {
        let own = |name: &str| name != "self";
        let places: Vec<(usize, &str)> = function
            .parameters
            .iter()
            .enumerate()
            .filter(|(_, parameter)| own(&parameter.name))
            .map(|(place, parameter)| (place, parameter.name.as_str()))
            .collect();
        let (place, name) = match places.iter().find(|(_, name)| counts(name)) {
            Some(found) => *found,
            None => match places.as_slice() {
                [only] if !NO_TICKS.contains(&only.1) => *only,
                _ => return None,
            },
        };
        let by_epoch = name.contains("epoch") || name == "e" || name == "ep";
        Some(Self {
            what: format!("{}()", function.name),
            way: Way::Function { function, place },
            line: function.line,
            tick: if by_epoch { Tick::Epoch } else { Tick::Update },
            epochs: Vec::new(),
            updates: Vec::new(),
            whole: Vec::new(),
            first: 0.0,
            is_late: false,
            start: 0.0,
            total: total(program, if by_epoch { Tick::Epoch } else { Tick::Update }),
            per_epoch: None,
            assumed_epoch: false,
            asked: None,
        })
    }

    /// A function that makes the function of the tick, where the program calls it: `scheduler = cosine_lr(optimizer,
    /// base, warmup, total)`.
    pub fn of_maker(program: &'p Program, sites: &[Site<'p>], function: &'p Function) -> Option<Self> {
        let inner = function.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Return(Some(Expr::Name(name))) => Some(name.as_str()),
            _ => None,
        })?;
        function.body.iter().find(|stmt| matches!(&stmt.kind, StmtKind::Def(def) if def.name == inner))?;
        let maker = sites.iter().rfind(|site| site.call.name == function.name)?;
        let call = expression_of(program, maker)?;
        let used = maker.name.and_then(|name| {
            sites.iter().find(|site| site.call.path == name && !clock::loops(site, sites).is_empty())
        });
        let mut drive = match used {
            Some(used) => around(program, &clock::loops(used, sites), used.call.line),
            None => around(program, &[], maker.call.line),
        };
        // What it is called with says what it counts.
        if let Some(used) = used {
            let given = |names: &[String]| {
                names.iter().any(|name| used.call.arguments.iter().any(|value| mentions(value, name)))
            };
            if given(&drive.epochs) && !given(&drive.updates) && !given(&drive.whole) {
                (drive.tick, drive.per_epoch, drive.assumed_epoch) = (Tick::Epoch, None, false);
            }
        }
        drive.what = format!("what {}() makes", function.name);
        drive.way = Way::Made(call);
        Some(drive)
    }

    /// Does what was asked for beside the text.
    pub fn overrule(&mut self, options: &Options, imported: &mut Imported) {
        if let Some(tick) = options.tick {
            self.tick = tick;
        }
        if let (Some(per_epoch), true) = (options.updates_per_epoch, self.per_epoch.is_some()) {
            (self.per_epoch, self.assumed_epoch) = (Some(per_epoch), false);
        }
        self.asked = options.length;
        let (unit, line) = (if self.tick == Tick::Epoch { "epoch" } else { "update" }, self.line);
        imported.note(format!("{} was taken as what gives the rate of each {unit} (line {line})", self.what));
    }

    pub fn ticks(&self, program: &Program) -> Option<u64> {
        let _ = program;
        let ticks = match (self.asked, self.tick) {
            (Some(Span::Updates(updates)), Tick::Update) => Some(updates),
            (Some(Span::Epochs(epochs)), Tick::Epoch) => Some(epochs),
            (Some(Span::Epochs(epochs)), Tick::Update) => self.per_epoch.map(|per_epoch| epochs * per_epoch),
            _ => None,
        };
        let own = self.total.map(|total| match (self.tick, self.per_epoch) {
            (Tick::Update, Some(per_epoch)) => total * per_epoch,
            _ => total,
        });
        ticks.or(own).filter(|ticks| *ticks >= 1.0).map(|ticks| ticks.min(1e9).round() as u64)
    }

    /// Whether the rate may be made of the one before.
    pub fn is_stateful(&self) -> bool {
        matches!(self.way, Way::Body(_) | Way::Call(_))
    }

    /// The function as a formula of the tick.
    pub fn formula(&self, machine: &mut Machine<'p>) -> Option<Definition> {
        match &self.way {
            Way::Function { function, place } if self.per_epoch.is_none() => {
                machine.formula_of(function, *place, self.start)?.definition()
            }
            _ => None,
        }
    }

    /// The rate of a tick.
    pub fn rate(&self, machine: &mut Machine<'p>, tick: u64) -> Done<f64> {
        let tick = match (self.is_late, machine.base) {
            (true, Some(base)) if tick == 0 => return Ok(base),
            (true, _) => tick.saturating_sub(1) as f64,
            (false, _) => tick as f64,
        };
        let (epoch, update, whole) = match (self.tick, self.per_epoch) {
            (Tick::Epoch, _) => (tick + self.start, 0.0, tick),
            (Tick::Update, Some(per_epoch)) => {
                ((tick / per_epoch).floor() + self.start, tick % per_epoch + self.first, tick + self.first)
            }
            (Tick::Update, None) => (self.start, tick + self.start, tick + self.start),
        };
        for (names, value) in [(&self.epochs, epoch), (&self.updates, update), (&self.whole, whole)] {
            for name in names {
                machine.define(name, Value::Number(value));
            }
        }
        let given = match &self.way {
            Way::Function { function, place } => {
                machine.apply_at(function, *place, Value::Number(tick + self.start))?
            }
            Way::Call(call) => machine.value(call, self.line)?,
            Way::Made(call) => {
                let made = machine.value(call, self.line)?;
                machine.apply_value(&made, vec![Value::Number(tick + self.start)], self.line)?
            }
            Way::Body(body) => {
                // Of several optimizers it is the first whose rate is looked for.
                let first = body.iter().find(|stmt| holds_rate(stmt)).and_then(optimizer_of);
                machine.loosely(body, &|stmt| {
                    let is_other = optimizer_of(stmt).is_some_and(|own| first.as_ref() != Some(&own));
                    match holds_rate(stmt) {
                        true if is_other => None,
                        holds => Some(holds),
                    }
                })?;
                Value::None
            }
        };
        if let Some(lost) = machine.lost.take() {
            return Err(Stop::new(format!("the rate depends on `{lost}`, which is not known here")));
        }
        match given {
            Value::Opaque(spelled) if machine.rate.is_none() => {
                Err(Stop::new(format!("it depends on `{spelled}`, which is not known here")))
            }
            given => given
                .number()
                .filter(|_| match self.way {
                    Way::Function { .. } => machine.rate.is_none(),
                    Way::Made(_) => true,
                    Way::Call(_) | Way::Body(_) => false,
                })
                .or(machine.rate)
                // Until it is set it is what the optimizer was made with.
                .or(machine.base.filter(|_| matches!(self.way, Way::Body(_) | Way::Call(_))))
                .ok_or_else(|| Stop::new("it gives no number, and sets no rate")),
        }
    }
}

/// How long the program says that a run is: a name outside functions, or the default of a setting.
fn total(program: &Program, tick: Tick) -> Option<f64> {
    let counts = |name: &&&str| name.contains("epoch") == (tick == Tick::Epoch);
    let said = |name: &str| match program.bound(name, usize::MAX)? {
        (Bound::Value(value), line) => program.number(value, line).filter(|total| *total >= 1.0),
        _ => None,
    };
    let setting = |name: &str| {
        let whole = format!("args.{name}");
        match program.bound(&whole, usize::MAX)? {
            (Bound::Default(usual), line) => {
                let total = program.number(&usual.value, line).filter(|total| *total >= 1.0)?;
                program.note(usual.sentence(name));
                Some(total)
            }
            _ => None,
        }
    };
    let names = || TOTALS.iter().filter(counts);
    names().find_map(|name| said(name)).or_else(|| names().find_map(|name| setting(name)))
}

/// The function or the loop that sets the rate of an optimizer's groups.
pub(super) fn of_loop<'p>(program: &'p Program, sites: &[Site<'p>]) -> Option<Drive<'p>> {
    let mut places: Vec<(&'p Stmt, Vec<Within<'p>>)> = Vec::new();
    program.visit(&mut |stmt, within| {
        if is_setting(stmt) {
            places.push((stmt, within.to_vec()));
        }
    });
    let (stmt, within) = places.last()?;
    let own = clock::own_loops(within);
    if let Some(innermost) = own.last() {
        // The loop that trains is around it.
        let mut drive = around(program, &own, stmt.line);
        drive.is_late = is_late(sites, innermost.body, stmt.line);
        drive.way = Way::Body(innermost.body);
        drive.what = "the loop that sets the rate".to_owned();
        return Some(drive);
    }
    let function = within.iter().rev().find_map(|frame| match frame {
        Within::Def(function) => Some(*function),
        _ => None,
    })?;
    // Where it is called, with the loops around that.
    let caller =
        sites.iter().find(|site| site.call.name == function.name && !clock::loops(site, sites).is_empty());
    let by_call = caller.and_then(|caller| {
        let loops = clock::loops(caller, sites);
        let mut drive = around(program, &loops, caller.call.line);
        let body = clock::own_loops(&caller.within).last().map_or(&[][..], |innermost| innermost.body);
        drive.is_late = is_late(sites, body, caller.call.line);
        let call = expression_of(program, caller)?;
        drive.way = Way::Call(call);
        drive.what = format!("{}()", function.name);
        // An argument that is the parameter of the function around the call counts too.
        let counted: Vec<String> =
            drive.epochs.iter().chain(&drive.updates).chain(&drive.whole).cloned().collect();
        let mentions = |name: &str| {
            caller
                .call
                .arguments
                .iter()
                .chain(caller.call.named.iter().map(|(_, value)| value))
                .any(|value| mentions(value, name))
        };
        counted.iter().any(|name| mentions(name)).then(|| {
            // Only epochs are handed on: it is a staircase, wherever the call stands.
            if !drive.updates.iter().chain(&drive.whole).any(|name| mentions(name))
                && !drive.epochs.is_empty()
            {
                drive.tick = Tick::Epoch;
                drive.per_epoch = None;
                drive.assumed_epoch = false;
            }
            drive
        })
    });
    by_call.or_else(|| Drive::of_function(program, function))
}

/// The statement's own expression of a call.
fn expression_of<'p>(program: &'p Program, site: &Site<'p>) -> Option<&'p Expr> {
    let mut found = None;
    program.visit(&mut |stmt, _| {
        let (StmtKind::Value(value) | StmtKind::Assign(_, value)) = &stmt.kind else { return };
        if matches!(value, Expr::Call(call) if std::ptr::eq(&**call, site.call)) {
            found = Some(value);
        }
    });
    found
}

fn mentions(value: &Expr, name: &str) -> bool {
    match value {
        Expr::Name(found) => found == name,
        Expr::Binary(_, sides) => mentions(&sides.0, name) || mentions(&sides.1, name),
        Expr::Unary(_, inner) => mentions(inner, name),
        Expr::Call(call) => call.arguments.iter().any(|value| mentions(value, name)),
        _ => false,
    }
}

/// What counts in these loops.
fn around<'p>(program: &'p Program, loops: &[clock::Loop<'p>], line: usize) -> Drive<'p> {
    let mut drive = Drive {
        what: String::new(),
        way: Way::Body(&[]),
        line,
        tick: Tick::Update,
        epochs: Vec::new(),
        updates: Vec::new(),
        whole: Vec::new(),
        first: 0.0,
        is_late: false,
        start: 0.0,
        total: None,
        per_epoch: None,
        assumed_epoch: false,
        asked: None,
    };
    let outer = loops.iter().find(|around| around.is_epochs());
    let inner = loops.iter().rfind(|around| !around.is_epochs());
    let counters = |around: &clock::Loop<'p>| {
        let mut names: Vec<String> = around.variable().map(str::to_owned).into_iter().collect();
        names.extend(moved_on(around.body));
        names
    };
    if let Some(outer) = outer {
        drive.tick = Tick::Epoch;
        drive.epochs = counters(outer);
        if let Some((start, count)) = outer.range(program, line) {
            (drive.start, drive.total) = (start, Some(count));
        }
    }
    if let Some(inner) = inner {
        drive.tick = Tick::Update;
        drive.updates = counters(inner);
        if let Some(outer) = outer {
            let start = inner.first_value(program, line);
            let goes_on = |name: &str| match &start {
                Some(clock::First::Of(value)) if inner.variable() == Some(name) => {
                    drive.epochs.iter().any(|epoch| mentions(value, epoch))
                }
                // One that the loop moves on by itself, and that no epoch begins anew.
                _ => moved_on(inner.body).any(|moved| moved == name) && !is_assigned(outer.body, name),
            };
            let (whole, within) =
                std::mem::take(&mut drive.updates).into_iter().partition::<Vec<_>, _>(|name| goes_on(name));
            (drive.whole, drive.updates) = (whole, within);
            if let Some(clock::First::At(first)) = start {
                drive.first = first;
            }
            (drive.per_epoch, drive.assumed_epoch) = (Some(PER_EPOCH), true);
        } else if let Some((start, count)) = inner.range(program, line) {
            (drive.start, drive.total) = (start, Some(count));
        } else if inner.items.is_none() {
            for name in &drive.updates {
                if let Some((Bound::Value(value), at)) = program.bound(name, 0) {
                    drive.start = program.number(value, at).unwrap_or(0.0);
                }
            }
        }
    }
    if drive.total.is_none() && outer.is_none() {
        drive.total = total(program, Tick::Update);
    }
    drive
}

/// The names that statements add a number to: `step += 1`, `step = step + 1`.
fn moved_on(body: &[Stmt]) -> impl Iterator<Item = String> {
    body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Update(Expr::Name(name), "+", Expr::Number(_)) => Some(name.clone()),
        StmtKind::Assign(targets, Expr::Binary("+", sides)) => match (targets.as_slice(), &sides.1) {
            ([Expr::Name(name)], Expr::Number(_)) if sides.0 == Expr::Name(name.clone()) => {
                Some(name.clone())
            }
            _ => None,
        },
        _ => None,
    })
}

/// Whether the optimizer makes its update in the loop's body before the line on which the rate is set.
fn is_late(sites: &[Site<'_>], body: &[Stmt], line: usize) -> bool {
    let first = body.first().map_or(usize::MAX, |stmt| stmt.line);
    let mut steps = sites.iter().filter(|site| clock::steps_optimizer(site));
    steps.any(|site| (first..line).contains(&site.call.line))
        || body.iter().any(|stmt| stmt.line < line && clock::trains_an_epoch(std::slice::from_ref(stmt)))
}

/// Whether one of the statements gives the name a value.
fn is_assigned(body: &[Stmt], name: &str) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign(targets, _) => targets.iter().any(|target| *target == Expr::Name(name.to_owned())),
        _ => false,
    })
}

//! Functions in Python that give a rate, however they are used: `get_lr(it)`, `adjust_learning_rate(optimizer,
//! epoch)`, a loop that sets `param_group["lr"]`. They are evaluated, never run.

mod drive;

use super::super::dialect::{Dialect, Sign};
use super::super::function::{self, Sampled};
use super::super::python::eval::{Machine, Stop, Value};
use super::super::python::{Expr, Function, Program, StmtKind, Within};
use super::super::shape::{as_epochs, constant};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, clock, pytorch_optimizer};
use super::wrong_form;
use crate::schedule::{Kind, Schedule, Span, Tick};
use drive::Drive;
pub(super) use drive::counts;

pub static DIALECT: Dialect = Dialect {
    id: "function",
    name: "a function in Python",
    example: "import math\nmax_iters = 1000\ndef get_lr(it):\n    return 6e-4 * 0.5 * (1 + math.cos(math.pi * it / \
              max_iters))\n",
    signs: &[
        (Sign::SetsRate, 12),
        (Sign::Function("get_lr"), 20),
        (Sign::Function("adjust_learning_rate"), 20),
        (Sign::Function("adjust_lr"), 10),
        (Sign::Function("get_learning_rate"), 20),
        (Sign::Function("learning_rate_schedule"), 10),
        (Sign::Function("lr_schedule"), 10),
        (Sign::Function("lr_scheduler"), 10),
        (Sign::Function("lr_lambda"), 10),
        (Sign::Function("lr_func"), 10),
        (Sign::Function("lr_fn"), 10),
        (Sign::Function("lrfn"), 10),
        (Sign::Function("get_cosine_lr"), 10),
        (Sign::Function("compute_lr"), 10),
        (Sign::Function("cosine_lr"), 10),
        (Sign::Function("cosine_decay"), 10),
        (Sign::Function("step_decay"), 10),
        (Sign::Function("exp_decay"), 10),
        (Sign::Function("get_lr_schedule"), 8),
        (Sign::Function("lr_at"), 10),
        (Sign::Function("schedule"), 8),
        (Sign::Function("scheduler"), 8),
        (Sign::Function("rate"), 6),
        (Sign::RateFunction, 10),
        (Sign::Name("learning_rate"), 2),
        (Sign::Name("lr"), 2),
    ],
    read,
};

/// What the evaluation of one tick may cost.
const FUEL: u64 = 2_000_000;

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "function", constant(0.0));
    let sites = program.sites();
    let call = sites.iter().map(|site| site.call).find(|call| pytorch_optimizer::is_one(call));
    let mut base = None;
    if let Some(call) = call {
        let read = pytorch_optimizer::read(call, program)?;
        imported.optimizer = read.optimizer;
        base = Some(read.rate);
        read.notes.into_iter().for_each(|note| imported.note(note));
        if let Some(found) = read.groups {
            found.apply_scales(&mut imported);
        }
    }
    let maker = names().filter_map(|name| program.function(name));
    let made = || maker.into_iter().find_map(|function| Drive::of_maker(program, &sites, function));
    let drive = match drive::of_loop(program, &sites).or_else(made) {
        Some(drive) => drive,
        None => named(program)?,
    };
    imported.name.clone_from(&drive.what);
    evaluated(program, &drive, base, options, &mut imported)?;
    Ok(imported)
}

/// Names of functions that give a rate, or that make one that does.
fn names() -> impl Iterator<Item = &'static str> {
    DIALECT.signs.iter().filter_map(|(sign, _)| match sign {
        Sign::Function(name) => Some(*name),
        _ => None,
    })
}

/// A function whose name is that of a schedule, and who takes the tick.
fn named(program: &Program) -> Result<Drive<'_>, ImportError> {
    for name in names() {
        let Some(function) = program.function(name) else { continue };
        if let Some(drive) = Drive::of_function(program, function) {
            return Ok(drive);
        }
    }
    if let Some(drive) =
        super::rate_function(program).and_then(|function| Drive::of_function(program, function))
    {
        return Ok(drive);
    }
    Err(ImportError::NoSchedule("a function of the update or the epoch that gives a rate is looked for"))
}

/// The rates that the function gives, tick by tick.
fn evaluated(
    program: &Program,
    drive: &Drive<'_>,
    base: Option<f64>,
    options: &Options,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let mut drive = drive.clone();
    drive.overrule(options, imported);
    let ticks = drive.ticks(program);
    let mut machine = Machine::new(program, FUEL);
    machine.base = base;
    machine.group = options.group.as_ref().and_then(|group| group.parse().ok()).unwrap_or(0);
    machine.epoch_length = drive.per_epoch.or(options.updates_per_epoch);
    let mut next = 0;
    let formula = drive.formula(&mut machine);
    let sampled = Sampled { what: &drive.what, ticks, tick: drive.tick, formula };
    let is_stateful = drive.is_stateful();
    let schedule = function::schedule(&sampled, imported, |tick| {
        // A rate that is made of the last one needs all before it.
        let mut rate = None;
        let from = if is_stateful { next } else { tick };
        for at in from..=tick {
            machine.refuel(FUEL);
            rate = Some(drive.rate(&mut machine, at)?);
        }
        next = tick + 1;
        rate.ok_or_else(|| Stop::new("it gives nothing"))
    })?;
    imported.lr = schedule;
    if drive.is_late {
        imported.note("the rate is set after its update: the first has the optimizer's own rate, and each one that of before");
    }
    if machine.other_groups {
        imported.note(format!(
            "groups of parameters are given rates of their own; this is group {} (--group takes another)",
            machine.group
        ));
    }
    if let (Some(per_epoch), Tick::Update) = (drive.per_epoch.filter(|_| drive.assumed_epoch), drive.tick) {
        imported.assume(format!(
            "the rate changes within epochs and the text does not say how many updates an epoch has: {per_epoch} were \
             taken, and lengths are in epochs (--updates-per-epoch says more)"
        ));
        if !is_by_tick(&imported.lr) {
            imported.lr = as_epochs(&super::super::shape::scaled(&imported.lr, 1.0 / per_epoch));
        }
    }
    imported.updates = ticks.map(|ticks| match (drive.tick, drive.assumed_epoch, drive.per_epoch) {
        (Tick::Epoch, ..) => Span::Epochs(ticks as f64),
        (Tick::Update, true, Some(per_epoch)) if !is_by_tick(&imported.lr) => {
            Span::Epochs(ticks as f64 / per_epoch)
        }
        _ => Span::Updates(ticks as f64),
    });
    Ok(())
}

/// Whether a schedule says a rate for each tick, and no lengths.
fn is_by_tick(schedule: &Schedule) -> bool {
    matches!(schedule.kind, Kind::Listed(_) | Kind::Formula(_))
}

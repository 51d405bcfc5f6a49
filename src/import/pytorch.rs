//! PyTorch: the classes of `torch.optim.lr_scheduler`, the optimizers they drive, and the functions of
//! transformers that make `LambdaLR`s of known formulas.

mod classes;
mod composed;
mod groups;
mod lambda;
mod lightning;
mod others;
mod simulate;
mod surroundings;

use super::clock::{self, Stepping};
use super::dialect::{Dialect, Sign};
use super::python::{Call, Expr, Program, Site};
use super::pytorch_arguments::Given;
use super::shape::{constant, ticking};
use super::text::Text;
use super::{ImportError, Imported, Options, pytorch_optimizer};
use crate::experiment::Controller;
use crate::schedule::{Span, Tick};

pub(super) static DIALECT: Dialect = Dialect {
    id: "pytorch",
    name: "PyTorch",
    example: "opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)\n\
              scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=200)\n\
              for epoch in range(200):\n    for x, y in loader:\n        opt.step()\n    scheduler.step()\n",
    signs: &[
        (Sign::Call("SequentialLR"), 40),
        (Sign::Call("ChainedScheduler"), 40),
        (Sign::Call("StepLR"), 40),
        (Sign::Call("MultiStepLR"), 40),
        (Sign::Call("ConstantLR"), 40),
        (Sign::Call("LinearLR"), 40),
        (Sign::Call("ExponentialLR"), 40),
        (Sign::Call("PolynomialLR"), 40),
        (Sign::Call("CosineAnnealingLR"), 40),
        (Sign::Call("CosineAnnealingWarmRestarts"), 40),
        (Sign::Call("CyclicLR"), 40),
        (Sign::Call("OneCycleLR"), 40),
        (Sign::Call("ReduceLROnPlateau"), 12),
        (Sign::Call("SWALR"), 40),
        (Sign::Call("LambdaLR"), 40),
        (Sign::Call("MultiplicativeLR"), 40),
        (Sign::Call("get_constant_schedule"), 40),
        (Sign::Call("get_constant_schedule_with_warmup"), 40),
        (Sign::Call("get_linear_schedule_with_warmup"), 40),
        (Sign::Call("get_cosine_schedule_with_warmup"), 40),
        (Sign::Call("get_cosine_with_hard_restarts_schedule_with_warmup"), 40),
        (Sign::Call("get_polynomial_decay_schedule_with_warmup"), 40),
        (Sign::Call("get_inverse_sqrt_schedule"), 40),
        (Sign::Call("get_cosine_with_min_lr_schedule_with_warmup"), 40),
        (Sign::Call("get_wsd_schedule"), 40),
        (Sign::Call("get_scheduler"), 15),
        (Sign::Call("GradualWarmupScheduler"), 40),
        (Sign::Call("CosineAnnealingWarmupRestarts"), 40),
        (Sign::Call("LinearWarmupCosineAnnealingLR"), 40),
        (Sign::Call("WarmupMultiStepLR"), 40),
        (Sign::Word("LRScheduler)"), 40),
        (Sign::Word("torch.optim.lr_scheduler"), 8),
        (Sign::Import("torch.optim"), 6),
        (Sign::Call("torch.optim.SGD"), 6),
        (Sign::Call("torch.optim.AdamW"), 6),
        (Sign::Call("torch.optim.Adam"), 6),
        (Sign::Import("torch"), 2),
    ],
    read,
};

/// Classes and functions that make a scheduler, each with its reader's family.
pub(super) const SCHEDULERS: [&str; 31] = [
    "SequentialLR",
    "ChainedScheduler",
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
    "SWALR",
    "LambdaLR",
    "MultiplicativeLR",
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_linear_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_inverse_sqrt_schedule",
    "get_cosine_with_min_lr_schedule_with_warmup",
    "get_wsd_schedule",
    "get_scheduler",
    "GradualWarmupScheduler",
    "CosineAnnealingWarmupRestarts",
    "LinearWarmupCosineAnnealingLR",
    "WarmupMultiStepLR",
    "AcceleratedScheduler",
];

/// How many schedulers may be in schedulers.
const MAX_LEVELS: usize = 8;
/// The most parts of all of them together.
const MAX_PARTS: usize = 1000;

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else {
        return Err(ImportError::WrongForm { dialect: DIALECT.name, form: text.written_in() });
    };
    read_program(program, options)
}

/// The schedulers of a program, with their optimizer.
pub(super) fn read_program(program: &Program, options: &Options) -> Result<Imported, ImportError> {
    let sites = program.sites();
    let mut imported = Imported::new(&DIALECT, "PyTorch", constant(0.0));
    let outer = outermost(program, &sites)?;
    let names: Vec<&str> = outer.iter().filter_map(|site| site.name).collect();
    let stepping = clock::read(program, &names);
    let event = surroundings::ignite_event(&sites, &names).filter(|_| options.tick.is_none());
    let tick = match event {
        Some((tick, line)) => {
            let unit = if tick == Tick::Epoch { "epoch" } else { "update" };
            imported.note(format!("stepped once an {unit}, by its event (line {line})"));
            tick
        }
        None => tick(program, options, stepping.as_ref(), &mut imported),
    };

    let optimizer = optimizer_of(program, &sites, &outer);
    let mut base = None;
    let mut group = 0;
    let mut found = None;
    if let Some(call) = optimizer {
        let read = pytorch_optimizer::read(call, program)?;
        imported.optimizer = read.optimizer;
        base = Some(read.rate);
        read.notes.into_iter().for_each(|note| imported.note(note));
        read.assumed.into_iter().for_each(|sentence| imported.assume(sentence));
        found = read.groups;
    }
    let others = sites.iter().filter(|site| pytorch_optimizer::is_one(site.call)).count();
    if others > 1 {
        let line = optimizer.map_or(0, |call| call.line);
        imported.note(format!("there are {others} optimizers; this is the one on line {line}"));
    }
    imported.clip_norm = clip_norm(program, &sites)?;

    let total = options.length.or(stepping.as_ref().and_then(|stepping| stepping.total));
    let total = total.or_else(|| lightning::trainer(program, &sites, &mut imported));
    // The schedulers' rate of a group that begins at this one.
    let under = |base: Option<f64>, group: usize, imported: Imported| {
        let mut reader = Reader { program, base, group, tick, total, options, parts: 0, imported };
        reader.schedulers(&outer)?;
        let mut imported = reader.imported;
        if imported.updates.is_none() {
            imported.updates = total;
        }
        if let Some(stepping) = &stepping {
            imported = surroundings::adapted(imported, stepping, options);
        }
        if tick == Tick::Epoch {
            imported.lr = ticking(imported.lr, Tick::Epoch);
        }
        Ok::<Imported, ImportError>(imported)
    };
    let aside = || Imported::new(&DIALECT, "PyTorch", constant(0.0));
    if let Some(found) = &mut found {
        let calls: Vec<&Call> = outer.iter().map(|site| site.call).collect();
        if groups::are_listed(program, &calls, found.taken.len()) {
            let peak = |(at, rate): (usize, f64)| {
                let own = under(Some(rate), at, aside()).ok()?;
                groups::highest(&own.lr, own.updates)
            };
            let rates = found.taken.iter().map(|taken| taken.rate).enumerate();
            let peaks: Vec<f64> = rates.map(|(at, rate)| peak((at, rate)).unwrap_or(rate)).collect();
            found.reaches(&peaks);
        }
        if let Some((at, rate)) = groups::chosen(found, options, &mut imported)? {
            (group, base) = (at, Some(rate));
        }
    }
    let mut imported = under(base, group, imported)?;
    if let Some(found) = found.filter(|_| options.group.is_none()) {
        let (lr, length) = (imported.lr.clone(), imported.updates);
        let rates: Vec<f64> = found.taken.iter().map(|taken| taken.rate).collect();
        found.apply(&mut imported, &mut |at| {
            let own = under(rates.get(at).copied(), at, aside()).ok()?.lr;
            Some(groups::related(&lr, own, length))
        });
    }
    surroundings::left_out(program, &sites, &mut imported);
    Ok(imported)
}

/// What the scheduler counts.
fn tick(program: &Program, options: &Options, stepping: Option<&Stepping>, imported: &mut Imported) -> Tick {
    if let Some(tick) = options.tick {
        return tick;
    }
    if let Some(interval) = lightning::interval(program) {
        return interval;
    }
    match stepping {
        Some(stepping) if !stepping.outside => {
            let (unit, line) = (if stepping.tick == Tick::Epoch { "epoch" } else { "update" }, stepping.line);
            if stepping.fractional {
                imported.note(format!(
                    "step() on line {line} is given fractions of an epoch: lengths are in epochs"
                ));
            } else {
                imported.note(format!("stepped once an {unit}, as its loop does (line {line})"));
            }
            stepping.tick
        }
        _ if is_lightning(program) => {
            imported.note("Lightning steps a scheduler once an epoch unless it is told otherwise");
            Tick::Epoch
        }
        _ if counts_epochs(program) => {
            imported
                .assume("taken as stepped once an epoch, which its lengths are in (--tick update overrules)");
            Tick::Epoch
        }
        _ => {
            imported.assume(
                "taken as stepped once an update; where scheduler.step() is called once an epoch, --tick epoch lets it \
                 count epochs",
            );
            Tick::Update
        }
    }
}

/// Whether a class names its lengths in epochs.
fn counts_epochs(program: &Program) -> bool {
    program.calls().iter().any(|(_, call)| {
        let names = ["total_epoch", "warmup_epochs", "max_epochs", "n_epochs", "num_epochs"];
        let in_scheduler = SCHEDULERS.contains(&call.name.as_str());
        let lengths = ["T_max", "step_size", "T_0", "total_iters"];
        let by_name = |(name, value): &(String, Expr)| {
            names.contains(&name.as_str()) || lengths.contains(&name.as_str()) && says_epochs(value)
        };
        in_scheduler && (call.named.iter().any(by_name) || call.arguments.get(1).is_some_and(says_epochs))
    })
}

/// Whether a length is a number of epochs by its name: `T_max=args.epochs`.
fn says_epochs(value: &Expr) -> bool {
    match value {
        Expr::Name(name) => {
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            last.contains("epoch") && !last.contains("per_epoch") && !last.contains("step")
        }
        Expr::Index(index) => matches!(&index.1, Expr::Text(key) if key.to_lowercase().contains("epoch")),
        Expr::Binary("-" | "+", sides) => says_epochs(&sides.0),
        _ => false,
    }
}

fn is_lightning(program: &Program) -> bool {
    program.defines("configure_optimizers")
}

/// The schedulers that no other contains.
fn outermost<'p>(program: &'p Program, sites: &[Site<'p>]) -> Result<Vec<Site<'p>>, ImportError> {
    let inner: Vec<&Call> = sites.iter().flat_map(|site| contained(program, site.call)).collect();
    let found: Vec<Site<'p>> = sites
        .iter()
        .filter(|site| SCHEDULERS.contains(&site.call.name.as_str()) || lambda::is_own(program, site.call))
        .filter(|site| !inner.contains(&site.call))
        .cloned()
        .collect();
    if found.is_empty() {
        if let Some(stranger) = sites.iter().rfind(|site| others::is_stranger(site.call)) {
            return Err(ImportError::unsupported(
                format!("{} (line {})", stranger.call.name, stranger.call.line),
                if program.class(&stranger.call.name).is_some() {
                    "it is no scheduler that is known here: its class has no get_lr() and no step() that sets the rate; a \
                     log of its rates can be imported"
                } else {
                    "it is no scheduler that is known here, and its class is not in the text; a log of its rates can be \
                     imported"
                },
            ));
        }
        return Err(ImportError::NoSchedule("torch.optim.lr_scheduler's classes are known"));
    }
    Ok(found)
}

/// The schedulers that one is given.
fn contained<'p>(program: &'p Program, call: &'p Call) -> Vec<&'p Call> {
    if !SCHEDULERS.contains(&call.name.as_str()) {
        return Vec::new();
    }
    let values = call.arguments.iter().chain(call.named.iter().map(|(_, value)| value));
    let mut found = Vec::new();
    for value in values {
        let listed = match program.resolve_at(value, call.line) {
            Expr::List(items) => items.iter().collect(),
            single => vec![single],
        };
        for item in listed {
            if let Expr::Call(child) = program.resolve_at(item, call.line)
                && SCHEDULERS.contains(&child.name.as_str())
                && **child != *call
            {
                found.push(&**child);
            }
        }
    }
    found
}

/// The optimizer that the last of the schedulers is given, or else the first of the text.
fn optimizer_of<'p>(program: &'p Program, sites: &[Site<'p>], outer: &[Site<'p>]) -> Option<&'p Call> {
    let given = outer.iter().rev().find_map(|site| {
        let mut call = site.call;
        for _ in 0..MAX_LEVELS {
            let first = call.argument("optimizer", 0)?;
            match program.resolve_at(first, call.line) {
                Expr::Call(found) if pytorch_optimizer::is_one(found) => return Some(&**found),
                Expr::List(items) => match items.first().map(|item| program.resolve_at(item, call.line)) {
                    Some(Expr::Call(child)) => call = child,
                    _ => return None,
                },
                _ => return None,
            }
        }
        None
    });
    let known = || sites.iter().map(|site| site.call).find(|call| pytorch_optimizer::is_one(call));
    // A class that a variable holds: `optimizer = optimizer_class(parameters, lr=args.lr)`.
    let made = || {
        let named =
            |name: &str| name.rsplit('.').next().is_some_and(|last| last.to_lowercase().contains("optim"));
        sites
            .iter()
            .filter(|site| site.name.is_some_and(named))
            .map(|site| site.call)
            .find(|call| call.named.iter().any(|(name, _)| name == "lr"))
    };
    given.or_else(known).or_else(made)
}

fn clip_norm(program: &Program, sites: &[Site<'_>]) -> Result<Option<f64>, ImportError> {
    let clip = sites.iter().map(|site| site.call).find(|call| call.name == "clip_grad_norm_");
    let norm = clip.and_then(|call| Some((call.argument("max_norm", 1)?, call.line)));
    Ok(norm.and_then(|(value, line)| program.number(value, line)).filter(|norm| norm.is_finite()))
}

struct Reader<'p> {
    program: &'p Program,
    /// The optimizer's rate.
    base: Option<f64>,
    /// The group of parameters that is wanted.
    group: usize,
    tick: Tick,
    /// The length of the loop, or what was asked for.
    total: Option<Span>,
    options: &'p Options,
    parts: usize,
    imported: Imported,
}

impl<'p> Reader<'p> {
    fn schedulers(&mut self, outer: &[Site<'p>]) -> Result<(), ImportError> {
        let (plateaus, schedules): (Vec<_>, Vec<_>) =
            outer.iter().map(|site| site.call).partition(|call| call.name == "ReduceLROnPlateau");
        if let Some(plateau) = plateaus.last() {
            self.imported.controller = Some(Controller::Plateau(self.plateau(plateau)?));
            self.imported.name = "ReduceLROnPlateau".to_owned();
        }
        match schedules.last() {
            Some(last) => {
                let base = self.base();
                self.imported.lr = self.schedule(last, base, 0)?;
                self.imported.name.clone_from(&last.name);
            }
            None if !plateaus.is_empty() => self.imported.lr = constant(self.base()),
            None => return Err(ImportError::NoSchedule("torch.optim.lr_scheduler's classes are known")),
        }
        if schedules.len() > 1 {
            let others: Vec<_> = schedules
                .iter()
                .rev()
                .skip(1)
                .map(|call| format!("{} (line {})", call.name, call.line))
                .collect();
            self.imported
                .note(format!("of several schedulers this is the last; left out: {}", others.join(", ")));
        }
        Ok(())
    }

    /// The optimizer's rate, or PyTorch's default.
    fn base(&mut self) -> f64 {
        if self.base.is_none() {
            self.imported
                .assume("the text names no optimizer with a rate; 1e-3 was taken, PyTorch's default");
        }
        self.base.unwrap_or(1e-3)
    }

    fn given(&self, call: &'p Call) -> Given<'p> {
        Given::new(call, self.program, self.group)
    }

    fn span(&self, ticks: f64) -> Span {
        match self.tick {
            Tick::Update => Span::Updates(ticks),
            Tick::Epoch => Span::Epochs(ticks),
        }
    }

    /// The ticks of the run, where they are known.
    fn ticks(&self) -> Option<u64> {
        let total = self.total.or(self.imported.updates)?;
        let ticks = match (total, self.tick) {
            (Span::Updates(updates), Tick::Update) => updates,
            (Span::Epochs(epochs), Tick::Epoch) => epochs,
            (Span::Epochs(epochs), Tick::Update) => epochs * self.options.updates_per_epoch?,
            (Span::Updates(updates), Tick::Epoch) => updates / self.options.updates_per_epoch?,
            (Span::Percent(_), _) => return None,
        };
        Some(ticks.clamp(1.0, 1e9) as u64)
    }
}

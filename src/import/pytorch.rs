//! PyTorch: the classes of `torch.optim.lr_scheduler`, the optimizers they drive, and the functions of
//! transformers that make `LambdaLR`s of known formulas.

use super::python::{Call, Expr, Program};
use super::pytorch_arguments::Given;
use super::settings::{self, Settings};
use super::shape::{constant, cosine, linear, polynomial, restarts, sequence, ticking};
use super::{Format, ImportError, Imported, huggingface, mirror, pytorch_optimizer};
use crate::experiment::{Controller, Metric, Plateau, PlateauMode, ThresholdMode};
use crate::schedule::kind::{
    After, Anneal, Choice, Cyclic, Exponential, Kind, Multistep, OneCycle, Product, Step, Triangles,
};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Schedule, Span, Tick};

/// Classes and functions that make a scheduler.
pub(super) const SCHEDULERS: [&str; 26] = [
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
];

/// How many schedulers may be in schedulers.
const MAX_LEVELS: usize = 8;
/// The most parts of all of them together.
const MAX_PARTS: usize = 1000;

pub(super) fn read(text: &str, tick: Tick) -> Result<Imported, ImportError> {
    let program = Program::read(text)?;
    let calls = program.calls();
    let optimizers: Vec<&Call> =
        calls.iter().map(|(_, call)| *call).filter(|call| pytorch_optimizer::is_one(call)).collect();
    let mut imported = Imported::new(Format::PyTorch, "PyTorch", constant(0.0));
    let mut base = None;
    if let Some(first) = optimizers.first() {
        let (optimizer, rate, notes) = pytorch_optimizer::read(first, &program)?;
        imported.optimizer = optimizer;
        base = Some(rate);
        notes.into_iter().for_each(|note| imported.note(note));
    }
    if optimizers.len() > 1 {
        imported.note(format!("there are {} optimizers; this is the first", optimizers.len()));
    }
    imported.clip_norm = clip_norm(&calls)?;

    let tick = if says_epochs(&program) { Tick::Epoch } else { tick };
    let mut reader = Reader { program: &program, base, tick, parts: 0, imported };
    reader.schedulers(&calls)?;
    let mut imported = reader.imported;
    match tick {
        Tick::Update => imported.note(
            "taken as stepped once an update; where scheduler.step() is called once an epoch, let it count epochs",
        ),
        Tick::Epoch => imported.lr = ticking(imported.lr, Tick::Epoch),
    }
    Ok(imported)
}

/// Whether a Lightning configuration steps the scheduler once an epoch.
fn says_epochs(program: &Program) -> bool {
    fn says(value: &Expr) -> bool {
        match value {
            Expr::Table(entries) => entries.iter().any(|(key, value)| {
                let is = |value: &Expr, text: &str| matches!(value, Expr::Text(found) if found == text);
                is(key, "interval") && is(value, "epoch") || says(value)
            }),
            Expr::List(items) => items.iter().any(says),
            _ => false,
        }
    }
    program.statements.iter().any(|(_, value)| says(value))
}

fn clip_norm(calls: &[(Option<&str>, &Call)]) -> Result<Option<f64>, ImportError> {
    let clip = calls.iter().find(|(_, call)| call.name == "clip_grad_norm_");
    let norm = clip.and_then(|(_, call)| call.argument("max_norm", 1));
    match norm {
        Some(value @ Expr::Number(_)) => settings::number("max_norm", value).map(Some),
        _ => Ok(None),
    }
}

struct Reader<'p> {
    program: &'p Program,
    /// The optimizer's rate.
    base: Option<f64>,
    tick: Tick,
    parts: usize,
    imported: Imported,
}

impl<'p> Reader<'p> {
    /// The scheduler that no other contains: the last, where there are several.
    fn schedulers(&mut self, calls: &[(Option<&'p str>, &'p Call)]) -> Result<(), ImportError> {
        let mut inner: Vec<*const Call> = Vec::new();
        for (_, call) in calls {
            if matches!(call.name.as_str(), "SequentialLR" | "ChainedScheduler") {
                inner.extend(self.children(call)?.into_iter().map(std::ptr::from_ref));
            }
        }
        let outer: Vec<&Call> = calls
            .iter()
            .map(|(_, call)| *call)
            .filter(|call| SCHEDULERS.contains(&call.name.as_str()))
            .filter(|call| !inner.contains(&std::ptr::from_ref(*call)))
            .collect();
        let (plateaus, schedules): (Vec<_>, Vec<_>) =
            outer.into_iter().partition(|call| call.name == "ReduceLROnPlateau");
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
            let others: Vec<_> = schedules.iter().rev().skip(1).map(|call| call.name.as_str()).collect();
            self.imported
                .note(format!("of several schedulers this is the last; left out: {}", others.join(", ")));
        }
        Ok(())
    }

    /// The optimizer's rate, or PyTorch's default.
    fn base(&mut self) -> f64 {
        if self.base.is_none() {
            self.imported.note("the text names no optimizer with a rate; 1e-3 was taken, PyTorch's default");
        }
        self.base.unwrap_or(1e-3)
    }

    /// The schedulers in a `SequentialLR` or `ChainedScheduler`.
    fn children(&self, call: &'p Call) -> Result<Vec<&'p Call>, ImportError> {
        let place = if call.name == "SequentialLR" { 1 } else { 0 };
        let list = call.argument("schedulers", place).map(|list| self.program.resolve(list));
        let Some(Expr::List(items)) = list else {
            return Err(ImportError::missing(&call.name, "a list of schedulers that is written out"));
        };
        items
            .iter()
            .map(|item| match self.program.resolve(item) {
                Expr::Call(child) => Ok(&**child),
                other => {
                    let needed = format!("schedulers that are written out, not `{}`", other.shown());
                    Err(ImportError::missing(&call.name, needed))
                }
            })
            .collect()
    }

    fn span(&self, ticks: f64) -> Span {
        match self.tick {
            Tick::Update => Span::Updates(ticks),
            Tick::Epoch => Span::Epochs(ticks),
        }
    }

    fn schedule(&mut self, call: &'p Call, base: f64, level: usize) -> Result<Schedule, ImportError> {
        self.parts += 1;
        if level > MAX_LEVELS || self.parts > MAX_PARTS {
            return Err(ImportError::unsupported(&call.name, "there are too many schedulers in schedulers"));
        }
        let given = Given { call, program: self.program };
        let exact = |length: f64| Some(self.span(length));
        Ok(match call.name.as_str() {
            "StepLR" => Kind::Step(Step {
                peak: base,
                every: self.span(given.need("step_size", 1)?),
                gamma: given.or("gamma", 2, 0.1)?,
            })
            .into(),
            "MultiStepLR" => Kind::Multistep(Multistep {
                peak: base,
                milestones: given.list("milestones", 1)?.into_iter().map(|at| self.span(at)).collect(),
                gamma: given.or("gamma", 2, 0.1)?,
            })
            .into(),
            "ConstantLR" => {
                let factor = given.or("factor", 1, 1.0 / 3.0)?;
                let length = self.span(given.or("total_iters", 2, 5.0)?);
                if length.amount() > 0.0 {
                    sequence(vec![(length, constant(base * factor))], constant(base))
                } else {
                    constant(base)
                }
            }
            "LinearLR" => linear(
                base,
                given.or("start_factor", 1, 1.0 / 3.0)?,
                given.or("end_factor", 2, 1.0)?,
                exact(given.or("total_iters", 3, 5.0)?),
            ),
            "ExponentialLR" => {
                Kind::Exponential(Exponential { peak: base, gamma: given.need("gamma", 1)? }).into()
            }
            "PolynomialLR" => {
                let over = exact(given.or("total_iters", 1, 5.0)?);
                polynomial(base, given.or("power", 2, 1.0)?, 0.0, over)
            }
            "CosineAnnealingLR" => {
                let floor = given.or("eta_min", 2, 0.0)?;
                let over = self.open("T_max", given.get("T_max", 1))?;
                cosine(base, floor, over, After::Rebound)
            }
            "CosineAnnealingWarmRestarts" => restarts(
                base,
                given.or("eta_min", 3, 0.0)?,
                self.span(given.need("T_0", 1)?),
                given.or("T_mult", 2, 1.0)?,
                1.0,
            ),
            "CyclicLR" => self.cyclic(&given)?,
            "OneCycleLR" => self.one_cycle(&given)?,
            "SWALR" => {
                let over = exact(given.or("anneal_epochs", 2, 10.0)?);
                let floor = given.need("swa_lr", 1)?;
                match given.text("anneal_strategy", 3).unwrap_or("cos") {
                    "linear" => polynomial(base, 1.0, floor, over),
                    _ => cosine(base, floor, over, After::Hold),
                }
            }
            "SequentialLR" => self.sequential(&given, base, level)?,
            "ChainedScheduler" => self.chained(call, base, level)?,
            "ReduceLROnPlateau" => {
                let why = "PyTorch cannot step it there either: it needs a metric";
                return Err(ImportError::unsupported("ReduceLROnPlateau inside another scheduler", why));
            }
            "LambdaLR" | "MultiplicativeLR" => {
                let why = "its function would have to be run, and imported code never is; import a log of its rates \
                           instead";
                return Err(ImportError::unsupported(&call.name, why));
            }
            _ => self.function(&given, base)?,
        })
    }

    /// A length that may be left to the run, where the text computes it from what is not known here.
    fn open(&mut self, what: &str, value: Option<&Expr>) -> Result<Option<Span>, ImportError> {
        match value {
            None => Err(ImportError::missing(what, "a number")),
            Some(Expr::Number(number)) => Ok(Some(self.span(*number))),
            Some(other) => {
                let shown = other.shown();
                self.imported.note(format!(
                    "{what} is `{shown}`, which is not known here: taken as what is left of the run"
                ));
                Ok(None)
            }
        }
    }

    fn cyclic(&mut self, given: &Given<'p>) -> Result<Schedule, ImportError> {
        if given.get("scale_fn", 7).is_some_and(|scale| *scale != Expr::None) {
            let why = "its scale_fn would have to be run, and imported code never is";
            return Err(ImportError::unsupported("CyclicLR", why));
        }
        let mode = given.text("mode", 5).unwrap_or("triangular");
        let Some(mode) = Triangles::named(mode) else {
            let needed = "mode of CyclicLR";
            return Err(ImportError::Wrong { what: "mode".into(), found: mode.into(), needed });
        };
        self.momentum(given, 9, (0.8, 0.9))?;
        let down = given.number("step_size_down", 4)?.map(|down| self.span(down));
        Ok(Kind::Cyclic(Cyclic {
            floor: given.need("base_lr", 1)?,
            peak: given.need("max_lr", 2)?,
            up: self.span(given.or("step_size_up", 3, 2000.0)?),
            down,
            mode,
            gamma: given.or("gamma", 6, 1.0)?,
        })
        .into())
    }

    fn one_cycle(&mut self, given: &Given<'p>) -> Result<Schedule, ImportError> {
        self.momentum(given, 7, (0.85, 0.95))?;
        let per_epoch = (given.number_or_unknown("epochs", 3), given.number_or_unknown("steps_per_epoch", 4));
        let over = match (given.get("total_steps", 2), per_epoch) {
            (Some(total), _) if *total != Expr::None => self.open("total_steps", Some(total))?,
            (_, (Some(epochs), Some(steps))) => Some(self.span(epochs * steps)),
            // The updates of so many epochs: known once the data are.
            (_, (Some(epochs), None)) => Some(Span::Epochs(epochs)),
            _ => self.open("total_steps", Some(&Expr::Unknown("epochs * steps_per_epoch".to_owned())))?,
        };
        if let Some(Span::Updates(total)) = over {
            self.imported.updates = Some(Span::Updates(total));
        }
        let three_phase = given.get("three_phase", 12) == Some(&Expr::Flag(true));
        Ok(Kind::OneCycle(OneCycle {
            peak: given.need("max_lr", 1)?,
            over,
            pct_start: given.or("pct_start", 5, 0.3)?,
            div_factor: given.or("div_factor", 10, 25.0)?,
            final_div_factor: given.or("final_div_factor", 11, 1e4)?,
            anneal: given.text("anneal_strategy", 6).and_then(Anneal::named).unwrap_or(Anneal::Cosine),
            three_phase,
        })
        .into())
    }

    /// Momentum as the class cycles it; `place` is that of `cycle_momentum`.
    fn momentum(&mut self, given: &Given, place: usize, usual: (f64, f64)) -> Result<(), ImportError> {
        if given.get("cycle_momentum", place) == Some(&Expr::Flag(false)) {
            return Ok(());
        }
        let low = given.or("base_momentum", place + 1, usual.0)?;
        let high = given.or("max_momentum", place + 2, usual.1)?;
        let fits = 0.0 <= low && low <= high && high < 1.0;
        if !fits {
            let what = format!("momentum cycled between {low} and {high}");
            return Err(ImportError::unsupported(what, "it has to rise, and to stay from 0 to below 1"));
        }
        if let Some(optimizer) = &mut self.imported.optimizer
            && !mirror(optimizer, low, high)
        {
            self.imported.note("the optimizer has no momentum to cycle");
        }
        Ok(())
    }

    fn sequential(&mut self, given: &Given<'p>, base: f64, level: usize) -> Result<Schedule, ImportError> {
        let children = self.children(given.call)?;
        let milestones = given.list("milestones", 2)?;
        if children.is_empty() || milestones.len() + 1 != children.len() {
            let needed = format!("one milestone less than its {} schedulers", children.len());
            return Err(ImportError::missing("SequentialLR", needed));
        }
        if children.iter().any(|child| matches!(child.name.as_str(), "OneCycleLR" | "CyclicLR")) {
            self.imported.note(
                "a OneCycleLR or CyclicLR inside SequentialLR overwrites the other parts' rates in PyTorch; here \
                 each part has its own",
            );
        }
        let mut start = 0.0;
        let mut before = Vec::new();
        let mut children = children.into_iter();
        for milestone in milestones {
            if milestone <= start {
                return Err(ImportError::missing("SequentialLR", "milestones that increase from above 0"));
            }
            if let Some(child) = children.next() {
                before.push((self.span(milestone - start), self.schedule(child, base, level + 1)?));
            }
            start = milestone;
        }
        match children.next() {
            Some(last) => Ok(sequence(before, self.schedule(last, base, level + 1)?)),
            None => Err(ImportError::missing("SequentialLR", "a scheduler after the last milestone")),
        }
    }

    /// A product, where each scheduler multiplies the rate that it finds.
    fn chained(&mut self, call: &'p Call, base: f64, level: usize) -> Result<Schedule, ImportError> {
        let children = self.children(call)?;
        let mut of = Vec::new();
        for child in children {
            let multiplies = match child.name.as_str() {
                "StepLR" | "MultiStepLR" | "ConstantLR" | "LinearLR" | "ExponentialLR" | "PolynomialLR" => {
                    true
                }
                "CosineAnnealingLR" => {
                    Given { call: child, program: self.program }.or("eta_min", 2, 0.0)? == 0.0
                }
                _ => false,
            };
            if !multiplies {
                let what = format!("{} in a ChainedScheduler", child.name);
                let why = "it sets the rate instead of multiplying it, so the result is not a product";
                return Err(ImportError::unsupported(what, why));
            }
            let peak = if of.is_empty() { base } else { 1.0 };
            of.push(self.schedule(child, peak, level + 1)?);
        }
        if of.is_empty() {
            return Err(ImportError::missing("ChainedScheduler", "at least one scheduler"));
        }
        Ok(Kind::Product(Product { of }).into())
    }

    /// The functions of `transformers.optimization`.
    fn function(&mut self, given: &Given<'p>, base: f64) -> Result<Schedule, ImportError> {
        let call = given.call;
        let (kind, names): (&str, &[&str]) = match call.name.as_str() {
            "get_constant_schedule" => ("constant", &[]),
            "get_constant_schedule_with_warmup" => ("constant_with_warmup", &["num_warmup_steps"]),
            "get_linear_schedule_with_warmup" => ("linear", &["num_warmup_steps", "num_training_steps"]),
            "get_cosine_schedule_with_warmup" => {
                ("cosine", &["num_warmup_steps", "num_training_steps", "num_cycles"])
            }
            "get_cosine_with_hard_restarts_schedule_with_warmup" => {
                ("cosine_with_restarts", &["num_warmup_steps", "num_training_steps", "num_cycles"])
            }
            "get_polynomial_decay_schedule_with_warmup" => {
                ("polynomial", &["num_warmup_steps", "num_training_steps", "lr_end", "power"])
            }
            "get_inverse_sqrt_schedule" => ("inverse_sqrt", &["num_warmup_steps", "timescale"]),
            "get_cosine_with_min_lr_schedule_with_warmup" => (
                "cosine_with_min_lr",
                &[
                    "num_warmup_steps",
                    "num_training_steps",
                    "num_cycles",
                    "last_epoch",
                    "min_lr",
                    "min_lr_rate",
                ],
            ),
            "get_wsd_schedule" => ("warmup_stable_decay", &["num_warmup_steps", "num_decay_steps"]),
            _ => {
                let name = given.text("name", 0).unwrap_or("linear");
                (name, &["optimizer", "num_warmup_steps", "num_training_steps"])
            }
        };
        let mut settings = Settings::default();
        for (name, value) in names.iter().zip(call.arguments.iter().skip(1)) {
            settings.push(*name, self.program.resolve(value).clone());
        }
        for (name, value) in &call.named {
            settings.push(name.as_str(), self.program.resolve(value).clone());
        }
        let steps = |name: &str| match settings.get(name) {
            Some(Expr::Number(number)) => Some(*number),
            _ => None,
        };
        let (warmup, total) = (steps("num_warmup_steps"), steps("num_training_steps"));
        if warmup.is_none() && settings.get("num_warmup_steps").is_some() {
            self.imported.note("num_warmup_steps is computed from what is not known here: taken as none");
        }
        if let Some(total) = total {
            self.imported.updates = Some(Span::Updates(total));
        }
        let run = huggingface::Length { warmup: Span::Updates(warmup.unwrap_or(0.0)), total };
        huggingface::schedule(kind, base, &run, &settings, &mut self.imported)
    }

    fn plateau(&mut self, call: &'p Call) -> Result<Plateau, ImportError> {
        let given = Given { call, program: self.program };
        let default = PlateauRule::default();
        let whole = |name: &str, place: usize, otherwise: u64| {
            let value = given.get(name, place);
            value.map_or(Ok(otherwise), |value| settings::count(name, value))
        };
        self.imported
            .note("the plateau watches the validation loss here; the text does not say which metric");
        let rule = PlateauRule {
            mode: if given.text("mode", 1) == Some("max") { PlateauMode::Max } else { PlateauMode::Min },
            factor: given.or("factor", 2, default.factor)?,
            patience: whole("patience", 3, default.patience)?,
            threshold: given.or("threshold", 4, default.threshold)?,
            threshold_mode: if given.text("threshold_mode", 5) == Some("abs") {
                ThresholdMode::Abs
            } else {
                ThresholdMode::Rel
            },
            cooldown: whole("cooldown", 6, default.cooldown)?,
            min_lr: given.or("min_lr", 7, default.min_lr)?,
            eps: given.or("eps", 8, default.eps)?,
            ..default
        };
        Ok(Plateau { metric: Metric::ValLoss, rule })
    }
}

//! The classes of `torch.optim.lr_scheduler` whose values have a closed form, and transformers' functions.

use super::super::dialects::huggingface;
use super::super::python::{Call, Expr};
use super::super::pytorch_arguments::Given;
use super::super::settings::{self, Settings};
use super::super::shape::{constant, cosine, linear, polynomial, restarts, sequence};
use super::super::{ImportError, mirror};
use super::{MAX_LEVELS, MAX_PARTS, Reader};
use crate::experiment::{Metric, Plateau, PlateauMode, ThresholdMode};
use crate::schedule::kind::{
    After, Anneal, Choice, Cyclic, Exponential, Kind, Multistep, OneCycle, Step, Triangles,
};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Schedule, Span, Tick};

impl<'p> Reader<'p> {
    pub(super) fn schedule(
        &mut self,
        call: &'p Call,
        base: f64,
        level: usize,
    ) -> Result<Schedule, ImportError> {
        self.parts += 1;
        if level > MAX_LEVELS || self.parts > MAX_PARTS {
            return Err(ImportError::unsupported(&call.name, "there are too many schedulers in schedulers"));
        }
        let given = self.given(call);
        let schedule = self.of_class(&given, base, level)?;
        for unread in given.unread() {
            self.imported.leave(unread);
        }
        Ok(schedule)
    }

    fn of_class(&mut self, given: &Given<'p>, base: f64, level: usize) -> Result<Schedule, ImportError> {
        let call = given.call;
        self.resumed(given);
        let tick = self.tick;
        let exact = |length: f64| {
            Some(if tick == Tick::Epoch { Span::Epochs(length) } else { Span::Updates(length) })
        };
        Ok(match call.name.as_str() {
            "StepLR" => {
                let gamma = given.or("gamma", 2, 0.1)?;
                match self.open("step_size", given.get("step_size", 1), given)? {
                    Some(every) => Kind::Step(Step { peak: base, every, gamma }).into(),
                    None => return Err(ImportError::missing("StepLR", "a step_size that is a number")),
                }
            }
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
                    self.imported.note(
                        "ConstantLR with total_iters=0 multiplies the first rate and never gives it back: the factor \
                         stays in PyTorch, as here",
                    );
                    constant(base * factor)
                }
            }
            "LinearLR" => {
                let over = given.or("total_iters", 3, 5.0)?;
                let (from, to) = (given.or("start_factor", 1, 1.0 / 3.0)?, given.or("end_factor", 2, 1.0)?);
                if over == 0.0 {
                    self.imported.note("LinearLR with total_iters=0 stays at its start_factor in PyTorch");
                    constant(base * from)
                } else {
                    linear(base, from, to, exact(over))
                }
            }
            "ExponentialLR" => {
                Kind::Exponential(Exponential { peak: base, gamma: given.need("gamma", 1)? }).into()
            }
            "PolynomialLR" => {
                let power = given.or("power", 2, 1.0)?;
                let over = match given.get("total_iters", 1) {
                    None => exact(5.0),
                    given_iters => self.open("total_iters", given_iters, given)?,
                };
                polynomial(base, power, 0.0, over)
            }
            "CosineAnnealingLR" => {
                let floor = given.or("eta_min", 2, 0.0)?;
                let over = self.open("T_max", given.get("T_max", 1), given)?;
                cosine(base, floor, over, After::Rebound)
            }
            "CosineAnnealingWarmRestarts" => restarts(
                base,
                given.or("eta_min", 3, 0.0)?,
                self.span(given.need("T_0", 1)?),
                given.or("T_mult", 2, 1.0)?,
                1.0,
            ),
            "CyclicLR" => self.cyclic(given)?,
            "OneCycleLR" => self.one_cycle(given)?,
            "SWALR" => {
                let over = exact(given.or("anneal_epochs", 2, 10.0)?);
                let floor = given.need("swa_lr", 1)?;
                match given.text("anneal_strategy", 3).unwrap_or("cos") {
                    "linear" => polynomial(base, 1.0, floor, over),
                    _ => cosine(base, floor, over, After::Hold),
                }
            }
            "SequentialLR" => self.sequential(given, base, level)?,
            "ChainedScheduler" => self.chained(given, base, level)?,
            "ReduceLROnPlateau" => {
                let why = "PyTorch cannot step it there either: it needs a metric";
                return Err(ImportError::unsupported("ReduceLROnPlateau inside another scheduler", why));
            }
            "LambdaLR" | "MultiplicativeLR" => self.lambda(given, base)?,
            "GradualWarmupScheduler"
            | "CosineAnnealingWarmupRestarts"
            | "LinearWarmupCosineAnnealingLR"
            | "WarmupMultiStepLR" => self.third_party(given, base, level)?,
            "AcceleratedScheduler" => {
                let Some(Expr::Call(inner)) = given.get("scheduler", 0) else {
                    return Err(ImportError::missing(
                        "AcceleratedScheduler",
                        "a scheduler that is written out",
                    ));
                };
                self.schedule(inner, base, level + 1)?
            }
            name if name.starts_with("get_") => self.function(given, base)?,
            _ => self.own_class(given, base)?,
        })
    }

    /// Says what `last_epoch` does, which no schedule has.
    fn resumed(&mut self, given: &Given<'p>) {
        let place = match given.call.name.as_str() {
            "StepLR" | "MultiStepLR" | "PolynomialLR" | "CosineAnnealingLR" | "ConstantLR" => 3,
            "LambdaLR" | "MultiplicativeLR" | "ExponentialLR" | "SequentialLR" => usize::MAX,
            "LinearLR" | "CosineAnnealingWarmRestarts" => 4,
            "OneCycleLR" | "CyclicLR" | "SWALR" => usize::MAX,
            _ => return,
        };
        let Some(value) = given.get("last_epoch", place) else { return };
        if self.program.number(value, given.call.line) == Some(-1.0) {
            return;
        }
        self.imported.note(format!(
            "{}'s last_epoch={} (line {}) was left out: it makes a resumed run go on from there, and PyTorch refuses it \
             where the optimizer has no initial_lr. The schedule here begins at 0",
            given.call.name,
            value.shown(),
            given.call.line
        ));
    }

    /// A length that may be left to the run, where the text computes it from what is not known here.
    pub(super) fn open(
        &mut self,
        what: &str,
        value: Option<&Expr>,
        given: &Given<'p>,
    ) -> Result<Option<Span>, ImportError> {
        let Some(value) = value else {
            return Err(ImportError::missing(what, "a number"));
        };
        if let Some(number) = self.program.number(value, given.call.line) {
            return Ok(Some(self.span(number)));
        }
        if let Some(span) = self.epochs_of(value, given.call.line) {
            return Ok(Some(span));
        }
        if matches!(value, Expr::Text(_) | Expr::None | Expr::Flag(_) | Expr::Table(_)) {
            return settings::number(what, value).map(|number| Some(self.span(number)));
        }
        self.imported.assume(format!(
            "{what} is `{}`, which is not known here: taken as what is left of the run",
            value.shown()
        ));
        Ok(None)
    }

    /// A length such as `10 * len(loader)`: so many epochs, where updates are counted.
    fn epochs_of(&self, value: &Expr, line: usize) -> Option<Span> {
        if self.tick == Tick::Epoch {
            return None;
        }
        // A tenth of three epochs is 0.3 of one, whatever binary arithmetic makes of it.
        self.epochs_in(value, line, 0).map(|epochs| Span::Epochs((epochs * 1e9).round() / 1e9))
    }

    /// How many epochs a number of updates is, where it is made of an epoch's.
    fn epochs_in(&self, value: &Expr, line: usize, level: usize) -> Option<f64> {
        if level > 8 {
            return None;
        }
        if self.is_epoch_length(value, line) {
            return Some(1.0);
        }
        let inner = |value: &Expr| self.epochs_in(value, line, level + 1);
        let named = |value: &Expr, word: &str| value.shown().to_lowercase().contains(word);
        match self.program.resolve_at(value, line) {
            Expr::Binary("*", sides) => {
                let (a, b) = (&sides.0, &sides.1);
                // A scheduler that accelerate steps is stepped once for each process.
                if let Some(other) = [(a, b), (b, a)].into_iter().find(|(a, _)| named(a, "num_processes")) {
                    return inner(other.1);
                }
                let of =
                    |count: &Expr, epochs: &Expr| Some(self.program.number(count, line)? * inner(epochs)?);
                of(a, b).or_else(|| of(b, a))
            }
            // Micro-batches over those of an update are updates.
            Expr::Binary("//" | "/", sides) if named(&sides.1, "accum") => inner(&sides.0),
            Expr::Binary("//" | "/", sides) => {
                let by = self.program.number(&sides.1, line).filter(|by| *by > 0.0)?;
                Some(inner(&sides.0)? / by)
            }
            Expr::Call(call) if matches!(call.name.as_str(), "ceil" | "int" | "floor" | "round") => {
                inner(call.arguments.first()?)
            }
            _ => None,
        }
    }

    /// Whether a value is the number of updates of an epoch: `len(train_loader)`, or named so.
    pub(super) fn is_epoch_length(&self, value: &Expr, line: usize) -> bool {
        let named = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            last.contains("per_epoch")
                || matches!(
                    last.as_str(),
                    "num_batches" | "n_batches" | "nbatches" | "niter_per_ep" | "iters"
                )
        };
        match value {
            Expr::Call(call) => {
                call.name == "len"
                    && call.arguments.first().is_some_and(|inner| {
                        let inner = inner.shown().to_lowercase();
                        ["load", "dl", "train", "data", "batch"].iter().any(|word| inner.contains(word))
                    })
            }
            Expr::Name(name) if named(name) => true,
            Expr::Name(_) => match self.program.resolve_at(value, line) {
                Expr::Name(_) => false,
                resolved => self.is_epoch_length(resolved, line),
            },
            _ => false,
        }
    }

    fn cyclic(&mut self, given: &Given<'p>) -> Result<Schedule, ImportError> {
        self.momentum(given, 9, (0.8, 0.9))?;
        let scale = given.get("scale_fn", 7).filter(|scale| **scale != Expr::None);
        let down = given.number("step_size_down", 4)?;
        let (floor, peak) = (given.need("base_lr", 1)?, given.need("max_lr", 2)?);
        let up = match given.get("step_size_up", 3) {
            None => Some(self.span(2000.0)),
            some => self.open("step_size_up", some, given)?,
        };
        let Some(up) = up else {
            return Err(ImportError::missing("CyclicLR", "a step_size_up that is a number"));
        };
        if let Some(scale) = scale {
            return self.scaled_cycles(
                given,
                scale,
                (floor, peak),
                (up.amount(), down.unwrap_or(up.amount())),
            );
        }
        let mode = given.text("mode", 5).unwrap_or("triangular");
        let Some(mode) = Triangles::named(mode) else {
            let needed = "mode of CyclicLR";
            return Err(ImportError::Wrong { what: "mode".into(), found: mode.into(), needed });
        };
        let down = down.map(|down| self.span(down));
        let gamma = given.or("gamma", 6, 1.0)?;
        given.get("scale_mode", 8);
        Ok(Kind::Cyclic(Cyclic { floor, peak, up, down, mode, gamma }).into())
    }

    fn one_cycle(&mut self, given: &Given<'p>) -> Result<Schedule, ImportError> {
        self.momentum(given, 7, (0.85, 0.95))?;
        let per_epoch = (given.number_or_unknown("epochs", 3), given.number_or_unknown("steps_per_epoch", 4));
        let over = match (given.get("total_steps", 2), per_epoch) {
            (Some(total), _) if *total != Expr::None => self.open("total_steps", Some(total), given)?,
            (_, (Some(epochs), Some(steps))) => Some(self.span(epochs * steps)),
            // The updates of so many epochs: known once the data are.
            (_, (Some(epochs), None)) => Some(Span::Epochs(epochs)),
            _ => {
                let unknown = Expr::Unknown("epochs * steps_per_epoch".to_owned());
                self.open("total_steps", Some(&unknown), given)?
            }
        };
        if let Some(total) = over
            && self.total.is_none()
        {
            self.imported.updates = Some(total);
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

    /// The functions of `transformers.optimization`.
    fn function(&mut self, given: &Given<'p>, base: f64) -> Result<Schedule, ImportError> {
        let call = given.call;
        let (kind, names): (&str, &[&str]) = match call.name.as_str() {
            "get_constant_schedule" => ("constant", &["optimizer", "last_epoch"]),
            "get_constant_schedule_with_warmup" => {
                ("constant_with_warmup", &["optimizer", "num_warmup_steps"])
            }
            "get_linear_schedule_with_warmup" => {
                ("linear", &["optimizer", "num_warmup_steps", "num_training_steps"])
            }
            "get_cosine_schedule_with_warmup" => {
                ("cosine", &["optimizer", "num_warmup_steps", "num_training_steps", "num_cycles"])
            }
            "get_cosine_with_hard_restarts_schedule_with_warmup" => (
                "cosine_with_restarts",
                &["optimizer", "num_warmup_steps", "num_training_steps", "num_cycles"],
            ),
            "get_polynomial_decay_schedule_with_warmup" => {
                ("polynomial", &["optimizer", "num_warmup_steps", "num_training_steps", "lr_end", "power"])
            }
            "get_inverse_sqrt_schedule" => ("inverse_sqrt", &["optimizer", "num_warmup_steps", "timescale"]),
            "get_cosine_with_min_lr_schedule_with_warmup" => (
                "cosine_with_min_lr",
                &[
                    "optimizer",
                    "num_warmup_steps",
                    "num_training_steps",
                    "num_cycles",
                    "last_epoch",
                    "min_lr",
                    "min_lr_rate",
                ],
            ),
            "get_wsd_schedule" => {
                ("warmup_stable_decay", &["optimizer", "num_warmup_steps", "num_decay_steps"])
            }
            _ => ("", &["name", "optimizer", "num_warmup_steps", "num_training_steps"]),
        };
        given.all();
        let mut settings = Settings::of_call(self.program, call, names);
        settings.seen(&["optimizer", "last_epoch", "step_rules"]);
        let kind = match kind {
            "" => settings.text("name").unwrap_or("linear").to_owned(),
            kind => kind.to_owned(),
        };
        // What `scheduler_specific_kwargs` holds is given by name elsewhere.
        if let Some(Expr::Table(pairs)) = settings.get("scheduler_specific_kwargs").cloned() {
            for pair in pairs {
                if let Expr::Text(key) = pair.key {
                    settings.push(key, pair.value);
                }
            }
        }
        let length = |reader: &mut Self, name: &str| -> Result<Option<Span>, ImportError> {
            let value =
                call.named.iter().find(|(found, _)| found == name).map(|(_, value)| value).or_else(|| {
                    let place = names.iter().position(|found| *found == name)?;
                    call.arguments.get(place)
                });
            settings.seen(&[name]);
            match value {
                None | Some(Expr::None) => Ok(None),
                Some(value) => {
                    if let Some(number) = reader.program.number(value, call.line) {
                        return Ok(Some(reader.span(number)));
                    }
                    Ok(reader.epochs_of(value, call.line))
                }
            }
        };
        let warmup = length(self, "num_warmup_steps")?;
        let total = length(self, "num_training_steps")?;
        let shown = |name: &str| settings.get(name).map(Expr::shown);
        if let (None, Some(shown)) = (warmup, shown("num_warmup_steps")) {
            self.imported
                .assume(format!("num_warmup_steps is `{shown}`, which is not known here: taken as none"));
        }
        if let (None, Some(shown)) = (total, shown("num_training_steps")) {
            self.imported.assume(format!(
                "num_training_steps is `{shown}`, which is not known here: the schedule fills the run"
            ));
        }
        if total.is_some() {
            self.imported.updates = total;
        }
        let warmup = warmup.unwrap_or(self.span(0.0));
        let run = huggingface::Length::new(warmup, total, self.options);
        let schedule = huggingface::schedule(&kind, base, &run, &settings, &mut self.imported)?;
        for sentence in settings.unknown() {
            self.imported.note(sentence);
        }
        for unread in settings.unread(&format!("{}'s ", call.name)) {
            self.imported.leave(unread);
        }
        Ok(schedule)
    }

    pub(super) fn plateau(&mut self, call: &'p Call) -> Result<Plateau, ImportError> {
        let given = self.given(call);
        let default = PlateauRule::default();
        let whole = |name: &str, place: usize, otherwise: u64| match given.number(name, place)? {
            Some(value) => settings::count(name, &Expr::Number(value)),
            None => Ok(otherwise),
        };
        self.imported
            .assume("the plateau watches the validation loss here; the text does not say which metric");
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
        for unread in given.unread() {
            self.imported.leave(unread);
        }
        Ok(Plateau { metric: Metric::ValLoss, rule })
    }
}

//! DeepSpeed's JSON: its five schedulers, with their log warmup and their lag of one update.

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, polynomial, sequence, warmed};
use super::super::text::{Form, Text};
use super::super::{ImportError, Imported, Options, mirror};
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Cyclic, Kind, Power, Triangles};
use crate::schedule::{Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "deepspeed",
    name: "DeepSpeed",
    example: "{\"train_micro_batch_size_per_gpu\": 8,\n \"optimizer\": {\"type\": \"AdamW\", \"params\": {\"lr\": 1e-4}},\n \
              \"scheduler\": {\"type\": \"WarmupDecayLR\", \"params\": {\"total_num_steps\": 1000, \"warmup_num_steps\": \
              100, \"warmup_type\": \"linear\"}}}\n",
    signs: &[
        (Sign::Key("scheduler.type"), 10),
        (Sign::Key("scheduler.params.warmup_num_steps"), 8),
        (Sign::Key("zero_optimization"), 10),
        (Sign::Key("train_micro_batch_size_per_gpu"), 10),
        (Sign::Key("train_batch_size"), 6),
        (Sign::Key("optimizer.type"), 10),
        (Sign::Key("gradient_clipping"), 3),
        (Sign::Word("train_micro_batch_size_per_gpu"), 10),
        (Sign::Word("zero_optimization"), 8),
        (Sign::Import("deepspeed"), 6),
        (Sign::Call("deepspeed.initialize"), 6),
    ],
    read,
};

/// The configuration: a JSON, or a table of a program.
pub(crate) fn config(text: &Text<'_>) -> Result<Settings, ImportError> {
    match &text.form {
        Form::Table(settings, _) => Ok(settings.clone()),
        Form::Python(program) => {
            let mut found = None;
            let is = |value: &Expr| {
                let Expr::Table(pairs) = value else { return None };
                let has = |name: &str| pairs.iter().any(|pair| pair.key == Expr::Text(name.to_owned()));
                (has("scheduler") || has("zero_optimization") || has("train_micro_batch_size_per_gpu"))
                    .then(|| pairs.clone())
            };
            program.visit(&mut |stmt, _| {
                use super::super::python::StmtKind;
                if let StmtKind::Assign(_, value) | StmtKind::Return(Some(value)) | StmtKind::Value(value) =
                    &stmt.kind
                {
                    found = found.take().or_else(|| is(value));
                }
            });
            let Some(pairs) = found else {
                return Err(ImportError::NoSchedule("a DeepSpeed configuration is one table"));
            };
            Ok(super::worked_out(program, &pairs))
        }
        _ => Err(ImportError::WrongForm { dialect: DIALECT.name, form: text.written_in() }),
    }
}

fn read(text: &Text<'_>, _options: &Options) -> Result<Imported, ImportError> {
    let config = config(text)?;
    let scheduler = config.table("scheduler");
    let Some(kind) = scheduler.text("type") else {
        return Err(ImportError::NoSchedule("a DeepSpeed configuration has a \"scheduler\" with a \"type\""));
    };
    let params = scheduler.table("params");
    let mut imported = Imported::new(&DIALECT, kind, constant(0.0));
    imported.accumulate = config.count("gradient_accumulation_steps")?.map(|count| count.max(1) as usize);
    imported.batch_size = config.count("train_micro_batch_size_per_gpu")?.map(|size| size as usize);
    imported.clip_norm = config.number(&["gradient_clipping"])?.filter(|norm| *norm > 0.0);
    let rate = optimizer(&config.table("optimizer"), &mut imported)?;
    if text.raw.contains("\"auto\"") {
        imported.note("what is \"auto\" comes from the trainer and was left at DeepSpeed's default");
    }
    imported.updates = params.number(&["total_num_steps"])?.map(Span::Updates);
    let mut reader = Reader { params, imported };
    reader.imported.lr = match kind {
        "WarmupLR" => reader.warmup_lr(rate, None)?,
        "WarmupDecayLR" => {
            let Some(total) = reader.params.number(&["total_num_steps"])? else {
                return Err(ImportError::missing(kind, "total_num_steps"));
            };
            reader.warmup_lr(rate, Some(total))?
        }
        "WarmupCosineLR" => reader.warmup_cosine(rate)?,
        "OneCycle" => reader.one_cycle()?,
        "LRRangeTest" => reader.range_test()?,
        other => {
            return Err(ImportError::unsupported(
                format!("the scheduler {other}"),
                "DeepSpeed has none of this name",
            ));
        }
    };
    let mut imported = reader.imported;
    if text.program().is_some() {
        super::huggingface::tell(&config, &mut imported);
    }
    Ok(imported)
}

/// Sets the optimizer and gives its rate.
fn optimizer(table: &Settings, imported: &mut Imported) -> Result<Option<f64>, ImportError> {
    let Some(name) = table.text("type") else { return Ok(None) };
    let params = table.table("params");
    match optimizer_kind(name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            for info in kind.numbers() {
                set(&mut optimizer, info.name, params.number(&[info.name])?);
            }
            for info in kind.options() {
                optimizer.switch(info.name, params.flag(info.name).unwrap_or(info.default));
            }
            if let Some(betas @ Expr::List(_)) = params.get("betas") {
                set_betas(&mut optimizer, &numbers("betas", betas)?);
            }
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    params.number(&["lr"])
}

struct Reader {
    params: Settings,
    imported: Imported,
}

impl Reader {
    fn or(&self, name: &str, otherwise: f64) -> Result<f64, ImportError> {
        Ok(self.params.number(&[name])?.unwrap_or(otherwise))
    }

    fn need(&self, name: &str) -> Result<f64, ImportError> {
        self.params.number(&[name])?.ok_or_else(|| ImportError::missing("the scheduler", name))
    }

    /// The warmup's updates, at least 2 as in DeepSpeed, and its shape.
    fn warmup(&self) -> Result<(f64, Ramp), ImportError> {
        let over = self.or("warmup_num_steps", 1000.0)?.max(2.0);
        let is_linear = self.params.text("warmup_type") == Some("linear");
        Ok((over, if is_linear { Ramp::Linear } else { Ramp::Logarithmic }))
    }

    /// The schedule one update late: `first` is the rate before DeepSpeed's first step.
    fn lagging(&mut self, schedule: Schedule, first: f64) -> Schedule {
        self.imported
            .note("DeepSpeed lags by an update: its second update has the warmup's first rate, as here");
        sequence(vec![(Span::Updates(1.0), constant(first))], schedule)
    }

    fn warmup_lr(&mut self, rate: Option<f64>, total: Option<f64>) -> Result<Schedule, ImportError> {
        let low = self.or("warmup_min_lr", 0.0)?;
        let high = self.or("warmup_max_lr", rate.unwrap_or(1e-3))?;
        let (over, ramp) = self.warmup()?;
        // ln(i)/ln(W) is our logarithmic ramp over W - 1.
        let climb = if ramp == Ramp::Logarithmic { over - 1.0 } else { over };
        let from = if high > 0.0 { low / high } else { 0.0 };
        let body = match total {
            // The decay begins at update W whichever shape the warmup has.
            Some(total) if total > over => {
                let fall = polynomial(high, 1.0, low, Some(Span::Updates(total - over)));
                if climb < over { sequence(vec![(Span::Updates(1.0), constant(high))], fall) } else { fall }
            }
            _ => constant(high),
        };
        Ok(self.lagging(warmed(body, Span::Updates(climb), from, ramp), low))
    }

    fn warmup_cosine(&mut self, rate: Option<f64>) -> Result<Schedule, ImportError> {
        let total = self.need("total_num_steps")?;
        let (over, ramp) = self.warmup()?;
        let Some(peak) = rate else {
            return Err(ImportError::missing("WarmupCosineLR", "the optimizer's lr, which is its peak"));
        };
        if total <= over {
            return Err(ImportError::missing("WarmupCosineLR", "a total_num_steps above warmup_num_steps"));
        }
        let low = self.or("warmup_min_ratio", 0.0)?;
        let floor = self.or("cos_min_ratio", 1e-4)? * peak;
        // The cosine is an update ahead of the warmup's end, which is where the logarithmic one has arrived.
        let climb = if ramp == Ramp::Logarithmic { over - 1.0 } else { over };
        if ramp == Ramp::Linear {
            self.imported.note(
                "after a linear warmup DeepSpeed jumps over the peak: its cosine is an update ahead of this one, \
                 which begins at the peak",
            );
        }
        let body = cosine(peak, floor, Some(Span::Updates(total - over)), After::Hold);
        // The value before the first step is 0, whatever the warmup starts at.
        Ok(self.lagging(warmed(body, Span::Updates(climb), low, ramp), 0.0))
    }

    fn one_cycle(&mut self) -> Result<Schedule, ImportError> {
        let (floor, peak) = (self.need("cycle_min_lr")?, self.need("cycle_max_lr")?);
        let up = self.or("cycle_first_step_size", 2000.0)?;
        let down = self.or("cycle_second_step_size", up)?;
        let cycle = Kind::Cyclic(Cyclic {
            floor,
            peak,
            up: Span::Updates(up),
            down: Some(Span::Updates(down)),
            mode: Triangles::Equal,
            gamma: 1.0,
        });
        let (rate, every) = (self.or("decay_lr_rate", 0.0)?, self.or("decay_step_size", 0.0)?);
        let after = if rate > 0.0 && every > 0.0 {
            let timescale = Span::Updates(every / rate);
            Kind::Power(Power { peak: floor, timescale, exponent: 1.0, floor: 0.0 }).into()
        } else {
            constant(floor)
        };
        if self.params.flag("cycle_momentum") != Some(false)
            && let Some(optimizer) = &mut self.imported.optimizer
        {
            let low = self.params.number(&["cycle_min_mom"])?.unwrap_or(0.8);
            let high = self.params.number(&["cycle_max_mom"])?.unwrap_or(0.9);
            if low > high || !mirror(optimizer, low, high) {
                self.imported.note("the optimizer has no momentum to cycle");
            }
            self.imported.note("DeepSpeed's OneCycle also sets beta2 to 0.99, which was left out");
        }
        Ok(sequence(vec![(Span::Updates(up + down), cycle.into())], after))
    }

    fn range_test(&mut self) -> Result<Schedule, ImportError> {
        let low = self.or("lr_range_test_min_lr", 1e-3)?;
        let size = self.or("lr_range_test_step_size", 2000.0)?;
        let growth = self.or("lr_range_test_step_rate", 1.0)?;
        if self.params.flag("lr_range_test_staircase") == Some(true) {
            self.imported.note("the staircase was smoothed out");
        }
        self.imported.note("the range test climbs for as long as it runs; here over ten step sizes");
        Ok(linear(low, 1.0, 1.0 + 10.0 * growth, Some(Span::Updates(10.0 * size))))
    }
}

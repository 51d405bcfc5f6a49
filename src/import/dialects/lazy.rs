//! detectron2's configurations in Python: `cfg.SOLVER.BASE_LR = ...`, and LazyConfig's `lr_multiplier`, a curve of
//! fvcore over the share of the run that is done.

use std::f64::consts::PI;

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Call, Expr, Pair, Program, StmtKind};
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, polynomial, sequence, written};
use super::super::text::{Form, Text, Written};
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Kind, Multistep};
use crate::schedule::{Joins, Ramp, Schedule, Span, Warmup};

pub static DIALECT: Dialect = Dialect {
    id: "detectron2-python",
    name: "detectron2 in Python",
    example: "cfg = get_cfg()\ncfg.SOLVER.IMS_PER_BATCH = 2\ncfg.SOLVER.BASE_LR = 0.00025\ncfg.SOLVER.MAX_ITER = \
              300\ncfg.SOLVER.STEPS = []\n",
    signs: &[
        (Sign::Word(".SOLVER.BASE_LR"), 14),
        (Sign::Word(".SOLVER.MAX_ITER"), 10),
        (Sign::Word(".SOLVER.STEPS"), 10),
        (Sign::Name("lr_multiplier"), 8),
        (Sign::Word("ParamScheduler"), 8),
        (Sign::Word("LazyCall"), 6),
        (Sign::Import("detectron2"), 4),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let assigned = assignments(program);
    if let Some(multiplier) = assigned.iter().rev().find(|(name, ..)| name == "lr_multiplier") {
        return lazy(program, &assigned, multiplier, options);
    }
    let solver: Vec<Pair> = assigned
        .iter()
        .filter_map(|(name, value, line)| {
            let (_, field) = name.split_once(".SOLVER.")?;
            Some(Pair {
                key: Expr::Text(field.to_owned()),
                value: super::worked(program, value, *line, 0),
                line: *line,
            })
        })
        .collect();
    if solver.is_empty() {
        return Err(ImportError::NoSchedule("settings of cfg.SOLVER, or an lr_multiplier, are looked for"));
    }
    let line = solver.first().map_or(0, |pair| pair.line);
    let tables = [Pair { key: Expr::Text("SOLVER".to_owned()), value: Expr::Table(solver), line }];
    let settings = Settings::of_pairs(&tables);
    let inner = Text::of(text.raw, Form::Table(settings.clone(), Written::Yaml));
    let mut imported = super::detectron::read(&inner, options)?;
    imported.dialect = &DIALECT;
    settings.unread("").into_iter().for_each(|unread| imported.leave(unread));
    if let Some(call) = program.calls().iter().find(|(_, call)| call.name == "merge_from_file") {
        let file = call.1.arguments.first().map(Expr::shown).unwrap_or_default();
        imported.note(format!("what {file} says was not read: settings that are not here may be there"));
    }
    Ok(imported)
}

/// Every assignment to a name, with its dots, in the order of the text.
fn assignments(program: &Program) -> Vec<(String, &Expr, usize)> {
    let mut found = Vec::new();
    program.visit(&mut |stmt, _| {
        if let StmtKind::Assign(targets, value) = &stmt.kind {
            for target in targets {
                if let Expr::Name(name) = target {
                    found.push((name.clone(), value, stmt.line));
                }
            }
        }
    });
    found
}

/// The class and the arguments of `L(Class)(...)`, or of a plain call.
fn lazy_call(value: &Expr) -> Option<(&str, &Call)> {
    let Expr::Call(call) = value else { return None };
    match &call.callee {
        Some(Expr::Call(maker)) if matches!(maker.name.as_str(), "L" | "LazyCall") => {
            match maker.arguments.first() {
                Some(Expr::Name(class)) => Some((class.rsplit('.').next().unwrap_or(class), call)),
                _ => None,
            }
        }
        None => Some((&call.name, call)),
        _ => None,
    }
}

/// A curve over the share of the run, with what it is at a share.
struct Multiplier {
    schedule: Schedule,
    at: Box<dyn Fn(f64) -> f64>,
}

fn lazy(
    program: &Program,
    assigned: &[(String, &Expr, usize)],
    (_, value, line): &(String, &Expr, usize),
    options: &Options,
) -> Result<Imported, ImportError> {
    let mut imported = Imported::new(&DIALECT, "LazyConfig", constant(0.0));
    let said = |name: &str| {
        assigned.iter().rev().find(|(found, ..)| found == name).map(|(_, value, line)| (*value, *line))
    };
    let number = |name: &str| said(name).and_then(|(value, line)| program.number(value, line));
    let total = match (options.length, number("train.max_iter")) {
        (Some(Span::Updates(updates)), _) => Some(updates),
        (_, total) => total,
    };
    let Some(total) = total.filter(|total| *total >= 1.0) else {
        return Err(ImportError::missing("LazyConfig", "train.max_iter, or --length: it is in another file"));
    };
    let base = match number("optimizer.lr") {
        Some(rate) => rate,
        None => {
            imported
                .assume("optimizer.lr is not set here: 1e-4 was taken, that of detectron2's common AdamW");
            1e-4
        }
    };
    let (class, call) = match program.resolve_at(value, *line) {
        Expr::Call(_) => lazy_call(program.resolve_at(value, *line)),
        _ => None,
    }
    .ok_or_else(|| {
        ImportError::unsupported(
            format!("lr_multiplier (line {line})"),
            "it is taken from another file; a log of its rates can be imported",
        )
    })?;
    let of = Of { program, base, total };
    imported.lr = match class {
        "WarmupParamScheduler" => {
            let Some((inner, inner_call)) = call.argument("scheduler", 0).and_then(lazy_call) else {
                return Err(ImportError::missing("WarmupParamScheduler", "a scheduler"));
            };
            let curve = of.curve(inner, inner_call)?;
            let factor = of.number(call, "warmup_factor", 1).unwrap_or(0.0);
            let length = of.number(call, "warmup_length", 2).unwrap_or(0.0);
            let method = call.argument("warmup_method", 3).map(Expr::shown).unwrap_or_default();
            let rescaled = matches!(call.argument("rescale_interval", 4), Some(Expr::Flag(true)));
            if rescaled || method.contains("constant") {
                let why =
                    "read are a linear warmup that does not rescale; a log of its rates can be imported";
                return Err(ImportError::unsupported(
                    format!("WarmupParamScheduler (line {})", call.line),
                    why,
                ));
            }
            let updates = length * total;
            let (start, end) = (factor * (curve.at)(0.0), (curve.at)(length));
            let from = if end > 0.0 { (start / end).clamp(0.0, 1.0) } else { 0.0 };
            let climb =
                Warmup { joins: Joins::Into, ..Warmup::new(Span::Updates(updates), from, Ramp::Linear) };
            Schedule { warmup: (updates > 0.0).then_some(climb), ..curve.schedule }
        }
        class => of.curve(class, call)?.schedule,
    };
    imported.name = format!("LazyConfig {class}");
    imported.updates = Some(Span::Updates(total));
    optimizer(program, assigned, &mut imported)?;
    for (name, _, line) in assigned {
        if name == "optimizer.params.lr_factor_func" {
            imported.leave(super::super::Unread {
                matters: true,
                ..super::super::Unread::new(name.clone(), "rates of layers of their own", *line)
            });
        }
    }
    Ok(imported)
}

struct Of<'p> {
    program: &'p Program,
    base: f64,
    total: f64,
}

impl Of<'_> {
    fn number(&self, call: &Call, name: &str, place: usize) -> Option<f64> {
        self.program.number(call.argument(name, place)?, call.line)
    }

    fn list(&self, call: &Call, name: &str, place: usize) -> Result<Vec<f64>, ImportError> {
        match call.argument(name, place) {
            Some(value) => numbers(name, &super::worked(self.program, value, call.line, 0)),
            None => Ok(Vec::new()),
        }
    }

    /// One of fvcore's curves, times the optimizer's rate.
    fn curve(&self, class: &str, call: &Call) -> Result<Multiplier, ImportError> {
        let (base, total) = (self.base, self.total);
        let need = |name: &str, place: usize| {
            self.number(call, name, place)
                .ok_or_else(|| ImportError::missing(class, format!("a {name} that is a number")))
        };
        let over = Some(Span::Updates(total));
        Ok(match class {
            "ConstantParamScheduler" => {
                let value = need("value", 0)?;
                Multiplier { schedule: constant(base * value), at: Box::new(move |_| value) }
            }
            "CosineParamScheduler" => {
                let (start, end) = (need("start_value", 0)?, need("end_value", 1)?);
                Multiplier {
                    schedule: cosine(base * start, base * end, over, After::Hold),
                    at: Box::new(move |share| end + 0.5 * (start - end) * (1.0 + (PI * share).cos())),
                }
            }
            "LinearParamScheduler" => {
                let (start, end) = (need("start_value", 0)?, need("end_value", 1)?);
                Multiplier {
                    schedule: linear(base, start, end, over),
                    at: Box::new(move |share| start + (end - start) * share),
                }
            }
            "ExponentialParamScheduler" => {
                let (start, decay) = (need("start_value", 0)?, need("decay", 1)?);
                Multiplier {
                    schedule: written(
                        "peak * decay ** (t / total)",
                        &[("peak", base * start), ("decay", decay)],
                    )?,
                    at: Box::new(move |share| start * decay.powf(share)),
                }
            }
            "PolynomialDecayParamScheduler" => {
                let (start, power) = (need("base_value", 0)?, need("power", 1)?);
                Multiplier {
                    schedule: polynomial(base * start, power, 0.0, over),
                    at: Box::new(move |share| start * (1.0 - share).powf(power)),
                }
            }
            "MultiStepParamScheduler" => self.steps(call)?,
            other => {
                let why = "it is no curve of fvcore that is known here; a log of its rates can be imported";
                return Err(ImportError::unsupported(format!("{other} (line {})", call.line), why));
            }
        })
    }

    fn steps(&self, call: &Call) -> Result<Multiplier, ImportError> {
        let values = self.list(call, "values", 0)?;
        let milestones = self.list(call, "milestones", 2)?;
        let counted =
            self.number(call, "num_updates", 1).filter(|updates| *updates > 0.0).unwrap_or(self.total);
        if values.len() != milestones.len() + 1 {
            return Err(ImportError::missing("MultiStepParamScheduler", "one value more than milestones"));
        }
        // The milestones are shares of num_updates, and the run may have another length.
        let places: Vec<f64> = milestones.iter().map(|at| at / counted * self.total).collect();
        let peak = self.base * values.first().copied().unwrap_or(1.0);
        let factors: Vec<f64> = values.windows(2).map(|pair| pair[1] / pair[0]).collect();
        let even = factors.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1e-9);
        let schedule = match factors.first() {
            None => constant(peak),
            Some(gamma) if even => {
                let milestones = places.iter().copied().map(Span::Updates).collect();
                // Of decimals such as 0.1 and 0.01 the quotient is meant exactly.
                let gamma = (gamma * 1e12).round() / 1e12;
                Kind::Multistep(Multistep { peak, milestones, gamma }).into()
            }
            Some(_) => {
                let (mut parts, mut from) = (Vec::new(), 0.0);
                for (value, at) in values.iter().zip(&places) {
                    parts.push((Span::Updates(at - from), constant(self.base * value)));
                    from = *at;
                }
                sequence(parts, constant(self.base * values.last().copied().unwrap_or(1.0)))
            }
        };
        let total = self.total;
        let at = move |share: f64| {
            let passed = places.iter().filter(|at| **at <= share * total).count();
            values.get(passed).copied().unwrap_or(1.0)
        };
        Ok(Multiplier { schedule, at: Box::new(at) })
    }
}

/// The optimizer of `model_zoo`'s common files, or one that is written out.
fn optimizer(
    program: &Program,
    assigned: &[(String, &Expr, usize)],
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let Some((_, value, line)) = assigned.iter().rev().find(|(name, ..)| name == "optimizer") else {
        return Ok(());
    };
    let shown = value.shown();
    let written_out = lazy_call(value).filter(|_| !shown.contains("get_config"));
    let name = match written_out {
        Some((class, _)) => class.to_owned(),
        None => shown.rsplit('.').next().unwrap_or(&shown).to_owned(),
    };
    let Some(kind) = optimizer_kind(&name) else {
        imported.note(format!("the optimizer {name} (line {line}) is not known here"));
        return Ok(());
    };
    let mut found = Optimizer::new(kind);
    if let Some((_, call)) = written_out {
        for name in ["weight_decay", "momentum", "eps"] {
            let given = call.argument(name, usize::MAX);
            set(&mut found, name, given.and_then(|value| program.number(value, call.line)));
        }
        if let Some(betas) = call.argument("betas", usize::MAX) {
            set_betas(&mut found, &numbers("betas", &super::worked(program, betas, call.line, 0))?);
        }
    } else {
        imported.assume(format!(
            "the numbers of {name} are in detectron2's common files; PyTorch's defaults were taken"
        ));
    }
    imported.optimizer = Some(found);
    Ok(())
}

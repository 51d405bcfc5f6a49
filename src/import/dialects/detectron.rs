//! detectron2's `SOLVER`, in YAML; its schedules count iterations.

use std::f64::consts::PI;

use super::super::dialect::{Dialect, Sign};
use super::super::function::{self, Sampled};
use super::super::groups::Told;
use super::super::settings::{Settings, set};
use super::super::shape::{constant, linear};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{Kind, Multistep, Product};
use crate::schedule::{Schedule, Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "detectron2",
    name: "detectron2",
    example: "SOLVER:\n  IMS_PER_BATCH: 16\n  BASE_LR: 0.02\n  STEPS: (60000, 80000)\n  MAX_ITER: 90000\n",
    signs: &[
        (Sign::Key("SOLVER.BASE_LR"), 12),
        (Sign::Key("SOLVER.MAX_ITER"), 10),
        (Sign::Key("SOLVER.STEPS"), 8),
        (Sign::Key("SOLVER.IMS_PER_BATCH"), 6),
        (Sign::Key("SOLVER.WARMUP_ITERS"), 6),
    ],
    read,
};

pub(super) fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let solver = settings.table("SOLVER");
    let mut imported = Imported::new(&DIALECT, "detectron2", constant(0.0));
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match solver.number(&[name])? {
            Some(value) => value,
            None => {
                imported
                    .assume(format!("SOLVER.{name} is not given: {usual} was taken, detectron2's default"));
                usual
            }
        })
    };
    let peak = or("BASE_LR", 0.001, &mut imported)?;
    let total = or("MAX_ITER", 40_000.0, &mut imported)?;
    let warmup = or("WARMUP_ITERS", 1000.0, &mut imported)?;
    let factor = or("WARMUP_FACTOR", 1e-3, &mut imported)?;
    let kind = solver.text("LR_SCHEDULER_NAME").unwrap_or("WarmupMultiStepLR").to_owned();
    let method = solver.text("WARMUP_METHOD").unwrap_or("linear").to_owned();
    if !matches!(method.as_str(), "linear" | "constant") {
        return Err(ImportError::unsupported(
            format!("WARMUP_METHOD {method}"),
            "detectron2 knows linear and constant",
        ));
    }
    if !(1.0..=1e9).contains(&total) {
        return Err(ImportError::missing("SOLVER.MAX_ITER", "a number from 1 to 1e9"));
    }
    match kind.as_str() {
        "WarmupMultiStepLR" => {
            let steps = solver.numbers("STEPS")?.unwrap_or_else(|| vec![30_000.0]);
            let gamma = or("GAMMA", 0.1, &mut imported)?;
            let warmup = warmup.min(total);
            let within = steps.iter().filter(|at| **at <= warmup).count();
            let milestones: Vec<Span> =
                steps.into_iter().filter(|at| *at <= total).map(Span::Updates).collect();
            let body: Schedule = if milestones.is_empty() {
                constant(peak)
            } else {
                Kind::Multistep(Multistep { peak, milestones, gamma }).into()
            };
            imported.lr = if warmup > 0.0 && within > 0 && method == "linear" {
                // A step within the climb lowers what it climbs to, from its first update on.
                let share = gamma.powf(within as f64) / factor;
                let climb = linear(peak * factor, 1.0, share, Some(Span::Updates(warmup)));
                imported.note(format!(
                    "a step of the rate lies within the climb: detectron2 climbs to the lowered rate over {warmup} updates"
                ));
                let later: Vec<Span> = match &body.kind {
                    Kind::Multistep(steps) => {
                        steps.milestones.iter().filter(|at| at.amount() > warmup).copied().collect()
                    }
                    _ => Vec::new(),
                };
                let later: Vec<Span> =
                    later.into_iter().map(|at| Span::Updates(at.amount() - warmup)).collect();
                let lowered = peak * gamma.powf(within as f64);
                let rest = if later.is_empty() {
                    constant(lowered)
                } else {
                    Kind::Multistep(Multistep { peak: lowered, milestones: later, gamma }).into()
                };
                super::super::shape::sequence(vec![(Span::Updates(warmup), climb)], rest)
            } else if warmup > 0.0 {
                let over = Span::Updates(warmup);
                let climb = match method.as_str() {
                    "linear" => linear(1.0, factor, 1.0, Some(over)),
                    _ => super::super::shape::sequence(vec![(over, constant(factor))], constant(1.0)),
                };
                // The climb lies over the steps, it does not come before them.
                Kind::Product(Product { of: vec![body, climb] }).into()
            } else {
                body
            };
        }
        "WarmupCosineLR" => {
            let floor = solver.number_or("BASE_LR_END", 0.0)?;
            let half = move |at: f64| floor + (peak - floor) * 0.5 * (1.0 + (PI * at / total).cos());
            let (start, end) = (half(0.0) * factor, half(warmup));
            let is_linear = method == "linear";
            let sampled = Sampled {
                what: "WarmupCosineLR",
                ticks: Some(total as u64),
                tick: Tick::Update,
                formula: None,
            };
            imported.lr = function::schedule(&sampled, &mut imported, |tick| {
                let at = tick as f64;
                Ok(match () {
                    () if at >= warmup => half(at),
                    () if is_linear => start + (end - start) * at / warmup,
                    () => start,
                })
            })?;
        }
        other => {
            let why = "known are WarmupMultiStepLR and WarmupCosineLR; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("SOLVER.LR_SCHEDULER_NAME {other}"), why));
        }
    }
    if let Some(base) = settings.text("_BASE_") {
        imported.note(format!(
            "the configuration inherits from {base}, which was not read: what is not here may be there"
        ));
    }
    imported.name = format!("detectron2 {kind}");
    imported.updates = Some(options.length.unwrap_or(Span::Updates(total)));
    let mut optimizer = Optimizer::new(OptimizerKind::Sgd);
    set(&mut optimizer, "momentum", Some(solver.number_or("MOMENTUM", 0.9)?));
    set(&mut optimizer, "weight_decay", Some(solver.number_or("WEIGHT_DECAY", 1e-4)?));
    optimizer.switch("nesterov", solver.flag("NESTEROV") == Some(true));
    match solver.text("OPTIMIZER") {
        None | Some("SGD") => {
            imported.optimizer = Some(optimizer);
            imported.tell_groups(told(&solver)?);
        }
        Some(other) => imported.note(format!("the optimizer {other} was left out")),
    }
    imported.batch_size = solver.count("IMS_PER_BATCH")?.map(|size| size as usize);
    let clip = solver.table("CLIP_GRADIENTS");
    if clip.flag("ENABLED") == Some(true) && clip.text("CLIP_TYPE") == Some("norm") {
        imported.clip_norm = clip.number(&["CLIP_VALUE"])?.filter(|norm| *norm > 0.0);
    }
    Ok(imported)
}

/// What detectron2 makes of biases and norms, which do not decay unless it is told otherwise.
fn told(solver: &Settings) -> Result<Vec<Told>, ImportError> {
    let bias = Told {
        rate: solver.number_or("BIAS_LR_FACTOR", 1.0)?,
        decay: solver.number(&["WEIGHT_DECAY_BIAS"])?,
        ..Told::new("bias", solver.line("BIAS_LR_FACTOR"))
    };
    let norm = Told {
        decay: Some(solver.number_or("WEIGHT_DECAY_NORM", 0.0)?),
        ..Told::new("norm", solver.line("WEIGHT_DECAY_NORM"))
    };
    Ok(vec![bias, norm])
}

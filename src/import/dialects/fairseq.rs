//! fairseq: the flags of `fairseq-train`, and the same settings in its YAML. Its schedules count updates.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, polynomial, restarts, sequence, warmed};
use super::super::text::{Form, Text};
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Exponential, InverseSqrt, Kind};
use crate::schedule::{Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "fairseq",
    name: "fairseq",
    example: "fairseq-train data --arch transformer --optimizer adam --adam-betas '(0.9, 0.98)' --lr 5e-4 \
              --lr-scheduler inverse_sqrt --warmup-updates 4000 --warmup-init-lr 1e-7 --max-update 50000\n",
    signs: &[
        (Sign::Flag("warmup_updates"), 10),
        (Sign::Flag("warmup_init_lr"), 10),
        (Sign::Flag("max_update"), 8),
        (Sign::Flag("total_num_update"), 10),
        (Sign::Flag("lr_period_updates"), 12),
        (Sign::Flag("max_tokens"), 5),
        (Sign::Flag("adam_betas"), 4),
        (Sign::Flag("update_freq"), 2),
        (Sign::Flag("criterion"), 4),
        (Sign::Flag("lr_scheduler"), 2),
        (Sign::Flag("lr_shrink"), 6),
        (Sign::Flag("arch"), 2),
        (Sign::Word("fairseq"), 8),
        (Sign::Key("lr_scheduler._name"), 12),
        (Sign::Key("lr_scheduler.warmup_updates"), 10),
        (Sign::Key("optimization.max_update"), 8),
        (Sign::Key("optimization.lr"), 8),
    ],
    read,
};

const IDLE: [&str; 12] = [
    "arch",
    "task",
    "criterion",
    "fp16",
    "max_tokens",
    "save_dir",
    "source_lang",
    "target_lang",
    "dropout",
    "share_all_embeddings",
    "label_smoothing",
    "distributed_world_size",
];

/// A setting, whichever of its places it is in.
struct Places {
    all: Vec<Settings>,
}

impl Places {
    fn number(&self, name: &str) -> Result<Option<f64>, ImportError> {
        for settings in &self.all {
            if settings.has(name) {
                // `lr: [0.0005]`: a rate an epoch, of which the first.
                return Ok(settings.numbers(name)?.and_then(|list| list.first().copied()));
            }
        }
        Ok(None)
    }

    fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, ImportError> {
        self.all
            .iter()
            .find(|settings| settings.has(name))
            .map_or(Ok(None), |settings| settings.numbers(name))
    }
}

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let (places, kind, optimizer) = match &text.form {
        Form::Flags(settings) => {
            settings.seen(&IDLE);
            let kind = settings.text("lr_scheduler").map(str::to_owned);
            let optimizer = settings.text("optimizer").map(str::to_owned);
            (Places { all: vec![settings.clone()] }, kind, optimizer)
        }
        Form::Table(settings, _) => {
            let (schedule, optimizer) = (settings.table("lr_scheduler"), settings.table("optimizer"));
            let named = |table: &Settings, key: &str| {
                table.text("_name").map(str::to_owned).or_else(|| settings.text(key).map(str::to_owned))
            };
            let names = (named(&schedule, "lr_scheduler"), named(&optimizer, "optimizer"));
            (Places { all: vec![schedule, settings.table("optimization"), optimizer] }, names.0, names.1)
        }
        _ => return Err(wrong_form(&DIALECT, text)),
    };
    let mut imported = Imported::new(&DIALECT, "fairseq", constant(0.0));
    let kind = match kind {
        Some(kind) => kind,
        None => {
            imported.assume("no lr-scheduler is given: fixed was taken, fairseq's default");
            "fixed".to_owned()
        }
    };
    let Some(peak) = places.number("lr")? else {
        return Err(ImportError::missing("fairseq", "an lr"));
    };
    if places.numbers("lr")?.is_some_and(|rates| rates.len() > 1) {
        imported.note("lr lists a rate for each epoch; the first was taken");
    }
    let total = places.number("max_update")?.filter(|total| *total > 0.0);
    let epochs = places.number("max_epoch")?.filter(|epochs| *epochs > 0.0);
    imported.updates = options.length.or(total.map(Span::Updates)).or(epochs.map(Span::Epochs));
    imported.name = format!("fairseq {kind}");
    imported.lr = schedule(&kind, peak, total, &places, &mut imported)?;
    imported.optimizer = optimizer_of(optimizer.as_deref(), &places, &mut imported)?;
    imported.accumulate =
        places.number("update_freq")?.filter(|every| *every >= 1.0).map(|every| every as usize);
    imported.clip_norm = places.number("clip_norm")?.filter(|norm| *norm > 0.0);
    imported.batch_size = places.number("batch_size")?.filter(|size| *size >= 1.0).map(|size| size as usize);
    Ok(imported)
}

fn schedule(
    kind: &str,
    peak: f64,
    total: Option<f64>,
    places: &Places,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let warmup = places.number("warmup_updates")?.unwrap_or(0.0);
    let init = places.number("warmup_init_lr")?.filter(|init| *init >= 0.0);
    let over = Span::Updates(warmup);
    let share = |init: f64| if peak > 0.0 { init / peak } else { 0.0 };
    Ok(match kind {
        "inverse_sqrt" => {
            let warmup = match places.number("warmup_updates")? {
                Some(warmup) => warmup,
                None => {
                    imported
                        .assume("no warmup-updates are given: 4000 were taken, the default of inverse_sqrt");
                    4000.0
                }
            };
            let over = Span::Updates(warmup.max(1.0));
            let body: Schedule = Kind::InverseSqrt(InverseSqrt { peak, timescale: over, floor: 0.0 }).into();
            if warmup > 0.0 { warmed(body, over, share(init.unwrap_or(0.0)), Ramp::Linear) } else { body }
        }
        "polynomial_decay" => {
            let end = places.number("end_learning_rate")?.unwrap_or(0.0);
            let power = places.number("power")?.unwrap_or(1.0);
            let Some(whole) = places.number("total_num_update")?.or(total) else {
                return Err(ImportError::missing("polynomial_decay", "a total-num-update"));
            };
            if whole <= warmup {
                return Err(ImportError::missing("polynomial_decay", "a total-num-update above the warmup"));
            }
            warmed(polynomial(peak, power, end, Some(Span::Updates(whole - warmup))), over, 0.0, Ramp::Linear)
        }
        "cosine" => {
            let floor = places.number("min_lr")?.filter(|floor| *floor >= 0.0).unwrap_or(0.0);
            let period = places.number("lr_period_updates")?.filter(|period| *period > 0.0);
            let (mult, shrink) =
                (places.number("t_mult")?.unwrap_or(1.0), places.number("lr_shrink")?.unwrap_or(0.1));
            let body = match (period, total) {
                (Some(period), _) => restarts(peak, floor, Span::Updates(period), mult, shrink),
                (None, Some(total)) if total > warmup => {
                    cosine(peak, floor, Some(Span::Updates(total - warmup)), After::Hold)
                }
                _ => cosine(peak, floor, None, After::Hold),
            };
            // Without warmup-init-lr the climb begins at the floor.
            warmed(body, over, share(init.unwrap_or(floor)), Ramp::Linear)
        }
        "tri_stage" => tri_stage(peak, total, places)?,
        "fixed" => {
            if places.number("force_anneal")?.is_some() {
                let why =
                    "it shrinks the rate by epochs after a given one; a log of its rates can be imported";
                return Err(ImportError::unsupported("fairseq's --force-anneal", why));
            }
            // Its climb is one update ahead: (i + 1) / W.
            let from = if warmup > 1.0 { 1.0 / warmup } else { 1.0 };
            warmed(constant(peak), Span::Updates((warmup - 1.0).max(0.0)), from, Ramp::Linear)
        }
        other => {
            let why = "known are inverse_sqrt, polynomial_decay, cosine, tri_stage and fixed; a log can be imported";
            return Err(ImportError::unsupported(format!("fairseq's lr-scheduler {other}"), why));
        }
    })
}

/// Climb, hold, and an exponential fall.
fn tri_stage(peak: f64, total: Option<f64>, places: &Places) -> Result<Schedule, ImportError> {
    let or = |name: &str, usual: f64| Ok::<f64, ImportError>(places.number(name)?.unwrap_or(usual));
    let (first, last) = (or("init_lr_scale", 0.01)?, or("final_lr_scale", 0.01)?);
    let steps = match (places.numbers("phase_ratio")?, total) {
        (Some(ratio), Some(total)) if ratio.len() == 3 => {
            ratio.into_iter().map(|share| (share * total).trunc()).collect()
        }
        (Some(_), _) => {
            return Err(ImportError::missing("tri_stage", "a max-update, of which phase-ratio is shares"));
        }
        (None, _) => {
            vec![or("warmup_steps", 4000.0)?, or("hold_steps", 20_000.0)?, or("decay_steps", 60_000.0)?]
        }
    };
    let [climb, hold, fall] = steps.as_slice() else {
        return Err(ImportError::missing("tri_stage", "three phases"));
    };
    let mut parts = Vec::new();
    if *climb > 0.0 {
        parts.push((Span::Updates(*climb), linear(peak, first, 1.0, Some(Span::Updates(*climb)))));
    }
    if *hold > 0.0 {
        parts.push((Span::Updates(*hold), constant(peak)));
    }
    if *fall > 0.0 {
        let gamma = last.powf(1.0 / fall);
        parts.push((Span::Updates(*fall), Kind::Exponential(Exponential { peak, gamma }).into()));
    }
    Ok(if parts.is_empty() { constant(peak) } else { sequence(parts, constant(peak * last)) })
}

fn optimizer_of(
    name: Option<&str>,
    places: &Places,
    imported: &mut Imported,
) -> Result<Option<Optimizer>, ImportError> {
    let Some(name) = name else {
        imported.assume("no optimizer is given");
        return Ok(None);
    };
    // fairseq's adam decays the weights apart from the gradient.
    let kind = optimizer_kind(if name == "adam" { "adamw" } else { name });
    let Some(kind) = kind else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    set(&mut optimizer, "weight_decay", Some(places.number("weight_decay")?.unwrap_or(0.0)));
    set(&mut optimizer, "eps", places.number("adam_eps")?);
    set(&mut optimizer, "momentum", places.number("momentum")?);
    if let Some(betas) = places.numbers("adam_betas")? {
        set_betas(&mut optimizer, &betas);
    }
    Ok(Some(optimizer))
}

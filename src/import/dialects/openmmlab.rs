//! OpenMMLab's configurations: `param_scheduler` of mmengine, and `lr_config` of mmcv before it. Their
//! schedulers multiply the rate that they find, each between its beginning and its end.

mod config;
mod whole;

use self::config::Config;
use super::super::dialect::{Dialect, Sign};
use super::super::groups::Told;
use super::super::python::Expr;
use super::super::settings::{Settings, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, linear, polynomial, restarts, sequence, ticking};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, Unread};
use super::wrong_form;
use crate::experiment::{Number, Optimizer};
use crate::schedule::kind::{After, Exponential, Kind, Multistep, Product, Step};
use crate::schedule::{Schedule, Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "openmmlab",
    name: "OpenMMLab",
    example: "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001))\n\
              param_scheduler = [\n    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),\n    \
              dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1)]\ntrain_cfg = dict(max_epochs=12)\n",
    signs: &[
        (Sign::Name("param_scheduler"), 12),
        (Sign::Name("lr_config"), 12),
        (Sign::Name("optim_wrapper"), 10),
        (Sign::Name("optimizer_config"), 6),
        (Sign::Name("_base_"), 10),
        (Sign::Name("default_hooks"), 4),
        (Sign::Name("train_pipeline"), 3),
        (Sign::Name("runner"), 2),
        (Sign::Name("train_cfg"), 2),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "OpenMMLab", constant(0.0));
    let config = Config::of(program, options);
    config.beside.tell(&mut imported);
    let inherits = program.assigned_at("_base_").is_some();
    if program.calls().iter().any(|(_, call)| call.name == "read_base") {
        imported.note("it inherits by read_base(), which was not read: what is not here may be there");
    }
    let wrapper = config.table("optim_wrapper").unwrap_or_default();
    let own = config.table("optimizer").unwrap_or_default();
    let optimizer_table = if wrapper.has("optimizer") { wrapper.table("optimizer") } else { own };
    let base = optimizer(&optimizer_table, &mut imported)?;
    let parts = if wrapper.has("paramwise_cfg") { &wrapper } else { &optimizer_table };
    paramwise(&parts.table("paramwise_cfg"), &mut imported)?;
    imported.clip_norm = match wrapper.table("clip_grad").number(&["max_norm"])? {
        Some(norm) => Some(norm),
        None => {
            config.table("optimizer_config").unwrap_or_default().table("grad_clip").number(&["max_norm"])?
        }
    }
    .filter(|norm| *norm > 0.0);
    imported.accumulate = wrapper.count("accumulative_counts")?.map(|count| count.max(1) as usize);
    let length = length(&config)?;
    imported.updates = options.length.or(length);
    if config.has("param_scheduler") {
        let list = config.list("param_scheduler");
        if list.is_empty() {
            return Err(ImportError::missing("param_scheduler", "schedulers that are written out"));
        }
        imported.lr = param_scheduler(&list, base, length, options, &mut imported)?;
        imported.name = "param_scheduler".to_owned();
        list.iter()
            .flat_map(|settings| settings.unread("param_scheduler's "))
            .for_each(|unread| imported.leave(unread));
    } else if let Some(policy) = config.table("lr_config") {
        imported.lr = lr_config(&policy, base, length, options, &mut imported)?;
        imported.name = "lr_config".to_owned();
        policy.unread("lr_config.").into_iter().for_each(|unread| imported.leave(unread));
    } else {
        return Err(ImportError::NoSchedule(match (inherits, config.beside.any_read()) {
            (true, true) => {
                "neither it nor the files that it inherits from have a param_scheduler or an lr_config"
            }
            (true, false) => {
                "it inherits from _base_, whose file has the param_scheduler or lr_config: import that file, or this one \
                 from where its _base_ is"
            }
            _ => "a param_scheduler or an lr_config is looked for",
        }));
    }
    optimizer_table.unread("optimizer.").into_iter().for_each(|unread| imported.leave(unread));
    Ok(imported)
}

fn optimizer(table: &Settings, imported: &mut Imported) -> Result<f64, ImportError> {
    let rate = match table.number(&["lr"])? {
        Some(rate) => rate,
        None => {
            imported.assume("the text gives no rate: 0.01 was taken");
            0.01
        }
    };
    let name = table.text("type").unwrap_or("SGD").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "momentum", table.number(&["momentum"])?);
            set(&mut optimizer, "weight_decay", table.number(&["weight_decay"])?);
            set(&mut optimizer, "eps", table.number(&["eps"])?);
            if let Some(betas) = table.get("betas") {
                set_betas(&mut optimizer, &numbers("betas", betas)?);
            }
            optimizer.switch("nesterov", table.flag("nesterov") == Some(true));
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here; only its rate was taken")),
    }
    Ok(rate)
}

/// The multipliers of `paramwise_cfg`, those of single modules first.
fn paramwise(table: &Settings, imported: &mut Imported) -> Result<(), ImportError> {
    let decay = imported.optimizer.as_ref().and_then(|optimizer| optimizer.get("weight_decay")).cloned();
    let decay = match decay {
        Some(Number::Fixed(decay)) => decay,
        _ => 0.0,
    };
    let mut told = Vec::new();
    let keys = table.table("custom_keys");
    let names: Vec<String> = keys.names().map(str::to_owned).collect();
    for name in names {
        // A key may have dots in it, which are no tables.
        let own = keys.below(&name);
        let (rate, share) = (own.number_or("lr_mult", 1.0)?, own.number(&["decay_mult"])?);
        told.push(Told { rate, decay: share.map(|it| it * decay), ..Told::new(&name, keys.line(&name)) });
    }
    for (part, rate, share) in
        [("bias", "bias_lr_mult", "bias_decay_mult"), ("norm", "norm_lr_mult", "norm_decay_mult")]
    {
        let line = table.line(share).max(table.line(rate));
        let (rate, share) = (table.number_or(rate, 1.0)?, table.number(&[share])?);
        told.push(Told { rate, decay: share.map(|it| it * decay), ..Told::new(part, line) });
    }
    imported.layer_decay =
        table.number(&["layer_decay_rate", "decay_rate"])?.filter(|decay| *decay > 0.0 && *decay <= 1.0);
    if imported.layer_decay.is_some() {
        // Its constructor spares biases and norms.
        table.seen(&["num_layers", "decay_type"]);
        imported.decays_matrices();
    }
    imported.tell_groups(told);
    table.unread("paramwise_cfg.").into_iter().for_each(|unread| imported.leave(unread));
    Ok(())
}

fn length(config: &Config) -> Result<Option<Span>, ImportError> {
    for name in ["train_cfg", "runner"] {
        let Some(table) = config.table(name) else { continue };
        if let Some(epochs) = table.number(&["max_epochs"])?.filter(|epochs| *epochs > 0.0) {
            return Ok(Some(Span::Epochs(epochs)));
        }
        if let Some(iters) = table.number(&["max_iters"])?.filter(|iters| *iters > 0.0) {
            return Ok(Some(Span::Updates(iters)));
        }
    }
    for (name, span) in [
        ("total_epochs", Span::Epochs as fn(f64) -> Span),
        ("max_epochs", Span::Epochs),
        ("max_iters", Span::Updates),
    ] {
        if let Some(count) = config.number(name) {
            return Ok((count > 0.0).then(|| span(count)));
        }
    }
    Ok(None)
}

/// The product of what each scheduler multiplies by.
fn param_scheduler(
    list: &[Settings],
    base: f64,
    length: Option<Span>,
    options: &Options,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    // What pulls towards a floor has to hold the rate itself; the others multiply it.
    let mut factors = Vec::new();
    let mut absolute = None;
    for settings in list {
        let name = settings.text("type").unwrap_or_default().to_owned();
        if name.ends_with("Momentum") {
            imported.leave(Unread {
                matters: true,
                ..Unread::new(name, "a scheduler of the momentum", settings.line("type"))
            });
            continue;
        }
        let by_epoch = settings.flag("by_epoch").unwrap_or(true);
        let per_update = settings.flag("convert_to_iter_based") == Some(true);
        let span = |ticks: f64| if by_epoch { Span::Epochs(ticks) } else { Span::Updates(ticks) };
        let begin = settings.number_or("begin", 0.0)?;
        let end = settings.number(&["end"])?.filter(|end| end.is_finite() && *end < 1e9);
        let whole = end.or(match length {
            Some(Span::Epochs(epochs)) if by_epoch => Some(epochs),
            Some(Span::Updates(updates)) if !by_epoch => Some(updates),
            Some(Span::Epochs(epochs)) => options.updates_per_epoch.map(|per_epoch| per_epoch * epochs),
            _ => None,
        });
        // Converted to updates it is one update short, not one epoch.
        let less_one =
            if per_update && by_epoch { options.updates_per_epoch.map_or(0.0, f64::recip) } else { 1.0 };
        let over = |less: f64| {
            let least = if per_update { less_one } else { 1.0 };
            whole.map(|end| span((end - begin - less * less_one).max(least.max(f64::EPSILON))))
        };
        let floor = match (settings.number(&["eta_min"])?, settings.number(&["eta_min_ratio"])?) {
            (_, Some(ratio)) => ratio * base,
            (floor, None) => floor.unwrap_or(0.0),
        };
        let factor: Schedule = match name.as_str() {
            "LinearLR" => {
                let (start, stop) =
                    (settings.number_or("start_factor", 1.0 / 3.0)?, settings.number_or("end_factor", 1.0)?);
                if per_update && by_epoch && options.updates_per_epoch.is_none() {
                    imported.note(
                        "mmengine's climb converted to updates ends one update before its epochs do, and here with them; \
                         --updates-per-epoch makes it exact",
                    );
                }
                linear(1.0, start, stop, over(1.0))
            }
            "ConstantLR" => {
                let factor = settings.number_or("factor", 1.0 / 3.0)?;
                match over(1.0) {
                    Some(length) => sequence(vec![(length, constant(factor))], constant(1.0)),
                    None => constant(factor),
                }
            }
            "MultiStepLR" => {
                // They count from where it begins.
                let milestones = settings.numbers("milestones")?.unwrap_or_default();
                let milestones = milestones.into_iter().map(span).collect();
                Kind::Multistep(Multistep { peak: 1.0, milestones, gamma: settings.number_or("gamma", 0.1)? })
                    .into()
            }
            "StepLR" => {
                let Some(every) = settings.number(&["step_size"])? else {
                    return Err(ImportError::missing("StepLR", "a step_size"));
                };
                Kind::Step(Step { peak: 1.0, every: span(every), gamma: settings.number_or("gamma", 0.1)? })
                    .into()
            }
            "ExponentialLR" => {
                let Some(gamma) = settings.number(&["gamma"])? else {
                    return Err(ImportError::missing("ExponentialLR", "a gamma"));
                };
                Kind::Exponential(Exponential { peak: 1.0, gamma }).into()
            }
            "CosineAnnealingLR" | "PolyLR" => {
                let is_first = absolute.is_none();
                let (peak, floor) = if is_first { (base, floor) } else { (1.0, 0.0) };
                let body = if name == "PolyLR" {
                    polynomial(peak, settings.number_or("power", 1.0)?, floor, over(1.0))
                } else {
                    let over = match settings.number(&["T_max"])? {
                        Some(over_ticks) => Some(span(over_ticks)),
                        None => over(0.0),
                    };
                    cosine(peak, floor, over, After::Hold)
                };
                if is_first && floor > 0.0 {
                    // It multiplies nothing: what comes before it multiplies its rate.
                    absolute = Some(delayed(body, span(begin), base, by_epoch && !per_update));
                    continue;
                }
                rescaled(body)
            }
            "CosineRestartLR" | "OneCycleLR"
                if list.iter().filter(|other| is_of_rate(other)).count() == 1 =>
            {
                let Some(curve) = whole::read(&name, settings, base, span)? else { continue };
                settings.seen(&["type", "by_epoch", "begin", "end", "convert_to_iter_based", "total_steps"]);
                absolute = Some(delayed(curve, span(begin), base, by_epoch && !per_update));
                continue;
            }
            "CosineRestartLR" | "OneCycleLR" => {
                let why = "it sets the rate, and the others multiply it; a log of its rates can be imported";
                return Err(ImportError::unsupported(
                    format!("mmengine's {name} beside other schedulers"),
                    why,
                ));
            }
            "ReduceOnPlateauLR" | "" => {
                let why = "it follows a metric; a log of its rates can be imported";
                return Err(ImportError::unsupported(format!("mmengine's {name}"), why));
            }
            other => {
                let why =
                    "it is no scheduler of mmengine that is known here; a log of its rates can be imported";
                return Err(ImportError::unsupported(other, why));
            }
        };
        factors.push(delayed(factor, span(begin), 1.0, by_epoch && !per_update));
    }
    let mut of = vec![absolute.unwrap_or_else(|| constant(base))];
    of.extend(factors);
    Ok(if of.len() == 1 { of.remove(0) } else { Kind::Product(Product { of }).into() })
}

/// Whether a scheduler is one of the rate, and not of the momentum.
fn is_of_rate(settings: &Settings) -> bool {
    settings.peek("type").is_some_and(|name| !name.ends_with("Momentum"))
}

/// The same curve with a peak of 1.
fn rescaled(schedule: Schedule) -> Schedule {
    let mut schedule = schedule;
    schedule.kind.set("peak", crate::schedule::kind::Value::Number(1.0));
    schedule.kind.set("floor", crate::schedule::kind::Value::Number(0.0));
    schedule
}

/// A schedule that begins later; before, the rate is what it is.
fn delayed(schedule: Schedule, begin: Span, before: f64, by_epoch: bool) -> Schedule {
    let schedule =
        if begin.amount() > 0.0 { sequence(vec![(begin, constant(before))], schedule) } else { schedule };
    if by_epoch { ticking(schedule, Tick::Epoch) } else { schedule }
}

/// mmcv's policies, and the warmup that multiplies them.
fn lr_config(
    config: &Settings,
    base: f64,
    length: Option<Span>,
    options: &Options,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let policy = config.text("policy").unwrap_or("step").to_lowercase();
    let by_epoch = config.flag("by_epoch").unwrap_or(true);
    let span = |ticks: f64| if by_epoch { Span::Epochs(ticks) } else { Span::Updates(ticks) };
    let whole = match length {
        Some(Span::Epochs(epochs)) if by_epoch => Some(span(epochs)),
        Some(Span::Updates(updates)) if !by_epoch => Some(span(updates)),
        Some(Span::Epochs(epochs)) => {
            options.updates_per_epoch.map(|per_epoch| Span::Updates(per_epoch * epochs))
        }
        _ => None,
    };
    let floor = match (config.number(&["min_lr"])?, config.number(&["min_lr_ratio"])?) {
        (Some(floor), _) => floor,
        (None, Some(ratio)) => ratio * base,
        _ => 0.0,
    };
    let gamma = config.number_or("gamma", 0.1)?;
    let body = match policy.as_str() {
        "fixed" => constant(base),
        "step" => match config.get("step") {
            Some(Expr::List(_)) => {
                let milestones = config.numbers("step")?.unwrap_or_default().into_iter().map(span).collect();
                Kind::Multistep(Multistep { peak: base, milestones, gamma }).into()
            }
            Some(_) => {
                let every = config.number_or("step", 1.0)?;
                Kind::Step(Step { peak: base, every: span(every), gamma }).into()
            }
            None => return Err(ImportError::missing("lr_config's policy step", "a step")),
        },
        "exp" => Kind::Exponential(Exponential { peak: base, gamma }).into(),
        "poly" => polynomial(base, config.number_or("power", 1.0)?, floor, whole),
        "cosineannealing" => cosine(base, floor, whole, After::Hold),
        "cosinerestart" => {
            let periods = config.numbers("periods")?.unwrap_or_default();
            match periods.as_slice() {
                [first, rest @ ..] if rest.iter().all(|period| period == first) => {
                    imported.note("each restart of mmcv has its own weight, which was left out");
                    restarts(base, floor, span(*first), 1.0, 1.0)
                }
                _ => {
                    let why = "its periods differ; a log of its rates can be imported";
                    return Err(ImportError::unsupported("CosineRestart", why));
                }
            }
        }
        other => {
            let why =
                "known are fixed, step, exp, poly, CosineAnnealing and CosineRestart; a log can be imported";
            return Err(ImportError::unsupported(format!("lr_config's policy {other}"), why));
        }
    };
    let body = if by_epoch { ticking(body, Tick::Epoch) } else { body };
    let Some(warmup) = config.text("warmup").map(str::to_owned) else { return Ok(body) };
    let iters = config.number_or("warmup_iters", 0.0)?;
    let over =
        if config.flag("warmup_by_epoch") == Some(true) { Span::Epochs(iters) } else { Span::Updates(iters) };
    let ratio = config.number_or("warmup_ratio", 0.1)?;
    if iters <= 0.0 {
        return Ok(body);
    }
    // The warmup multiplies the policy's own rate.
    let climb = match warmup.as_str() {
        "linear" => linear(1.0, ratio, 1.0, Some(over)),
        "constant" => sequence(vec![(over, constant(ratio))], constant(1.0)),
        "exp" if ratio > 0.0 => {
            super::super::shape::warmed(constant(1.0), over, ratio, crate::schedule::Ramp::Exponential)
        }
        other => {
            return Err(ImportError::unsupported(
                format!("warmup={other}"),
                "mmcv knows constant, linear and exp",
            ));
        }
    };
    Ok(Kind::Product(Product { of: vec![body, climb] }).into())
}

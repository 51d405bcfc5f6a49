//! PaddlePaddle: the YAML of PaddleDetection, PaddleClas and PaddleSeg, and `paddle.optimizer.lr` in Python.

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Call, Expr, Program};
use super::super::pytorch_arguments::Given;
use super::super::settings::{Settings, optimizer_kind, set};
use super::super::shape::{constant, cosine, linear, polynomial, sequence, ticking};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Exponential, Kind, Multistep, Product, Step};
use crate::schedule::{Schedule, Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "paddle",
    name: "PaddlePaddle",
    example: "epoch: 12\nLearningRate:\n  base_lr: 0.01\n  schedulers:\n  - !PiecewiseDecay\n    gamma: 0.1\n    milestones: \
              [8, 11]\n  - !LinearWarmup\n    start_factor: 0.1\n    steps: 1000\n",
    signs: &[
        (Sign::Key("LearningRate.base_lr"), 14),
        (Sign::Key("LearningRate.schedulers"), 10),
        (Sign::Key("Optimizer.lr.learning_rate"), 12),
        (Sign::Key("Optimizer.lr.name"), 12),
        (Sign::Key("lr_scheduler.type"), 10),
        (Sign::Key("lr_scheduler.end_lr"), 6),
        (Sign::Import("paddle"), 12),
        (Sign::Word("paddle.optimizer.lr."), 12),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let mut imported = Imported::new(&DIALECT, "PaddlePaddle", constant(0.0));
    if let Some(program) = text.program() {
        python(program, options, &mut imported)?;
        return Ok(imported);
    }
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    if settings.has("LearningRate") {
        detection(settings, &mut imported)?;
    } else if settings.has("Optimizer") {
        classification(settings, &mut imported)?;
    } else {
        segmentation(settings, &mut imported)?;
    }
    if let Some(length) = options.length {
        imported.updates = Some(length);
    }
    Ok(imported)
}

/// PaddleDetection: a list of tagged schedulers, of which the last may be a warmup of updates over one of epochs.
fn detection(settings: &Settings, imported: &mut Imported) -> Result<(), ImportError> {
    let table = settings.table("LearningRate");
    let Some(base) = table.number(&["base_lr"])? else {
        return Err(ImportError::missing("LearningRate", "a base_lr"));
    };
    let epochs = settings.number(&["epoch"])?.filter(|epochs| *epochs > 0.0);
    imported.updates = epochs.map(Span::Epochs);
    let Some(Expr::List(items)) = table.get("schedulers").cloned() else {
        return Err(ImportError::missing("LearningRate", "a list of schedulers"));
    };
    let mut of: Vec<Schedule> = Vec::new();
    for item in &items {
        let (name, arguments) = match item {
            Expr::Call(call) => (call.name.clone(), Settings::of_call(&Program::default(), call, &[])),
            // Older files write `name: CosineDecay`.
            Expr::Table(pairs) => {
                let settings = Settings::of_pairs(pairs);
                let name = settings.text("name").or(settings.text("_type_")).unwrap_or_default().to_owned();
                (name, settings)
            }
            _ => continue,
        };
        let schedule = match name.as_str() {
            "PiecewiseDecay" => {
                let milestones = arguments.numbers("milestones")?.unwrap_or_else(|| vec![8.0, 11.0]);
                let gamma = arguments.number_or("gamma", 0.1)?;
                let milestones = milestones.into_iter().map(Span::Epochs).collect();
                Kind::Multistep(Multistep { peak: base, milestones, gamma }).into()
            }
            "CosineDecay" => {
                let over = arguments.number(&["max_epochs"])?.or(epochs).map(Span::Epochs);
                let floor = arguments.number_or("min_lr_ratio", 0.0)? * base;
                let floor = arguments.number(&["min_lr"])?.unwrap_or(floor);
                arguments.seen(&["use_warmup"]);
                imported.note("Paddle's cosine goes on below the warmup from epoch 0, as here");
                cosine(base, floor, over, After::Hold)
            }
            "LinearWarmup" => {
                let from = arguments.number_or("start_factor", 1.0 / 3.0)?;
                let over = match arguments.number(&["epochs"])? {
                    Some(epochs) => Span::Epochs(epochs),
                    None => Span::Updates(arguments.number_or("steps", 500.0)?),
                };
                linear(1.0, from, 1.0, Some(over))
            }
            other => {
                let why = "known are PiecewiseDecay, CosineDecay and LinearWarmup; a log of its rates can be imported";
                return Err(ImportError::unsupported(format!("Paddle's {other}"), why));
            }
        };
        for unread in arguments.unread(&format!("{name}'s ")) {
            imported.leave(unread);
        }
        of.push(schedule);
    }
    imported.name = "PaddleDetection".to_owned();
    imported.lr = match of.len() {
        0 => constant(base),
        1 => of.remove(0),
        _ => Kind::Product(Product { of }).into(),
    };
    let builder = settings.table("OptimizerBuilder.optimizer");
    let decay = settings.table("OptimizerBuilder.regularizer").number(&["factor"])?;
    optimizer(builder.text("type").unwrap_or("Momentum"), builder.number(&["momentum"])?, decay, imported);
    Ok(())
}

/// PaddleClas and PaddleOCR: `Optimizer.lr` by name.
fn classification(settings: &Settings, imported: &mut Imported) -> Result<(), ImportError> {
    let (optim, global) = (settings.table("Optimizer"), settings.table("Global"));
    let lr = optim.table("lr");
    let first_value = lr.numbers("values")?.and_then(|values| values.first().copied());
    let Some(base) = lr.number(&["learning_rate"])?.or(first_value) else {
        return Err(ImportError::missing("Optimizer.lr", "a learning_rate"));
    };
    let epochs = global.number(&["epochs", "epoch_num"])?.filter(|epochs| *epochs > 0.0);
    imported.updates = epochs.map(Span::Epochs);
    let warmup = lr.number_or("warmup_epoch", 0.0)?;
    let first = lr.number_or("warmup_start_lr", 0.0)?;
    let name = lr.text("name").unwrap_or("Const").to_owned();
    let rest = epochs.map(|epochs| Span::Epochs((epochs - warmup).max(1.0)));
    let floor = lr.number(&["eta_min", "end_lr"])?.unwrap_or(0.0);
    let body = match name.as_str() {
        "Cosine" => cosine(base, floor, rest, After::Hold),
        "Linear" => polynomial(base, lr.number_or("power", 1.0)?, floor, rest),
        "Const" | "Constant" => constant(base),
        "Step" => {
            let Some(every) = lr.number(&["step_size"])? else {
                return Err(ImportError::missing("Step", "a step_size"));
            };
            Kind::Step(Step { peak: base, every: Span::Epochs(every), gamma: lr.number_or("gamma", 0.1)? })
                .into()
        }
        "MultiStepDecay" => {
            let milestones =
                lr.numbers("milestones")?.unwrap_or_default().into_iter().map(Span::Epochs).collect();
            Kind::Multistep(Multistep { peak: base, milestones, gamma: lr.number_or("gamma", 0.1)? }).into()
        }
        "Piecewise" => {
            let (ends, values) =
                (lr.numbers("decay_epochs")?.unwrap_or_default(), lr.numbers("values")?.unwrap_or_default());
            let mut start = 0.0;
            let mut before = Vec::new();
            for (end, value) in ends.iter().zip(&values) {
                if *end <= start {
                    return Err(ImportError::missing("Piecewise", "decay_epochs that increase from above 0"));
                }
                before.push((Span::Epochs(end - start), constant(*value)));
                start = *end;
            }
            match values.last() {
                Some(last) if values.len() == ends.len() + 1 && !before.is_empty() => {
                    sequence(before, constant(*last))
                }
                _ => return Err(ImportError::missing("Piecewise", "one value more than its decay_epochs")),
            }
        }
        other => {
            let why = "known are Cosine, Linear, Const, Step, Piecewise and MultiStepDecay; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("Optimizer.lr.name {other}"), why));
        }
    };
    // Whole epochs are the same either way; 2.4 of them end within an epoch.
    let is_whole = lr.number(&["step_size"])?.is_none_or(|every| every.fract() == 0.0);
    let by_epoch = lr.flag("by_epoch") == Some(true)
        || (name == "Step" && is_whole)
        || matches!(name.as_str(), "MultiStepDecay" | "Piecewise");
    let body = if by_epoch { ticking(body, Tick::Epoch) } else { body };
    imported.lr = if warmup > 0.0 {
        let from = if base > 0.0 { first / base } else { 0.0 };
        let over = Span::Epochs(warmup);
        sequence(vec![(over, linear(base, from, 1.0, Some(over)))], body)
    } else {
        body
    };
    imported.name = format!("Paddle {name}");
    let decay = optim.table("regularizer").number(&["coeff", "factor"])?.or(optim.number(&["weight_decay"])?);
    optimizer(optim.text("name").unwrap_or("Momentum"), optim.number(&["momentum"])?, decay, imported);
    if let Some(optimizer) = &mut imported.optimizer {
        for (theirs, ours) in [("beta1", "beta1"), ("beta2", "beta2"), ("epsilon", "eps")] {
            set(optimizer, ours, optim.number(&[theirs])?);
        }
    }
    Ok(())
}

/// PaddleSeg: `lr_scheduler` by type, over `iters`.
fn segmentation(settings: &Settings, imported: &mut Imported) -> Result<(), ImportError> {
    let (sched, optim) = (settings.table("lr_scheduler"), settings.table("optimizer"));
    let Some(base) = sched.number(&["learning_rate"])? else {
        return Err(ImportError::missing("lr_scheduler", "a learning_rate"));
    };
    let iters = settings.number(&["iters"])?.filter(|iters| *iters > 0.0);
    imported.updates = iters.map(Span::Updates);
    let warmup = sched.number_or("warmup_iters", 0.0)?;
    let rest = iters.filter(|iters| *iters > warmup).map(|iters| Span::Updates(iters - warmup));
    let kind = sched.text("type").unwrap_or_default().to_owned();
    let body = match kind.as_str() {
        "PolynomialDecay" => {
            polynomial(base, sched.number_or("power", 1.0)?, sched.number_or("end_lr", 1e-4)?, rest)
        }
        "CosineAnnealingDecay" => {
            let over = sched.number(&["T_max"])?.map(Span::Updates).or(rest);
            cosine(base, sched.number_or("eta_min", 0.0)?, over, After::Rebound)
        }
        other => {
            let why =
                "known are PolynomialDecay and CosineAnnealingDecay; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("lr_scheduler.type {other}"), why));
        }
    };
    imported.lr = if warmup > 0.0 {
        let first = sched.number_or("warmup_start_lr", 1e-6)?;
        let over = Span::Updates(warmup);
        sequence(
            vec![(over, linear(base, if base > 0.0 { first / base } else { 0.0 }, 1.0, Some(over)))],
            body,
        )
    } else {
        body
    };
    imported.name = format!("PaddleSeg {kind}");
    optimizer(
        optim.text("type").unwrap_or("SGD"),
        optim.number(&["momentum"])?,
        optim.number(&["weight_decay"])?,
        imported,
    );
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    Ok(())
}

fn optimizer(name: &str, momentum: Option<f64>, decay: Option<f64>, imported: &mut Imported) {
    let name = name.to_lowercase();
    let kind = if name == "momentum" { optimizer_kind("sgd") } else { optimizer_kind(&name) };
    match kind {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "momentum", momentum.or((name == "momentum").then_some(0.9)));
            set(&mut optimizer, "weight_decay", decay);
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
}

/// Classes of `paddle.optimizer.lr`; `step()` counts what its loop does.
const CLASSES: [&str; 9] = [
    "CosineAnnealingDecay",
    "LinearWarmup",
    "PiecewiseDecay",
    "PolynomialDecay",
    "StepDecay",
    "MultiStepDecay",
    "ExponentialDecay",
    "NoamDecay",
    "ConstantDecay",
];

fn python(program: &Program, options: &Options, imported: &mut Imported) -> Result<(), ImportError> {
    let sites = program.sites();
    let outer = sites.iter().filter(|site| CLASSES.contains(&site.call.name.as_str()));
    let last = outer.max_by_key(|site| (site.call.name == "LinearWarmup", site.call.line));
    let Some(last) = last else {
        return Err(ImportError::NoSchedule("a class of paddle.optimizer.lr is looked for"));
    };
    let names: Vec<&str> = last.name.into_iter().collect();
    let stepping = super::super::clock::read(program, &names);
    let tick = match (options.tick, &stepping) {
        (Some(tick), _) => tick,
        (None, Some(stepping)) if !stepping.outside => {
            imported.note(format!("stepped as its loop does (line {})", stepping.line));
            stepping.tick
        }
        _ => {
            imported.assume("taken as stepped once an update (--tick epoch overrules)");
            Tick::Update
        }
    };
    imported.updates = options.length.or(stepping.and_then(|stepping| stepping.total));
    imported.lr = of_class(program, last.call, tick, 0, imported)?;
    if tick == Tick::Epoch {
        imported.lr = ticking(imported.lr.clone(), Tick::Epoch);
    }
    imported.name.clone_from(&last.call.name);
    let call = sites.iter().map(|site| site.call).find(|call| {
        call.path.contains("optimizer.")
            && !call.path.contains("optimizer.lr")
            && call.named.iter().any(|(name, _)| name == "learning_rate")
    });
    if let Some(call) = call {
        let number = |name: &str| program.number(call.argument(name, usize::MAX)?, call.line);
        optimizer(&call.name, number("momentum"), number("weight_decay"), imported);
    }
    Ok(())
}

fn of_class(
    program: &Program,
    call: &Call,
    tick: Tick,
    level: usize,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    if level > 4 {
        return Err(ImportError::unsupported(&call.name, "there are too many schedulers in schedulers"));
    }
    let given = Given::new(call, program, 0);
    let span = |ticks: f64| if tick == Tick::Epoch { Span::Epochs(ticks) } else { Span::Updates(ticks) };
    given.get("last_epoch", usize::MAX);
    given.get("verbose", usize::MAX);
    let peak = match call.name.as_str() {
        "LinearWarmup" | "PiecewiseDecay" | "NoamDecay" => 0.0,
        _ => given.need("learning_rate", 0)?,
    };
    let schedule = match call.name.as_str() {
        "CosineAnnealingDecay" => {
            cosine(peak, given.or("eta_min", 2, 0.0)?, Some(span(given.need("T_max", 1)?)), After::Rebound)
        }
        "PolynomialDecay" => {
            let (over, floor) = (given.need("decay_steps", 1)?, given.or("end_lr", 2, 1e-4)?);
            polynomial(peak, given.or("power", 3, 1.0)?, floor, Some(span(over)))
        }
        "StepDecay" => Kind::Step(Step {
            peak,
            every: span(given.need("step_size", 1)?),
            gamma: given.or("gamma", 2, 0.1)?,
        })
        .into(),
        "MultiStepDecay" => {
            let milestones = given.list("milestones", 1)?.into_iter().map(span).collect();
            Kind::Multistep(Multistep { peak, milestones, gamma: given.or("gamma", 2, 0.1)? }).into()
        }
        "ExponentialDecay" => Kind::Exponential(Exponential { peak, gamma: given.need("gamma", 1)? }).into(),
        "PiecewiseDecay" => {
            let (boundaries, values) = (given.list("boundaries", 0)?, given.list("values", 1)?);
            let mut start = 0.0;
            let mut before = Vec::new();
            for (boundary, value) in boundaries.iter().zip(&values) {
                if *boundary <= start {
                    return Err(ImportError::missing(
                        "PiecewiseDecay",
                        "boundaries that increase from above 0",
                    ));
                }
                before.push((span(boundary - start), constant(*value)));
                start = *boundary;
            }
            match values.last() {
                Some(last) if values.len() == boundaries.len() + 1 && !before.is_empty() => {
                    sequence(before, constant(*last))
                }
                _ => {
                    return Err(ImportError::missing("PiecewiseDecay", "one value more than its boundaries"));
                }
            }
        }
        "LinearWarmup" => {
            let over = given.need("warmup_steps", 1)?;
            let (first, end) = (given.need("start_lr", 2)?, given.need("end_lr", 3)?);
            let after = match given.get("learning_rate", 0) {
                Some(Expr::Call(inner)) => of_class(program, inner, tick, level + 1, imported)?,
                _ => constant(given.need("learning_rate", 0)?),
            };
            if over <= 0.0 {
                return Ok(after);
            }
            let share = if end > 0.0 { first / end } else { 0.0 };
            sequence(vec![(span(over), linear(end, share, 1.0, Some(span(over))))], after)
        }
        other => {
            return Err(ImportError::unsupported(
                format!("{other} (line {})", call.line),
                "it is no class of paddle that is read; a log of its rates can be imported",
            ));
        }
    };
    given.unread().into_iter().for_each(|unread| imported.leave(unread));
    Ok(schedule)
}

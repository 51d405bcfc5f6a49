//! Keras: its schedule classes, those that a program makes of them, and the callbacks that set a rate.

use super::super::dialect::{Dialect, Sign};
use super::super::function::{self, Sampled};
use super::super::groups::Told;
use super::super::python::eval::{Machine, Stop, Translated, Value};
use super::super::python::{Call, Expr, Program};
use super::super::pytorch_arguments::Given;
use super::super::settings::{optimizer_kind, set};
use super::super::shape::{constant, cosine, polynomial, restarts, sequence, table, warmed, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, Unread};
use super::wrong_form;
use crate::experiment::{Controller, Metric, Optimizer, Plateau, PlateauMode, ThresholdMode};
use crate::schedule::kind::{After, Exponential, Kind, Power, Step};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Ramp, Schedule, Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "keras",
    name: "Keras",
    example: "import keras\nschedule = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=1000, alpha=0.01)\n\
              model.compile(optimizer=keras.optimizers.SGD(schedule, momentum=0.9))\nmodel.fit(x, y, epochs=10)\n",
    signs: &[
        (Sign::Call("CosineDecay"), 40),
        (Sign::Call("CosineDecayRestarts"), 40),
        (Sign::Call("ExponentialDecay"), 40),
        (Sign::Call("PolynomialDecay"), 40),
        (Sign::Call("PiecewiseConstantDecay"), 40),
        (Sign::Call("InverseTimeDecay"), 40),
        (Sign::Call("LearningRateScheduler"), 40),
        (Sign::Call("ReduceLROnPlateau"), 6),
        (Sign::Word("LearningRateSchedule)"), 14),
        (Sign::Import("keras"), 8),
        (Sign::Import("tensorflow"), 8),
        (Sign::Call("compile"), 3),
        (Sign::Word("keras."), 3),
    ],
    read,
};

const SCHEDULES: [&str; 6] = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "PolynomialDecay",
    "PiecewiseConstantDecay",
    "InverseTimeDecay",
];

/// What the evaluation of one tick may cost.
const FUEL: u64 = 100_000;

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "Keras", constant(0.0));
    let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
    imported.updates = calls
        .iter()
        .filter(|call| call.name == "fit" || call.name == "fit_generator")
        .find_map(|call| program.number(call.argument("epochs", 3)?, call.line))
        .filter(|epochs| *epochs > 0.0)
        .map(Span::Epochs);
    if let Some(length) = options.length {
        imported.updates = Some(length);
    }
    let base = optimizer(program, &calls, &mut imported)?;
    excluded(program, &calls, &mut imported);
    let inner: Vec<&Call> = calls.iter().flat_map(|call| arguments(program, call)).collect();
    let is_own = |call: &&&Call| {
        program.class(&call.name).is_some_and(|class| {
            class.bases.iter().any(|base| base.shown().ends_with("LearningRateSchedule"))
        })
    };
    let schedules: Vec<&&Call> = calls
        .iter()
        .filter(|call| SCHEDULES.contains(&call.name.as_str()) || is_own(call))
        .filter(|call| !inner.contains(call) || is_own(call))
        .collect();
    let plateau = calls.iter().rfind(|call| call.name == "ReduceLROnPlateau");
    let by_epoch = calls.iter().rfind(|call| call.name == "LearningRateScheduler");
    match (schedules.last(), by_epoch) {
        (Some(call), _) if is_own(call) => imported.lr = own(program, call, options, &mut imported)?,
        (Some(call), _) => {
            let given = Given::new(call, program, 0);
            imported.lr = schedule(&given, &mut imported)?;
            imported.name.clone_from(&call.name);
            given.unread().into_iter().for_each(|unread| imported.leave(unread));
        }
        (None, Some(call)) => imported.lr = by_function(program, call, base, options, &mut imported)?,
        (None, None) if plateau.is_some() => imported.lr = constant(base.unwrap_or(1e-3)),
        (None, None) => return Err(ImportError::NoSchedule("Keras' schedules and callbacks are known")),
    }
    if schedules.len() > 1 {
        imported.note(format!("of {} schedules this is the last", schedules.len()));
    }
    if let (Some(call), true) = (by_epoch, !schedules.is_empty()) {
        let shown = Expr::Call(Box::new((**call).clone())).shown();
        imported.leave(Unread::new("LearningRateScheduler", shown, call.line));
    }
    if let Some(call) = plateau {
        imported.controller =
            Some(Controller::Plateau(plateau_of(&Given::new(call, program, 0), &mut imported)?));
    }
    Ok(imported)
}

/// Schedules that a call is given.
fn arguments<'p>(program: &'p Program, call: &'p Call) -> Vec<&'p Call> {
    if !SCHEDULES.contains(&call.name.as_str()) && program.class(&call.name).is_none() {
        return Vec::new();
    }
    let values = call.arguments.iter().chain(call.named.iter().map(|(_, value)| value));
    values
        .filter_map(|value| match program.resolve_at(value, call.line) {
            Expr::Call(inner) => Some(&**inner),
            _ => None,
        })
        .collect()
}

/// What is excluded from weight decay by its name.
fn excluded(program: &Program, calls: &[&Call], imported: &mut Imported) {
    let mut told = Vec::new();
    for call in calls.iter().filter(|call| call.name == "exclude_from_weight_decay") {
        let names = call.argument("var_names", 1).map(|names| program.resolve_at(names, call.line));
        let Some(Expr::List(names)) = names else {
            imported
                .leave(Unread::telling("the variables that exclude_from_weight_decay is given", call.line));
            continue;
        };
        for name in names {
            if let Expr::Text(name) = program.resolve_at(name, call.line) {
                let word = name.trim_matches(['^', '$']);
                told.push(Told { decay: Some(0.0), ..Told::new(word, call.line) });
            }
        }
    }
    imported.tell_groups(told);
}

/// The optimizer's numbers, and its rate where it is a number.
fn optimizer(
    program: &Program,
    calls: &[&Call],
    imported: &mut Imported,
) -> Result<Option<f64>, ImportError> {
    let names =
        ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Lion", "Nadam", "Adamax", "Adadelta", "Ftrl", "LAMB"];
    let Some(call) = calls.iter().find(|call| names.contains(&call.name.as_str())) else {
        imported.assume("the text names no optimizer that is known here");
        return Ok(None);
    };
    let usual = match call.name.as_str() {
        "SGD" => 0.01,
        "AdamW" => 4e-3,
        "Lion" => 1e-4,
        _ => 1e-3,
    };
    let given = call.argument("learning_rate", 0).or(call.argument("lr", usize::MAX));
    let rate = match given {
        None => usual,
        Some(value) => program.number(value, call.line).unwrap_or(usual),
    };
    match optimizer_kind(&call.name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            let number = |name: &str| program.number(call.argument(name, usize::MAX)?, call.line);
            set(&mut optimizer, "momentum", number("momentum"));
            set(&mut optimizer, "beta1", number("beta_1"));
            set(&mut optimizer, "beta2", number("beta_2"));
            set(&mut optimizer, "eps", number("epsilon").or(Some(1e-7)));
            set(&mut optimizer, "weight_decay", number("weight_decay"));
            optimizer.switch("nesterov", call.argument("nesterov", usize::MAX) == Some(&Expr::Flag(true)));
            imported.clip_norm = number("global_clipnorm");
            imported.accumulate = number("gradient_accumulation_steps")
                .filter(|every| *every >= 1.0)
                .map(|every| every as usize);
            imported.optimizer = Some(optimizer);
        }
        None => {
            imported.note(format!("{} is not an optimizer known here; only its rate was taken", call.name));
        }
    }
    Ok(Some(rate))
}

fn schedule(given: &Given<'_>, imported: &mut Imported) -> Result<Schedule, ImportError> {
    given.get("name", usize::MAX);
    let steps = |name: &str, place: usize| -> Result<Span, ImportError> {
        let steps = given.need(name, place)?;
        if steps > 0.0 {
            Ok(Span::Updates(steps))
        } else {
            Err(ImportError::missing(name, "a number above 0"))
        }
    };
    let staircase = |place: usize| given.get("staircase", place) == Some(&Expr::Flag(true));
    let peak = match given.call.name.as_str() {
        "PiecewiseConstantDecay" => 0.0,
        _ => given.need("initial_learning_rate", 0)?,
    };
    Ok(match given.call.name.as_str() {
        "CosineDecay" => {
            let (over, alpha) = (steps("decay_steps", 1)?, given.or("alpha", 2, 0.0)?);
            let target = given.number("warmup_target", 4)?;
            let warmup = given.or("warmup_steps", 5, 0.0)?;
            match target {
                Some(target) if warmup > 0.0 => {
                    let from = if target > 0.0 { peak / target } else { 0.0 };
                    let body = cosine(target, alpha * target, Some(over), After::Hold);
                    warmed(body, Span::Updates(warmup), from, Ramp::Linear)
                }
                _ => cosine(peak, alpha * peak, Some(over), After::Hold),
            }
        }
        "CosineDecayRestarts" => {
            let (first, alpha) = (steps("first_decay_steps", 1)?, given.or("alpha", 4, 0.0)?);
            let (mult, decay) = (given.or("t_mul", 2, 2.0)?, given.or("m_mul", 3, 1.0)?);
            if alpha > 0.0 && decay != 1.0 {
                // What shrinks from cycle to cycle is what is above the floor.
                let constants = [
                    ("peak", peak),
                    ("floor", alpha * peak),
                    ("first", first.amount()),
                    ("growth", mult),
                    ("shrink", decay),
                ];
                let cycle = "(t // first)";
                let longer = "floor(log(1 + t / first * (growth - 1)) / log(growth) + 1e-9)";
                let (cycle, share) = if mult == 1.0 {
                    (cycle, "(t % first) / first".to_owned())
                } else {
                    let start = format!("(growth ** {longer} - 1) / (growth - 1)");
                    (longer, format!("(t / first - {start}) / growth ** {longer}"))
                };
                let height = format!("shrink ** {cycle} * (1 + cos(pi * {share})) / 2");
                return written(&format!("floor + (peak - floor) * {height}"), &constants);
            }
            restarts(peak, alpha * peak, first, mult, decay)
        }
        "ExponentialDecay" => {
            let (every, gamma) = (steps("decay_steps", 1)?, given.need("decay_rate", 2)?);
            if staircase(3) {
                Kind::Step(Step { peak, every, gamma }).into()
            } else {
                Kind::Exponential(Exponential { peak, gamma: gamma.powf(1.0 / every.amount()) }).into()
            }
        }
        "PolynomialDecay" => {
            let (over, floor) = (steps("decay_steps", 1)?, given.or("end_learning_rate", 2, 1e-4)?);
            if given.get("cycle", 4) == Some(&Expr::Flag(true)) {
                // Each time it ends it starts again from the floor, as a decay that is longer by its first length.
                let constants = [
                    ("peak", peak),
                    ("floor", floor),
                    ("steps", over.amount()),
                    ("power", given.or("power", 3, 1.0)?),
                ];
                let left = "(1 - t / (steps * max(1, ceil(t / steps)))) ** power";
                return written(&format!("floor + (peak - floor) * {left}"), &constants);
            }
            polynomial(peak, given.or("power", 3, 1.0)?, floor, Some(over))
        }
        "PiecewiseConstantDecay" => {
            let (boundaries, values) = (given.list("boundaries", 0)?, given.list("values", 1)?);
            if values.len() != boundaries.len() + 1 {
                return Err(ImportError::missing(
                    "PiecewiseConstantDecay",
                    "one value more than its boundaries",
                ));
            }
            imported.note("Keras drops one update after a boundary, as here");
            let mut before = Vec::new();
            let mut start = 0.0;
            for (boundary, value) in boundaries.iter().zip(&values) {
                if *boundary + 1.0 <= start {
                    return Err(ImportError::missing("PiecewiseConstantDecay", "boundaries that increase"));
                }
                before.push((Span::Updates(boundary + 1.0 - start), constant(*value)));
                start = boundary + 1.0;
            }
            match values.last() {
                Some(last) if !before.is_empty() => sequence(before, constant(*last)),
                Some(last) => constant(*last),
                None => return Err(ImportError::missing("PiecewiseConstantDecay", "values")),
            }
        }
        _ => {
            let (every, rate) = (steps("decay_steps", 1)?, given.need("decay_rate", 2)?);
            if rate <= 0.0 {
                return Ok(constant(peak));
            }
            if staircase(3) {
                let constants = [("peak", peak), ("rate", rate), ("steps", every.amount())];
                return written("peak / (1 + rate * (t // steps))", &constants);
            }
            Kind::Power(Power {
                peak,
                timescale: Span::Updates(every.amount() / rate),
                exponent: 1.0,
                floor: 0.0,
            })
            .into()
        }
    })
}

/// A `LearningRateSchedule` that the program defines.
fn own(
    program: &Program,
    call: &Call,
    options: &Options,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let what = format!("the class {}", call.name);
    let mut machine = Machine::new(program, FUEL);
    let object = machine
        .value(&Expr::Call(Box::new(call.clone())), call.line)
        .map_err(|stop| ImportError::unsupported(&what, stop.why))?;
    imported.name.clone_from(&call.name);
    let ticks = updates(imported.updates, options);
    let formula = machine.formula_of_value(&object).and_then(Translated::definition);
    let sampled = Sampled { what: &what, ticks, tick: Tick::Update, formula };
    function::schedule(&sampled, imported, |tick| {
        machine.refuel(FUEL);
        number(machine.method(&object, "__call__", vec![Value::Number(tick as f64)])?)
    })
}

fn number(value: Value) -> Result<f64, Stop> {
    match value {
        Value::Opaque(spelled) => {
            Err(Stop::new(format!("it depends on `{spelled}`, which is not known here")))
        }
        value => value.number().ok_or_else(|| Stop::new("it gives no number")),
    }
}

fn updates(length: Option<Span>, options: &Options) -> Option<u64> {
    match length? {
        Span::Updates(updates) => Some(updates as u64),
        Span::Epochs(epochs) => Some((epochs * options.updates_per_epoch?) as u64),
        Span::Percent(_) => None,
    }
}

/// `LearningRateScheduler(function)`: called with the epoch, and the rate of the last one.
fn by_function(
    program: &Program,
    call: &Call,
    base: Option<f64>,
    options: &Options,
    imported: &mut Imported,
) -> Result<Schedule, ImportError> {
    let Some(function) = call.argument("schedule", 0) else {
        return Err(ImportError::missing("LearningRateScheduler", "a function"));
    };
    let mut machine = Machine::new(program, FUEL);
    let value = machine
        .value(function, call.line)
        .map_err(|stop| ImportError::unsupported("LearningRateScheduler", stop.why))?;
    let Value::Function(callable) = &value else {
        let why = "its function is not in the text; a log of its rates can be imported";
        return Err(ImportError::unsupported("LearningRateScheduler", why));
    };
    let takes_rate =
        callable.function.parameters.iter().filter(|parameter| parameter.name != "self").count() > 1;
    let ticks = match imported.updates {
        Some(Span::Epochs(epochs)) => Some(epochs as u64),
        _ => None,
    };
    imported.name = "LearningRateScheduler".to_owned();
    let tick = options.tick.unwrap_or(Tick::Epoch);
    let formula = match takes_rate {
        true => None,
        false => machine.formula_of_value(&value).and_then(Translated::definition),
    };
    let what = "LearningRateScheduler's function";
    let sampled = Sampled { what, ticks: ticks.or(Some(100)), tick, formula };
    if ticks.is_none() {
        imported.assume(
            "the text does not say how many epochs there are: 100 were evaluated (--length says more)",
        );
    }
    let (mut last, mut next) = (base.unwrap_or(1e-3), 0);
    let line = call.line;
    let schedule = function::schedule(&sampled, imported, |tick| {
        let mut rate = last;
        for epoch in next..=tick {
            machine.refuel(FUEL);
            let mut arguments = vec![Value::Number(epoch as f64)];
            if takes_rate {
                arguments.push(Value::Number(last));
            }
            rate = number(machine.apply_value(&value, arguments, line)?)?;
            last = rate;
        }
        next = tick + 1;
        Ok(rate)
    })?;
    // A list of one rate is that rate.
    Ok(if schedule.kind.name() == "table" && ticks == Some(1) { table(vec![last]) } else { schedule })
}

fn plateau_of(given: &Given<'_>, imported: &mut Imported) -> Result<Plateau, ImportError> {
    let patience = given.or("patience", 2, 10.0)?;
    imported.note(
        "Keras cuts at the patience-th report without improvement, and PyTorch one later: the patience here is one less",
    );
    let mode = match (given.text("mode", 4), given.text("monitor", 0)) {
        (Some("max"), _) => PlateauMode::Max,
        (Some("min"), _) => PlateauMode::Min,
        (_, Some(monitor)) if monitor.contains("acc") => PlateauMode::Max,
        _ => PlateauMode::Min,
    };
    given.get("verbose", 3);
    let rule = PlateauRule {
        mode,
        factor: given.or("factor", 1, 0.1)?,
        patience: (patience - 1.0).max(0.0) as u64,
        threshold: given.or("min_delta", 5, 1e-4)?,
        threshold_mode: ThresholdMode::Abs,
        cooldown: given.or("cooldown", 6, 0.0)?.max(0.0) as u64,
        min_lr: given.or("min_lr", 7, 0.0)?,
        ..PlateauRule::default()
    };
    given.unread().into_iter().for_each(|unread| imported.leave(unread));
    Ok(Plateau { metric: Metric::ValLoss, rule })
}

//! optax: its schedules are functions of the count, and so are compositions of them; they are evaluated by
//! optax's own formulas.

mod curves;
mod optimizer;

use super::super::dialect::{Dialect, Sign};
use super::super::function::{self, Sampled};
use super::super::python::eval::{Done, Machine, Stop, Value};
use super::super::python::{Bound, Call, Expr, Program};
use super::super::settings::Settings;
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options, Unread};
use super::wrong_form;
use crate::schedule::{Span, Tick};
use curves::{between, climb, cosine};

pub static DIALECT: Dialect = Dialect {
    id: "optax",
    name: "optax",
    example: "import optax\nschedule = optax.warmup_cosine_decay_schedule(0.0, 3e-4, 100, 1000, 3e-5)\n\
              optimizer = optax.adamw(learning_rate=schedule, weight_decay=0.1)\n",
    signs: &[
        (Sign::Import("optax"), 12),
        (Sign::Word("optax."), 12),
        (Sign::Call("join_schedules"), 10),
        (Sign::Call("warmup_cosine_decay_schedule"), 12),
        (Sign::Call("cosine_decay_schedule"), 10),
        (Sign::Call("piecewise_constant_schedule"), 10),
    ],
    read,
};

/// A rate by the count.
type Rate<'p> = Box<dyn Fn(f64) -> Done<f64> + 'p>;

const MAX_LEVELS: usize = 12;
/// What the evaluation of one tick may cost.
const FUEL: u64 = 100_000;

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "optax", constant(0.0));
    let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
    let is_optax =
        |call: &Call| program.imported(&call.path).contains("optax") || call.path.contains("optax");
    let optimizer = optimizer::chosen(program, &calls, &mut imported);
    let rate = optimizer.and_then(|call| {
        let value = call.argument("learning_rate", 0)?;
        Some((value, call.line))
    });
    if let Some(call) = optimizer {
        imported.optimizer = optimizer::numbers(program, call, &mut imported);
        optimizer::groups(program, &calls, call, &mut imported);
    }
    let clip = calls.iter().find(|call| call.name == "clip_by_global_norm");
    imported.clip_norm = clip
        .and_then(|call| program.number(call.argument("max_norm", 0)?, call.line))
        .filter(|norm| *norm > 0.0);
    let every = calls.iter().find(|call| call.name == "MultiSteps");
    imported.accumulate = every
        .and_then(|call| program.number(call.argument("every_k_schedule", 1)?, call.line))
        .filter(|every| *every >= 1.0)
        .map(|every| every as usize);
    if let Some((value, line)) = rate
        && let Some(rate) = program.number(value, line)
    {
        imported.lr = constant(rate);
        imported.updates = options.length;
        return Ok(imported);
    }
    let mut reader = Reader { program, ends: Vec::new(), unread: Vec::new() };
    let is_schedule = |call: &&&Call| {
        call.name.ends_with("_schedule")
            || call.name.ends_with("_decay")
            || call.name == "join_schedules"
            || call.name == "exponential_decay"
    };
    let inner: Vec<&Call> = calls
        .iter()
        .filter(|call| call.name == "join_schedules")
        .flat_map(|call| parts(program, call))
        .collect();
    let (found, name): (Rate<'_>, String) = match rate {
        Some((value, line)) if !is_unknown(program, value, line) => {
            let name = match program.resolve_at(value, line) {
                Expr::Call(call) => call.name.clone(),
                other => other.shown(),
            };
            (reader.value(value, line, 0)?, name)
        }
        _ => {
            let last =
                calls.iter().filter(is_schedule).rfind(|call| is_optax(call) && !inner.contains(*call));
            match last {
                Some(call) => (reader.call(call, 0)?, call.name.clone()),
                None => {
                    return Err(ImportError::NoSchedule(
                        "optax' schedules, or a learning_rate, are looked for",
                    ));
                }
            }
        }
    };
    let length = options.length.or_else(|| {
        let longest = reader.ends.iter().copied().fold(0.0, f64::max);
        (longest >= 1.0).then_some(Span::Updates(longest))
    });
    if options.length.is_none()
        && let Some(length) = length
    {
        imported.assume(format!("the run was taken to be as long as its schedule, {length} updates"));
    }
    imported.updates = length;
    imported.name = name;
    let ticks = match length {
        Some(Span::Updates(updates)) => Some(updates as u64),
        Some(Span::Epochs(epochs)) => options.updates_per_epoch.map(|per_epoch| (epochs * per_epoch) as u64),
        _ => None,
    };
    let what = imported.name.clone();
    let sampled = Sampled { what: &what, ticks, tick: Tick::Update, formula: None };
    imported.lr = function::schedule(&sampled, &mut imported, |tick| found(tick as f64))?;
    reader.unread.into_iter().for_each(|unread| imported.leave(unread));
    Ok(imported)
}

/// Whether a rate is neither a number nor a schedule that the text has.
fn is_unknown(program: &Program, value: &Expr, line: usize) -> bool {
    match program.resolve_at(value, line) {
        Expr::Number(_) | Expr::Call(_) | Expr::Lambda(_) => false,
        Expr::Name(name) => !matches!(program.bound(name, line), Some((Bound::Function(_), _))),
        other => program.number(other, line).is_none(),
    }
}

fn parts<'p>(program: &'p Program, call: &'p Call) -> Vec<&'p Call> {
    match call.argument("schedules", 0).map(|list| program.resolve_at(list, call.line)) {
        Some(Expr::List(items)) => items
            .iter()
            .filter_map(|item| match program.resolve_at(item, call.line) {
                Expr::Call(call) => Some(&**call),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

struct Reader<'p> {
    program: &'p Program,
    /// Where the schedules end.
    ends: Vec<f64>,
    unread: Vec<Unread>,
}

impl<'p> Reader<'p> {
    fn value(&mut self, value: &'p Expr, line: usize, level: usize) -> Result<Rate<'p>, ImportError> {
        if let Some(number) = self.program.number(value, line) {
            return Ok(Box::new(move |_| Ok(number)));
        }
        match self.program.resolve_at(value, line) {
            Expr::Call(call) => self.call(call, level),
            Expr::Lambda(_) | Expr::Name(_) => self.function(value, line),
            other => {
                let why = "it is no schedule that stands in the text; a log of its rates can be imported";
                Err(ImportError::unsupported(format!("`{}`", other.shown()), why))
            }
        }
    }

    /// A function of the program, evaluated; optax' own schedules may be called in it.
    fn function(&mut self, value: &'p Expr, line: usize) -> Result<Rate<'p>, ImportError> {
        let mut machine = Machine::new(self.program, FUEL);
        let function =
            machine.value(value, line).map_err(|stop| ImportError::unsupported(value.shown(), stop.why))?;
        if !matches!(function, Value::Function(_)) {
            let why = "its function is not in the text; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("`{}`", value.shown()), why));
        }
        let machine = std::cell::RefCell::new(machine);
        Ok(Box::new(move |count| {
            let mut machine = machine.borrow_mut();
            machine.refuel(FUEL);
            match machine.apply_value(&function, vec![Value::Number(count)], line)? {
                Value::Opaque(spelled) => {
                    Err(Stop::new(format!("it depends on `{spelled}`, which is not known here")))
                }
                value => value.number().ok_or_else(|| Stop::new("it gives no number")),
            }
        }))
    }

    fn call(&mut self, call: &'p Call, level: usize) -> Result<Rate<'p>, ImportError> {
        if level > MAX_LEVELS {
            return Err(ImportError::unsupported(&call.name, "there are too many schedules in schedules"));
        }
        if call.name == "join_schedules" {
            return self.joined(call, level);
        }
        let names: &[&str] = match call.name.as_str() {
            "constant_schedule" => &["value"],
            "linear_schedule" => &["init_value", "end_value", "transition_steps", "transition_begin"],
            "polynomial_schedule" => {
                &["init_value", "end_value", "power", "transition_steps", "transition_begin"]
            }
            "cosine_decay_schedule" => &["init_value", "decay_steps", "alpha", "exponent"],
            "exponential_decay" => &[
                "init_value",
                "transition_steps",
                "decay_rate",
                "transition_begin",
                "staircase",
                "end_value",
            ],
            "warmup_constant_schedule" => &["init_value", "peak_value", "warmup_steps"],
            "warmup_cosine_decay_schedule" => {
                &["init_value", "peak_value", "warmup_steps", "decay_steps", "end_value", "exponent"]
            }
            "warmup_exponential_decay_schedule" => &[
                "init_value",
                "peak_value",
                "warmup_steps",
                "transition_steps",
                "decay_rate",
                "transition_begin",
                "staircase",
                "end_value",
            ],
            "piecewise_constant_schedule" => &["init_value", "boundaries_and_scales"],
            "cosine_onecycle_schedule" | "linear_onecycle_schedule" => &["transition_steps", "peak_value"],
            _ => {
                let is_own = self.program.function(&call.name).is_some();
                if is_own {
                    // A function of the program that makes a schedule.
                    return self.made(call);
                }
                let why = "it is no schedule of optax that is known here; a log of its rates can be imported";
                return Err(ImportError::unsupported(format!("{} (line {})", call.path, call.line), why));
            }
        };
        let settings = Settings::of_call(self.program, call, names);
        let rate = self.formula(call, &settings)?;
        settings.unknown().into_iter().try_for_each(|sentence| {
            Err(ImportError::unsupported(format!("{} (line {})", call.name, call.line), sentence))
        })?;
        self.unread.extend(settings.unread(&format!("{}'s ", call.name)));
        Ok(rate)
    }

    /// What a call of the program's own function gives, where that is a function.
    fn made(&mut self, call: &'p Call) -> Result<Rate<'p>, ImportError> {
        let mut machine = Machine::new(self.program, FUEL);
        let value = machine
            .value(&Expr::Call(Box::new(call.clone())), call.line)
            .map_err(|stop| ImportError::unsupported(&call.name, stop.why))?;
        if !matches!(value, Value::Function(_)) {
            // The schedule that it returns.
            let returned = self.program.function(&call.name).and_then(|function| {
                function.body.iter().rev().find_map(|stmt| match &stmt.kind {
                    super::super::python::StmtKind::Return(Some(value)) => Some((value, stmt.line)),
                    _ => None,
                })
            });
            return match returned {
                Some((value, line)) => self.value(value, line, 1),
                None => Err(ImportError::unsupported(&call.name, "what it gives is not known here")),
            };
        }
        let machine = std::cell::RefCell::new(machine);
        let line = call.line;
        Ok(Box::new(move |count| {
            let mut machine = machine.borrow_mut();
            machine.refuel(FUEL);
            let given = machine.apply_value(&value, vec![Value::Number(count)], line)?;
            given.number().ok_or_else(|| Stop::new("it gives no number that is known here"))
        }))
    }

    fn joined(&mut self, call: &'p Call, level: usize) -> Result<Rate<'p>, ImportError> {
        let boundaries =
            match call.argument("boundaries", 1).map(|list| self.program.constant(list, call.line)) {
                Some(Value::List(items)) => items.iter().map(Value::number).collect::<Option<Vec<f64>>>(),
                _ => None,
            };
        let Some(boundaries) = boundaries else {
            return Err(ImportError::missing("join_schedules", "boundaries that are numbers"));
        };
        let Some(Expr::List(items)) =
            call.argument("schedules", 0).map(|list| self.program.resolve_at(list, call.line))
        else {
            return Err(ImportError::missing("join_schedules", "a list of schedules that is written out"));
        };
        if items.len() != boundaries.len() + 1 {
            return Err(ImportError::missing("join_schedules", "one boundary less than its schedules"));
        }
        let mut rates = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let known = self.ends.len();
            rates.push(self.value(item, call.line, level + 1)?);
            // A part ends that much later than it begins.
            let start =
                index.checked_sub(1).and_then(|before| boundaries.get(before)).copied().unwrap_or(0.0);
            for end in self.ends.iter_mut().skip(known) {
                *end += start;
            }
            if let Some(boundary) = boundaries.get(index) {
                self.ends.truncate(known);
                self.ends.push(*boundary);
            }
        }
        Ok(Box::new(move |count| {
            let at = boundaries.iter().filter(|boundary| count >= **boundary).count();
            let start = at.checked_sub(1).and_then(|before| boundaries.get(before)).copied().unwrap_or(0.0);
            rates.get(at).map_or(Ok(0.0), |rate| rate(count - start))
        }))
    }

    fn formula(&mut self, call: &Call, settings: &Settings) -> Result<Rate<'p>, ImportError> {
        let need = |name: &str| -> Result<f64, ImportError> {
            settings.number(&[name])?.ok_or_else(|| {
                ImportError::missing(&call.name, format!("a {name} that is a number (line {})", call.line))
            })
        };
        let steps = |name: &str| -> Result<f64, ImportError> {
            let steps = need(name)?;
            if steps > 0.0 { Ok(steps) } else { Err(ImportError::missing(name, "a number above 0")) }
        };
        Ok(match call.name.as_str() {
            "constant_schedule" => {
                let value = need("value")?;
                Box::new(move |_| Ok(value))
            }
            "linear_schedule" | "polynomial_schedule" => {
                let (init, end, over) = (need("init_value")?, need("end_value")?, steps("transition_steps")?);
                let begin = settings.number_or("transition_begin", 0.0)?;
                let power = if call.name == "linear_schedule" { 1.0 } else { need("power")? };
                self.ends.push(begin + over);
                Box::new(move |count| {
                    let share = 1.0 - (count - begin).clamp(0.0, over) / over;
                    Ok((init - end) * share.powf(power) + end)
                })
            }
            "cosine_decay_schedule" => {
                let (init, over) = (need("init_value")?, steps("decay_steps")?);
                let (alpha, exponent) =
                    (settings.number_or("alpha", 0.0)?, settings.number_or("exponent", 1.0)?);
                self.ends.push(over);
                Box::new(move |count| Ok(cosine(count, init, over, alpha, exponent)))
            }
            "exponential_decay" => {
                let decay = exponential(settings, need("init_value")?, steps("transition_steps")?)?;
                Box::new(move |count| Ok(decay(count)))
            }
            "warmup_constant_schedule" => {
                let (init, peak, over) = (need("init_value")?, need("peak_value")?, need("warmup_steps")?);
                Box::new(move |count| Ok(climb(count, init, peak, over)))
            }
            "warmup_cosine_decay_schedule" => {
                let (init, peak, warm) = (need("init_value")?, need("peak_value")?, need("warmup_steps")?);
                let (total, end) = (steps("decay_steps")?, settings.number_or("end_value", 0.0)?);
                let exponent = settings.number_or("exponent", 1.0)?;
                if total <= warm {
                    return Err(ImportError::missing(
                        &call.name,
                        "decay_steps above warmup_steps: they count the warmup",
                    ));
                }
                let alpha = if peak == 0.0 { 0.0 } else { end / peak };
                self.ends.push(total);
                Box::new(move |count| {
                    Ok(if count < warm {
                        climb(count, init, peak, warm)
                    } else {
                        cosine(count - warm, peak, total - warm, alpha, exponent)
                    })
                })
            }
            "warmup_exponential_decay_schedule" => {
                let (init, peak, warm) = (need("init_value")?, need("peak_value")?, need("warmup_steps")?);
                let decay = exponential(settings, peak, steps("transition_steps")?)?;
                Box::new(move |count| {
                    Ok(if count < warm { climb(count, init, peak, warm) } else { decay(count - warm) })
                })
            }
            "piecewise_constant_schedule" => {
                let init = need("init_value")?;
                let mut drops = Vec::new();
                if let Some(Expr::Table(pairs)) = settings.get("boundaries_and_scales") {
                    for pair in pairs {
                        let number = |value: &Expr| self.program.number(value, call.line);
                        match (number(&pair.key), number(&pair.value)) {
                            (Some(at), Some(scale)) => drops.push((at, scale)),
                            _ => {
                                return Err(ImportError::missing(
                                    &call.name,
                                    "boundaries and scales that are numbers",
                                ));
                            }
                        }
                    }
                }
                self.ends.extend(drops.iter().map(|(at, _)| at * 1.25));
                Box::new(move |count| {
                    Ok(drops
                        .iter()
                        .filter(|(at, _)| count >= *at)
                        .fold(init, |rate, (_, scale)| rate * scale))
                })
            }
            _ => {
                let (total, peak) = (steps("transition_steps")?, need("peak_value")?);
                let is_cosine = call.name.starts_with("cosine");
                let (start, div) =
                    (settings.number_or("pct_start", 0.3)?, settings.number_or("div_factor", 25.0)?);
                let end = settings.number_or("final_div_factor", 1e4)?;
                let late = settings.number_or("pct_final", 0.85)?;
                self.ends.push(total);
                // optax' boundaries are whole updates, and its last value is divided from the first.
                let knots: Vec<(f64, f64)> = if is_cosine {
                    vec![(0.0, peak / div), ((start * total).trunc(), peak), (total, peak / (div * end))]
                } else {
                    vec![
                        (0.0, peak / div),
                        ((start * total).trunc(), peak),
                        ((late * total).trunc(), peak / div),
                        (total, peak / end),
                    ]
                };
                Box::new(move |count| Ok(between(&knots, count, is_cosine)))
            }
        })
    }
}

fn exponential(
    settings: &Settings,
    init: f64,
    over: f64,
) -> Result<impl Fn(f64) -> f64 + use<>, ImportError> {
    let rate = settings.number_or("decay_rate", 1.0)?;
    let begin = settings.number_or("transition_begin", 0.0)?;
    let staircase = settings.flag("staircase") == Some(true);
    let bound = settings.number(&["end_value"])?;
    Ok(move |count: f64| {
        let p = (count - begin) / over;
        let p = if staircase { p.floor() } else { p };
        let value = if count <= begin { init } else { init * rate.powf(p) };
        match bound {
            Some(bound) if rate < 1.0 => value.max(bound),
            Some(bound) => value.min(bound),
            None => value,
        }
    })
}

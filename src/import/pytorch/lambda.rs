//! Schedulers whose rates a function gives: `LambdaLR`, `MultiplicativeLR`, `CyclicLR(scale_fn=)`, and classes
//! of the program itself that have a `get_lr`. Functions are evaluated by our interpreter.

use std::rc::Rc;

use super::super::ImportError;
use super::super::function::{self, Sampled};
use super::super::python::eval::{Done, Machine, Stop, Value};
use super::super::python::{Call, Class, Expr, Function, Program, StmtKind};
use super::super::pytorch_arguments::Given;
use super::super::rates::holds_rate;
use super::Reader;
use super::simulate::{Group, Rule};
use crate::schedule::formula::Definition;
use crate::schedule::{Clock, Schedule};

/// What the evaluation of one tick may cost.
pub(super) const FUEL: u64 = 100_000;

/// Whether a call makes an instance of a scheduler that the program defines itself.
pub(super) fn is_own(program: &Program, call: &Call) -> bool {
    let Some(class) = program.class(&call.name) else { return false };
    is_scheduler(class) && (own_method(class, "get_lr").is_some() || setting_step(class).is_some())
}

/// Whether a class is made from a scheduler of PyTorch's.
pub(super) fn is_scheduler(class: &Class) -> bool {
    class.bases.iter().any(|base| {
        let name = base.shown();
        name.ends_with("LRScheduler") || name.ends_with("LambdaLR")
    })
}

fn own_method<'p>(class: &'p Class, name: &str) -> Option<&'p Rc<Function>> {
    class.body.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Def(function) if function.name == name => Some(function),
        _ => None,
    })
}

/// The `step` of a scheduler that sets the rate by itself.
fn setting_step(class: &Class) -> Option<&Rc<Function>> {
    own_method(class, "step").filter(|step| step.body.iter().any(holds_rate))
}

/// A function of the program that gives a number for each tick.
pub(super) struct Rated<'p> {
    machine: std::cell::RefCell<Machine<'p>>,
    function: Value,
    line: usize,
}

impl<'p> Rated<'p> {
    /// # Errors
    /// When what is given is no function that is in the text.
    pub fn new(program: &'p Program, value: &Expr, line: usize) -> Result<Self, ImportError> {
        let mut machine = Machine::new(program, FUEL);
        let function = machine.value(value, line);
        let function = match function {
            Ok(function @ (Value::Function(_) | Value::Object(_))) => function,
            Ok(_) => {
                let why = "it is no function that stands in the text; a log of its rates can be imported";
                return Err(ImportError::unsupported(format!("`{}` (line {line})", value.shown()), why));
            }
            Err(stop) => return Err(ImportError::unsupported(value.shown(), stop.why)),
        };
        Ok(Self { machine: machine.into(), function, line })
    }

    /// The function times a rate, as a formula.
    fn formula(&self, base: f64) -> Option<Definition> {
        let mut machine = self.machine.borrow_mut();
        machine.refuel(FUEL);
        machine.formula_of_value(&self.function)?.times_peak(base)
    }

    pub fn at(&self, arguments: Vec<Value>) -> Done<f64> {
        let mut machine = self.machine.borrow_mut();
        machine.refuel(FUEL);
        match machine.apply_value(&self.function, arguments, self.line)? {
            Value::Opaque(spelled) => {
                Err(Stop::new(format!("it depends on `{spelled}`, which is not known here")))
            }
            value => value.number().ok_or_else(|| Stop::new("it gives no number")),
        }
    }
}

impl<'p> Reader<'p> {
    /// The function of the group that is wanted.
    fn rated(&self, given: &Given<'p>) -> Result<Rated<'p>, ImportError> {
        let Some(value) = given.call.argument("lr_lambda", 1) else {
            return Err(ImportError::missing(&given.call.name, "an lr_lambda"));
        };
        given.get("lr_lambda", 1);
        let value = match self.program.resolve_at(value, given.call.line) {
            Expr::List(items) => match items.get(self.group).or(items.last()) {
                Some(item) => item,
                None => return Err(ImportError::missing(&given.call.name, "at least one function")),
            },
            _ => value,
        };
        Rated::new(self.program, value, given.call.line)
    }

    pub(super) fn lambda(&mut self, given: &Given<'p>, base: f64) -> Result<Schedule, ImportError> {
        let rated = self.rated(given)?;
        let is_product = given.call.name == "MultiplicativeLR";
        let what = format!("{}'s function", given.call.name);
        let formula = if is_product { None } else { rated.formula(base) };
        let sampled = Sampled { what: &what, ticks: self.ticks(), tick: self.tick, formula };
        let (mut rate, mut reached) = (base, 0);
        function::schedule(&sampled, &mut self.imported, |tick| {
            if !is_product {
                return Ok(base * rated.at(vec![Value::Number(tick as f64)])?);
            }
            while reached < tick {
                reached += 1;
                rate *= rated.at(vec![Value::Number(reached as f64)])?;
            }
            Ok(rate)
        })
    }

    /// Cycles whose height a function gives.
    pub(super) fn scaled_cycles(
        &mut self,
        given: &Given<'p>,
        scale: &Expr,
        (floor, peak): (f64, f64),
        (up, down): (f64, f64),
    ) -> Result<Schedule, ImportError> {
        let rated = Rated::new(self.program, scale, given.call.line)?;
        let by_cycle = given.text("scale_mode", 8) != Some("iterations");
        given.get("mode", 5);
        given.get("gamma", 6);
        let (ticks, tick) = (self.ticks(), self.tick);
        let sampled = Sampled { what: "CyclicLR's scale_fn", ticks, tick, formula: None };
        function::schedule(&sampled, &mut self.imported, |tick| {
            let (e, whole) = (tick as f64, up + down);
            let cycle = (1.0 + e / whole).floor();
            let x = 1.0 + e / whole - cycle;
            let turn = up / whole;
            let height = if x <= turn { x / turn } else { (x - 1.0) / (turn - 1.0) };
            let argument = if by_cycle { cycle } else { e };
            Ok(floor + (peak - floor) * height * rated.at(vec![Value::Number(argument)])?)
        })
    }

    /// A scheduler that the program defines: its `get_lr` at every tick.
    pub(super) fn own_class(&mut self, given: &Given<'p>, base: f64) -> Result<Schedule, ImportError> {
        let call = given.call;
        let program = self.program;
        let mut machine = Machine::new(program, FUEL);
        let refused = |stop: Stop| ImportError::unsupported(format!("the class {}", call.name), stop.why);
        let value = machine.value(&Expr::Call(Box::new(call.clone())), call.line).map_err(refused)?;
        if !matches!(value, Value::Object(_)) {
            return Err(ImportError::unsupported(&call.name, "its class is not in the text"));
        }
        let what = format!("the class {}", call.name);
        let sampled = Sampled { what: &what, ticks: self.ticks(), tick: self.tick, formula: None };
        machine.set_attribute(&value, "base_lrs", Value::List(Rc::new(vec![Value::Number(base)])));
        machine.base = Some(base);
        machine.rate = Some(base);
        // Its constructor was evaluated with all of them.
        given.all();
        let stepping = program.class(&call.name).filter(|class| own_method(class, "get_lr").is_none());
        if let Some(step) = stepping.and_then(|class| setting_step(class)) {
            // `step(epoch)` sets the rate of that epoch, and `step()` that of the one after those before.
            let by_number = step.parameters.len() > 1;
            let mut next = 0;
            self.imported.note(format!("the rate is what step() of {} sets", call.name));
            return function::schedule(&sampled, &mut self.imported, |tick| {
                let from = if by_number { tick } else { next };
                for at in from..=tick {
                    machine.refuel(FUEL);
                    let arguments = if by_number { vec![Value::Number(at as f64)] } else { Vec::new() };
                    if by_number || at > 0 {
                        machine.method(&value, "step", arguments)?;
                    }
                }
                next = tick + 1;
                if let Some(lost) = machine.lost.take() {
                    return Err(Stop::new(format!("the rate depends on `{lost}`, which is not known here")));
                }
                machine.rate.ok_or_else(|| Stop::new("its step() sets no rate"))
            });
        }
        function::schedule(&sampled, &mut self.imported, |tick| {
            machine.refuel(FUEL);
            machine.set_attribute(&value, "last_epoch", Value::Number(tick as f64));
            machine.set_attribute(&value, "_step_count", Value::Number(tick as f64 + 1.0));
            let rate = match machine.method(&value, "get_lr", Vec::new())? {
                Value::List(rates) => rates.first().and_then(Value::number),
                value => value.number(),
            };
            let rate = rate.ok_or_else(|| Stop::new("its get_lr() gives no number that is known here"))?;
            machine.rate = Some(rate);
            Ok(rate)
        })
    }

    /// What a scheduler without children does, for the simulation.
    pub(super) fn rule(&mut self, given: &Given<'p>, group: &mut Group) -> Result<Rule<'p>, ImportError> {
        Ok(match given.call.name.as_str() {
            "StepLR" => Rule::Step { every: given.need("step_size", 1)?, gamma: given.or("gamma", 2, 0.1)? },
            "MultiStepLR" => Rule::Multistep {
                milestones: given.list("milestones", 1)?,
                gamma: given.or("gamma", 2, 0.1)?,
            },
            "ConstantLR" => Rule::Constant {
                factor: given.or("factor", 1, 1.0 / 3.0)?,
                total: given.or("total_iters", 2, 5.0)?,
            },
            "LinearLR" => Rule::Linear {
                start: given.or("start_factor", 1, 1.0 / 3.0)?,
                end: given.or("end_factor", 2, 1.0)?,
                total: given.or("total_iters", 3, 5.0)?,
            },
            "ExponentialLR" => Rule::Exponential { gamma: given.need("gamma", 1)? },
            "PolynomialLR" => Rule::Polynomial {
                total: given.or("total_iters", 1, 5.0)?,
                power: given.or("power", 2, 1.0)?,
            },
            "CosineAnnealingLR" => {
                Rule::Cosine { over: given.need("T_max", 1)?, floor: given.or("eta_min", 2, 0.0)? }
            }
            "LambdaLR" => {
                let rated = self.rated(given)?;
                Rule::Absolute(Box::new(move |base, tick| {
                    Ok(base * rated.at(vec![Value::Number(tick as f64)])?)
                }))
            }
            "MultiplicativeLR" => {
                let rated = self.rated(given)?;
                Rule::Multiplies(Box::new(move |tick| rated.at(vec![Value::Number(tick as f64)])))
            }
            "OneCycleLR" | "CyclicLR" | "CosineAnnealingWarmRestarts" => {
                let base = group.base();
                let name = given.call.name.as_str();
                let schedule = self.schedule(given.call, base, 1)?;
                let updates = self.ticks().unwrap_or(function::ASSUMED).max(1);
                let curve = schedule.resolve(Clock { updates, updates_per_epoch: 1 })?;
                match name {
                    "OneCycleLR" => {
                        let first = given.need("max_lr", 1)? / given.or("div_factor", 10, 25.0)?;
                        group.begins_at(first);
                    }
                    "CyclicLR" => group.rate = given.need("base_lr", 1)?,
                    _ => {}
                }
                Rule::Absolute(Box::new(move |_, tick| Ok(curve.at(tick))))
            }
            other => {
                let why = "it cannot be worked out inside another scheduler";
                return Err(ImportError::unsupported(other, why));
            }
        })
    }
}

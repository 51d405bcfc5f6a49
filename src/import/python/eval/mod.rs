//! An interpreter of pure arithmetic: what a schedule's function comes to, without running a program.
//!
//! It knows numbers, texts, lists and tables; conditions and bounded loops; functions, lambdas and plain
//! classes of the program; and a list of functions of `math`, `numpy` and their like. There is no attribute or
//! call outside that list, no input or output, and every step costs fuel. What is not known becomes
//! [`Value::Opaque`], which arithmetic hands on and a condition stops at: nothing is guessed.

mod builtin;
mod call;
mod formula;
mod operate;
mod run;
mod value;

pub(crate) use formula::Translated;
pub(crate) use value::{Callable, Value};

use std::rc::Rc;

use super::names::Bound;
use super::tree::{Expr, Stmt, StmtKind};
use super::{Function, Program};

/// How deep expressions, statements and calls may be in one another.
const MAX_DEPTH: usize = 220;
/// What all evaluations of a machine together may cost: some seconds.
const RESERVE: u64 = 40_000_000;
/// The longest text that is put together.
const MAX_TEXT: usize = 1000;
/// The most items of a list.
const MAX_ITEMS: usize = 200_000;

/// Why an evaluation ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stop {
    pub why: String,
}

impl Stop {
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

pub(crate) type Done<T> = Result<T, Stop>;

/// The variables of a call, or of the machine's own beginning.
#[derive(Debug, Default)]
struct Frame {
    variables: Vec<(String, Value)>,
    /// The frame of the function that this one was made in.
    outer: Option<usize>,
}

/// An instance of a class of the program.
#[derive(Debug, Default)]
struct Object {
    class: String,
    attributes: Vec<(String, Value)>,
}

/// The state of an evaluation.
pub(crate) struct Machine<'p> {
    program: &'p Program,
    fuel: u64,
    /// What is left for later evaluations.
    reserve: u64,
    depth: usize,
    /// Arrays that names outside functions hold, which are made once.
    arrays: Vec<(String, Value)>,
    frames: Vec<Frame>,
    objects: Vec<Object>,
    /// Functions that were made so far: a frame stays while one may still need it.
    made: usize,
    /// The rate that a parameter group was given.
    pub rate: Option<f64>,
    /// The rate that it was created with.
    pub base: Option<f64>,
    /// The group of parameters whose rate is wanted, and whether others were given rates of their own.
    pub group: usize,
    pub other_groups: bool,
    /// The optimizer's rate was set to something that is not known.
    pub lost: Option<String>,
    /// What the length of a loader comes to, where a run needs one.
    pub epoch_length: Option<f64>,
}

impl<'p> Machine<'p> {
    pub fn new(program: &'p Program, fuel: u64) -> Self {
        Self {
            program,
            fuel,
            reserve: RESERVE,
            depth: 0,
            arrays: Vec::new(),
            frames: vec![Frame::default()],
            objects: Vec::new(),
            made: 0,
            rate: None,
            base: None,
            group: 0,
            other_groups: false,
            lost: None,
            epoch_length: None,
        }
    }

    /// Gives the machine as much fuel for another evaluation, as long as all of them together leave some.
    pub fn refuel(&mut self, fuel: u64) {
        self.reserve += self.fuel;
        self.fuel = fuel.min(self.reserve);
        self.reserve -= self.fuel;
        self.depth = 0;
    }

    fn burn(&mut self, cost: usize) -> Done<()> {
        match self.fuel.checked_sub(cost as u64) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(Stop::new("it takes too many steps"))
            }
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::new("its calls are nested too deep"));
        }
        self.depth += 1;
        let done = inner(self);
        self.depth -= 1;
        done
    }

    /// Gives a name a value before anything is evaluated.
    pub fn define(&mut self, name: &str, value: Value) {
        self.set(0, name, value);
    }

    /// What an expression of the program comes to, where it stands on this line.
    pub fn value(&mut self, expr: &Expr, line: usize) -> Done<Value> {
        self.eval(expr, 0, line)
    }

    /// What a function gives for one argument at this place, the others as the program says.
    pub fn apply_at(&mut self, function: &Function, place: usize, value: Value) -> Done<Value> {
        let mut named = Vec::new();
        if let Some(parameter) = function.parameters.get(place) {
            named.push((parameter.name.clone(), value));
        }
        let function = Rc::new(function.clone());
        let callable = Callable { function, frame: None, this: None, bound: Rc::default() };
        self.call(&callable, Vec::new(), named)
    }

    /// Goes through statements, passing over those that cannot be evaluated: what they give names is not known
    /// then. The ones that matter have to be evaluated, where it is said whether they do; others are left out.
    pub fn loosely(&mut self, body: &[Stmt], matters: &dyn Fn(&Stmt) -> Option<bool>) -> Done<()> {
        for stmt in body {
            let Some(must) = matters(stmt) else { continue };
            let done = self.body(std::slice::from_ref(stmt), 0).map(|_| ());
            match (done, must) {
                (Err(stop), true) => return Err(stop),
                (Ok(()), _) => {}
                (Err(stop), false) => {
                    if self.fuel == 0 {
                        return Err(stop);
                    }
                    self.forget(stmt);
                }
            }
        }
        Ok(())
    }

    /// Makes what a statement gives names unknown.
    fn forget(&mut self, stmt: &Stmt) {
        let names: Vec<String> = match &stmt.kind {
            StmtKind::Assign(targets, _) => targets
                .iter()
                .filter_map(|target| match target {
                    Expr::Name(name) => Some(name.clone()),
                    _ => None,
                })
                .collect(),
            StmtKind::Update(Expr::Name(name), ..) => vec![name.clone()],
            StmtKind::If(branches, otherwise) => {
                branches
                    .iter()
                    .flat_map(|(_, body)| body)
                    .chain(otherwise)
                    .for_each(|stmt| self.forget(stmt));
                return;
            }
            StmtKind::For { body, .. } | StmtKind::While { body, .. } | StmtKind::Block(body) => {
                body.iter().for_each(|stmt| self.forget(stmt));
                return;
            }
            _ => return,
        };
        for name in names {
            let value = Value::opaque(&name);
            self.set(0, &name, value);
        }
    }

    /// What a value that can be called gives.
    pub fn apply_value(&mut self, value: &Value, arguments: Vec<Value>, line: usize) -> Done<Value> {
        match value {
            Value::Function(callable) => self.call(&callable.clone(), arguments, Vec::new()),
            Value::Object(object) => {
                let called = self.attribute(&Value::Object(*object), "__call__", line)?;
                match called {
                    Value::Function(callable) => self.call(&callable, arguments, Vec::new()),
                    _ => Err(Stop::new("it cannot be called")),
                }
            }
            Value::Opaque(spelled) => Err(Stop::new(format!("`{spelled}` is not known here"))),
            _ => Err(Stop::new("it cannot be called")),
        }
    }

    /// What a method of an instance gives.
    pub fn method(&mut self, object: &Value, name: &str, arguments: Vec<Value>) -> Done<Value> {
        match self.attribute(object, name, usize::MAX)? {
            Value::Function(callable) => self.call(&callable, arguments, Vec::new()),
            _ => Err(Stop::new(format!("it has no {name}()"))),
        }
    }

    /// Sets an attribute of an instance.
    pub fn set_attribute(&mut self, object: &Value, name: &str, value: Value) {
        if let Value::Object(at) = object
            && let Some(object) = self.objects.get_mut(*at)
        {
            match object.attributes.iter_mut().find(|(found, _)| found == name) {
                Some((_, held)) => *held = value,
                None => object.attributes.push((name.to_owned(), value)),
            }
        }
    }

    fn set(&mut self, frame: usize, name: &str, value: Value) {
        if let Some(frame) = self.frames.get_mut(frame) {
            match frame.variables.iter_mut().find(|(found, _)| found == name) {
                Some((_, held)) => *held = value,
                None => frame.variables.push((name.to_owned(), value)),
            }
        }
    }

    fn local(&self, name: &str, frame: usize) -> Option<&Value> {
        let mut at = Some(frame);
        while let Some(frame) = at.and_then(|at| self.frames.get(at)) {
            if let Some((_, value)) = frame.variables.iter().find(|(found, _)| found == name) {
                return Some(value);
            }
            at = frame.outer;
        }
        // What stands outside all functions is seen by all.
        let outermost = self.frames.first()?;
        outermost.variables.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// What a name with its dots stands for.
    fn name(&mut self, name: &str, frame: usize, line: usize) -> Done<Value> {
        if let Some(value) = self.local(name, frame) {
            return Ok(value.clone());
        }
        // `self.peak` of an instance.
        if let Some((holder, field)) = name.split_once('.')
            && let Some(value) = self.local(holder, frame).cloned()
        {
            let mut value = value;
            for part in field.split('.') {
                value = self.attribute(&value, part, line)?;
            }
            let is_known = !matches!(value, Value::Opaque(_));
            if is_known {
                return Ok(value);
            }
        }
        if let Some(constant) = builtin::constant(&self.program.imported(name), name) {
            return Ok(Value::Number(constant));
        }
        self.outside(name, line)
    }

    /// What the program says of a name outside the function.
    fn outside(&mut self, name: &str, line: usize) -> Done<Value> {
        let program = self.program;
        if name.ends_with(".num_processes") {
            program.note(format!(
                "{name} was taken as 1: a scheduler that accelerate steps is stepped once for each process"
            ));
            return Ok(Value::Number(1.0));
        }
        if let Some((_, made)) = self.arrays.iter().find(|(found, _)| found == name) {
            return Ok(made.clone());
        }
        self.deeper(|it| {
            it.burn(5)?;
            Ok(match program.bound(name, line) {
                Some((Bound::Value(value), at)) => {
                    // What it was made of is what was said before it.
                    let value = it.eval(value, 0, at)?;
                    if matches!(value, Value::Array(_)) {
                        it.arrays.push((name.to_owned(), value.clone()));
                    }
                    value
                }
                Some((Bound::Default(usual), _)) => {
                    program.note(usual.sentence(name));
                    let value = usual.value.clone();
                    // What a call gives a parameter means what it means there.
                    it.eval(&value, 0, usual.line)?
                }
                Some((Bound::Function(function), _)) => it.function(Rc::clone(function), None),
                Some((Bound::Class | Bound::Each | Bound::Parameter, _)) | None => Value::opaque(name),
            })
        })
    }

    fn function(&mut self, function: Rc<Function>, frame: Option<usize>) -> Value {
        self.made += 1;
        Value::Function(Callable { function, frame, this: None, bound: Rc::default() })
    }

    /// An attribute of a value.
    fn attribute(&mut self, value: &Value, name: &str, line: usize) -> Done<Value> {
        self.burn(1)?;
        let Value::Object(at) = value else {
            return Ok(match value {
                Value::Opaque(spelled) => {
                    let whole = format!("{spelled}.{name}");
                    if whole.len() > 80 { value.clone() } else { self.outside(&whole, line)? }
                }
                _ => Value::opaque(name),
            });
        };
        let Some(object) = self.objects.get(*at) else { return Ok(Value::opaque(name)) };
        if let Some((_, value)) = object.attributes.iter().find(|(found, _)| found == name) {
            return Ok(value.clone());
        }
        let class = object.class.clone();
        if let Some(function) = call::method(self.program, &class, name) {
            self.made += 1;
            let callable = Callable { function, frame: None, this: Some(*at), bound: Rc::default() };
            return Ok(Value::Function(callable));
        }
        self.outside(&format!("{class}.{name}"), line)
    }
}

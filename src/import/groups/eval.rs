//! Goes through a program as far as it picks parameters: nothing is run, and what is not understood is not known.

use std::collections::BTreeMap;

use super::super::python::{Bound, Call, Expr, Function, Program};
use super::stand_in::Model;
use super::value::{Flow, Value};

/// What following a program may cost.
const FUEL: usize = 400_000;
/// How deep expressions and calls may be in one another.
const MAX_DEPTH: usize = 60;
/// The most items of a list.
pub(super) const MAX_ITEMS: usize = 20_000;

/// Why it ended.
#[derive(Debug)]
pub(super) enum Stop {
    /// The call that was looked for has been reached.
    Found,
    /// It takes too long.
    Fuel,
}

pub(super) type Done<T> = Result<T, Stop>;

/// The entries in which a table keeps its line, and how its parameters are spelled.
pub(super) const LINE: &str = "\u{0}line";
pub(super) const SHOWN: &str = "\u{0}shown";

pub(super) struct Eval<'p> {
    pub program: &'p Program,
    pub model: &'p Model,
    /// The variables of each call that is under way, those outside functions first.
    pub frames: Vec<BTreeMap<String, Value>>,
    /// The call whose first argument is wanted, and what that came to.
    pub target: &'p Call,
    pub captured: Option<Value>,
    /// Parameters whose gradients were switched off.
    pub frozen: Vec<bool>,
    /// The names that are being looked up, with the lines that give them.
    resolving: Vec<(String, usize)>,
    fuel: usize,
    depth: usize,
}

impl<'p> Eval<'p> {
    pub fn new(program: &'p Program, model: &'p Model, target: &'p Call) -> Self {
        let frozen = vec![false; model.parameters.len()];
        let frames = vec![BTreeMap::new()];
        Self {
            program,
            model,
            frames,
            target,
            captured: None,
            frozen,
            resolving: Vec::new(),
            fuel: FUEL,
            depth: 0,
        }
    }

    pub fn burn(&mut self, cost: usize) -> Done<()> {
        self.fuel = self.fuel.checked_sub(cost + 1).ok_or(Stop::Fuel)?;
        Ok(())
    }

    /// What is too deep is not known.
    pub fn deeper<T>(&mut self, unknown: T, inner: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth >= MAX_DEPTH {
            return Ok(unknown);
        }
        self.depth += 1;
        let done = inner(self);
        self.depth -= 1;
        done
    }

    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name.to_owned(), value);
        }
    }

    /// A variable; functions see those of who calls them.
    pub fn variable(&self, name: &str) -> Option<Value> {
        self.frames.iter().rev().find_map(|frame| frame.get(name)).cloned()
    }

    pub fn eval(&mut self, expr: &Expr, line: usize) -> Done<Value> {
        self.burn(0)?;
        self.deeper(Value::Unknown, |it| it.expression(expr, line))
    }

    fn expression(&mut self, expr: &Expr, line: usize) -> Done<Value> {
        Ok(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(self.formatted(text).into()),
            Expr::Flag(flag) => Value::Flag(*flag),
            Expr::None => Value::None,
            Expr::List(items) => {
                let items: Done<Vec<Value>> = items.iter().map(|item| self.eval(item, line)).collect();
                Value::list(items?)
            }
            Expr::Table(pairs) => {
                let mut table = Vec::with_capacity(pairs.len());
                for pair in pairs {
                    if let Expr::Unknown(_) = pair.key {
                        // `**shared`.
                        if let Value::Table(shared) = self.eval(&pair.value, pair.line)? {
                            table.extend(shared.borrow().iter().cloned());
                        }
                        continue;
                    }
                    let key = self.eval(&pair.key, pair.line)?;
                    if matches!(&key, Value::Text(key) if &**key == "params") {
                        table.push((Value::text(LINE), Value::Number(pair.line as f64)));
                        table.push((Value::text(SHOWN), Value::text(&pair.value.shown())));
                    }
                    table.push((key, self.eval(&pair.value, pair.line)?));
                }
                Value::table(table)
            }
            Expr::Name(name) => self.name(name, line)?,
            Expr::Call(call) => self.called(call, line)?,
            Expr::Member(member) => {
                let of = self.eval(&member.0, line)?;
                self.attribute(&of, &member.1)
            }
            Expr::Index(sides) => {
                let (of, at) = (self.eval(&sides.0, line)?, self.eval(&sides.1, line)?);
                indexed(&of, &at)
            }
            Expr::Unary("not", value) => {
                self.eval(value, line)?.truth().map_or(Value::Unknown, |truth| Value::Flag(!truth))
            }
            Expr::Unary("-", value) => {
                self.eval(value, line)?.number().map_or(Value::Unknown, |number| Value::Number(-number))
            }
            Expr::Unary(_, value) => self.eval(value, line)?,
            Expr::Binary(sign @ ("and" | "or"), sides) => {
                let first = self.eval(&sides.0, line)?;
                match first.truth() {
                    Some(truth) if truth == (*sign == "or") => first,
                    Some(_) => self.eval(&sides.1, line)?,
                    // Either side may settle it.
                    None => match self.eval(&sides.1, line)? {
                        second if second.truth() == Some(*sign == "or") => second,
                        _ => Value::Unknown,
                    },
                }
            }
            Expr::Binary(sign, sides) => {
                let (a, b) = (self.eval(&sides.0, line)?, self.eval(&sides.1, line)?);
                match operated(sign, &a, &b) {
                    Some(value) => value,
                    None => self.program.number(expr, line).map_or(Value::Unknown, Value::Number),
                }
            }
            Expr::Compare(first, rest) => {
                let mut left = self.eval(first, line)?;
                for (sign, right) in rest {
                    let right = self.eval(right, line)?;
                    match compared(sign, &left, &right) {
                        Some(true) => left = right,
                        Some(false) => return Ok(Value::Flag(false)),
                        None => return Ok(Value::Unknown),
                    }
                }
                Value::Flag(true)
            }
            Expr::Choice(parts) => match self.test(&parts.0, line)? {
                Some(true) => self.eval(&parts.1, line)?,
                Some(false) => self.eval(&parts.2, line)?,
                None => Value::Unknown,
            },
            Expr::Lambda(function) => Value::Function(std::rc::Rc::clone(function)),
            Expr::Comprehension(of) => {
                let items = self.eval(&of.items, line)?;
                let Some(items) = self.each_of(&items) else { return Ok(Value::Unknown) };
                let mut found = Vec::new();
                for item in items {
                    self.assign(&of.target, item, line)?;
                    let keeps = match &of.test {
                        None => Some(true),
                        Some(test) => self.eval(test, line)?.truth(),
                    };
                    match keeps {
                        Some(true) => found.push(self.eval(&of.element, line)?),
                        Some(false) => {}
                        None => return Ok(Value::Unknown),
                    }
                }
                Value::list(found)
            }
            Expr::Unknown(_) => Value::Unknown,
        })
    }

    /// Whether a test holds, also where only the program's defaults say so.
    pub fn test(&mut self, test: &Expr, line: usize) -> Done<Option<bool>> {
        let value = self.eval(test, line)?;
        Ok(value.truth().or_else(|| self.program.constant(test, line).truth()))
    }

    /// What a loop over a value goes through.
    pub fn each_of(&mut self, value: &Value) -> Option<Vec<Value>> {
        if let Value::Path(path) = value {
            let children = self.model.children(path)?;
            return Some(children.iter().map(|child| Value::Path(child.as_str().into())).collect());
        }
        value.items().filter(|items| items.len() <= MAX_ITEMS)
    }

    /// A text with the variables that stand in braces: `f"{module}.{name}"`.
    fn formatted(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for frame in self.frames.iter().rev() {
            if !out.contains('{') {
                break;
            }
            for (name, value) in frame {
                let shown = match value {
                    Value::Text(text) => text.to_string(),
                    Value::Number(number) => number.to_string(),
                    _ => continue,
                };
                out = out.replace(&format!("{{{name}}}"), &shown);
            }
        }
        out
    }

    /// What a name with its dots stands for.
    pub fn name(&mut self, name: &str, line: usize) -> Done<Value> {
        if let Some(value) = self.variable(name) {
            return Ok(match value {
                Value::Unknown => Value::Path(name.into()),
                value => value,
            });
        }
        if let Some((first, rest)) = name.split_once('.')
            && let Some(mut value) = self.variable(first)
            && !matches!(value, Value::Unknown)
        {
            for part in rest.split('.') {
                value = self.attribute(&value, part);
            }
            return Ok(value);
        }
        let program = self.program;
        let bound = match program.bound(name, line) {
            Some((Bound::Value(value), at)) => Some((value.clone(), at)),
            Some((Bound::Default(usual), at)) => Some((usual.value.clone(), at)),
            Some((Bound::Function(function), _)) => return Ok(Value::Function(std::rc::Rc::clone(function))),
            _ => None,
        };
        let Some((value, at)) = bound else { return Ok(Value::Path(name.into())) };
        // `model = wrapped(model)` on one line would ask for itself.
        let asked = (name.to_owned(), at);
        if self.resolving.contains(&asked) {
            return Ok(Value::Path(name.into()));
        }
        self.resolving.push(asked);
        let value = self.eval(&value, at);
        self.resolving.pop();
        let value = value?;
        // What a program makes of its own classes stays known by its name.
        Ok(match value {
            Value::Unknown => program
                .number(&Expr::Name(name.to_owned()), line)
                .map_or_else(|| Value::Path(name.into()), Value::Number),
            value => value,
        })
    }

    pub fn attribute(&self, of: &Value, name: &str) -> Value {
        match (of, name) {
            (Value::Parameter(at), "requires_grad") => {
                Value::Flag(!self.frozen.get(*at).copied().unwrap_or_default())
            }
            (Value::Other(_), "requires_grad") => Value::Flag(true),
            (Value::Parameter(at), "ndim") => Value::Number(self.dimensions(*at)),
            (Value::Parameter(at), "shape") => {
                Value::list(vec![Value::Number(8.0); self.dimensions(*at) as usize])
            }
            (Value::Parameter(_), "data") => of.clone(),
            (Value::Path(path), "__name__") => self.model.class(path).map_or(Value::Unknown, Value::text),
            (Value::Path(path), _) => {
                let whole = format!("{path}.{name}");
                // A module's own parameter.
                let place = self.model.parameters.iter().position(|it| it.name == whole);
                place.map_or_else(|| Value::Path(whole.into()), Value::Parameter)
            }
            _ => Value::Unknown,
        }
    }

    pub fn dimensions(&self, at: usize) -> f64 {
        if self.model.parameters.get(at).is_some_and(super::stand_in::StandIn::is_vector) { 1.0 } else { 2.0 }
    }

    /// What a function of the program gives.
    pub fn apply(
        &mut self,
        function: &Function,
        arguments: Vec<Value>,
        named: Vec<(String, Value)>,
    ) -> Done<Value> {
        self.burn(10)?;
        let mut frame = BTreeMap::new();
        for (parameter, value) in function.parameters.iter().zip(arguments) {
            frame.insert(parameter.name.clone(), value);
        }
        frame.extend(named);
        for parameter in &function.parameters {
            if !frame.contains_key(&parameter.name)
                && let Some(default) = &parameter.default
            {
                let value = self.eval(default, function.line)?;
                frame.insert(parameter.name.clone(), value);
            }
        }
        self.frames.push(frame);
        let done = self.deeper(Flow::Next, |it| it.body(&function.body));
        // What ends here leaves its variables to be looked at.
        if done.is_ok() {
            self.frames.pop();
        }
        Ok(match done? {
            Flow::Return(value) => value,
            _ => Value::None,
        })
    }
}

fn indexed(of: &Value, at: &Value) -> Value {
    match (of, at) {
        (Value::List(items), at) => {
            let items = items.borrow();
            let Some(at) = at.number() else { return Value::Unknown };
            let at = if at < 0.0 { at + items.len() as f64 } else { at };
            items.get(at.max(0.0) as usize).cloned().unwrap_or(Value::Unknown)
        }
        (Value::Table(pairs), at) => {
            let pairs = pairs.borrow();
            let found = pairs.iter().rev().find(|(key, _)| key.equals(at) == Some(true));
            found.map_or(Value::Unknown, |(_, value)| value.clone())
        }
        (Value::Path(path), at) => match at {
            Value::Number(at) => Value::Path(format!("{path}.{at}").into()),
            Value::Text(key) => Value::Path(format!("{path}.{key}").into()),
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

/// Arithmetic of numbers, and what lists and texts have of it.
pub(super) fn operated(sign: &str, a: &Value, b: &Value) -> Option<Value> {
    if let (Some(x), Some(y)) = (a.number(), b.number()) {
        let value = match sign {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "//" => (x / y).floor(),
            "%" => x - y * (x / y).floor(),
            "**" => x.powf(y),
            _ => return None,
        };
        return value.is_finite().then_some(Value::Number(value));
    }
    match (sign, a, b) {
        ("+", Value::Text(x), Value::Text(y)) if x.len() + y.len() < 400 => {
            Some(Value::text(&format!("{x}{y}")))
        }
        // `"%s.%s" % (module, name)`.
        ("%", Value::Text(text), values) => {
            let values = values.items().unwrap_or_else(|| vec![values.clone()]);
            let mut out = text.to_string();
            for value in values {
                let shown = match value {
                    Value::Text(text) => text.to_string(),
                    Value::Number(number) => number.to_string(),
                    _ => return None,
                };
                let at = out.find("%s").or_else(|| out.find("%d"))?;
                out.replace_range(at..at + 2, &shown);
            }
            Some(Value::Text(out.into()))
        }
        ("+" | "|", Value::List(x), Value::List(y)) => {
            let (x, y) = (x.borrow(), y.borrow());
            if x.len() + y.len() > MAX_ITEMS {
                return None;
            }
            let mut all = x.clone();
            for item in y.iter() {
                if sign == "+" || !all.iter().any(|known| known.equals(item) == Some(true)) {
                    all.push(item.clone());
                }
            }
            Some(Value::list(all))
        }
        ("&" | "-", Value::List(x), Value::List(y)) => {
            let (x, y) = (x.borrow(), y.borrow());
            let is_in =
                |item: &&Value| y.iter().any(|other| other.equals(item) == Some(true)) == (sign == "&");
            Some(Value::list(x.iter().filter(is_in).cloned().collect()))
        }
        ("|", Value::Table(x), Value::Table(y)) => {
            Some(Value::table(x.borrow().iter().chain(y.borrow().iter()).cloned().collect()))
        }
        _ => None,
    }
}

fn compared(sign: &str, a: &Value, b: &Value) -> Option<bool> {
    Some(match sign {
        "==" => a.equals(b)?,
        "!=" => !a.equals(b)?,
        "is" => a.equals(b)?,
        "is not" => !a.equals(b)?,
        "in" | "not in" => {
            let within = match (a, b) {
                (Value::Text(part), Value::Text(whole)) => whole.contains(&**part),
                (Value::Parameter(_) | Value::Text(_) | Value::Number(_), _) => {
                    let items = b.items()?;
                    let same: Vec<Option<bool>> = items.iter().map(|item| item.equals(a)).collect();
                    match same.contains(&Some(true)) {
                        true => true,
                        false if same.contains(&None) => return None,
                        false => false,
                    }
                }
                _ => return None,
            };
            within == (sign == "in")
        }
        _ => {
            let (a, b) = (a.number()?, b.number()?);
            match sign {
                "<" => a < b,
                ">" => a > b,
                "<=" => a <= b,
                ">=" => a >= b,
                _ => return None,
            }
        }
    })
}

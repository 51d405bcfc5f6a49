//! Statements and expressions.

use std::rc::Rc;

use super::super::tree::{Expr, Stmt, StmtKind};
use super::operate::{compare, operate};
use super::{Done, MAX_ITEMS, MAX_TEXT, Machine, Stop, Value};

/// What a statement leads to.
pub(super) enum Flow {
    Next,
    Return(Value),
    Break,
    Continue,
}

impl Machine<'_> {
    pub(super) fn body(&mut self, body: &[Stmt], frame: usize) -> Done<Flow> {
        self.deeper(|it| {
            for stmt in body {
                match it.statement(stmt, frame)? {
                    Flow::Next => {}
                    other => return Ok(other),
                }
            }
            Ok(Flow::Next)
        })
    }

    fn statement(&mut self, stmt: &Stmt, frame: usize) -> Done<Flow> {
        self.burn(1)?;
        let line = stmt.line;
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                let value = self.eval(value, frame, line)?;
                for target in targets {
                    self.assign(target, value.clone(), frame, line)?;
                }
            }
            StmtKind::Update(target, operator, value) => {
                let before = self.eval(target, frame, line)?;
                let value = self.eval(value, frame, line)?;
                let value = self.arithmetic(operator, &before, &value)?;
                self.assign(target, value, frame, line)?;
            }
            StmtKind::Value(value) => {
                // What a call of something else does is not seen; what it gives is not used.
                self.eval(value, frame, line)?;
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or(Ok(Value::None), |value| self.eval(value, frame, line))?;
                return Ok(Flow::Return(value));
            }
            StmtKind::If(branches, otherwise) => return self.conditions(branches, otherwise, frame, line),
            StmtKind::For { target, items, body, otherwise } => {
                return self.each(target, items, body, otherwise, frame, line);
            }
            StmtKind::While { test, body } => loop {
                self.burn(1)?;
                let value = self.eval(test, frame, line)?;
                match value.truth() {
                    Some(true) => {}
                    Some(false) => break,
                    None => return Err(unknown(test)),
                }
                match self.body(body, frame)? {
                    Flow::Next | Flow::Continue => {}
                    Flow::Break => break,
                    done @ Flow::Return(_) => return Ok(done),
                }
            },
            StmtKind::Def(function) => {
                let value = self.function(Rc::clone(function), (frame > 0).then_some(frame));
                self.set(frame, &function.name, value);
            }
            StmtKind::Block(body) => return self.body(body, frame),
            StmtKind::Assert(test) => {
                if self.eval(test, frame, line)?.truth() == Some(false) {
                    return Err(Stop::new(format!("its assertion `{}` fails", test.shown())));
                }
            }
            StmtKind::Raise => return Err(Stop::new(format!("it raises an error on line {line}"))),
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Outer(names) => {
                let names = names.join(", ");
                return Err(Stop::new(format!("it changes {names} outside itself")));
            }
            // What fails is not followed; names from elsewhere are known by their names.
            StmtKind::Failing(_) | StmtKind::Import(_) | StmtKind::Pass | StmtKind::Class(_) => {}
            StmtKind::Unknown(spelled) => {
                return Err(Stop::new(format!("line {line}, `{spelled}`, is not understood")));
            }
        }
        Ok(Flow::Next)
    }

    fn conditions(
        &mut self,
        branches: &[(Expr, Vec<Stmt>)],
        otherwise: &[Stmt],
        frame: usize,
        line: usize,
    ) -> Done<Flow> {
        for (test, body) in branches {
            let value = self.eval(test, frame, line)?;
            match value.truth() {
                Some(true) => return self.body(body, frame),
                Some(false) => {}
                // What only prints may be passed over.
                None if branches.iter().all(|(_, body)| is_idle(body)) && is_idle(otherwise) => {
                    return Ok(Flow::Next);
                }
                None => return Err(unknown(test)),
            }
        }
        self.body(otherwise, frame)
    }

    fn each(
        &mut self,
        target: &Expr,
        items: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        frame: usize,
        line: usize,
    ) -> Done<Flow> {
        let items = match self.eval(items, frame, line)? {
            Value::List(items) => items,
            Value::Array(numbers) => Rc::new(numbers.iter().map(|number| Value::Number(*number)).collect()),
            Value::Opaque(spelled) if spelled.contains("param_groups") => {
                let group = Value::Group;
                Rc::new(vec![match (target, spelled.starts_with("enumerate(")) {
                    (Expr::List(_), true) => Value::List(Rc::new(vec![Value::Number(0.0), group])),
                    _ => group,
                }])
            }
            // What is done for each optimizer is done for the one that is looked at.
            Value::Opaque(spelled) if spelled.to_lowercase().ends_with("optimizers") => {
                Rc::new(vec![Value::opaque("optimizer")])
            }
            _ if is_idle(body) => return Ok(Flow::Next),
            _ => {
                return Err(Stop::new(format!(
                    "how often its loop over `{}` runs is not known",
                    items.shown()
                )));
            }
        };
        for item in items.iter() {
            self.burn(1)?;
            self.assign(target, item.clone(), frame, line)?;
            match self.body(body, frame)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                done @ Flow::Return(_) => return Ok(done),
            }
        }
        self.body(otherwise, frame)
    }

    fn assign(&mut self, target: &Expr, value: Value, frame: usize, line: usize) -> Done<()> {
        match target {
            Expr::Name(name) => {
                let Some((holder, field)) = name.rsplit_once('.') else {
                    self.set(frame, name, value);
                    return Ok(());
                };
                let is_optimizer = holder.rsplit('.').next().is_some_and(|last| last.contains("optim"));
                if matches!(field, "lr" | "learning_rate") && is_optimizer {
                    self.rate_is(&value);
                    return Ok(());
                }
                let object = self.name(holder, frame, line)?;
                if matches!(object, Value::Object(_)) {
                    self.set_attribute(&object, field, value);
                } else {
                    self.set(frame, name, value);
                }
            }
            Expr::List(names) => {
                let Value::List(values) = &value else {
                    return names
                        .iter()
                        .try_for_each(|name| self.assign(name, Value::opaque(&name.shown()), frame, line));
                };
                if names.len() != values.len() {
                    return Err(Stop::new("it gives another number of values than names"));
                }
                for (name, value) in names.iter().zip(values.iter()) {
                    self.assign(name, value.clone(), frame, line)?;
                }
            }
            Expr::Index(index) => {
                let is_rate =
                    matches!(&index.1, Expr::Text(key) if matches!(key.as_str(), "lr" | "learning_rate"));
                // `optimizer.param_groups[1]["lr"] = ...`: each group has its own.
                if let (true, Expr::Index(of)) = (is_rate, &index.0)
                    && let Expr::Number(at) = of.1
                    && at != self.group as f64
                {
                    self.other_groups = true;
                    return Ok(());
                }
                let holder = self.eval(&index.0, frame, line)?;
                let is_group = match &holder {
                    Value::Group => true,
                    Value::Opaque(spelled) => {
                        spelled.contains("param_group")
                            || spelled.contains("group")
                            || spelled.contains("optim")
                    }
                    _ => false,
                };
                if is_rate && is_group {
                    self.rate_is(&value);
                } else if !is_group {
                    // A table or a list that changes: from here on it is not known.
                    if let Expr::Name(name) = &index.0 {
                        self.set(frame, name, Value::opaque(name));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn rate_is(&mut self, value: &Value) {
        match (value.number(), value) {
            (Some(rate), _) => (self.rate, self.lost) = (Some(rate), None),
            (None, Value::Opaque(spelled)) => self.lost = Some(spelled.to_string()),
            (None, _) => self.lost = Some("something that is no number".to_owned()),
        }
    }

    pub(super) fn eval(&mut self, expr: &Expr, frame: usize, line: usize) -> Done<Value> {
        self.burn(1)?;
        self.deeper(|it| it.expression(expr, frame, line))
    }

    fn expression(&mut self, expr: &Expr, frame: usize, line: usize) -> Done<Value> {
        Ok(match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.chars().take(MAX_TEXT).collect::<String>().into()),
            Expr::Flag(flag) => Value::Flag(*flag),
            Expr::None => Value::None,
            Expr::Unknown(_) => Value::unknown(expr),
            Expr::List(items) => {
                self.burn(items.len())?;
                let items: Done<Vec<Value>> = items.iter().map(|item| self.eval(item, frame, line)).collect();
                Value::List(Rc::new(items?))
            }
            Expr::Table(pairs) => {
                self.burn(pairs.len())?;
                let mut table = Vec::with_capacity(pairs.len());
                for pair in pairs {
                    table.push((self.eval(&pair.key, frame, line)?, self.eval(&pair.value, frame, line)?));
                }
                Value::Table(Rc::new(table))
            }
            Expr::Name(name) => self.name(name, frame, line)?,
            Expr::Call(call) => self.called(call, frame, line)?,
            Expr::Member(member) => {
                let value = self.eval(&member.0, frame, line)?;
                self.attribute(&value, &member.1, line)?
            }
            Expr::Index(index) => self.index(&index.0, &index.1, frame, line)?,
            Expr::Unary(sign, value) => {
                let value = self.eval(value, frame, line)?;
                match (*sign, &value) {
                    ("not", _) => {
                        value.truth().map_or_else(|| Value::unknown(expr), |truth| Value::Flag(!truth))
                    }
                    (_, Value::Opaque(_)) => Value::unknown(expr),
                    ("-", _) => Value::Number(-number(&value)?),
                    ("~", _) => Value::Number(-number(&value)? - 1.0),
                    _ => Value::Number(number(&value)?),
                }
            }
            Expr::Binary(sign @ ("and" | "or"), sides) => {
                let first = self.eval(&sides.0, frame, line)?;
                match first.truth() {
                    None => Value::unknown(expr),
                    Some(truth) if truth == (*sign == "or") => first,
                    Some(_) => self.eval(&sides.1, frame, line)?,
                }
            }
            Expr::Binary(sign, sides) => {
                let (a, b) = (self.eval(&sides.0, frame, line)?, self.eval(&sides.1, frame, line)?);
                match self.arithmetic(sign, &a, &b)? {
                    Value::Opaque(_) => Value::unknown(expr),
                    value => value,
                }
            }
            Expr::Compare(first, rest) => {
                let mut left = self.eval(first, frame, line)?;
                for (sign, right) in rest {
                    let right = self.eval(right, frame, line)?;
                    match compare(sign, &left, &right) {
                        Some(true) => left = right,
                        Some(false) => return Ok(Value::Flag(false)),
                        None => return Ok(Value::unknown(expr)),
                    }
                }
                Value::Flag(true)
            }
            Expr::Choice(parts) => {
                let test = self.eval(&parts.0, frame, line)?;
                match test.truth() {
                    Some(true) => self.eval(&parts.1, frame, line)?,
                    Some(false) => self.eval(&parts.2, frame, line)?,
                    None => Value::unknown(expr),
                }
            }
            Expr::Lambda(function) => self.function(Rc::clone(function), (frame > 0).then_some(frame)),
            Expr::Comprehension(of) => {
                let items = match self.eval(&of.items, frame, line)? {
                    Value::List(items) => items,
                    Value::Array(numbers) => {
                        Rc::new(numbers.iter().map(|number| Value::Number(*number)).collect())
                    }
                    _ => return Ok(Value::unknown(expr)),
                };
                let mut found = Vec::new();
                for item in items.iter() {
                    self.burn(1)?;
                    self.assign(&of.target, item.clone(), frame, line)?;
                    let keeps = match &of.test {
                        None => Some(true),
                        Some(test) => self.eval(test, frame, line)?.truth(),
                    };
                    match keeps {
                        Some(true) => found.push(self.eval(&of.element, frame, line)?),
                        Some(false) => {}
                        None => return Ok(Value::unknown(expr)),
                    }
                }
                Value::List(Rc::new(found))
            }
        })
    }

    fn index(&mut self, of: &Expr, at: &Expr, frame: usize, line: usize) -> Done<Value> {
        let holder = self.eval(of, frame, line)?;
        let key = self.eval(at, frame, line)?;
        Ok(match (&holder, &key) {
            (Value::Group, Value::Text(key)) => self.of_group(key),
            (Value::Opaque(spelled), Value::Number(_)) if spelled.ends_with("param_groups") => Value::Group,
            (Value::Opaque(spelled), Value::Text(key)) if spelled.len() < 80 => {
                self.outside(&format!("{spelled}.{key}"), line)?
            }
            (Value::Array(numbers), Value::Number(at)) => {
                let at = if *at < 0.0 { *at + numbers.len() as f64 } else { *at };
                match numbers.get(at.max(0.0) as usize) {
                    Some(number) if at >= 0.0 && at.fract() == 0.0 => Value::Number(*number),
                    _ => return Err(Stop::new("it looks past the end of an array")),
                }
            }
            (Value::List(items), Value::Number(at)) => {
                let at = if *at < 0.0 { *at + items.len() as f64 } else { *at };
                match items.get(at.max(0.0) as usize) {
                    Some(value) if at >= 0.0 && at.fract() == 0.0 => value.clone(),
                    _ => return Err(Stop::new("it looks past the end of a list")),
                }
            }
            (Value::Table(pairs), key) => {
                let found = pairs.iter().rev().find(|(found, _)| found.equals(key) == Some(true));
                found.map_or_else(|| Value::opaque(&of.shown()), |(_, value)| value.clone())
            }
            _ => Value::opaque(&format!("{}[{}]", of.shown(), at.shown())),
        })
    }

    /// An entry of the optimizer's parameter group.
    pub(super) fn of_group(&self, key: &str) -> Value {
        let number = match key {
            "lr" | "learning_rate" => self.rate.or(self.base),
            "initial_lr" => self.base,
            "lr_scale" | "lr_mult" => Some(1.0),
            _ => None,
        };
        number.map_or_else(|| Value::opaque(&format!("param_group[\"{key}\"]")), Value::Number)
    }

    pub(super) fn arithmetic(&mut self, sign: &str, a: &Value, b: &Value) -> Done<Value> {
        if let (Some(x), Some(y)) = (a.number(), b.number()) {
            return operate(sign, x, y).map(Value::Number);
        }
        if matches!(a, Value::Array(_)) || matches!(b, Value::Array(_)) {
            return self.elementwise(sign, a, b);
        }
        match (sign, a, b) {
            (_, Value::Opaque(_), _) | (_, _, Value::Opaque(_)) => Ok(Value::opaque(sign)),
            ("+", Value::List(x), Value::List(y)) => {
                let length = x.len() + y.len();
                self.long(length)?;
                Ok(Value::List(Rc::new(x.iter().chain(y.iter()).cloned().collect())))
            }
            ("*", Value::List(items), times) | ("*", times, Value::List(items)) => {
                let times = times.number().unwrap_or(0.0).max(0.0);
                let length = times * items.len() as f64;
                if length > MAX_ITEMS as f64 {
                    return Err(Stop::new("it makes too long a list"));
                }
                self.long(length as usize)?;
                let items = std::iter::repeat_n(items.iter(), times as usize).flatten().cloned();
                Ok(Value::List(Rc::new(items.collect())))
            }
            ("+", Value::Text(x), Value::Text(y)) if x.len() + y.len() <= MAX_TEXT => {
                Ok(Value::Text(format!("{x}{y}").into()))
            }
            ("%", Value::Text(_), _) => Ok(Value::opaque("a text")),
            _ => Err(Stop::new(format!("`{sign}` stands between what are no numbers"))),
        }
    }

    /// Pays for a list of this length.
    pub(super) fn long(&mut self, length: usize) -> Done<()> {
        if length > MAX_ITEMS {
            return Err(Stop::new("it makes too long a list"));
        }
        self.burn(length)
    }
}

fn unknown(test: &Expr) -> Stop {
    Stop::new(format!("whether `{}` holds is not known here", test.shown()))
}

pub(super) fn number(value: &Value) -> Done<f64> {
    value.number().ok_or_else(|| Stop::new("what should be a number is none"))
}

/// Whether statements set nothing and lead nowhere.
fn is_idle(body: &[Stmt]) -> bool {
    body.iter().all(|stmt| match &stmt.kind {
        StmtKind::Value(_) | StmtKind::Pass | StmtKind::Import(_) | StmtKind::Failing(_) => true,
        StmtKind::Block(body) | StmtKind::For { body, .. } => is_idle(body),
        StmtKind::If(branches, otherwise) => {
            branches.iter().all(|(_, body)| is_idle(body)) && is_idle(otherwise)
        }
        _ => false,
    })
}

//! Statements, as far as they pick parameters.

use super::super::python::{Expr, Stmt, StmtKind};
use super::eval::{Done, Eval, operated};
use super::value::{Flow, Value};
use super::walk;

impl Eval<'_> {
    pub fn body(&mut self, body: &[Stmt]) -> Done<Flow> {
        for stmt in body {
            self.burn(0)?;
            match self.deeper(Flow::Next, |it| it.statement(stmt))? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, stmt: &Stmt) -> Done<Flow> {
        let line = stmt.line;
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                let value = self.eval(value, line)?;
                for target in targets {
                    self.assign(target, value.clone(), line)?;
                }
            }
            StmtKind::Update(target, sign, value) => {
                let (before, value) = (self.eval(target, line)?, self.eval(value, line)?);
                match (&before, &value, *sign) {
                    (Value::List(items), more, "+") => {
                        let more = more.items().unwrap_or_default();
                        items.borrow_mut().extend(more);
                    }
                    _ => {
                        let value = operated(sign, &before, &value).unwrap_or(Value::Unknown);
                        self.assign(target, value, line)?;
                    }
                }
            }
            StmtKind::Value(value) => {
                self.eval(value, line)?;
            }
            StmtKind::Return(value) => {
                let value = value.as_ref().map_or(Ok(Value::None), |value| self.eval(value, line))?;
                return Ok(Flow::Return(value));
            }
            StmtKind::If(branches, otherwise) => {
                for (test, body) in branches {
                    match self.test(test, line)? {
                        Some(true) => return self.body(body),
                        Some(false) => {}
                        // What is not known leads to where the optimizer is made.
                        None if self.holds_target(body) => return self.body(body),
                        None => {}
                    }
                }
                return self.body(otherwise);
            }
            StmtKind::For { target, items, body, otherwise } => {
                let found = self.eval(items, line)?;
                let items = match self.each_of(&found) {
                    Some(items) => items,
                    None if self.holds_target(body) => vec![Value::Unknown],
                    None => return Ok(Flow::Next),
                };
                for item in items {
                    self.assign(target, item, line)?;
                    match self.body(body)? {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => return Ok(Flow::Next),
                        done @ Flow::Return(_) => return Ok(done),
                    }
                }
                return self.body(otherwise);
            }
            StmtKind::While { body, .. } if self.holds_target(body) => return self.body(body),
            StmtKind::Def(function) => {
                self.set(&function.name, Value::Function(std::rc::Rc::clone(function)));
            }
            StmtKind::Block(body) => return self.body(body),
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            _ => {}
        }
        Ok(Flow::Next)
    }

    /// Whether the call that is looked for stands in these statements.
    fn holds_target(&self, body: &[Stmt]) -> bool {
        let mut holds = false;
        walk::expressions(body, &mut |expr| {
            holds |= matches!(expr, Expr::Call(call) if std::ptr::eq(&raw const **call, self.target));
        });
        holds
    }

    pub fn assign(&mut self, target: &Expr, value: Value, line: usize) -> Done<()> {
        match target {
            Expr::Name(name) => match name.rsplit_once('.') {
                Some((holder, "requires_grad")) => {
                    let holder = self.name(holder, line)?;
                    self.freeze(&holder, &value);
                }
                _ => self.set(name, value),
            },
            Expr::Member(member) if member.1 == "requires_grad" => {
                let holder = self.eval(&member.0, line)?;
                self.freeze(&holder, &value);
            }
            Expr::List(names) => {
                let values = value.items().filter(|values| values.len() == names.len());
                for (at, name) in names.iter().enumerate() {
                    let value = values.as_ref().and_then(|values| values.get(at)).cloned();
                    self.assign(name, value.unwrap_or(Value::Unknown), line)?;
                }
            }
            Expr::Index(sides) => {
                let (holder, key) = (self.eval(&sides.0, line)?, self.eval(&sides.1, line)?);
                match &holder {
                    Value::Table(pairs) => {
                        let mut pairs = pairs.borrow_mut();
                        match pairs.iter_mut().find(|(found, _)| found.equals(&key) == Some(true)) {
                            Some((_, held)) => *held = value,
                            None => pairs.push((key, value)),
                        }
                    }
                    Value::List(items) => {
                        let at = key.number().unwrap_or(-1.0);
                        if let (true, Some(held)) = (at >= 0.0, items.borrow_mut().get_mut(at as usize)) {
                            *held = value;
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Switches the gradient of a parameter off or on.
    pub fn freeze(&mut self, of: &Value, on: &Value) {
        if let (Value::Parameter(at), Some(on)) = (of, on.truth())
            && let Some(frozen) = self.frozen.get_mut(*at)
        {
            *frozen = !on;
        }
    }
}

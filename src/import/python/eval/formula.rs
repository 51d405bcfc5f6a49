//! A function of one number as a formula, where it is arithmetic without loops: conditions become choices, what the
//! program says of other names becomes constants.

use std::f64::consts::{E, PI};

use super::super::tree::{Call, Expr, Stmt, StmtKind};
use super::super::{Bound, Function};
use super::{Callable, Machine, Value};
use crate::schedule::formula::{
    Definition, Formula, Function as Named, Operator, Term, binary, call, choice,
};

/// How many statements and expressions are looked at.
const MAX_STEPS: usize = 4000;
/// How deep calls may be in one another.
const MAX_CALLS: usize = 6;

/// A function that was translated, and the constants it names.
#[derive(Clone, Debug)]
pub(crate) struct Translated {
    term: Term,
    constants: Vec<(String, f64)>,
}

/// What a function's names stand for while it is translated.
#[derive(Clone, Default)]
struct Scope {
    variables: Vec<(String, Term)>,
    /// The frame the function was made in.
    frame: usize,
    line: usize,
    calls: usize,
}

/// What statements come to.
enum Outcome {
    Gives(Term),
    /// They raise an error.
    Never,
}

/// The constants so far, and the steps that are left.
struct Draft {
    constants: Vec<(String, f64)>,
    steps: usize,
}

impl Translated {
    /// The formula times a constant of its own, the peak; nothing where it cannot be written.
    pub fn times_peak(mut self, peak: f64) -> Option<Definition> {
        let name = if self.constants.iter().any(|(name, _)| name == "peak") { "base" } else { "peak" };
        self.constants.push((name.to_owned(), peak));
        self.term = binary(Operator::Mul, Term::Constant(self.constants.len() - 1), self.term);
        self.definition()
    }

    /// The formula as a schedule has it; nothing where it cannot be written.
    pub fn definition(self) -> Option<Definition> {
        let names: Vec<String> = self.constants.iter().map(|(name, _)| name.clone()).collect();
        let formula = Formula::of(&self.term, &names).ok()?;
        let value =
            |name: &str| self.constants.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let given: Vec<(&str, f64)> =
            formula.constants().into_iter().map(|name| Some((name, value(name)?))).collect::<Option<_>>()?;
        Definition::parse(formula.text(), &given).ok()
    }
}

impl Draft {
    fn step(&mut self) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        Some(())
    }

    /// A number that the program has a name for; a plain number where the name stands for another one, too.
    fn constant(&mut self, name: &str, value: f64) -> Term {
        let last = name.rsplit('.').next().unwrap_or(name);
        match last {
            "pi" if value == PI => return Term::Number(PI),
            "e" if value == E => return Term::Number(E),
            _ => {}
        }
        // A name that formulas have a use for gets a tail.
        let free =
            |name: &str| Definition::formula_of(name).is_ok_and(|formula| formula.constants() == [name]);
        let Some(name) = [last.to_owned(), format!("{last}_")].into_iter().find(|name| free(name)) else {
            return Term::Number(value);
        };
        match self.constants.iter().position(|(known, _)| *known == name) {
            Some(at) if self.constants.get(at).is_some_and(|(_, held)| *held == value) => Term::Constant(at),
            Some(_) => Term::Number(value),
            None => {
                self.constants.push((name, value));
                Term::Constant(self.constants.len() - 1)
            }
        }
    }

    /// A term without the tick as a number.
    fn number(&self, term: &Term) -> Option<f64> {
        let values: Vec<f64> = self.constants.iter().map(|(_, value)| *value).collect();
        match term.with(&Term::Tick, f64::NAN, &values) {
            Term::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl Machine<'_> {
    /// A function of the number at this place of its parameters, to which `start` is added.
    pub fn formula_of(&mut self, function: &Function, place: usize, start: f64) -> Option<Translated> {
        let function = std::rc::Rc::new(function.clone());
        self.formula(&Callable { function, frame: None, this: None, bound: Default::default() }, place, start)
    }

    /// The same for a value that can be called with one number.
    pub fn formula_of_value(&mut self, value: &Value) -> Option<Translated> {
        let callable = match value {
            Value::Function(callable) => callable.clone(),
            Value::Object(_) => match self.attribute(value, "__call__", usize::MAX).ok()? {
                Value::Function(callable) => callable,
                _ => return None,
            },
            _ => return None,
        };
        let place = callable.bound.0.len() + usize::from(callable.this.is_some());
        self.formula(&callable, place, 0.0)
    }

    fn formula(&mut self, callable: &Callable, place: usize, start: f64) -> Option<Translated> {
        let mut draft = Draft { constants: Vec::new(), steps: MAX_STEPS };
        let function = &callable.function;
        let mut scope = Scope { frame: callable.frame.unwrap_or(0), line: function.line, ..Scope::default() };
        if let Some(this) = callable.this {
            // Attributes are looked up by the machine itself.
            self.define("self", Value::Object(this));
        }
        for (at, parameter) in function.parameters.iter().enumerate() {
            let name = parameter.name.clone();
            let named =
                callable.bound.1.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            let bound = named.or_else(|| callable.bound.0.get(at).cloned());
            let given = match (bound, &parameter.default) {
                (Some(value), _) => Some(value),
                _ if at == place => {
                    scope.variables.push((name, Term::Tick + start));
                    continue;
                }
                (None, Some(usual)) => self.eval(usual, 0, function.line).ok(),
                (None, None) => None,
            };
            match given {
                Some(Value::Number(number)) => {
                    let term = draft.constant(&name, number);
                    scope.variables.push((name, term));
                }
                Some(Value::Flag(flag)) => {
                    scope.variables.push((name, Term::Number(f64::from(u8::from(flag)))));
                }
                _ => {}
            }
        }
        match self.statements(&mut draft, &[&function.body], scope)? {
            Outcome::Gives(term) => Some(Translated { term, constants: draft.constants }),
            Outcome::Never => None,
        }
    }

    /// What the first statement comes to, with all that follow it.
    fn statements(&mut self, draft: &mut Draft, todo: &[&[Stmt]], mut scope: Scope) -> Option<Outcome> {
        draft.step()?;
        let mut todo: Vec<&[Stmt]> = todo.iter().copied().filter(|body| !body.is_empty()).collect();
        let (stmt, rest) = todo.first()?.split_first()?;
        *todo.first_mut()? = rest;
        scope.line = stmt.line;
        match &stmt.kind {
            StmtKind::Return(Some(value)) => return Some(Outcome::Gives(self.term(draft, value, &scope)?)),
            StmtKind::Raise => return Some(Outcome::Never),
            StmtKind::Assign(targets, value) => {
                let value = self.term(draft, value, &scope)?;
                for target in targets {
                    let Expr::Name(name) = target else { return None };
                    put(&mut scope, name, value.clone());
                }
            }
            StmtKind::Update(Expr::Name(name), sign, value) => {
                let value = self.term(draft, value, &scope)?;
                let held = self.term(draft, &Expr::Name(name.clone()), &scope)?;
                put(&mut scope, name, binary(Operator::named(sign)?, held, value));
            }
            StmtKind::If(branches, otherwise) => {
                let (test, body) = branches.first()?;
                let after = |body| std::iter::once(body).chain(todo.iter().copied()).collect::<Vec<_>>();
                let others = branches.get(1..).unwrap_or_default();
                // What follows the first branch, as statements of its own.
                let otherwise = match others {
                    [] => otherwise.clone(),
                    _ => {
                        let kind = StmtKind::If(others.to_vec(), otherwise.clone());
                        vec![Stmt { line: stmt.line, kind }]
                    }
                };
                let condition = self.term(draft, test, &scope)?;
                return match draft.number(&condition) {
                    Some(0.0) => self.statements(draft, &after(&otherwise), scope),
                    Some(_) => self.statements(draft, &after(body), scope),
                    None => {
                        let then = self.statements(draft, &after(body), scope.clone())?;
                        let otherwise = self.statements(draft, &after(&otherwise), scope)?;
                        Some(match (then, otherwise) {
                            (Outcome::Gives(then), Outcome::Gives(otherwise)) => {
                                Outcome::Gives(choice(condition, then, otherwise))
                            }
                            (Outcome::Never, only) | (only, Outcome::Never) => only,
                        })
                    }
                };
            }
            StmtKind::Block(body) => todo.insert(0, body),
            StmtKind::Assert(_) | StmtKind::Pass | StmtKind::Value(_) | StmtKind::Import(_) => {}
            _ => return None,
        }
        self.statements(draft, &todo, scope)
    }

    fn term(&mut self, draft: &mut Draft, expr: &Expr, scope: &Scope) -> Option<Term> {
        draft.step()?;
        Some(match expr {
            Expr::Number(number) => Term::Number(*number),
            Expr::Flag(flag) => Term::Number(f64::from(u8::from(*flag))),
            Expr::Name(name) => match scope.variables.iter().find(|(known, _)| known == name) {
                Some((_, term)) => term.clone(),
                None => self.known(draft, name, expr, scope)?,
            },
            Expr::Member(member) => self.known(draft, &member.1, expr, scope)?,
            Expr::Index(_) => match self.eval(expr, scope.frame, scope.line).ok()? {
                Value::Number(number) => Term::Number(number),
                _ => return None,
            },
            Expr::Unary("-", inner) => match self.term(draft, inner, scope)? {
                Term::Number(number) => Term::Number(-number),
                inner => Term::Negative(Box::new(inner)),
            },
            Expr::Unary("+", inner) => self.term(draft, inner, scope)?,
            Expr::Unary("not", inner) => call(Named::Not, vec![self.term(draft, inner, scope)?]),
            Expr::Binary(sign, sides) => {
                let operator = Operator::named(sign)?;
                binary(operator, self.term(draft, &sides.0, scope)?, self.term(draft, &sides.1, scope)?)
            }
            Expr::Compare(first, rest) => {
                let mut left = self.term(draft, first, scope)?;
                let mut whole: Option<Term> = None;
                for (sign, right) in rest {
                    let operator = Operator::named(sign).filter(|operator| operator.compares())?;
                    let right = self.term(draft, right, scope)?;
                    let here = binary(operator, left, right.clone());
                    whole = Some(match whole {
                        Some(before) => binary(Operator::And, before, here),
                        None => here,
                    });
                    left = right;
                }
                whole?
            }
            Expr::Choice(parts) => {
                let condition = self.term(draft, &parts.0, scope)?;
                match draft.number(&condition) {
                    Some(0.0) => self.term(draft, &parts.2, scope)?,
                    Some(_) => self.term(draft, &parts.1, scope)?,
                    None => {
                        let then = self.term(draft, &parts.1, scope)?;
                        choice(condition, then, self.term(draft, &parts.2, scope)?)
                    }
                }
            }
            Expr::Call(called) => self.call_term(draft, called, scope)?,
            _ => return None,
        })
    }

    /// What the program says of a name outside the function.
    fn known(&mut self, draft: &mut Draft, name: &str, expr: &Expr, scope: &Scope) -> Option<Term> {
        match self.eval(expr, scope.frame, scope.line).ok()? {
            Value::Number(number) => Some(draft.constant(name, number)),
            Value::Flag(flag) => Some(Term::Number(f64::from(u8::from(flag)))),
            _ => None,
        }
    }

    fn call_term(&mut self, draft: &mut Draft, called: &Call, scope: &Scope) -> Option<Term> {
        if called.callee.is_some() {
            return None;
        }
        let mut arguments = Vec::new();
        let given: &[Expr] = match called.arguments.as_slice() {
            [Expr::List(items)] => items,
            arguments => arguments,
        };
        if let Some((Bound::Function(function), _)) = self.program.bound(&called.path, scope.line) {
            let function = std::rc::Rc::clone(function);
            return self.inlined(draft, &function, called, scope);
        }
        // What a number is to be kept as makes no difference here.
        let is_cast = matches!(called.name.as_str(), "cast" | "array" | "asarray" | "float32" | "float64");
        for argument in given.iter().take(if is_cast { 1 } else { given.len() }) {
            arguments.push(self.term(draft, argument, scope)?);
        }
        let first = || arguments.first().cloned();
        let two = |operator| Some(binary(operator, first()?, arguments.get(1)?.clone()));
        match called.name.as_str() {
            _ if is_cast => first(),
            "float" => first(),
            "int" => first().map(|term| term.call(Named::Floor)),
            "pow" | "power" => two(Operator::Power),
            "rsqrt" => first().map(|term| term.power(-0.5)),
            "log" if arguments.len() == 2 => {
                let base = arguments.get(1)?.clone().call(Named::Log);
                Some(first()?.call(Named::Log) / base)
            }
            "minimum" => Some(call(Named::Min, arguments)),
            "maximum" => Some(call(Named::Max, arguments)),
            "clip" if arguments.len() == 3 => {
                Some(first()?.max(arguments.get(1)?.clone()).min(arguments.get(2)?.clone()))
            }
            "where" | "cond" if arguments.len() == 3 => {
                Some(choice(first()?, arguments.get(1)?.clone(), arguments.get(2)?.clone()))
            }
            name => {
                let (_, function, least, most) = Named::ALL.into_iter().find(|(known, ..)| *known == name)?;
                (least..=most).contains(&arguments.len()).then(|| call(function, arguments))
            }
        }
    }

    /// A function of the program, with its arguments in place of its parameters.
    fn inlined(
        &mut self,
        draft: &mut Draft,
        function: &Function,
        called: &Call,
        scope: &Scope,
    ) -> Option<Term> {
        if scope.calls >= MAX_CALLS {
            return None;
        }
        let mut inner = Scope { line: function.line, calls: scope.calls + 1, ..Scope::default() };
        for (at, parameter) in function.parameters.iter().enumerate() {
            let value = match called.argument(&parameter.name, at) {
                Some(given) => self.term(draft, given, scope)?,
                None => self.term(draft, parameter.default.as_ref()?, &Scope::default())?,
            };
            inner.variables.push((parameter.name.clone(), value));
        }
        match self.statements(draft, &[&function.body], inner)? {
            Outcome::Gives(term) => Some(term),
            Outcome::Never => None,
        }
    }
}

fn put(scope: &mut Scope, name: &str, value: Term) {
    match scope.variables.iter_mut().find(|(known, _)| known == name) {
        Some((_, held)) => *held = value,
        None => scope.variables.push((name.to_owned(), value)),
    }
}

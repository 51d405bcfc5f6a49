//! What stands in brackets: lists, tables, arguments and parameters.

use std::rc::Rc;

use super::lex::{Lexeme, Token};
use super::parse::{Failed, Parser};
use super::tree::{Expr, Function, Pair, Parameter, Stmt, StmtKind, called};

/// Arguments by place, and by name.
type Arguments = (Vec<Expr>, Vec<(String, Expr)>);

impl Parser<'_> {
    pub(super) fn parenthesised(&mut self) -> Result<Expr, Failed> {
        if self.take(")") {
            return Ok(Expr::List(Vec::new()));
        }
        // `(yield x)`.
        if self.word_is("yield") {
            self.skip();
        }
        self.take("*");
        let first = self.expression()?;
        let first = self.comprehension(first)?;
        if self.take(")") {
            return Ok(first);
        }
        let mut items = vec![first];
        if self.take(",") {
            match self.bracketed(")")? {
                Expr::List(rest) => items.extend(rest),
                other => items.push(other),
            }
        } else {
            self.close(")")?;
        }
        Ok(Expr::List(items))
    }

    /// The rest of a list up to its closing bracket.
    pub(super) fn bracketed(&mut self, close: &str) -> Result<Expr, Failed> {
        let mut items = Vec::new();
        loop {
            if self.take(close) {
                return Ok(Expr::List(items));
            }
            let is_spread = self.take("*");
            let item = self.expression()?;
            let item = self.comprehension(item)?;
            if items.is_empty() && matches!(item, Expr::Comprehension(_)) && self.take(close) {
                return Ok(item);
            }
            items.push(if is_spread { Expr::Unknown(format!("*{}", item.shown())) } else { item });
            if !self.take(",") {
                self.close(close)?;
                return Ok(Expr::List(items));
            }
        }
    }

    /// A table, or a set.
    pub(super) fn braced(&mut self) -> Result<Expr, Failed> {
        let mut pairs = Vec::new();
        let mut items = Vec::new();
        loop {
            if self.take("}") {
                break;
            }
            let line = self.line();
            if self.take("**") {
                let spread = self.expression()?;
                pairs.push(Pair { key: Expr::Unknown("**".to_owned()), value: spread, line });
            } else {
                let key = self.expression()?;
                if self.take(":") {
                    let value = self.expression()?;
                    if self.word_is("for") {
                        // `{key: value for ...}` is the `dict` of pairs.
                        let of = self.comprehension(Expr::List(vec![key, value]))?;
                        self.close("}")?;
                        return Ok(called("dict", of, line));
                    }
                    pairs.push(Pair { key, value, line });
                } else if self.word_is("for") {
                    let of = self.comprehension(key)?;
                    self.close("}")?;
                    return Ok(called("set", of, line));
                } else {
                    items.push(key);
                }
            }
            if !self.take(",") {
                self.close("}")?;
                break;
            }
        }
        Ok(if items.is_empty() { Expr::Table(pairs) } else { Expr::List(items) })
    }

    /// Passes over what is not understood up to the closing bracket.
    fn close(&mut self, close: &str) -> Result<(), Failed> {
        loop {
            if self.take(close) {
                return Ok(());
            }
            if self.tokens.is_empty() {
                return Err(format!("a `{close}` is missing"));
            }
            let before = self.tokens.len();
            self.skip();
            if self.tokens.len() == before {
                self.advance();
            }
        }
    }

    pub(super) fn arguments(&mut self) -> Result<Arguments, Failed> {
        let (mut arguments, mut named) = (Vec::new(), Vec::new());
        loop {
            if self.take(")") {
                break;
            }
            if self.take("**") {
                named.push(("**".to_owned(), self.expression()?));
            } else if self.take("*") {
                let spread = self.expression()?;
                arguments.push(Expr::Unknown(format!("*{}", spread.shown())));
            } else if let [
                Lexeme { token: Token::Name(name), .. },
                Lexeme { token: Token::Sign("="), .. },
                rest @ ..,
            ] = self.tokens
            {
                self.tokens = rest;
                named.push((name.clone(), self.expression()?));
            } else {
                let value = self.expression()?;
                arguments.push(self.comprehension(value)?);
            }
            if !self.take(",") {
                self.close(")")?;
                break;
            }
        }
        Ok((arguments, named))
    }

    pub(super) fn lambda(&mut self) -> Result<Expr, Failed> {
        let line = self.line();
        self.advance();
        let parameters = self.parameters(":")?;
        let value = self.expression()?;
        let body = vec![Stmt { line, kind: StmtKind::Return(Some(value)) }];
        Ok(Expr::Lambda(Rc::new(Function { name: String::new(), parameters, body, line })))
    }

    /// The parameters of a function up to what ends them.
    pub fn parameters(&mut self, close: &str) -> Result<Vec<Parameter>, Failed> {
        let mut parameters = Vec::new();
        loop {
            if self.take(close) {
                return Ok(parameters);
            }
            if self.take("/") || self.take("*") && (self.next_is(",") || self.next_is(close)) {
                self.take(",");
                continue;
            }
            self.take("**");
            let Some(name) = self.name() else { return Err("no list of parameters".to_owned()) };
            if close != ":" && self.take(":") {
                // Its type is not needed.
                self.either()?;
            }
            let default = if self.take("=") { Some(self.expression()?) } else { None };
            parameters.push(Parameter { name: name.to_owned(), default });
            if !self.take(",") {
                return if self.take(close) {
                    Ok(parameters)
                } else {
                    Err(format!("a `{close}` is missing after the parameters"))
                };
            }
        }
    }
}

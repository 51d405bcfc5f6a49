//! A reader of Python expressions: names, numbers, texts, lists, tables, calls and plain arithmetic. It takes
//! a program apart and never runs it; what it does not understand it keeps as [`Expr::Unknown`].

mod lex;
mod parse;

use std::collections::HashMap;

use super::ImportError;

/// How deep brackets and operators may be nested.
const MAX_DEPTH: usize = 48;
/// How many names may lead to one another.
const MAX_LINKS: usize = 16;

/// A value as a program writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Flag(bool),
    None,
    List(Vec<Expr>),
    Table(Vec<(Expr, Expr)>),
    /// A name, with its dots.
    Name(String),
    Call(Box<Call>),
    /// Something else, as the program spells it.
    Unknown(String),
}

/// A call of something with a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// The name's last part.
    pub name: String,
    pub arguments: Vec<Expr>,
    pub named: Vec<(String, Expr)>,
}

/// A program's statements in order, each perhaps the value of a name.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub statements: Vec<(Option<String>, Expr)>,
    /// The statement of each name's last value.
    values: HashMap<String, usize>,
}

impl Program {
    /// # Errors
    /// When brackets do not match, a text does not end, or the nesting is too deep.
    pub fn read(text: &str) -> Result<Self, ImportError> {
        let mut program = Self::default();
        for statement in lex::statements(text)? {
            for (name, value) in parse::statement(&statement, &program)? {
                if let Some(name) = &name {
                    program.values.insert(name.clone(), program.statements.len());
                }
                program.statements.push((name, value));
            }
        }
        Ok(program)
    }

    /// The value itself, where it is the name of one.
    pub fn resolve<'p>(&'p self, mut value: &'p Expr) -> &'p Expr {
        for _ in 0..MAX_LINKS {
            let Expr::Name(name) = value else { break };
            let Some((_, meant)) = self.values.get(name).and_then(|at| self.statements.get(*at)) else {
                break;
            };
            value = meant;
        }
        value
    }

    /// Every call, with the name that its value has where it is a statement's whole value. Calls within
    /// calls come before them.
    pub fn calls(&self) -> Vec<(Option<&str>, &Call)> {
        let mut calls = Vec::new();
        for (name, value) in &self.statements {
            gather(value, name.as_deref(), &mut calls);
        }
        calls
    }
}

fn gather<'p>(value: &'p Expr, name: Option<&'p str>, calls: &mut Vec<(Option<&'p str>, &'p Call)>) {
    match value {
        Expr::List(items) => items.iter().for_each(|item| gather(item, None, calls)),
        Expr::Table(entries) => entries.iter().for_each(|(_, value)| gather(value, None, calls)),
        Expr::Call(call) => {
            call.arguments.iter().for_each(|value| gather(value, None, calls));
            call.named.iter().for_each(|(_, value)| gather(value, None, calls));
            calls.push((name, call));
        }
        _ => {}
    }
}

impl Expr {
    /// The value as a program would spell it, not too long.
    pub fn shown(&self) -> String {
        let shown = match self {
            Self::Number(number) => format!("{number}"),
            Self::Text(text) => format!("\"{text}\""),
            Self::Flag(true) => "True".to_owned(),
            Self::Flag(false) => "False".to_owned(),
            Self::None => "None".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a dict".to_owned(),
            Self::Name(name) | Self::Unknown(name) => name.clone(),
            Self::Call(call) => format!("{}(...)", call.name),
        };
        shown.chars().filter(|c| !c.is_control()).take(60).collect()
    }
}

impl Call {
    /// The argument of this name, or at this place.
    pub fn argument(&self, name: &str, place: usize) -> Option<&Expr> {
        let named = self.named.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value);
        named.or_else(|| self.arguments.get(place))
    }
}

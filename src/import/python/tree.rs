//! What a program is taken apart into: expressions and statements, each with its line.

use std::rc::Rc;

/// A value as a program writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Flag(bool),
    None,
    List(Vec<Expr>),
    Table(Vec<Pair>),
    /// A name, with its dots.
    Name(String),
    Call(Box<Call>),
    /// An attribute of something that is no name, such as `f(x).T`.
    Member(Box<(Expr, String)>),
    Index(Box<(Expr, Expr)>),
    /// `-`, `+`, `not`.
    Unary(&'static str, Box<Expr>),
    /// Arithmetic, `and` and `or`.
    Binary(&'static str, Box<(Expr, Expr)>),
    /// `a < b <= c`, also with `==`, `!=`, `in`, `is`.
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    /// `then if test else otherwise`, as test, then, otherwise.
    Choice(Box<(Expr, Expr, Expr)>),
    Lambda(Rc<Function>),
    /// `[element for target in items if test]`.
    Comprehension(Box<Comprehension>),
    /// Something else, as the program spells it.
    Unknown(String),
}

/// An entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub key: Expr,
    pub value: Expr,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comprehension {
    pub element: Expr,
    pub target: Expr,
    pub items: Expr,
    pub test: Option<Expr>,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// The last part of the name of what is called.
    pub name: String,
    /// The whole name, such as `optax.cosine_decay_schedule`; of a method of a value only its last part.
    pub path: String,
    /// What is called, or whose method it is, where that is no name.
    pub callee: Option<Expr>,
    pub arguments: Vec<Expr>,
    /// In order; `**table` has the name `**`.
    pub named: Vec<(String, Expr)>,
    pub line: usize,
}

/// A function, or a lambda whose body is one `return`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub body: Vec<Stmt>,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub name: String,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    pub name: String,
    pub bases: Vec<Expr>,
    pub body: Vec<Stmt>,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stmt {
    pub line: usize,
    pub kind: StmtKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StmtKind {
    /// `a = b = value`, also `a: type = value`.
    Assign(Vec<Expr>, Expr),
    /// `a += value`, with the operator alone.
    Update(Expr, &'static str, Expr),
    Value(Expr),
    Return(Option<Expr>),
    /// Conditions with what they lead to, and what is left for `else`.
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    For {
        target: Expr,
        items: Expr,
        body: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    While {
        test: Expr,
        body: Vec<Stmt>,
    },
    Def(Rc<Function>),
    Class(Rc<Class>),
    /// What stands in `with`, `try` and their like.
    Block(Vec<Stmt>),
    /// What stands in `except`: what happens when something fails.
    Failing(Vec<Stmt>),
    Assert(Expr),
    Raise,
    Break,
    Continue,
    /// Names from elsewhere: the module and what it is called here.
    Import(Vec<(String, String)>),
    /// `global`, `nonlocal`.
    Outer(Vec<String>),
    Pass,
    Unknown(String),
}

impl Call {
    /// The argument of this name, or at this place.
    pub fn argument(&self, name: &str, place: usize) -> Option<&Expr> {
        let named = self.named.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value);
        named.or_else(|| self.arguments.get(place))
    }
}

impl Expr {
    /// The value as a program would spell it, not too long, without control characters.
    pub fn shown(&self) -> String {
        let mut out = String::new();
        self.spell(&mut out, 0);
        let short: String = out.chars().filter(|c| !c.is_control()).take(60).collect();
        if short.chars().count() == 60 { short + "…" } else { short }
    }

    fn spell(&self, out: &mut String, level: usize) {
        // Only the beginning will be shown.
        if out.len() > 80 || level > 60 {
            return;
        }
        match self {
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => out.push_str(&format!("\"{}\"", text.chars().take(60).collect::<String>())),
            Self::Flag(flag) => out.push_str(if *flag { "True" } else { "False" }),
            Self::None => out.push_str("None"),
            Self::List(items) => list(out, level, "[", items, "]"),
            Self::Table(_) => out.push_str("{…}"),
            Self::Name(name) | Self::Unknown(name) => out.push_str(name),
            Self::Call(call) => {
                out.push_str(if call.path.is_empty() { &call.name } else { &call.path });
                if call.named.is_empty() {
                    list(out, level, "(", &call.arguments, ")");
                } else {
                    out.push_str("(…)");
                }
            }
            Self::Member(member) => {
                member.0.spell(out, level + 1);
                out.push('.');
                out.push_str(&member.1);
            }
            Self::Index(index) => {
                index.0.spell(out, level + 1);
                list(out, level, "[", std::slice::from_ref(&index.1), "]");
            }
            Self::Unary(sign, value) => {
                out.push_str(sign);
                if *sign == "not" {
                    out.push(' ');
                }
                value.spell(out, level + 1);
            }
            Self::Binary(sign, sides) => {
                sides.0.spell(out, level + 1);
                out.push_str(&format!(" {sign} "));
                sides.1.spell(out, level + 1);
            }
            Self::Compare(first, rest) => {
                first.spell(out, level + 1);
                for (sign, value) in rest {
                    out.push_str(&format!(" {sign} "));
                    value.spell(out, level + 1);
                }
            }
            Self::Choice(parts) => {
                parts.1.spell(out, level + 1);
                out.push_str(" if ");
                parts.0.spell(out, level + 1);
                out.push_str(" else ");
                parts.2.spell(out, level + 1);
            }
            Self::Lambda(function) => {
                let names: Vec<&str> =
                    function.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                out.push_str(&format!("lambda {}: …", names.join(", ")));
            }
            Self::Comprehension(of) => {
                out.push('[');
                of.element.spell(out, level + 1);
                out.push_str(" for …]");
            }
        }
    }
}

fn list(out: &mut String, level: usize, open: &str, items: &[Expr], close: &str) {
    out.push_str(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item.spell(out, level + 1);
    }
    out.push_str(close);
}

/// A call of what is built in.
pub fn called(name: &str, argument: Expr, line: usize) -> Expr {
    let arguments = vec![argument];
    let (name, path) = (name.rsplit('.').next().unwrap_or(name).to_owned(), name.to_owned());
    Expr::Call(Box::new(Call { name, path, callee: None, arguments, named: Vec::new(), line }))
}

//! From logical lines to statements, by their indentation. What is no statement is kept as it is spelled: a
//! broken line costs that line and no more.

use std::rc::Rc;

use super::lex::{Lexeme, Line, Token};
use super::parse::{Failed, Parser, spelled};
use super::tree::{Class, Expr, Function, Stmt, StmtKind};

/// How deep statements may be nested; Python itself allows 100 levels.
const MAX_NESTED: usize = 40;

/// Operators that change what a name holds.
const UPDATES: [(&str, &str); 7] =
    [("+=", "+"), ("-=", "-"), ("*=", "*"), ("/=", "/"), ("//=", "//"), ("%=", "%"), ("**=", "**")];

pub(super) struct Blocks<'l> {
    lines: &'l [Line],
    at: usize,
    /// Lines that could not be taken apart, with the reason.
    pub failed: Vec<(usize, Failed)>,
}

impl<'l> Blocks<'l> {
    pub fn new(lines: &'l [Line]) -> Self {
        Self { lines, at: 0, failed: Vec::new() }
    }

    /// All statements.
    pub fn all(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        while self.at < self.lines.len() {
            // A snippet may begin deeper than it ends.
            body.extend(self.suite(0, 0));
        }
        body
    }

    fn peek(&self) -> Option<&'l Line> {
        self.lines.get(self.at)
    }

    /// The statements of lines that are indented at least so far.
    fn suite(&mut self, indent: usize, level: usize) -> Vec<Stmt> {
        let mut body = Vec::new();
        while let Some(line) = self.peek() {
            if line.indent < indent {
                break;
            }
            self.at += 1;
            let stmt = self.statement(line, &line.tokens, level);
            body.push(stmt);
        }
        body
    }

    /// What follows the colon of a head: on its own line, or below it.
    fn body(&mut self, head: &'l Line, rest: &[Lexeme], level: usize) -> Vec<Stmt> {
        if level >= MAX_NESTED {
            return Vec::new();
        }
        if !rest.is_empty() {
            let mut body = vec![self.statement(head, rest, level + 1)];
            while let Some(line) = self.peek().filter(|line| line.continues) {
                self.at += 1;
                body.push(self.statement(line, &line.tokens, level + 1));
            }
            return body;
        }
        match self.peek() {
            Some(next) if next.indent > head.indent => self.suite(next.indent, level + 1),
            _ => Vec::new(),
        }
    }

    fn statement(&mut self, line: &'l Line, tokens: &[Lexeme], level: usize) -> Stmt {
        let kind = match self.kind(line, tokens, level) {
            Ok(kind) => kind,
            Err(why) => {
                self.failed.push((line.line, why));
                let Expr::Unknown(text) = spelled(tokens) else {
                    return Stmt { line: line.line, kind: StmtKind::Pass };
                };
                StmtKind::Unknown(text)
            }
        };
        Stmt { line: line.line, kind }
    }

    fn kind(&mut self, line: &'l Line, tokens: &[Lexeme], level: usize) -> Result<StmtKind, Failed> {
        let Some((first, rest)) = tokens.split_first() else { return Ok(StmtKind::Pass) };
        let Token::Name(word) = &first.token else {
            if first.token == Token::Sign("@") {
                return Ok(StmtKind::Value(Parser::new(rest).items()?));
            }
            return simple(tokens);
        };
        // A soft keyword is a name where something follows it that a name is followed by.
        let is_name =
            matches!(rest.first().map(|next| &next.token), Some(Token::Sign("=" | "." | ":" | ",")));
        Ok(match word.as_str() {
            "import" | "from" => StmtKind::Import(imports(tokens)),
            "async" => return self.kind(line, rest, level),
            "def" => self.def(line, rest, level)?,
            "class" => self.class(line, rest, level)?,
            "if" | "elif" => self.conditions(line, rest, level)?,
            "else" | "finally" | "try" => {
                let (_, rest) = head(rest);
                StmtKind::Block(self.body(line, rest, level))
            }
            "except" => {
                let (_, rest) = head(rest);
                StmtKind::Failing(self.body(line, rest, level))
            }
            "with" => {
                let (items, rest) = head(rest);
                // `with a as b` gives a name, which nothing here can know.
                let value = Parser::new(items).expression().unwrap_or(Expr::None);
                let mut body = vec![Stmt { line: line.line, kind: StmtKind::Value(value) }];
                body.extend(self.body(line, rest, level));
                StmtKind::Block(body)
            }
            "for" => {
                let (items, rest) = head(rest);
                let mut parser = Parser::new(items);
                let target = parser.target()?;
                if !parser.take_word("in") {
                    return Err("a `for` without its `in`".to_owned());
                }
                let items = parser.items()?;
                let body = self.body(line, rest, level);
                let otherwise = self.otherwise(line, level);
                StmtKind::For { target, items, body, otherwise }
            }
            "while" => {
                let (test, rest) = head(rest);
                let test = Parser::new(test).expression()?;
                let body = self.body(line, rest, level);
                StmtKind::While { test, body }
            }
            "return" if rest.is_empty() => StmtKind::Return(None),
            "return" => StmtKind::Return(Some(Parser::new(rest).items()?)),
            "yield" if !rest.is_empty() => StmtKind::Value(Parser::new(rest).items()?),
            "assert" => StmtKind::Assert(Parser::new(rest).expression()?),
            "raise" => StmtKind::Raise,
            "break" => StmtKind::Break,
            "continue" => StmtKind::Continue,
            "pass" => StmtKind::Pass,
            "del" => StmtKind::Pass,
            "global" | "nonlocal" => StmtKind::Outer(
                rest.iter()
                    .filter_map(|lexeme| match &lexeme.token {
                        Token::Name(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect(),
            ),
            "match" | "case" if !is_name && !rest.is_empty() && ends_with_colon(line) => {
                return Err("`match` is not read".to_owned());
            }
            _ => return simple(tokens),
        })
    }

    fn def(&mut self, line: &'l Line, tokens: &[Lexeme], level: usize) -> Result<StmtKind, Failed> {
        let mut parser = Parser::new(tokens);
        let name = match tokens.first().map(|first| &first.token) {
            Some(Token::Name(name)) => name.clone(),
            _ => return Err("a function without a name".to_owned()),
        };
        parser.tokens = tokens.get(1..).unwrap_or_default();
        let parameters = if parser.take("(") { parser.parameters(")")? } else { Vec::new() };
        let (_, rest) = head(parser.tokens);
        let body = self.body(line, rest, level);
        Ok(StmtKind::Def(Rc::new(Function { name, parameters, body, line: line.line })))
    }

    fn class(&mut self, line: &'l Line, tokens: &[Lexeme], level: usize) -> Result<StmtKind, Failed> {
        let (declared, rest) = head(tokens);
        let (name, bases) = match Parser::new(declared).expression()? {
            Expr::Name(name) => (name, Vec::new()),
            Expr::Call(call) => (call.name.clone(), call.arguments),
            _ => return Err("a class without a name".to_owned()),
        };
        let body = self.body(line, rest, level);
        Ok(StmtKind::Class(Rc::new(Class { name, bases, body, line: line.line })))
    }

    fn conditions(&mut self, line: &'l Line, tokens: &[Lexeme], level: usize) -> Result<StmtKind, Failed> {
        let (test, rest) = head(tokens);
        let test = Parser::new(test).expression()?;
        let mut branches = vec![(test, self.body(line, rest, level))];
        while let Some((next, tokens)) = self.begins("elif", line.indent) {
            self.at += 1;
            let (test, rest) = head(tokens);
            let test = Parser::new(test).expression()?;
            let body = self.body(next, rest, level);
            branches.push((test, body));
        }
        Ok(StmtKind::If(branches, self.otherwise(line, level)))
    }

    fn otherwise(&mut self, line: &'l Line, level: usize) -> Vec<Stmt> {
        let Some((next, tokens)) = self.begins("else", line.indent) else { return Vec::new() };
        self.at += 1;
        let (_, rest) = head(tokens);
        self.body(next, rest, level)
    }

    /// The next line, and what follows this word on it, where it begins with the word at this indentation.
    fn begins(&self, word: &str, indent: usize) -> Option<(&'l Line, &'l [Lexeme])> {
        let next = self.peek().filter(|next| next.indent == indent && !next.continues)?;
        match next.tokens.split_first() {
            Some((Lexeme { token: Token::Name(found), .. }, rest)) if found == word => Some((next, rest)),
            _ => None,
        }
    }
}

fn ends_with_colon(line: &Line) -> bool {
    line.tokens.last().is_some_and(|last| last.token == Token::Sign(":"))
}

/// What stands before the first colon outside brackets (and outside a lambda), and what follows it.
fn head(tokens: &[Lexeme]) -> (&[Lexeme], &[Lexeme]) {
    let (mut depth, mut lambdas) = (0, 0);
    for (at, lexeme) in tokens.iter().enumerate() {
        match &lexeme.token {
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => depth -= 1,
            Token::Name(word) if word == "lambda" && depth == 0 => lambdas += 1,
            Token::Sign(":") if depth == 0 && lambdas > 0 => lambdas -= 1,
            Token::Sign(":") if depth == 0 => {
                return (tokens.get(..at).unwrap_or_default(), tokens.get(at + 1..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (tokens, &[])
}

/// Assignments and values.
fn simple(tokens: &[Lexeme]) -> Result<StmtKind, Failed> {
    let mut depth = 0;
    let mut colon = None;
    let mut equals = Vec::new();
    for (at, lexeme) in tokens.iter().enumerate() {
        match lexeme.token {
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => depth -= 1,
            Token::Sign("=") if depth == 0 => equals.push(at),
            Token::Sign(":") if depth == 0 && equals.is_empty() && colon.is_none() => colon = Some(at),
            Token::Sign(sign) if depth == 0 && equals.is_empty() => {
                if let Some((_, operator)) = UPDATES.into_iter().find(|(update, _)| *update == sign) {
                    let target = Parser::new(tokens.get(..at).unwrap_or_default()).items()?;
                    let value = Parser::new(tokens.get(at + 1..).unwrap_or_default()).items()?;
                    return Ok(StmtKind::Update(target, operator, value));
                }
            }
            _ => {}
        }
    }
    let part = |from: usize, to: usize| tokens.get(from..to).unwrap_or_default();
    let Some(last) = equals.last().copied() else {
        // The type in `lr: float` says nothing.
        return match colon {
            Some(1) => Ok(StmtKind::Pass),
            _ => Ok(StmtKind::Value(Parser::new(tokens).items()?)),
        };
    };
    let value = Parser::new(part(last + 1, tokens.len())).items()?;
    let mut targets = Vec::new();
    let mut start = 0;
    for end in equals {
        let end_of_target = colon.filter(|colon| (start..end).contains(colon)).unwrap_or(end);
        targets.push(Parser::new(part(start, end_of_target)).items()?);
        start = end + 1;
    }
    Ok(StmtKind::Assign(targets, value))
}

/// `import a.b as c`, `from a import b as c, d`: whole names, and what they are called.
fn imports(tokens: &[Lexeme]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for lexeme in tokens {
        match &lexeme.token {
            Token::Name(name) => words.push(name.clone()),
            Token::Sign(sign @ ("." | "," | "...")) => words.push((*sign).to_owned()),
            _ => {}
        }
    }
    let is_from = words.first().is_some_and(|first| first == "from");
    let split = words.iter().position(|word| word == "import").unwrap_or(0);
    let module = if is_from { words.get(1..split).unwrap_or_default().concat() } else { String::new() };
    let rest = words.get(split + 1..).unwrap_or_default();
    if is_from && rest.is_empty() && !module.is_empty() {
        // `from a import *`.
        return vec![(module.clone(), module)];
    }
    for item in rest.split(|word| word == ",") {
        let (path, alias) = match item.iter().position(|word| word == "as") {
            Some(at) => (item.get(..at).unwrap_or_default().concat(), item.get(at + 1).cloned()),
            None => (item.concat(), None),
        };
        if path.is_empty() {
            continue;
        }
        let called = alias.unwrap_or_else(|| path.clone());
        let whole = if module.is_empty() { path } else { format!("{module}.{path}") };
        found.push((whole, called));
    }
    found
}

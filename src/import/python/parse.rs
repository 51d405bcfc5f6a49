//! From a statement's tokens to its value.

use super::super::ImportError;
use super::lex::{Statement, Token};
use super::{Call, Expr, MAX_DEPTH, Program};

/// Words that begin a statement without a value; what follows their colon may have one.
const WORDS: [&str; 20] = [
    "import", "from", "def", "class", "for", "while", "if", "elif", "else", "with", "try", "except",
    "finally", "raise", "assert", "del", "global", "pass", "break", "async",
];

/// A value, and the name it is given.
type Valued = (Option<String>, Expr);

/// A statement's values: what a loop goes through, and what the statement itself says.
pub(super) fn statement(statement: &Statement, program: &Program) -> Result<Vec<Valued>, ImportError> {
    let mut tokens = statement.tokens.as_slice();
    let mut values = Vec::new();
    while let [Token::Name(word), rest @ ..] = tokens {
        if matches!(word.as_str(), "return" | "yield" | "await") {
            tokens = rest;
        } else if WORDS.contains(&word.as_str()) {
            tokens = after_colon(rest);
            let head = rest.get(..rest.len() - tokens.len()).unwrap_or_default();
            let within = head.iter().position(|token| *token == Token::Name("in".to_owned()));
            if let (true, Some(within)) = (word == "for", within) {
                values.extend(valued(
                    from(head, within + 1).split_last().map_or(&[], |(_, it)| it),
                    statement,
                    program,
                )?);
            }
        } else {
            break;
        }
    }
    values.extend(valued(tokens, statement, program)?);
    Ok(values)
}

/// The value of these tokens, if they have one.
fn valued(tokens: &[Token], statement: &Statement, program: &Program) -> Result<Option<Valued>, ImportError> {
    let (name, value) = named(tokens);
    if value.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: value, line: statement.line, depth: 0, program };
    let first = parser.expression(0)?;
    // A bare tuple.
    if parser.next_is(",") {
        let mut items = vec![first];
        while parser.take(",") && !parser.tokens.is_empty() {
            items.push(parser.expression(0)?);
        }
        return Ok(Some((name, Expr::List(items))));
    }
    Ok(Some((name, first)))
}

/// The tokens from a place on.
fn from(tokens: &[Token], at: usize) -> &[Token] {
    tokens.get(at..).unwrap_or_default()
}

/// What follows the first colon outside brackets.
fn after_colon(tokens: &[Token]) -> &[Token] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => depth -= 1,
            Token::Sign(":") if depth == 0 => return from(tokens, at + 1),
            _ => {}
        }
    }
    &[]
}

/// The name before a statement's `=`, such as `self.scheduler`, and the tokens of the value.
fn named(tokens: &[Token]) -> (Option<String>, &[Token]) {
    let mut name = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Name(part) => name.push_str(part),
            Token::Sign(".") => name.push('.'),
            Token::Sign("=") if at > 0 => {
                return match named(from(tokens, at + 1)) {
                    // In `a = b = 1` the last name will do.
                    (Some(last), value) => (Some(last), value),
                    (None, value) => (Some(name), value),
                };
            }
            // The type in `lr: float = 0.1` is not needed.
            Token::Sign(":") if at > 0 => {
                return match tokens.iter().position(|token| *token == Token::Sign("=")) {
                    Some(equals) => (Some(name), from(tokens, equals + 1)),
                    None => (None, &[]),
                };
            }
            _ => break,
        }
    }
    (None, tokens)
}

struct Parser<'t> {
    tokens: &'t [Token],
    line: usize,
    depth: usize,
    program: &'t Program,
}

/// Arguments by place, and by name.
type Arguments = (Vec<Expr>, Vec<(String, Expr)>);

/// How tightly an operator binds.
fn binding(sign: &str) -> Option<u8> {
    match sign {
        "+" | "-" => Some(1),
        "*" | "/" | "//" | "%" => Some(2),
        "**" => Some(4),
        _ => None,
    }
}

impl Parser<'_> {
    fn advance(&mut self) {
        self.tokens = self.tokens.split_first().map_or(&[], |(_, rest)| rest);
    }

    fn next_is(&self, sign: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.next_is(sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn expression(&mut self, least: u8) -> Result<Expr, ImportError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(ImportError::Syntax { line: self.line, message });
        }
        let start = self.tokens;
        let mut value = self.operand()?;
        while let Some(Token::Sign(sign)) = self.tokens.first() {
            let Some(tight) = binding(sign).filter(|tight| *tight >= least) else { break };
            self.advance();
            // A power binds to the right, the others to the left.
            let right = self.expression(if *sign == "**" { tight } else { tight + 1 })?;
            value = match (&value, &right) {
                (Expr::Number(left), Expr::Number(right)) => Expr::Number(arithmetic(sign, *left, *right)),
                _ => self.unknown_since(start),
            };
        }
        if least == 0 && !self.at_end() {
            // A comparison, a condition, a comprehension: skipped as one.
            self.skip();
            value = self.unknown_since(start);
        }
        self.depth -= 1;
        Ok(value)
    }

    fn at_end(&self) -> bool {
        matches!(self.tokens.first(), None | Some(Token::Sign("," | ")" | "]" | "}" | ":" | "=")))
    }

    /// Skips to the end of the expression.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.first() {
            match token {
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}" | ",") if depth == 0 => return,
                Token::Sign(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// What stood here since `start`, as it is spelled.
    fn unknown_since(&self, start: &[Token]) -> Expr {
        let used = start.len() - self.tokens.len();
        let mut spelled = String::new();
        for token in start.iter().take(used.min(20)) {
            match token {
                Token::Number(number) => spelled.push_str(&number.to_string()),
                Token::Text(text) => {
                    spelled.extend(['"'].into_iter().chain(text.chars().take(20)).chain(['"']));
                }
                Token::Name(name) => {
                    if spelled.ends_with(char::is_alphanumeric) {
                        spelled.push(' ');
                    }
                    spelled.push_str(name);
                }
                Token::Sign(sign @ ("+" | "-" | "*" | "/" | "//" | "%" | "=" | "<" | ">")) => {
                    spelled.push(' ');
                    spelled.push_str(sign);
                    spelled.push(' ');
                }
                Token::Sign(sign) => spelled.push_str(sign),
            }
        }
        Expr::Unknown(spelled)
    }

    fn operand(&mut self) -> Result<Expr, ImportError> {
        let start = self.tokens;
        let Some((token, rest)) = self.tokens.split_first() else {
            let message = "something is missing at the end".to_owned();
            return Err(ImportError::Syntax { line: self.line, message });
        };
        self.tokens = rest;
        let value = match token {
            Token::Number(number) => Expr::Number(*number),
            Token::Text(text) => {
                let mut text = text.clone();
                while let Some((Token::Text(more), rest)) = self.tokens.split_first() {
                    text.push_str(more);
                    self.tokens = rest;
                }
                Expr::Text(text)
            }
            Token::Sign("-") => match self.expression(3)? {
                Expr::Number(number) => Expr::Number(-number),
                _ => self.unknown_since(start),
            },
            Token::Sign("+") => self.expression(3)?,
            Token::Sign("(") => self.parenthesised()?,
            Token::Sign("[") => Expr::List(self.items("]")?),
            Token::Sign("{") => self.table()?,
            Token::Name(word) if matches!(word.as_str(), "lambda" | "not") => {
                self.skip();
                self.unknown_since(start)
            }
            Token::Name(word) => self.word(word),
            Token::Sign(_) => {
                self.skip();
                self.unknown_since(start)
            }
        };
        self.after(value, start)
    }

    /// A constant, or a name with its dots; one that stands for a number is that number.
    fn word(&mut self, word: &str) -> Expr {
        match word {
            "True" | "true" => return Expr::Flag(true),
            "False" | "false" => return Expr::Flag(false),
            "None" | "null" => return Expr::None,
            _ => {}
        }
        let mut name = word.to_owned();
        while let [Token::Sign("."), Token::Name(part), rest @ ..] = self.tokens {
            name.push('.');
            name.push_str(part);
            self.tokens = rest;
        }
        let name = Expr::Name(name);
        match self.program.resolve(&name) {
            number @ Expr::Number(_) => number.clone(),
            _ => name,
        }
    }

    /// The calls and indices after a value.
    fn after(&mut self, mut value: Expr, start: &[Token]) -> Result<Expr, ImportError> {
        loop {
            if self.take("(") {
                let (arguments, named) = self.arguments()?;
                value = match value {
                    Expr::Name(name) => call(&name, arguments, named),
                    _ => self.unknown_since(start),
                };
            } else if self.take("[") {
                self.items("]")?;
                value = self.unknown_since(start);
            } else if let [Token::Sign("."), Token::Name(_), rest @ ..] = self.tokens {
                self.tokens = rest;
                value = self.unknown_since(start);
            } else {
                return Ok(value);
            }
        }
    }

    fn parenthesised(&mut self) -> Result<Expr, ImportError> {
        if self.take(")") {
            return Ok(Expr::List(Vec::new()));
        }
        let first = self.expression(0)?;
        if self.take(")") {
            return Ok(first);
        }
        let mut items = vec![first];
        if self.take(",") {
            items.extend(self.items(")")?);
        } else {
            self.close(")")?;
        }
        Ok(Expr::List(items))
    }

    /// The rest of a list up to its closing bracket.
    fn items(&mut self, close: &str) -> Result<Vec<Expr>, ImportError> {
        let mut items = Vec::new();
        loop {
            if self.take(close) {
                return Ok(items);
            }
            self.take("*");
            items.push(self.expression(0)?);
            // A slice has colons.
            while self.take(":") {
                if !self.at_end() {
                    self.expression(0)?;
                }
            }
            if !self.take(",") {
                self.close(close)?;
                return Ok(items);
            }
        }
    }

    fn close(&mut self, sign: &str) -> Result<(), ImportError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(ImportError::Syntax { line: self.line, message: format!("`{sign}` is missing") })
    }

    fn table(&mut self) -> Result<Expr, ImportError> {
        let mut entries = Vec::new();
        loop {
            if self.take("}") {
                return Ok(Expr::Table(entries));
            }
            self.take("**");
            let key = self.expression(0)?;
            if self.take(":") {
                entries.push((key, self.expression(0)?));
            }
            if !self.take(",") {
                self.close("}")?;
                return Ok(Expr::Table(entries));
            }
        }
    }

    fn arguments(&mut self) -> Result<Arguments, ImportError> {
        let (mut places, mut named) = (Vec::new(), Vec::new());
        loop {
            if self.take(")") {
                return Ok((places, named));
            }
            if let [Token::Name(name), Token::Sign("="), rest @ ..] = self.tokens {
                self.tokens = rest;
                named.push((name.clone(), self.expression(0)?));
            } else {
                let unpacked = self.take("**") || self.take("*");
                let value = self.expression(0)?;
                if !unpacked {
                    places.push(value);
                }
            }
            if !self.take(",") {
                self.close(")")?;
                return Ok((places, named));
            }
        }
    }
}

fn call(name: &str, arguments: Vec<Expr>, named: Vec<(String, Expr)>) -> Expr {
    // What a conversion of a number leads to is plain.
    if let ("int" | "float", [Expr::Number(number)]) = (name, arguments.as_slice()) {
        return Expr::Number(if name == "int" { number.trunc() } else { *number });
    }
    if let ("dict", []) = (name, arguments.as_slice()) {
        return Expr::Table(named.into_iter().map(|(key, value)| (Expr::Text(key), value)).collect());
    }
    let name = name.rsplit('.').next().unwrap_or_default().to_owned();
    Expr::Call(Box::new(Call { name, arguments, named }))
}

fn arithmetic(sign: &str, left: f64, right: f64) -> f64 {
    match sign {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "//" => (left / right).floor(),
        "%" => left - right * (left / right).floor(),
        _ => left.powf(right),
    }
}

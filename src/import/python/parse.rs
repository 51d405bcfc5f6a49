//! From the tokens of a statement to its expressions.

use super::lex::{Lexeme, Token};
use super::tree::{Call, Comprehension, Expr, called};

/// How deep brackets and operators may be nested.
const MAX_DEPTH: usize = 48;
/// How many operators, calls or indices may follow one another: each makes the tree a level deeper.
const MAX_CHAIN: usize = 64;

/// Why tokens are no expression.
pub(super) type Failed = String;

pub(super) struct Parser<'t> {
    pub tokens: &'t [Lexeme],
    depth: usize,
}

const COMPARISONS: [&str; 6] = ["<", ">", "<=", ">=", "==", "!="];

/// How tightly an operator of arithmetic binds.
fn binding(sign: &str) -> Option<u8> {
    match sign {
        "|" | "^" | "&" | "<<" | ">>" => Some(1),
        "+" | "-" => Some(2),
        "*" | "/" | "//" | "%" | "@" => Some(3),
        "**" => Some(5),
        _ => None,
    }
}
const SIGNED: u8 = 4;

impl<'t> Parser<'t> {
    pub fn new(tokens: &'t [Lexeme]) -> Self {
        Self { tokens, depth: 0 }
    }

    pub(super) fn advance(&mut self) {
        self.tokens = self.tokens.split_first().map_or(&[], |(_, rest)| rest);
    }

    pub(super) fn line(&self) -> usize {
        self.tokens.first().map_or(0, |lexeme| lexeme.line)
    }

    pub fn next_is(&self, sign: &str) -> bool {
        matches!(self.tokens.first(), Some(Lexeme { token: Token::Sign(found), .. }) if *found == sign)
    }

    pub fn take(&mut self, sign: &str) -> bool {
        let is_next = self.next_is(sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    pub(super) fn word_is(&self, word: &str) -> bool {
        matches!(self.tokens.first(), Some(Lexeme { token: Token::Name(found), .. }) if found == word)
    }

    pub fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.word_is(word);
        if is_next {
            self.advance();
        }
        is_next
    }

    pub(super) fn name(&mut self) -> Option<&'t str> {
        match self.tokens.split_first() {
            Some((Lexeme { token: Token::Name(name), .. }, rest)) => {
                self.tokens = rest;
                Some(name)
            }
            _ => None,
        }
    }

    /// Expressions between commas; several are a list, as a bare tuple is.
    pub fn items(&mut self) -> Result<Expr, Failed> {
        self.take("*");
        let first = self.expression()?;
        if !self.next_is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") && !self.at_end() {
            self.take("*");
            items.push(self.expression()?);
        }
        Ok(Expr::List(items))
    }

    /// What ends an expression wherever it stands.
    fn at_end(&self) -> bool {
        matches!(
            self.tokens.first().map(|lexeme| &lexeme.token),
            None | Some(Token::Sign("," | ")" | "]" | "}" | ":" | "=" | ":="))
        )
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        let done = inner(self);
        self.depth -= 1;
        done
    }

    /// A whole expression, with a condition where it has one.
    pub fn expression(&mut self) -> Result<Expr, Failed> {
        self.deeper(|it| {
            let start = it.tokens;
            if it.word_is("lambda") {
                return it.lambda();
            }
            let value = it.either()?;
            let value = if it.take_word("if") {
                let test = it.either()?;
                let otherwise = if it.take_word("else") { it.expression()? } else { Expr::None };
                Expr::Choice(Box::new((test, value, otherwise)))
            } else {
                value
            };
            // `name := value`.
            if it.take(":=") {
                return it.expression();
            }
            if it.at_end()
                || it.word_is("for")
                || it.word_is("async")
                || it.word_is("if")
                || it.word_is("else")
            {
                return Ok(value);
            }
            if it.word_is("in") || it.word_is("as") || it.word_is("from") {
                return Ok(value);
            }
            // Something that no expression has: skipped as one.
            it.skip();
            Ok(it.unknown_since(start))
        })
    }

    pub(super) fn either(&mut self) -> Result<Expr, Failed> {
        let mut value = self.both()?;
        let mut chain = 0;
        while self.take_word("or") {
            chain = count(chain)?;
            value = Expr::Binary("or", Box::new((value, self.both()?)));
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Expr, Failed> {
        let mut value = self.negated()?;
        let mut chain = 0;
        while self.take_word("and") {
            chain = count(chain)?;
            value = Expr::Binary("and", Box::new((value, self.negated()?)));
        }
        Ok(value)
    }

    fn negated(&mut self) -> Result<Expr, Failed> {
        if self.take_word("not") {
            let inner = self.deeper(Self::negated)?;
            return Ok(Expr::Unary("not", Box::new(inner)));
        }
        let first = self.arithmetic(0)?;
        let mut rest = Vec::new();
        while let Some(sign) = self.comparison() {
            rest.push((sign, self.arithmetic(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(Box::new(first), rest) })
    }

    fn comparison(&mut self) -> Option<&'static str> {
        if let Some(Lexeme { token: Token::Sign(sign), .. }) = self.tokens.first()
            && COMPARISONS.contains(sign)
        {
            self.advance();
            return Some(sign);
        }
        // The `in` of a `for` is not one: `for` reads its target by itself.
        if self.take_word("in") {
            return Some("in");
        }
        if self.take_word("is") {
            return Some(if self.take_word("not") { "is not" } else { "is" });
        }
        if self.word_is("not") {
            self.advance();
            return Some(if self.take_word("in") { "not in" } else { "!=" });
        }
        None
    }

    fn arithmetic(&mut self, least: u8) -> Result<Expr, Failed> {
        self.deeper(|it| {
            let mut value = it.signed()?;
            let mut chain = 0;
            while let Some(Lexeme { token: Token::Sign(sign), .. }) = it.tokens.first() {
                let Some(tight) = binding(sign).filter(|tight| *tight >= least) else { break };
                it.advance();
                chain = count(chain)?;
                // A power binds to the right, the others to the left.
                let right = it.arithmetic(if *sign == "**" { SIGNED } else { tight + 1 })?;
                value = Expr::Binary(sign, Box::new((value, right)));
            }
            Ok(value)
        })
    }

    fn signed(&mut self) -> Result<Expr, Failed> {
        for sign in ["-", "+", "~"] {
            if self.take(sign) {
                let value = self.deeper(|it| it.arithmetic(SIGNED + 1))?;
                return Ok(match (sign, value) {
                    ("-", Expr::Number(number)) => Expr::Number(-number),
                    ("+", value) => value,
                    (sign, value) => Expr::Unary(sign, Box::new(value)),
                });
            }
        }
        self.take_word("await");
        let start = self.tokens;
        let value = self.operand()?;
        self.after(value, start)
    }

    /// Skips to the end of the expression.
    pub(super) fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(lexeme) = self.tokens.first() {
            match lexeme.token {
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}" | ",") if depth == 0 => return,
                Token::Sign(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    /// What stood here since `start`, as it is spelled.
    fn unknown_since(&self, start: &[Lexeme]) -> Expr {
        spelled(start.get(..start.len() - self.tokens.len()).unwrap_or_default())
    }

    fn operand(&mut self) -> Result<Expr, Failed> {
        let start = self.tokens;
        let Some((lexeme, rest)) = self.tokens.split_first() else {
            return Err("something is missing at the end".to_owned());
        };
        self.tokens = rest;
        Ok(match &lexeme.token {
            Token::Number(number) => Expr::Number(*number),
            Token::Text(text) => {
                let mut text = text.clone();
                while let Some((Lexeme { token: Token::Text(more), .. }, rest)) = self.tokens.split_first() {
                    text.push_str(more);
                    self.tokens = rest;
                }
                Expr::Text(text)
            }
            Token::Sign("(") => self.parenthesised()?,
            Token::Sign("[") => self.bracketed("]")?,
            Token::Sign("{") => self.braced()?,
            Token::Name(word) => self.word(word),
            Token::Sign(_) => {
                self.skip();
                self.unknown_since(start)
            }
        })
    }

    /// A constant, or a name with its dots.
    fn word(&mut self, word: &str) -> Expr {
        match word {
            "True" | "true" => return Expr::Flag(true),
            "False" | "false" => return Expr::Flag(false),
            "None" | "null" => return Expr::None,
            _ => {}
        }
        let mut name = word.to_owned();
        while let [
            Lexeme { token: Token::Sign("."), .. },
            Lexeme { token: Token::Name(part), .. },
            rest @ ..,
        ] = self.tokens
        {
            name.push('.');
            name.push_str(part);
            self.tokens = rest;
        }
        Expr::Name(name)
    }

    /// The calls, indices and attributes after a value.
    fn after(&mut self, mut value: Expr, start: &[Lexeme]) -> Result<Expr, Failed> {
        let mut chain = 0;
        loop {
            let line = start.first().map_or(0, |lexeme| lexeme.line);
            if self.take("(") {
                let (arguments, named) = self.arguments()?;
                let (name, path, callee) = match value {
                    Expr::Name(path) => (path.rsplit('.').next().unwrap_or_default().to_owned(), path, None),
                    Expr::Member(member) => {
                        let (of, name) = *member;
                        (name.clone(), name, Some(of))
                    }
                    other => (String::new(), String::new(), Some(other)),
                };
                value = Expr::Call(Box::new(Call { name, path, callee, arguments, named, line }));
            } else if self.take("[") {
                let index = self.index()?;
                value = Expr::Index(Box::new((value, index)));
            } else if let [
                Lexeme { token: Token::Sign("."), .. },
                Lexeme { token: Token::Name(name), .. },
                rest @ ..,
            ] = self.tokens
            {
                self.tokens = rest;
                value = Expr::Member(Box::new((value, name.clone())));
            } else {
                return Ok(value);
            }
            chain = count(chain)?;
        }
    }

    /// What stands in the brackets of an index; a slice is not known.
    fn index(&mut self) -> Result<Expr, Failed> {
        let start = self.tokens;
        let mut items = Vec::new();
        let mut is_slice = false;
        loop {
            if self.take("]") {
                break;
            }
            if self.take(":") {
                is_slice = true;
            } else if !self.take(",") {
                items.push(self.expression()?);
            }
            if self.tokens.is_empty() {
                return Err("`[` is never closed".to_owned());
            }
        }
        let used = start.get(..start.len() - self.tokens.len() - 1).unwrap_or_default();
        Ok(match (is_slice, items.len()) {
            (true, _) => spelled(used),
            (false, 1) => items.pop().unwrap_or(Expr::None),
            _ => Expr::List(items),
        })
    }

    pub(super) fn comprehension(&mut self, element: Expr) -> Result<Expr, Failed> {
        self.take_word("async");
        if !self.take_word("for") {
            return Ok(element);
        }
        let target = self.target()?;
        if !self.take_word("in") {
            return Err("a `for` without its `in`".to_owned());
        }
        let items = self.either()?;
        let mut test = None;
        while self.take_word("if") {
            let next = self.either()?;
            test = Some(match test.take() {
                None => next,
                Some(before) => Expr::Binary("and", Box::new((before, next))),
            });
        }
        if self.word_is("for") {
            // Two loops are the lists of the inner one, joined.
            let line = self.line();
            let element = self.deeper(|it| it.comprehension(element))?;
            let outer = Expr::Comprehension(Box::new(Comprehension { element, target, items, test }));
            return Ok(called("itertools.chain.from_iterable", outer, line));
        }
        Ok(Expr::Comprehension(Box::new(Comprehension { element, target, items, test })))
    }

    /// What a `for` gives its values to.
    pub fn target(&mut self) -> Result<Expr, Failed> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            self.take("*");
            if self.take("(") || self.take("[") {
                items.push(self.deeper(Self::target)?);
                let _ = self.take(")") || self.take("]");
            } else if self.word_is("in") {
                break;
            } else {
                let start = self.tokens;
                let value = self.operand()?;
                items.push(self.after(value, start)?);
            }
            if !self.take(",") {
                break;
            }
            is_tuple = true;
        }
        Ok(match items.len() {
            1 if !is_tuple => items.pop().unwrap_or(Expr::None),
            _ => Expr::List(items),
        })
    }
}

fn count(chain: usize) -> Result<usize, Failed> {
    if chain < MAX_CHAIN { Ok(chain + 1) } else { Err(format!("more than {MAX_CHAIN} operators in a row")) }
}

/// Tokens as they were spelled, at most so many.
pub(super) fn spelled(tokens: &[Lexeme]) -> Expr {
    let mut spelled = String::new();
    for lexeme in tokens.iter().take(20) {
        match &lexeme.token {
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

//! From text to terms: the expressions of Python that are arithmetic, with `^` as another `**`.

use super::operator::level;
use super::{Formula, FormulaError, Function, LONGEST, NAMES, Operator, Term, fixed};

/// How deep terms may lie in terms.
const DEEPEST: usize = 100;
const TERM: &str = "a number, a name, a function of the list or a bracket";

pub(super) fn formula(text: &str) -> Result<(Term, Vec<String>), FormulaError> {
    if text.len() > LONGEST {
        let found = format!("{} bytes", text.len());
        return Err(FormulaError { at: 0, found, allowed: format!("at most {LONGEST} bytes") });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, constants: Vec::new() };
    let root = parser.conditional(0)?;
    match parser.peek() {
        Token::End => Ok((root, parser.constants)),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Sign(&'static str),
    End,
}

/// A token, where it begins, and how it is written.
#[derive(Debug)]
struct Placed {
    token: Token,
    at: usize,
    text: String,
}

/// The longer before the shorter that begins alike.
const SIGNS: [&str; 17] =
    ["**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "^", "<", ">", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<Placed>, FormulaError> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&first) = characters.get(at) {
        if first.is_whitespace() {
            at += 1;
            continue;
        }
        let rest = &characters[at..];
        let (token, length) = if first.is_ascii_digit() || first == '.' {
            number(rest, at)?
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.iter().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.')).count();
            (Token::Name(rest[..length].iter().collect()), length)
        } else {
            let begins = |sign: &&&str| sign.chars().zip(rest).filter(|(a, b)| a == *b).count() == sign.len();
            match SIGNS.iter().find(begins) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => {
                    let allowed = "numbers, names, + - * / // % ** < <= > >= == != and brackets";
                    return Err(FormulaError { at, found: format!("`{first}`"), allowed: allowed.into() });
                }
            }
        };
        found.push(Placed { token, at, text: rest[..length].iter().collect() });
        at += length;
    }
    found.push(Placed { token: Token::End, at: characters.len(), text: String::new() });
    Ok(found)
}

/// A number as Python writes it: `1_000`, `.5`, `1e-3`.
fn number(rest: &[char], at: usize) -> Result<(Token, usize), FormulaError> {
    let digits = |from: usize| rest[from..].iter().take_while(|c| c.is_ascii_digit() || **c == '_').count();
    let mut length = digits(0);
    if rest.get(length) == Some(&'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(rest.get(length), Some('e' | 'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some('+' | '-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    let text: String = rest[..length].iter().filter(|c| **c != '_').collect();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Token::Number(number), length)),
        _ => Err(FormulaError { at, found: format!("`{text}`"), allowed: "a finite number".into() }),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    constants: Vec<String>,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |placed| &placed.token)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        if token != Token::End {
            self.next += 1;
        }
        token
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.next += usize::from(there);
        there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Token::Name(found) if found == word);
        self.next += usize::from(there);
        there
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(0, |placed| placed.at)
    }

    fn unexpected(&self, allowed: &str) -> FormulaError {
        let found = match self.tokens.get(self.next) {
            Some(Placed { token: Token::End, .. }) | None if self.next == 0 => "nothing".to_owned(),
            Some(Placed { token: Token::End, .. }) | None => "the end".to_owned(),
            Some(placed) => format!("`{}`", placed.text),
        };
        FormulaError { at: self.at(), found, allowed: allowed.to_owned() }
    }

    fn need(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn deeper(&self, depth: usize) -> Result<usize, FormulaError> {
        if depth < DEEPEST {
            return Ok(depth + 1);
        }
        let allowed = format!("at most {DEEPEST} levels");
        Err(FormulaError { at: self.at(), found: "terms in terms in terms".into(), allowed })
    }

    /// `then if condition else otherwise`
    fn conditional(&mut self, depth: usize) -> Result<Term, FormulaError> {
        let depth = self.deeper(depth)?;
        let then = self.binary(depth, level::OR)?;
        if !self.takes_word("if") {
            return Ok(then);
        }
        let condition = self.binary(depth, level::OR)?;
        if !self.takes_word("else") {
            return Err(self.unexpected("`else`"));
        }
        let otherwise = self.conditional(depth)?;
        let [condition, then, otherwise] = [condition, then, otherwise].map(Box::new);
        Ok(Term::If { condition, then, otherwise })
    }

    /// Operators that group from the left, the loosest level first; comparisons chain as in Python.
    fn binary(&mut self, depth: usize, level: u8) -> Result<Term, FormulaError> {
        match level {
            level::NOT if self.takes_word("not") => {
                let depth = self.deeper(depth)?;
                return Ok(Term::Call(Function::Not, vec![self.binary(depth, level)?]));
            }
            level::SIGN.. => return self.unary(depth),
            _ => {}
        }
        let mut left = self.binary(depth, level + 1)?;
        // The operand before, which a chain compares again: `a < b < c` is `a < b and b < c`.
        let mut before: Option<Term> = None;
        while let Some(operator) = self.operator(level) {
            let right = self.binary(depth, level + 1)?;
            let (a, chained) = match before.take() {
                Some(middle) => (middle, Some(left)),
                None => (left, None),
            };
            if level == level::COMPARISON {
                before = Some(right.clone());
            }
            let here = Term::Binary(operator, Box::new(a), Box::new(right));
            left = match chained {
                Some(earlier) => Term::Binary(Operator::And, Box::new(earlier), Box::new(here)),
                None => here,
            };
        }
        Ok(left)
    }

    /// The operator of this level that comes next.
    fn operator(&mut self, level: u8) -> Option<Operator> {
        let mut of_level = Operator::ALL.into_iter().filter(|(.., own)| *own == level);
        of_level.find(|(sign, ..)| self.takes(sign) || self.takes_word(sign)).map(|(_, operator, _)| operator)
    }

    fn unary(&mut self, depth: usize) -> Result<Term, FormulaError> {
        let depth = self.deeper(depth)?;
        if self.takes("-") {
            return Ok(Term::Negative(Box::new(self.unary(depth)?)));
        }
        if self.takes("+") {
            return self.unary(depth);
        }
        let base = self.atom(depth)?;
        if self.takes("**") || self.takes("^") {
            // Powers group from the right and bind tighter than a sign before them.
            let exponent = self.unary(depth)?;
            return Ok(Term::Binary(Operator::Power, Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn atom(&mut self, depth: usize) -> Result<Term, FormulaError> {
        if self.takes("(") {
            let inner = self.conditional(depth)?;
            self.need(")")?;
            return Ok(inner);
        }
        let begin = self.next;
        match self.take() {
            Token::Number(number) => Ok(Term::Number(number)),
            Token::Name(name) if !matches!(name.as_str(), "if" | "else" | "and" | "or" | "not") => {
                self.name(&name, begin, depth)
            }
            _ => {
                self.next = begin;
                Err(self.unexpected(TERM))
            }
        }
    }

    /// A function's call, a name of the language, or a constant.
    fn name(&mut self, written: &str, begin: usize, depth: usize) -> Result<Term, FormulaError> {
        let bare = ["math.", "np.", "numpy."].iter().find_map(|room| written.strip_prefix(room));
        let name = bare.unwrap_or(written);
        let refused = |parser: &Self, allowed: String| {
            let at = parser.tokens.get(begin).map_or(0, |placed| placed.at);
            Err(FormulaError { at, found: format!("`{written}`"), allowed })
        };
        let functions = || Function::ALL.map(|(name, ..)| name).join(", ");
        if self.takes("(") {
            let Some((_, function, least, most)) =
                Function::ALL.into_iter().find(|(known, ..)| *known == name)
            else {
                return refused(self, format!("the functions {}", functions()));
            };
            let mut arguments = vec![self.conditional(depth)?];
            while self.takes(",") {
                arguments.push(self.conditional(depth)?);
            }
            self.need(")")?;
            if !(least..=most).contains(&arguments.len()) {
                let count = if least == most { format!("{least}") } else { format!("{least} or more") };
                return refused(self, format!("{count} argument{}", if count == "1" { "" } else { "s" }));
            }
            return Ok(Term::Call(function, arguments));
        }
        if let Some(number) = fixed(name) {
            return Ok(Term::Number(number));
        }
        match name {
            "t" => return Ok(Term::Tick),
            "total" => return Ok(Term::Total),
            _ => {}
        }
        if name.contains('.') || name.starts_with('_') {
            let allowed = format!("{}, a constant's name, or a call of {}", NAMES.join(", "), functions());
            return refused(self, allowed);
        }
        let at = self.constants.iter().position(|known| known == name).unwrap_or_else(|| {
            self.constants.push(name.to_owned());
            self.constants.len() - 1
        });
        Ok(Term::Constant(at))
    }
}

impl std::str::FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Self, FormulaError> {
        Self::parse(text)
    }
}

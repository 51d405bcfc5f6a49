//! Which framework a text is for. A dialect is claimed by what stands in the text and only it has; every sign
//! has its weight, and the signs that were found can be shown.

use std::fmt;

use super::dialects::ALL;
use super::text::{Form, Text};
use super::{ImportError, Imported, Options};

/// The weight from which a text is a dialect's.
const CLAIMED: u32 = 10;

/// A way in which schedules are written, with its reader: one file, and one row of [`ALL`].
pub struct Dialect {
    /// What `--as` calls it.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// A short text that is one.
    pub example: &'static str,
    /// What it is recognised by, with weights: 10 is enough alone.
    pub(super) signs: &'static [(Sign, u32)],
    pub(super) read: fn(&Text<'_>, &Options) -> Result<Imported, ImportError>,
}

/// What a dialect is recognised by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A key of a table, perhaps within others (`a.b`).
    Key(&'static str),
    /// A key with this value.
    Is(&'static str, &'static str),
    /// A flag of a command line.
    Flag(&'static str),
    /// A call in Python, by its last name.
    Call(&'static str),
    /// A module that Python imports, or one in it.
    Import(&'static str),
    /// An assignment in Python outside functions.
    Name(&'static str),
    /// A word anywhere in a text of any form.
    Word(&'static str),
    /// The list of hyperparameters in a model's card.
    Card,
    /// A function of Python whose name says that it gives a rate.
    Function(&'static str),
    /// Python that sets the rate of an optimizer's group.
    SetsRate,
    /// A function of what counts updates or epochs, with a name that tells of a rate.
    RateFunction,
}

/// A sign that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is, as the text has it.
    pub what: String,
    pub line: usize,
    pub weight: u32,
}

/// What speaks for a dialect.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub dialect: &'static Dialect,
    pub evidence: Vec<Evidence>,
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Dialect {}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl Dialect {
    /// The dialect of this id.
    #[must_use]
    pub fn of(id: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|dialect| dialect.id == id)
    }

    fn evidence(&self, text: &Text<'_>) -> Vec<Evidence> {
        self.signs.iter().filter_map(|(sign, weight)| found(*sign, *weight, text)).collect()
    }
}

impl Candidate {
    /// The weights of its evidence together.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.evidence.iter().map(|evidence| evidence.weight).sum()
    }

    /// Whether it is enough to read the text as this.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.weight() >= CLAIMED
    }
}

fn found(sign: Sign, weight: u32, text: &Text<'_>) -> Option<Evidence> {
    let table = match &text.form {
        Form::Table(settings, _) => Some(settings),
        _ => None,
    };
    let flags = match &text.form {
        Form::Flags(settings) => Some(settings),
        _ => None,
    };
    let (what, line) = match sign {
        Sign::Key(path) => (format!("the key {path}"), table?.has_path(path)?),
        Sign::Is(path, value) => {
            let (holder, name) = path.rsplit_once('.').unwrap_or(("", path));
            let settings = if holder.is_empty() { table?.clone() } else { table?.table(holder) };
            let line = settings.has_path(name)?;
            let is = settings.peek(name).is_some_and(|found| found == value);
            if !is {
                return None;
            }
            (format!("{path} is {value}"), line)
        }
        Sign::Flag(name) => {
            let line = flags?.has_path(name)?;
            (format!("the flag --{}", name.replace('_', "-")), line)
        }
        Sign::Call(name) => {
            let (path, line) = text.call(name)?;
            (format!("the call {path}(…)"), line)
        }
        Sign::Import(module) => {
            let program = text.program()?;
            let is = |name: &str| name == module || name.starts_with(&format!("{module}."));
            let found = program.imports().find(|name| is(name))?.to_owned();
            let line = text.line_of(module).unwrap_or(1);
            (format!("the import of {found}"), line)
        }
        Sign::Name(name) => {
            let line = text.program()?.assigned_at(name)?;
            (format!("the name {name}"), line)
        }
        // Prose may speak of anything.
        Sign::Word(_) if matches!(text.form, Form::Plain) => return None,
        Sign::Word(word) => (format!("the word {word}"), text.line_of(word)?),
        Sign::Card => match &text.form {
            Form::Card(_) => ("the list of hyperparameters".to_owned(), text.line_of("hyperparameters")?),
            _ => return None,
        },
        Sign::Function(name) => {
            let function = text.program()?.function(name)?;
            (format!("the function {name}()"), function.line)
        }
        Sign::RateFunction => {
            let function = super::dialects::rate_function(text.program()?)?;
            (format!("the function {}(), of what counts", function.name), function.line)
        }
        Sign::SetsRate => {
            let (line, value) = super::dialects::rates_set(text.program()?).pop()?;
            (format!("the optimizer's rate is set to {value}"), line)
        }
    };
    Some(Evidence { what, line, weight })
}

/// Every dialect that anything speaks for, the strongest first.
pub(crate) fn candidates(text: &Text<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = ALL
        .into_iter()
        .map(|dialect| Candidate { dialect, evidence: dialect.evidence(text) })
        .filter(|candidate| !candidate.evidence.is_empty())
        .collect();
    // Equal ones stay in the table's order.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.weight()));
    found
}

/// The dialect of a text.
///
/// # Errors
/// When nothing that only one dialect has stands in it; the error says what came nearest.
pub(crate) fn of(text: &Text<'_>) -> Result<&'static Dialect, ImportError> {
    let candidates = candidates(text);
    match candidates.first() {
        Some(first) if first.is_claimed() => Ok(first.dialect),
        _ if text.raw.trim().is_empty() => Err(ImportError::Empty),
        first => {
            let nearest = first.map(|candidate| {
                let signs: Vec<String> = candidate
                    .evidence
                    .iter()
                    .take(3)
                    .map(|evidence| format!("{} (line {})", evidence.what, evidence.line))
                    .collect();
                (candidate.dialect.id, signs.join(", "))
            });
            let unread = text.settings().map(|settings| settings.unread("")).unwrap_or_default();
            let unread =
                unread.iter().filter(|unread| unread.matters).take(12).map(ToString::to_string).collect();
            Err(ImportError::Unrecognised { form: text.written_in(), nearest, unread })
        }
    }
}

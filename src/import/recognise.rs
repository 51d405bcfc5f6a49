//! Which framework a text is for. A dialect is claimed by what stands in the text and only it has; every sign
//! has its weight, and the signs that were found can be shown.

use super::ImportError;
use super::dialect::{Candidate, Dialect, Evidence, Sign};
use super::dialects::{self, ALL};
use super::rates::rates_set;
use super::text::{Form, Text};

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
        Sign::CallEnding(end) => {
            let (path, line) = text.call_ending(end)?;
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
            let function = dialects::rate_function(text.program()?)?;
            (format!("the function {}(), of what counts", function.name), function.line)
        }
        Sign::SetsRate => {
            let (line, value) = rates_set(text.program()?).pop()?;
            (format!("the optimizer's rate is set to {value}"), line)
        }
    };
    Some(Evidence { what, line, weight })
}

fn evidence(dialect: &Dialect, text: &Text<'_>) -> Vec<Evidence> {
    dialect.signs.iter().filter_map(|(sign, weight)| found(*sign, *weight, text)).collect()
}

/// Every dialect that anything speaks for, the strongest first.
pub(crate) fn candidates(text: &Text<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = ALL
        .into_iter()
        .map(|dialect| Candidate { dialect, evidence: evidence(dialect, text) })
        .filter(|candidate| !candidate.evidence.is_empty())
        .collect();
    // Equal ones stay in the table's order.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.weight()));
    found
}

/// The dialect of this id, as `--as` has it.
///
/// # Errors
/// When there is none, with the ids of those there are.
pub fn dialect_named(id: &str) -> Result<&'static Dialect, ImportError> {
    ALL.into_iter().find(|dialect| dialect.id == id).ok_or_else(|| ImportError::UnknownDialect {
        found: id.to_owned(),
        known: ALL.map(|dialect| dialect.id).join(", "),
    })
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
            let known = ALL.map(|dialect| dialect.name).join(", ");
            Err(ImportError::Unrecognised { form: text.written_in(), nearest, unread, known })
        }
    }
}

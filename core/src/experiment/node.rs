//! Values of the file that know where they stand, and say so when they are not what was asked for.

use std::cell::OnceCell;
use std::fmt::{self, Display};
use std::ops::{Bound, Range, RangeBounds};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::decimal;
use super::error::{FieldError, FileError, Place};
use super::near::nearest;
use super::phase::Phase;
use crate::schedule::formula::{Definition, Formula};
use crate::schedule::span::SpanError;
use crate::schedule::{ScheduleError, Span};

/// The longest quotation of the file in an error.
const QUOTE: usize = 60;

/// The largest amount of a span, in its unit: more than any run, and far from where floats stop counting.
const LONGEST: f64 = 1e12;

const SPAN: &str =
    "a span longer than nothing: updates (\"500\"), epochs (\"10ep\") or a share of the run (\"5%\")";

const POSITION: &str = "a place in the run: the start (\"0\"), updates (\"500\"), epochs (\"10ep\") or a share of the run (\"5%\")";

/// The file being read.
pub(super) struct Document<'t> {
    pub file: PathBuf,
    pub text: &'t str,
    /// Whether there is data to make epochs of; a surface has none.
    pub has_epochs: bool,
    /// The phases of its data, once they were read.
    pub phases: OnceCell<Vec<Phase>>,
}

/// A value, its place in the file, and the path that leads to it.
#[derive(Clone)]
pub(super) struct Node<'d> {
    document: &'d Document<'d>,
    value: &'d DeValue<'d>,
    at: Range<usize>,
    path: Path,
}

/// The way to a value: what it belongs to, such as `run "cosine"`, and the fields below, such as `lr.gamma`.
#[derive(Clone, Default)]
struct Path {
    scope: Option<Rc<str>>,
    fields: String,
}

/// A table whose fields are being read.
pub(super) struct Fields<'d> {
    pub node: Node<'d>,
    table: &'d DeTable<'d>,
}

impl Document<'_> {
    pub fn place(&self, offset: usize) -> Place {
        Place::new(self.file.clone(), self.text.as_bytes(), offset)
    }

    /// Where paths in the file start.
    pub fn folder(&self) -> PathBuf {
        self.file.parent().map(PathBuf::from).unwrap_or_default()
    }

    /// The fields at the top of the file.
    pub fn root<'d>(&'d self, value: &'d DeValue<'d>) -> Node<'d> {
        Node { document: self, value, at: 0..0, path: Path::default() }
    }
}

impl<'d> Node<'d> {
    /// The same value as the start of the fields of something with a name of its own.
    pub fn scoped(&self, scope: String) -> Self {
        Self { path: Path { scope: Some(scope.into()), fields: String::new() }, ..self.clone() }
    }

    fn child(&self, value: &'d toml::Spanned<DeValue<'d>>, path: Path) -> Self {
        Self { document: self.document, value: value.get_ref(), at: value.span(), path }
    }

    /// Where the value is.
    pub fn place(&self) -> Place {
        self.document.place(self.at.start)
    }

    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// The error that this value is not one of the allowed ones.
    pub fn error(&self, allowed: impl Into<String>) -> FileError {
        self.error_found(self.quote(), allowed)
    }

    /// The same, where what was found is best said in other words.
    pub fn error_found(&self, found: impl Into<String>, allowed: impl Into<String>) -> FileError {
        self.report(self.at.start, &self.path, found.into(), allowed.into(), None)
    }

    /// As [`Node::error_found`], with the name that was probably meant.
    pub fn error_near(&self, found: String, allowed: String, hint: Option<&str>) -> FileError {
        self.report(self.at.start, &self.path, found, allowed, hint)
    }

    fn report(
        &self,
        offset: usize,
        path: &Path,
        found: String,
        allowed: String,
        hint: Option<&str>,
    ) -> FileError {
        let place = self.document.place(offset);
        let hint = hint.map(str::to_owned);
        FileError::Field(Box::new(FieldError { place, field: path.to_string(), found, allowed, hint }))
    }

    /// What is wrong with the schedule in this table, its field's path continuing this one.
    pub fn schedule_error(&self, error: ScheduleError) -> FileError {
        let path = self.path.field(&error.field);
        self.report(self.offset_of(&error.field), &path, error.found, error.allowed, None)
    }

    /// Where the field at a path such as `parts[1].gamma` is, or the last on the way there that the file has.
    fn offset_of(&self, path: &str) -> usize {
        let (mut value, mut at) = (self.value, self.at.start);
        for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            let next = step.parse::<usize>().map_or_else(|_| value.get(step), |index| value.get(index));
            let Some(next) = next else { break };
            (value, at) = (next.get_ref(), next.span().start);
        }
        at
    }

    /// The value as the file spells it, on one line and not too long.
    fn quote(&self) -> String {
        match self.value {
            DeValue::Table(_) => "a table".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            _ => quote(self.document.text.get(self.at.clone()).unwrap_or_default()),
        }
    }

    /// The value as the file spells it.
    pub fn quoted(&self) -> String {
        self.quote()
    }

    /// The value, whatever it is.
    pub fn value(&self) -> Result<toml::Value, FileError> {
        let text = self.document.text.get(self.at.clone()).unwrap_or_default();
        let table: Result<toml::Table, _> = format!("value = {text}").parse();
        let value = table.ok().and_then(|mut table| table.remove("value"));
        value.ok_or_else(|| self.error("a value"))
    }

    /// The file it is in.
    pub fn file(&self) -> &'d std::path::Path {
        &self.document.file
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub fn is_number(&self) -> bool {
        self.value.is_integer() || self.value.is_float()
    }

    pub fn is_str(&self, text: &str) -> bool {
        self.value.as_str() == Some(text)
    }

    pub fn text(&self) -> Result<&'d str, FileError> {
        self.value.as_str().ok_or_else(|| self.error("a text in quotes"))
    }

    /// A formula that a schedule can have.
    pub fn formula(&self) -> Result<Formula, FileError> {
        let text = self.text().map_err(|_| self.error("a formula in quotes"))?;
        Definition::formula_of(text).map_err(|error| {
            // The place within the quotes, where the file says the text as it is.
            let written = self.document.text.get(self.at.clone()).unwrap_or_default();
            let is_plain = written.get(1..written.len().saturating_sub(1)) == Some(text);
            let within = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
            let at = if is_plain { self.at.start + 1 + within(error.at) } else { self.at.start };
            self.report(at, &self.path, error.found, error.allowed, None)
        })
    }

    pub fn flag(&self) -> Result<bool, FileError> {
        self.value.as_bool().ok_or_else(|| self.error("true or false"))
    }

    /// A finite number within the bounds.
    pub fn number(&self, bounds: impl RangeBounds<f64>) -> Result<f64, FileError> {
        let number = match self.value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
            }
            _ => None,
        };
        match number {
            // Adding zero turns -0.0 into 0.0, which means the same and reads better.
            Some(number) if f64::is_finite(number) && bounds.contains(&number) => Ok(number + 0.0),
            _ => Err(self.error(within("a number", &bounds, plainly))),
        }
    }

    /// A whole number within the bounds.
    pub fn whole<T>(&self, bounds: impl RangeBounds<T>) -> Result<T, FileError>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        self.value
            .as_integer()
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .and_then(|whole| T::try_from(whole).ok())
            .filter(|whole| bounds.contains(whole))
            .ok_or_else(|| self.error(within("a whole number", &bounds, T::to_string)))
    }

    /// One of the names in the list, and what it stands for.
    pub fn choice<T: Clone>(&self, names: &[(&'static str, T)]) -> Result<T, FileError> {
        let found = self.value.as_str();
        match names.iter().find(|(name, _)| found == Some(name)) {
            Some((_, choice)) => Ok(choice.clone()),
            None => Err(self.unknown(names.iter().map(|(name, _)| *name))),
        }
    }

    /// The error that this value is none of the names, with the nearest one.
    pub fn unknown(&self, names: impl Iterator<Item = &'static str> + Clone) -> FileError {
        let hint = self.value.as_str().and_then(|found| nearest(found, names.clone()));
        let allowed = one_of(names.map(|name| format!("\"{name}\"")));
        self.report(self.at.start, &self.path, self.quote(), allowed, hint)
    }

    /// A length of training: a text with its unit, or a whole number of updates.
    pub fn span(&self) -> Result<Span, FileError> {
        self.measurable(self.length().ok(), SPAN)
    }

    /// The phase that a length such as "phase:first" is that of, by name, with the phase's own length; nothing where it
    /// names none.
    pub fn phase(&self) -> Result<Option<(Arc<str>, Span)>, FileError> {
        let Some(name) = self.value.as_str().and_then(|text| text.strip_prefix("phase:")) else {
            return Ok(None);
        };
        let phases = self.document.phases.get().map(Vec::as_slice).unwrap_or_default();
        match phases.iter().find(|phase| *phase.name == *name.trim()) {
            Some(Phase { name, length: Some(length), .. }) => Ok(Some((Arc::clone(name), *length))),
            Some(_) => {
                Err(self
                    .error("a phase before the last one, which has what is left: the last part has no `for`"))
            }
            None if phases.is_empty() => Err(self.error("a span: the data have no [[data.phase]]")),
            None => {
                let known = one_of(phases.iter().map(|phase| format!("\"phase:{}\"", phase.name)));
                Err(self.error(format!("a phase of the data: {known}")))
            }
        }
    }

    /// A place in the run: a span, or 0 for the start.
    pub fn position(&self) -> Result<Span, FileError> {
        let position = match self.length() {
            Err(SpanError::Empty(text)) => start(&text),
            length => length.ok(),
        };
        self.measurable(position, POSITION)
    }

    fn length(&self) -> Result<Span, SpanError> {
        match self.value {
            DeValue::String(text) => text.parse(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse(),
            _ => Err(SpanError::Syntax(self.quote())),
        }
    }

    fn measurable(&self, span: Option<Span>, allowed: &str) -> Result<Span, FileError> {
        match span {
            Some(Span::Epochs(_)) if !self.document.has_epochs => {
                Err(self.error("updates (\"500\") or a share of the run (\"5%\"): a surface has no epochs"))
            }
            Some(span) if span.amount() <= LONGEST => Ok(span),
            Some(_) => Err(self.error(format!("a span of at most {}", plainly(&LONGEST)))),
            None => Err(self.error(allowed)),
        }
    }

    /// The entries of a list.
    pub fn items(&self, what: &str) -> Result<Vec<Self>, FileError> {
        let array = self.value.as_array().ok_or_else(|| self.error(what))?;
        let item = |(index, value): (usize, &'d toml::Spanned<DeValue<'d>>)| {
            self.child(value, self.path.item(index))
        };
        Ok(array.iter().enumerate().map(item).collect())
    }

    /// The entries of a list that has some.
    pub fn filled(&self, what: &str) -> Result<Vec<Self>, FileError> {
        let items = self.items(what)?;
        if items.is_empty() { Err(self.error_found("an empty list", what)) } else { Ok(items) }
    }

    /// The fields of a table.
    pub fn fields(&self, what: &str) -> Result<Fields<'d>, FileError> {
        match self.value {
            DeValue::Table(table) => Ok(Fields { node: self.clone(), table }),
            _ => Err(self.error(what)),
        }
    }
}

impl<'d> Fields<'d> {
    /// The field of this name, if the file has it.
    pub fn get(&self, name: &str) -> Option<Node<'d>> {
        let value = self.table.get(name)?;
        Some(self.node.child(value, self.node.path.field(name)))
    }

    /// Every field with its name, whatever it is called.
    pub fn all(&self) -> impl Iterator<Item = (&'d str, Node<'d>)> {
        let path = self.node.path.clone();
        let node = self.node.clone();
        self.table.iter().map(move |(key, value)| {
            let name: &'d str = key.get_ref();
            (name, node.child(value, path.field(&quote(name))))
        })
    }

    /// The field of this name as `reader` reads it, if the file has it.
    pub fn read<T>(
        &self,
        name: &str,
        reader: impl FnOnce(Node<'d>) -> Result<T, FileError>,
    ) -> Result<Option<T>, FileError> {
        self.get(name).map(reader).transpose()
    }

    /// The field of this name.
    pub fn need(&self, name: &str, allowed: &str) -> Result<Node<'d>, FileError> {
        self.get(name).ok_or_else(|| self.missing(name, allowed))
    }

    /// The error that a field is not there, at the table's place.
    pub fn missing(&self, name: &str, allowed: impl Into<String>) -> FileError {
        let node = &self.node;
        node.report(node.at.start, &node.path.field(name), "nothing".to_owned(), allowed.into(), None)
    }

    /// All fields, in the file's order.
    pub fn entries(&self) -> Vec<(String, Node<'d>)> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        let names = keys.into_iter().map(|key| key.get_ref().to_string());
        names.filter_map(|name| self.get(&name).map(|node| (name, node))).collect()
    }

    /// # Errors
    /// When there is a field of another name: the first such in the file.
    pub fn only(&self, allowed: &[&str]) -> Result<(), FileError> {
        let stranger = self
            .table
            .keys()
            .filter(|key| !allowed.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = stranger else { return Ok(()) };
        let path = self.node.path.field(&quote(key.get_ref()));
        let found = "a field that does not exist here".to_owned();
        let hint = nearest(key.get_ref(), allowed.iter().copied());
        let allowed = one_of(allowed.iter().map(ToString::to_string));
        Err(self.node.report(key.span().start, &path, found, allowed, hint))
    }
}

impl Path {
    fn field(&self, name: &str) -> Self {
        let fields = match self.fields.as_str() {
            "" => name.to_owned(),
            fields => format!("{fields}.{name}"),
        };
        Self { scope: self.scope.clone(), fields }
    }

    fn item(&self, index: usize) -> Self {
        Self { scope: self.scope.clone(), fields: format!("{}[{index}]", self.fields) }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.scope, self.fields.as_str()) {
            (Some(scope), "") => f.write_str(scope),
            (Some(scope), fields) => write!(f, "{scope}, {fields}"),
            (None, fields) => f.write_str(fields),
        }
    }
}

/// A piece of the file on one line and not too long, with nothing in it that a terminal would obey.
pub(super) fn quote(text: &str) -> String {
    let escape = |c: char| -> String { if c.is_control() { c.escape_default().collect() } else { c.into() } };
    let mut quote: String = text.chars().take(QUOTE).map(escape).collect();
    if text.chars().nth(QUOTE).is_some() {
        quote.push_str("...");
    }
    quote
}

/// The start of a run in the unit that `text` is written in, if it is a zero.
fn start(text: &str) -> Option<Span> {
    let start = match text {
        epochs if epochs.ends_with("ep") => Span::Epochs(0.0),
        percent if percent.ends_with('%') => Span::Percent(0.0),
        _ => Span::Updates(0.0),
    };
    let digits = text.trim_end_matches(['e', 'p', '%']).trim_end();
    (digits.parse() == Ok(0.0)).then_some(start)
}

/// `"a, b or c"`.
fn one_of(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A number as people say it: without the point that makes it a float to TOML.
fn plainly(number: &f64) -> String {
    let shown = decimal::number(*number);
    shown.strip_suffix(".0").map_or(shown.clone(), str::to_owned)
}

/// `noun` and its bounds in words.
fn within<T>(noun: &str, bounds: &impl RangeBounds<T>, show: impl Fn(&T) -> String) -> String {
    match (bounds.start_bound(), bounds.end_bound()) {
        (Bound::Included(min), Bound::Included(max)) => {
            format!("{noun} from {} to {}", show(min), show(max))
        }
        (Bound::Included(min), Bound::Excluded(max)) => {
            format!("{noun} from {} to below {}", show(min), show(max))
        }
        (Bound::Included(min), Bound::Unbounded) => format!("{noun} of at least {}", show(min)),
        (Bound::Excluded(min), Bound::Included(max)) => {
            format!("{noun} above {}, at most {}", show(min), show(max))
        }
        (Bound::Excluded(min), Bound::Excluded(max)) => {
            format!("{noun} above {}, below {}", show(min), show(max))
        }
        (Bound::Excluded(min), Bound::Unbounded) => format!("{noun} above {}", show(min)),
        (Bound::Unbounded, Bound::Included(max)) => format!("{noun} of at most {}", show(max)),
        (Bound::Unbounded, Bound::Excluded(max)) => format!("{noun} below {}", show(max)),
        (Bound::Unbounded, Bound::Unbounded) => {
            format!("a finite {}", noun.trim_start_matches("a "))
        }
    }
}

//! A text taken apart once, by what it is written in: the one view that dialects are recognised in and read
//! from.

use serde_json::Value;

use super::ImportError;
use super::python::{Expr, Program, StmtKind};
use super::settings::Settings;
use super::{flags, ini, json, yaml};

/// What a text is written in.
pub(crate) enum Form {
    Python(Box<Program>),
    Flags(Settings),
    /// JSON, YAML, TOML or INI.
    Table(Settings, Written),
    /// A model's card: the list of hyperparameters in it.
    Card(Settings),
    /// None of these.
    Plain,
}

/// What a table was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Json,
    Yaml,
    Toml,
    Ini,
}

/// A call of a program, by its name as it is spelled and as it was imported.
struct Called {
    path: String,
    whole: String,
    line: usize,
}

/// A text and what it is made of.
pub(crate) struct Text<'t> {
    pub raw: &'t str,
    pub form: Form,
    /// Why it could not be taken apart, where it looks like something that can.
    pub broken: Option<ImportError>,
    /// What is to be said of how it was taken apart.
    pub notes: Vec<String>,
    calls: Vec<Called>,
}

impl<'t> Text<'t> {
    pub fn read(raw: &'t str) -> Self {
        let mut notes = Vec::new();
        let plain = unfenced(raw);
        let (form, broken) = match form(plain.as_deref().unwrap_or(raw), &mut notes) {
            Ok(form) => (form, None),
            Err(error) => (Form::Plain, Some(error)),
        };
        Self { raw, broken, notes, ..Self::of(raw, form) }
    }

    /// A text of a form that is known.
    pub fn of(raw: &'t str, form: Form) -> Self {
        let mut calls = Vec::new();
        if let Form::Python(program) = &form {
            calls = program
                .calls()
                .into_iter()
                .map(|(_, call)| {
                    let path = if call.path.is_empty() { call.name.clone() } else { call.path.clone() };
                    Called { whole: program.imported(&path), path, line: call.line }
                })
                .collect();
        }
        Self { raw, form, broken: None, notes: Vec::new(), calls }
    }

    pub fn program(&self) -> Option<&Program> {
        match &self.form {
            Form::Python(program) => Some(program.as_ref()),
            _ => None,
        }
    }

    /// The settings of a table, or of a command line.
    pub fn settings(&self) -> Option<&Settings> {
        match &self.form {
            Form::Table(settings, _) | Form::Flags(settings) | Form::Card(settings) => Some(settings),
            _ => None,
        }
    }

    pub fn is_yaml(&self) -> bool {
        matches!(self.form, Form::Table(_, Written::Yaml))
    }

    /// What the form is called.
    pub fn written_in(&self) -> &'static str {
        match &self.form {
            Form::Python(_) | Form::Plain
                if ["pub fn ", "fn main("].iter().any(|word| self.raw.contains(word)) =>
            {
                "Rust code"
            }
            Form::Python(_) => "Python",
            Form::Flags(_) => "a command line",
            Form::Table(_, Written::Json) => "JSON",
            Form::Table(_, Written::Yaml) => "YAML",
            Form::Table(_, Written::Toml) => "TOML",
            Form::Table(_, Written::Ini) => "an INI file",
            Form::Card(_) => "a model card",
            Form::Plain => "no form that is known",
        }
    }

    /// The line on which a word first stands in the text, if it does.
    pub fn line_of(&self, word: &str) -> Option<usize> {
        let at = self.raw.find(word)?;
        Some(self.raw.get(..at).unwrap_or_default().matches('\n').count() + 1)
    }

    /// The last call of this name or whole name: how it is spelled, and its line.
    pub fn call(&self, name: &str) -> Option<(&str, usize)> {
        let is = |call: &&Called| {
            let last = call.path.rsplit('.').next().unwrap_or_default();
            last == name
                || call.whole == name
                || call.path.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
        };
        self.calls.iter().rfind(is).map(|call| (call.path.as_str(), call.line))
    }

    /// The last call of something whose name ends so.
    pub fn call_ending(&self, end: &str) -> Option<(&str, usize)> {
        let is = |call: &&Called| call.path.ends_with(end);
        self.calls.iter().rfind(is).map(|call| (call.path.as_str(), call.line))
    }
}

/// What stands between the fences of a text from a page or a chat, or after the prompts of a session; lines keep
/// their places.
fn unfenced(raw: &str) -> Option<String> {
    let is_fence = |line: &str| line.trim_start().starts_with("```");
    if raw.contains("hyperparameters were used during training") {
        return None;
    }
    // A program may show its usage between fences, in its documentation.
    let mut inside = false;
    let outside = raw.lines().filter(|line| {
        inside ^= is_fence(line);
        !inside && ["import ", "from ", "def ", "class "].iter().any(|word| line.starts_with(word))
    });
    if outside.count() > 2 {
        return None;
    }
    if raw.lines().filter(|line| is_fence(line)).count() >= 2 {
        let mut inside = false;
        let kept = raw.lines().map(|line| {
            if is_fence(line) {
                inside = !inside;
                ""
            } else if inside {
                line
            } else {
                ""
            }
        });
        return Some(kept.collect::<Vec<_>>().join("\n"));
    }
    let prompts = raw.lines().filter(|line| line.starts_with(">>> ") || line.starts_with("... ")).count();
    (prompts > 0 && 2 * prompts >= raw.lines().filter(|line| !line.trim().is_empty()).count()).then(|| {
        let plain = |line: &'_ str| {
            line.get(4..)
                .filter(|_| line.starts_with(">>> ") || line.starts_with("... "))
                .unwrap_or_default()
                .to_owned()
        };
        raw.lines().map(plain).collect::<Vec<_>>().join("\n")
    })
}

fn form(raw: &str, notes: &mut Vec<String>) -> Result<Form, ImportError> {
    let start = raw.trim_start();
    if start.starts_with('{') {
        if let Some(code) = notebook(raw) {
            notes
                .push("of the notebook its code cells were read; lines are counted in them alone".to_owned());
            return Ok(Form::Python(Program::read(&code)?.into()));
        }
        return Ok(Form::Table(Settings::of_pairs(&json::read(raw)?), Written::Json));
    }
    if let Some(settings) = card(raw) {
        return Ok(Form::Card(settings));
    }
    if is_toml(raw) {
        let broken = match json::toml(raw) {
            Ok(pairs) => return Ok(Form::Table(Settings::of_pairs(&pairs), Written::Toml)),
            Err(error) => error,
        };
        // Values without quotes make no TOML, and an INI file has them.
        let Ok(pairs) = ini::read(raw) else { return Err(broken) };
        notes.push(format!("it was read as an INI file ({broken})"));
        return Ok(Form::Table(Settings::of_pairs(&pairs), Written::Ini));
    }
    let is_yaml = is_yaml(raw);
    // A YAML may hold commands, and a script of commands is no YAML.
    if is_yaml && let Ok(pairs) = yaml::read(raw) {
        if let Some(settings) = flags_of(&pairs) {
            notes.push("the keys that are flags of a command were read as one".to_owned());
            return Ok(Form::Flags(settings));
        }
        return Ok(Form::Table(Settings::of_pairs(&pairs), Written::Yaml));
    }
    if flags::is_one(raw) {
        let (settings, others) = flags::read(raw);
        if others > 0 {
            notes.push(format!(
                "of several commands one was read; {others} others that set a rate were left out"
            ));
        }
        return Ok(Form::Flags(settings));
    }
    let program = match (is_yaml, Program::read(raw)) {
        // What only looks like one, such as the annotated fields of classes.
        (true, Ok(program)) if program.imports().next().is_some() => program,
        (true, _) => return Ok(Form::Table(Settings::of_pairs(&yaml::read(raw)?), Written::Yaml)),
        (false, program) => program?,
    };
    Ok(if program.body.iter().any(|stmt| !is_prose(&stmt.kind)) {
        Form::Python(program.into())
    } else {
        Form::Plain
    })
}

/// The flags of a command that a table lists as its keys: `MODEL_ARGS: {--lr: 1e-4, --train-iters: 100}`.
fn flags_of(pairs: &[super::python::Pair]) -> Option<Settings> {
    let flag = |pair: &super::python::Pair| match &pair.key {
        Expr::Text(key) => key.strip_prefix("--").map(|name| name.replace('-', "_")),
        _ => None,
    };
    let listed = |pairs: &[super::python::Pair]| -> Vec<(String, Expr, usize)> {
        pairs.iter().filter_map(|pair| Some((flag(pair)?, pair.value.clone(), pair.line))).collect()
    };
    let mut all = listed(pairs);
    for pair in pairs {
        if let Expr::Table(inner) = &pair.value {
            all.extend(listed(inner));
        }
    }
    (all.len() > 3).then(|| Settings::flags(all))
}

/// Whether a statement is one that any text makes.
fn is_prose(kind: &StmtKind) -> bool {
    matches!(
        kind,
        StmtKind::Unknown(_)
            | StmtKind::Pass
            | StmtKind::Value(Expr::Name(_) | Expr::Unknown(_) | Expr::Number(_) | Expr::Compare(..))
    )
}

/// The code cells of a notebook, without what is meant for the shell.
fn notebook(raw: &str) -> Option<String> {
    if !raw.contains("\"cells\"") {
        return None;
    }
    let notebook: Value = serde_json::from_str(raw).ok()?;
    let cells = notebook.get("cells")?.as_array()?;
    let mut code = String::new();
    for cell in cells.iter().filter(|cell| cell.get("cell_type").is_some_and(|kind| kind == "code")) {
        let source = match cell.get("source") {
            Some(Value::String(source)) => source.clone(),
            Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        if source.trim_start().starts_with("%%") && !source.trim_start().starts_with("%%time") {
            continue;
        }
        // A cell that is broken is left out by itself.
        let plain: Vec<&str> = source
            .lines()
            .map(|line| if line.trim_start().starts_with(['!', '%', '?']) { "" } else { line })
            .collect();
        let plain = plain.join("\n");
        if Program::read(&plain).is_ok() {
            code.push_str(&plain);
            code.push('\n');
        }
    }
    Some(code)
}

/// The hyperparameters of a model's card, one a line: `- learning_rate: 2e-05`.
fn card(raw: &str) -> Option<Settings> {
    let at = raw.find("hyperparameters were used during training")?;
    let before = raw.get(..at).unwrap_or_default().matches('\n').count();
    let mut pairs = Vec::new();
    for (index, line) in raw.get(at..).unwrap_or_default().lines().enumerate().skip(1) {
        let Some(item) = line.trim().strip_prefix(['-', '*']) else {
            if pairs.is_empty() || line.trim().is_empty() {
                continue;
            } else {
                break;
            };
        };
        if let Some((key, value)) = item.split_once(':') {
            let value = value.trim().trim_matches('`');
            let value = value.parse().map_or_else(|_| Expr::Text(value.to_owned()), Expr::Number);
            let key = Expr::Text(key.trim().trim_matches('`').to_owned());
            pairs.push(super::python::Pair { key, value, line: before + index + 1 });
        }
    }
    (!pairs.is_empty()).then(|| Settings::of_pairs(&pairs))
}

/// Whether a text that could not be taken apart looks like something that can be: a table, or a program.
pub(super) fn looks_written(raw: &str) -> bool {
    let is_code = |line: &str| {
        let line = line.trim_start();
        let words = ["import ", "from ", "def ", "class ", "for ", "if ", "return ", "@"];
        words.iter().any(|word| line.starts_with(word))
            || line.split_once('=').is_some_and(|(name, _)| is_key(name.trim()))
            || line.split_once('(').is_some_and(|(name, _)| is_key(name))
    };
    raw.trim_start().starts_with(['{', '[']) || is_toml(raw) || is_yaml(raw) || raw.lines().any(is_code)
}

/// Whether a text has TOML's sections.
fn is_toml(raw: &str) -> bool {
    let is_section = |line: &str| {
        let line = line.trim();
        line.starts_with('[')
            && line.split('#').next().unwrap_or_default().trim_end().ends_with(']')
            && line.trim_matches(['[', ']']).chars().all(|c| c.is_alphanumeric() || "_-.\"' ".contains(c))
            && line.trim_matches(['[', ']']).starts_with(|c: char| c.is_alphabetic() || c == '"')
    };
    let sections = raw.lines().filter(|line| !line.starts_with([' ', '\t']) && is_section(line)).count();
    let settings =
        raw.lines().filter(|line| line.split_once('=').is_some_and(|(key, _)| is_key(key.trim()))).count();
    sections > 0
        && settings > 0
        && !raw.starts_with("#!")
        && !raw.lines().any(|line| line.starts_with("import ") || line.starts_with("def "))
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\''))
}

/// Whether most lines that say anything are YAML's `key:` or `- item`.
fn is_yaml(raw: &str) -> bool {
    let (mut like, mut unlike, mut keys) = (0, 0, 0);
    for line in raw.lines().take(2000) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || matches!(line, "---" | "...") {
            continue;
        }
        let words = [
            "import ", "from ", "def ", "class ", "if ", "for ", "while ", "else:", "try:", "with ",
            "return", "@",
        ];
        let is_code = words.iter().any(|word| line.starts_with(word));
        let item = line.strip_prefix("- ").unwrap_or(line);
        let is_pair = item.split_once(':').is_some_and(|(key, rest)| {
            is_key(key.trim().trim_start_matches(['+', '~']))
                && (rest.is_empty() || rest.starts_with([' ', '\t']))
        }) || item.starts_with("<<:")
            || item.starts_with('"') && item.contains("\":");
        if is_code {
            unlike += 1;
        } else if is_pair {
            like += 1;
            keys += usize::from(!line.ends_with(','));
        } else if line.starts_with("- ") || line.starts_with(['[', ']', '{', '}', '"', '\'']) {
            like += 1;
        } else {
            unlike += 1;
        }
    }
    keys > 0 && like > 2 * unlike
}

//! Command lines: `--name value`, `--name=value`, in one line or many, with the variables of their shell.

use std::collections::BTreeMap;

use super::python::{Expr, Program};
use super::settings::Settings;

/// Words that a command of a training begins with.
const COMMANDS: [&str; 17] = [
    "python",
    "python3",
    "torchrun",
    "accelerate",
    "deepspeed",
    "fairseq-train",
    "fairseq-hydra-train",
    "srun",
    "mpirun",
    "horovodrun",
    "axolotl",
    "tune",
    "yolo",
    "uv",
    "bash",
    "sh",
    "nohup",
];

/// A word of a text and its line.
struct Word {
    text: String,
    line: usize,
}

/// Whether a text is a command line or a script of them, and no program.
pub(super) fn is_one(text: &str) -> bool {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let has_flags = lines().any(|line| {
        line.split_whitespace().any(|word| {
            let word = word.trim_start_matches(['"', '\'', '(']);
            word.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        })
    });
    let is_code = lines().any(|line| {
        let starts = ["import ", "from ", "def ", "class ", "@", "parser.", "return "];
        starts.iter().any(|start| line.starts_with(start))
    });
    has_flags && !is_code
}

/// The flags of the command that says most of a learning rate, and how many others there are.
pub(super) fn read(text: &str) -> (Settings, usize) {
    let (variables, words) = words(text);
    // What stands before the first command, such as a variable that lists flags, belongs to all.
    let starts: Vec<usize> =
        words.iter().enumerate().filter(|(_, (_, starts))| *starts).map(|(at, _)| at).collect();
    let all: Vec<&Word> = words.iter().map(|(word, _)| word).collect();
    let shared = all.get(..starts.first().copied().unwrap_or(all.len())).unwrap_or_default();
    let mut commands: Vec<Vec<(String, Expr, usize)>> = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(all.len());
        let own = all.get(*start..end).unwrap_or_default();
        // Each by itself: the words of a command are no values of what stands before it.
        let mut all = flags(shared.iter().copied(), &variables);
        all.extend(flags(own.iter().copied(), &variables));
        commands.push(all);
    }
    if commands.is_empty() {
        commands.push(flags(shared.iter().copied(), &variables));
    }
    let weight = |flags: &[(String, Expr, usize)]| {
        let tells = |name: &str| {
            ["lr", "learning", "warmup", "sched", "epoch", "iter", "step"]
                .iter()
                .any(|word| name.contains(word))
        };
        flags.iter().filter(|(name, ..)| tells(name)).count()
    };
    let with_any = commands.iter().filter(|flags| weight(flags) > 0).count();
    let most = commands.iter().map(|flags| weight(flags)).max().unwrap_or(0);
    let chosen = commands.into_iter().find(|flags| weight(flags) == most).unwrap_or_default();
    (Settings::flags(chosen), with_any.saturating_sub(1))
}

/// The words of a script, each with whether a command begins with it; and what its variables hold.
fn words(text: &str) -> (BTreeMap<String, String>, Vec<(Word, bool)>) {
    let mut variables = BTreeMap::new();
    let mut words = Vec::new();
    let mut continues = false;
    let mut quote: Option<char> = None;
    for (index, full) in text.lines().enumerate() {
        let line = index + 1;
        if quote.is_none() && full.trim_start().starts_with('#') {
            continue;
        }
        let content = full.trim();
        let mut is_first = !continues && quote.is_none();
        let mut word = String::new();
        let mut found: Vec<String> = Vec::new();
        let mut chars = content.chars().peekable();
        let mut brackets = 0_usize;
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') if brackets == 0 => quote = Some(c),
                (None, '#') if word.is_empty() => break,
                (None, '\\') if chars.peek().is_none() => {}
                // Flags in a variable's quotes are flags all the same.
                (_, c) if c.is_whitespace() && brackets == 0 => {
                    if !word.is_empty() {
                        found.push(std::mem::take(&mut word));
                    }
                }
                (_, c) => {
                    match c {
                        '{' | '[' => brackets += 1,
                        '}' | ']' => brackets = brackets.saturating_sub(1),
                        _ => {}
                    }
                    word.push(c);
                }
            }
        }
        if !word.is_empty() {
            found.push(word);
        }
        // `NAME=value`, perhaps after `export`.
        let assigned = match found.as_slice() {
            [export, one] if export == "export" => Some(one),
            [one] => Some(one),
            _ => None,
        };
        if let (true, Some((name, value))) = (is_first, assigned.and_then(|word| word.split_once('='))) {
            let is_name = |name: &str| {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            if is_name(name) && !value.starts_with('(') {
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        for word in found {
            let base = word.rsplit('/').next().unwrap_or(&word);
            let starts =
                is_first && (COMMANDS.contains(&base) || base.ends_with(".py") || base.ends_with(".sh"));
            // Before a command may stand variables of its own.
            is_first = is_first && (word.contains('=') || word == "exec" || word == "$") && !starts;
            words.push((Word { text: word, line }, starts));
        }
        continues = content.ends_with('\\');
    }
    (variables, words)
}

/// The flags among words, several values as a list.
fn flags<'w>(
    words: impl Iterator<Item = &'w Word>,
    variables: &BTreeMap<String, String>,
) -> Vec<(String, Expr, usize)> {
    let mut found: Vec<(String, Vec<Expr>, usize)> = Vec::new();
    for word in words {
        let text = word.text.trim_end_matches('\\').trim_matches(['\'', '"', ',', '(', ')', ';']);
        // `NAME="--flag` of a variable that lists flags.
        let text = match text.split_once('=') {
            Some((name, rest))
                if !name.starts_with('-') && rest.trim_start_matches(['"', '(']).starts_with("--") =>
            {
                rest.trim_start_matches(['"', '('])
            }
            _ => text,
        };
        if let Some(flag) = text.strip_prefix("--") {
            let (name, values) = match flag.split_once('=') {
                Some((name, value)) => {
                    let value = expanded(value, variables);
                    // `--betas="(0.9, 0.98)"` goes on in the next word.
                    let value =
                        if value.contains(')') { value.as_str() } else { value.trim_matches(['(', ',']) };
                    (name, vec![plain(value)])
                }
                None => (flag, Vec::new()),
            };
            if !name.is_empty() {
                found.push((name.replace('-', "_"), values, word.line));
            }
        } else if let Some(name) =
            text.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            found.push((format!("-{name}"), Vec::new(), word.line));
        } else if let (false, Some((_, values, _))) = (text.is_empty(), found.last_mut()) {
            let text = expanded(text, variables);
            values.extend(text.split_whitespace().map(plain));
        }
    }
    let single = |values: Vec<Expr>| match <[Expr; 1]>::try_from(values) {
        Ok([value]) => value,
        Err(values) if values.is_empty() => Expr::Flag(true),
        Err(values) => Expr::List(values),
    };
    found.into_iter().map(|(name, values, line)| (name, single(values), line)).collect()
}

/// A word with the values of variables in it, as `$NAME`, `${NAME}` or `${NAME:-otherwise}`.
fn expanded(word: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = word.to_owned();
    for _ in 0..4 {
        let Some(at) = text.find('$') else { break };
        let (before, rest) = text.split_at(at);
        let rest = rest.get(1..).unwrap_or_default();
        let (name, otherwise, after) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((inside, after)) => match inside.split_once(":-").or_else(|| inside.split_once('-')) {
                Some((name, otherwise)) => (name, Some(otherwise), after),
                None => (inside, None, after),
            },
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                (name, None, after)
            }
        };
        match variables.get(name).map(String::as_str).or(otherwise) {
            Some(value) if value.len() < 1000 => text = format!("{before}{value}{after}"),
            _ => break,
        }
    }
    text
}

/// A word of a command line: a number, a table or list in brackets, or a text.
fn plain(word: &str) -> Expr {
    let word = word.trim_matches(['\'', '"']);
    if word.starts_with('$') {
        return Expr::Name(word.to_owned());
    }
    if word.starts_with(['{', '[', '('])
        && let Ok(program) = Program::read(word)
        && let Some(value) = program.value()
    {
        return value.clone();
    }
    word.parse().map_or_else(|_| Expr::Text(word.to_owned()), Expr::Number)
}

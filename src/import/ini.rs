//! Sections of `key = value` that are no TOML: darknet's networks, Python's `configparser`, spaCy's settings.

use super::ImportError;
use super::json;
use super::python::{Expr, Pair};

/// The sections of a text, each a table; of several of one name the first. Values that are no JSON are texts.
///
/// # Errors
/// When a line is none of an INI file.
pub(super) fn read(raw: &str) -> Result<Vec<Pair>, ImportError> {
    let mut sections: Vec<Pair> = Vec::new();
    let mut own: Option<Vec<Pair>> = None;
    let mut outside = Vec::new();
    let mut put = |name: &str, line: usize, pairs: Vec<Pair>| {
        // `[training.optimizer]` is a table in a table.
        let mut parts: Vec<&str> = name.split('.').collect();
        let last = parts.pop().unwrap_or(name);
        nested(&mut sections, &parts, last, Pair { key: Expr::None, value: Expr::Table(pairs), line });
    };
    let (mut name, mut at) = (String::new(), 0);
    for (index, whole) in raw.lines().enumerate() {
        let line = whole.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            if let Some(pairs) = own.replace(Vec::new()) {
                put(&name, at, pairs);
            }
            (name, at) = (section.0.trim().to_owned(), index + 1);
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else {
            let message = "no INI: a line is a [section] or a key = value".to_owned();
            return Err(ImportError::Syntax { line: index + 1, message });
        };
        let key = key.trim();
        if key.is_empty() || key.contains(['(', '{', ' ']) {
            let message = format!("no INI: `{key}` is no key");
            return Err(ImportError::Syntax { line: index + 1, message });
        }
        let pair = Pair { key: Expr::Text(key.to_owned()), value: value_of(value.trim()), line: index + 1 };
        own.as_mut().unwrap_or(&mut outside).push(pair);
    }
    if let Some(pairs) = own {
        put(&name, at, pairs);
    }
    outside.extend(sections);
    Ok(outside)
}

/// Puts a section into those around it, unless one of its name is there.
fn nested(tables: &mut Vec<Pair>, path: &[&str], last: &str, section: Pair) {
    let Some((first, rest)) = path.split_first() else {
        let key = Expr::Text(last.to_owned());
        match tables.iter_mut().find(|pair| pair.key == key) {
            // A section that only held others so far.
            Some(Pair { value: Expr::Table(held), line: line @ 0, .. }) => {
                if let Expr::Table(own) = section.value {
                    held.extend(own);
                    *line = section.line;
                }
            }
            Some(_) => {}
            None => tables.push(Pair { key, ..section }),
        }
        return;
    };
    let key = Expr::Text((*first).to_owned());
    let at = tables.iter().position(|pair| pair.key == key).unwrap_or_else(|| {
        tables.push(Pair { key, value: Expr::Table(Vec::new()), line: 0 });
        tables.len() - 1
    });
    if let Some(Pair { value: Expr::Table(inner), .. }) = tables.get_mut(at)
        && path.len() < 16
    {
        nested(inner, rest, last, section);
    }
}

fn value_of(text: &str) -> Expr {
    // What follows a value may be a comment.
    let text = text.split(" #").next().unwrap_or(text).trim();
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return Expr::Number(number);
    }
    match text.to_lowercase().as_str() {
        "true" | "yes" => return Expr::Flag(true),
        "false" | "no" => return Expr::Flag(false),
        "none" | "null" | "" => return Expr::None,
        _ => {}
    }
    if text.starts_with('{')
        && let Ok(pairs) = json::read(text)
    {
        return Expr::Table(pairs);
    }
    Expr::Text(text.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_tables_in_one_another() {
        let text = "[net]\n# a comment\nbatch=64\npolicy=steps\nsteps=400,450\n\n[training.optimizer]\n@optimizers = \
                    \"Adam.v1\"\n\n[net]\nbatch=1\n";
        let pairs = read(text).unwrap();
        let Expr::Table(net) = &pairs[0].value else { panic!("{pairs:?}") };
        assert_eq!(net[0].value, Expr::Number(64.0));
        assert_eq!((&net[2].value, net[2].line), (&Expr::Text("400,450".to_owned()), 5));
        let Expr::Table(training) = &pairs[1].value else { panic!("{pairs:?}") };
        let Expr::Table(optimizer) = &training[0].value else { panic!("{pairs:?}") };
        assert_eq!(optimizer[0].value, Expr::Text("Adam.v1".to_owned()));
        assert!(read("[a]\nno pair\n").is_err());
    }
}

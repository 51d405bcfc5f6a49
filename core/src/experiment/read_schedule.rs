//! Schedules as the file writes them: every kind through its own table of fields.

use super::error::FileError;
use super::names::TICKS;
use super::node::{Fields, Node, quote};
use crate::files;
use crate::schedule::formula::{Definition, Formula};
use crate::schedule::kind::{Field, Part, Role, Table, Value};
use crate::schedule::{Clamp, Cooldown, Joins, Kind, Ramp, Schedule, Span, Tick, Warmup};

/// The largest file of listed rates that is read.
const MAX_TABLE_BYTES: u64 = 32 << 20;
/// How deep schedules may lie in schedules.
const DEEPEST: usize = 15;

const TABLE: &str = "a table, such as { kind = \"constant\", peak = 0.1 }";
const RATES: &str = "a list of at least one number";
const WARMUP: &str = "a table, such as { over = \"5%\", from = 0.0, shape = \"linear\" }";
const COOLDOWN: &str = "a table, such as { over = \"20%\", to = 0.0, shape = \"linear\" }";
const CLAMP: &str = "a table, such as { min = 1e-5, max = 0.1 }";

/// The schedule in this table.
pub(super) fn schedule(node: &Node) -> Result<Schedule, FileError> {
    read(node, &[], 0).map(|(schedule, _)| schedule)
}

/// The schedule in this table, which may also have the `extra` fields.
fn read<'d>(
    node: &Node<'d>,
    extra: &[&'static str],
    depth: usize,
) -> Result<(Schedule, Fields<'d>), FileError> {
    let fields = node.fields(TABLE)?;
    if depth > DEEPEST {
        return Err(node.error_found("a schedule inside more than 15 others", "at most 15"));
    }
    let kinds = Kind::NAMES.iter().copied();
    let kind = fields.need("kind", "the kind of schedule, such as \"cosine\"")?;
    let name = kind.text().map_err(|_| kind.unknown(kinds.clone()))?;
    let own = Kind::fields(name).ok_or_else(|| kind.unknown(kinds.clone()))?;
    let formula = match own.iter().find(|field| field.role == Role::Formula) {
        Some(field) => Some(fields.need(field.name, needed(field.role))?.formula()?),
        None => None,
    };
    let constants = formula.as_ref().map_or_else(Vec::new, Formula::constants);
    let mut names = field_names(&own, extra);
    names.extend_from_slice(&constants);
    fields.only(&names)?;

    let mut values = Vec::with_capacity(own.len());
    for field in &own {
        values.push((field.name, value(&fields, field, depth)?));
    }
    // A field of the kind hides the modifier of the same name: Noam's warmup is its own.
    let has_own_warmup = own.iter().any(|field| field.name == "warmup");
    let schedule = Schedule {
        tick: fields.read("tick", tick)?.unwrap_or_default(),
        warmup: if has_own_warmup { None } else { fields.read("warmup", warmup)? },
        cooldown: fields.read("cooldown", cooldown)?,
        clamp: fields.read("clamp", clamp)?,
        kind: Kind::build(name, |wanted| {
            let at = values.iter().position(|(name, _)| *name == wanted)?;
            Some(values.swap_remove(at).1)
        })
        .ok_or_else(|| kind.unknown(kinds))?,
    };
    Ok((schedule, fields))
}

/// Every field a schedule of this kind may have in a file.
fn field_names<'a>(own: &[Field], extra: &[&'static str]) -> Vec<&'a str> {
    let mut names = vec!["kind"];
    names.extend_from_slice(extra);
    for field in own {
        names.push(field.name);
        if field.role == Role::Values {
            names.push("file");
        }
    }
    for modifier in ["tick", "warmup", "cooldown", "clamp"] {
        if !names.contains(&modifier) {
            names.push(modifier);
        }
    }
    names
}

/// A field's value, or its default.
fn value(fields: &Fields, field: &Field, depth: usize) -> Result<Value, FileError> {
    match field.role {
        Role::Values => return table(fields, field.name).map(Value::Values),
        Role::Formula => return definition(fields, field.name).map(Value::Formula),
        _ => {}
    }
    match (fields.get(field.name), &field.default) {
        (Some(node), _) => given(&node, field.role, depth),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(fields.missing(field.name, needed(field.role))),
    }
}

/// A value as its role reads it.
fn given(node: &Node, role: Role, depth: usize) -> Result<Value, FileError> {
    Ok(match role {
        Role::Rate => Value::Number(node.number(0.0..)?),
        Role::Number { min, max } => Value::Number(node.number(min..=max)?),
        Role::Span => Value::Span(Some(node.span()?)),
        Role::Flag => Value::Flag(node.flag()?),
        Role::Choice(names) => {
            let pairs: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
            Value::Choice(node.choice(&pairs)?)
        }
        Role::Points => {
            let points = node.filled(needed(role))?;
            Value::Points(points.iter().map(point).collect::<Result<_, _>>()?)
        }
        Role::Milestones => {
            let milestones = node.filled(needed(role))?;
            Value::Milestones(milestones.iter().map(Node::position).collect::<Result<_, _>>()?)
        }
        Role::Parts => Value::Parts(parts(&node.filled(needed(role))?, depth)?),
        Role::Factors => {
            let factors = node.filled(needed(role))?;
            let factor = |node: &Node| read(node, &[], depth + 1).map(|(schedule, _)| schedule);
            Value::Factors(factors.iter().map(factor).collect::<Result<_, _>>()?)
        }
        Role::Values => Value::Values(Table { values: rates(node)?, file: None }),
        Role::Formula => Value::Formula(
            Definition::new(node.formula()?, |_| None).map_err(|name| node.error(constant(&name)))?,
        ),
    })
}

/// What a field of this role needs, for people.
fn needed(role: Role) -> &'static str {
    match role {
        Role::Rate => "a number of at least 0",
        Role::Number { .. } => "a number",
        Role::Span => "a span, such as \"500\", \"10ep\" or \"5%\"",
        Role::Flag => "true or false",
        Role::Formula => "a formula in quotes, such as \"peak * 0.5 ** t\" with `peak = 0.1` beside it",
        Role::Choice(_) => "a name in quotes",
        Role::Points => "a list of at least one [span, value], such as [[\"0\", 0.1], [\"50%\", 0.01]]",
        Role::Values => RATES,
        Role::Milestones => "a list of at least one span, such as [\"50%\", \"75%\"]",
        Role::Parts => "a list of at least one { for = span, kind = ..., ... }",
        Role::Factors => "a list of at least one schedule { kind = ..., ... }",
    }
}

/// A formula, and the fields beside it that its constants are.
fn definition(fields: &Fields, name: &'static str) -> Result<Definition, FileError> {
    let formula = fields.need(name, needed(Role::Formula))?.formula()?;
    let mut values = Vec::new();
    for name in formula.constants() {
        let value = fields.get(name).ok_or_else(|| fields.missing(name, constant(name)))?.number(..)?;
        values.push((name.to_owned(), value));
    }
    let value_of = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    Definition::new(formula, value_of).map_err(|name| fields.missing(&name, constant(&name)))
}

fn constant(name: &str) -> String {
    format!("a number for the formula's constant `{name}`")
}

fn point(node: &Node) -> Result<(Span, f64), FileError> {
    let pair = "a pair [span, value]";
    match node.items(pair)?.as_slice() {
        [at, value] => Ok((at.position()?, value.number(0.0..)?)),
        _ => Err(node.error(pair)),
    }
}

fn parts(nodes: &[Node], depth: usize) -> Result<Vec<Part>, FileError> {
    let mut parts = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let (schedule, fields) = read(node, &["for"], depth + 1)?;
        let last = index + 1 == nodes.len();
        let mut phase = None;
        let length = match fields.get("for") {
            Some(length) if last => {
                return Err(length.error("nothing: the last part has what is left"));
            }
            None if !last => {
                return Err(fields.missing("for", "the part's span; only the last part goes without"));
            }
            Some(length) => match length.phase()? {
                Some((name, span)) => {
                    phase = Some(name);
                    Some(span)
                }
                None => Some(length.span()?),
            },
            None => None,
        };
        parts.push(Part { length, phase, schedule });
    }
    Ok(parts)
}

/// Rates listed in the file, or in another one beside it.
fn table(fields: &Fields, name: &'static str) -> Result<Table, FileError> {
    match (fields.get(name), fields.get("file")) {
        (Some(values), None) => Ok(Table { values: rates(&values)?, file: None }),
        (None, Some(file)) => {
            let path = file.text()?.to_owned();
            Ok(Table { values: rates_in_file(&file, &path)?, file: Some(path) })
        }
        (Some(_), Some(file)) => Err(file.error("either `values` or `file`, not both")),
        (None, None) => Err(fields.missing(name, "a list of numbers, or `file` with the path of one")),
    }
}

fn rates(node: &Node) -> Result<Vec<f64>, FileError> {
    node.filled(RATES)?.iter().map(|rate| rate.number(0.0..)).collect()
}

/// Numbers with commas, semicolons or white space between them.
fn rates_in_file(node: &Node, path: &str) -> Result<Vec<f64>, FileError> {
    let allowed = "a file of numbers of at least 0, with commas or white space between them";
    let bytes = files::read(&node.document().folder().join(path), MAX_TABLE_BYTES)
        .map_err(|cause| node.error_found(format!("\"{}\" ({cause})", quote(path)), allowed))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut rates = Vec::new();
    for (line, words) in text.lines().enumerate() {
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
        for word in words.split(separator).filter(|word| !word.is_empty()) {
            match word.parse::<f64>() {
                Ok(rate) if rate.is_finite() && rate >= 0.0 => rates.push(rate + 0.0),
                _ => {
                    // A number may be said; what else the file holds is not ours to show.
                    let what =
                        word.parse::<f64>().map_or("no number".into(), |_| format!("`{}`", quote(word)));
                    let found = format!("{what} on line {} of \"{}\"", line + 1, quote(path));
                    return Err(node.error_found(found, allowed));
                }
            }
        }
    }
    if rates.is_empty() {
        return Err(node.error_found(format!("no number in \"{}\"", quote(path)), allowed));
    }
    Ok(rates)
}

fn tick(node: Node) -> Result<Tick, FileError> {
    let tick = node.choice(&TICKS)?;
    match tick {
        Tick::Epoch if !node.document().has_epochs => Err(node.error("\"update\": a surface has no epochs")),
        _ => Ok(tick),
    }
}

fn warmup(node: Node) -> Result<Warmup, FileError> {
    let fields = node.fields(WARMUP)?;
    fields.only(&["over", "from", "shape", "joins"])?;
    Ok(Warmup {
        over: fields.need("over", needed(Role::Span))?.span()?,
        from: fields.read("from", |from| from.number(0.0..=1.0))?.unwrap_or(0.0),
        shape: fields.read("shape", |shape| shape.choice(&Ramp::ALL))?.unwrap_or_default(),
        joins: fields.read("joins", |joins| joins.choice(&Joins::ALL))?.unwrap_or_default(),
    })
}

fn cooldown(node: Node) -> Result<Cooldown, FileError> {
    let fields = node.fields(COOLDOWN)?;
    fields.only(&["over", "to", "shape"])?;
    Ok(Cooldown {
        over: fields.need("over", needed(Role::Span))?.span()?,
        to: fields.read("to", |to| to.number(0.0..=1.0))?.unwrap_or(0.0),
        shape: fields.read("shape", |shape| shape.choice(&Ramp::ALL))?.unwrap_or_default(),
    })
}

fn clamp(node: Node) -> Result<Clamp, FileError> {
    let fields = node.fields(CLAMP)?;
    fields.only(&["min", "max"])?;
    let min = fields.need("min", needed(Role::Rate))?.number(0.0..)?;
    let max = fields.need("max", needed(Role::Rate))?.number(min..)?;
    Ok(Clamp { min, max })
}

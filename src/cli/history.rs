//! `anneal history`: how an experiment file came to be, and `anneal rollback`, back to an earlier version of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{Failure, output};
use crate::experiment::Experiment;
use crate::files::{self, date};
use crate::govern::{Change, Entry, Head, History, HistoryError, Recorded, record, saving, who};
use crate::plain;

/// The largest experiment file.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Args)]
pub struct HistoryArgs {
    file: PathBuf,
    /// Check the log: exit 1 where a line was edited, removed, reordered or cut, or the file is not its newest version.
    #[arg(long)]
    verify: bool,
    /// Where the log ended once, as --verify prints it: lines removed since then are found whoever wrote the log.
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Option<Head>,
    /// Record the file as it is now, after a change by another program.
    #[arg(long)]
    record: bool,
    /// Why it was changed, for --record.
    #[arg(long, requires = "record", default_value = "")]
    why: String,
    /// Who changed it, for --record; ANNEAL_BY or your login name when not given.
    #[arg(long, requires = "record")]
    by: Option<String>,
    /// The update of a training from which on it is in effect, for --record.
    #[arg(long, requires = "record", value_name = "N")]
    update: Option<u64>,
    /// Only changes whose path contains this, such as lr.peak.
    #[arg(long, value_name = "TEXT")]
    path: Option<String>,
    /// Only changes by this person.
    #[arg(long, value_name = "NAME", conflicts_with = "record")]
    only: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct RollbackArgs {
    file: PathBuf,
    /// The entry whose version is wanted; the one before the newest when not given.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// Why.
    #[arg(long, default_value = "")]
    why: String,
    /// Who does it; ANNEAL_BY or your login name when not given.
    #[arg(long)]
    by: Option<String>,
}

/// Prints the log, after recording or checking where that is asked for.
pub fn run(args: &HistoryArgs) -> Result<(), Failure> {
    let bytes = bytes(&args.file)?;
    if args.record {
        // What is no experiment has no business in its log.
        super::read(&args.file)?;
        let change = Change {
            by: args.by.clone().unwrap_or_else(who),
            update: args.update,
            ..Change::new("command line", &args.why)
        };
        tell(&args.file, record(&args.file, &change));
    }
    let history = History::read(&args.file)?;
    if !history.exists() {
        let advice = "saving it in the studio, `anneal sign` or --record begins one";
        return Err(anyhow!("{} has no change log: {advice}", args.file.display()).into());
    }
    let shown: Vec<&Entry> = history.entries.iter().filter(|entry| is_wanted(entry, args)).collect();
    let mut faults: Vec<String> = history.faults.iter().map(ToString::to_string).collect();
    let anchored = args.head.as_ref().and_then(|head| history.anchored(head, "--head"));
    faults.extend(anchored.map(|fault| fault.to_string()));
    if args.verify && !history.is_of(&bytes) {
        faults.push(
            "the file is not the newest version of its log: `anneal history FILE --record --why WHY` adds it"
                .to_owned(),
        );
    }
    if args.json {
        let entries: Vec<_> = shown.iter().map(|entry| json!(entry)).collect();
        let head = history.head().map(|head| head.to_string());
        let text = json!({ "entries": entries, "head": head, "faults": faults });
        output::print(&(serde_json::to_string_pretty(&text)? + "\n"))?;
    } else if args.verify {
        let head = history.head().map_or_else(|| "nothing".to_owned(), |head| head.to_string());
        output::print(&format!("{} entries, the last one is {head}\n", history.entries.len()))?;
    } else {
        output::print(&shown.iter().map(|entry| told(entry)).collect::<String>())?;
    }
    if history.is_torn() {
        output::say("anneal: the last line was never finished; the next change takes its place");
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.iter().for_each(|fault| output::say(format!("anneal: {fault}")));
    let count =
        if faults.len() == 1 { "1 thing is".to_owned() } else { format!("{} things are", faults.len()) };
    Err(anyhow!("{count} wrong with the change log of {}", args.file.display()).into())
}

/// Puts an earlier version back, as a change of its own.
pub fn roll_back(args: &RollbackArgs) -> Result<(), Failure> {
    let file = args.file.as_path();
    bytes(file)?;
    let history = History::read(file)?;
    if let Some(fault) = history.faults.first() {
        return Err(anyhow!(
            "the change log of {} is damaged ({fault}): nothing is put back",
            file.display()
        )
        .into());
    }
    let last = history.entries.last().map_or(0, |entry| entry.number);
    let to = args.to.unwrap_or_else(|| last.saturating_sub(1));
    let Some(wanted) = history.entries.iter().find(|entry| entry.number == to) else {
        let known = if last == 0 { "it has none".to_owned() } else { format!("it has 1 to {last}") };
        return Err(Failure::BadFile(anyhow!("{} has no version {to} in its log: {known}", file.display())));
    };
    let why = if args.why.is_empty() { format!("back to version {to}") } else { args.why.clone() };
    let change = Change { by: args.by.clone().unwrap_or_else(who), ..Change::new("command line", why) };
    let ((), recorded) = saving(file, &change, || {
        files::replace(file, |out| std::io::Write::write_all(out, wanted.text.as_bytes()))
    })
    .map_err(|error| anyhow!("cannot write {}: {error}", file.display()))?;
    output::say(format!("anneal: {} is version {to} again", file.display()));
    tell(file, recorded);
    if let Err(error) = Experiment::parse_at(&wanted.text, file) {
        output::say(format!("anneal: that version is no experiment that trains: {error}"));
    }
    Ok(())
}

/// Says what became of a record.
pub fn tell(file: &Path, recorded: Result<Recorded, HistoryError>) {
    output::say(match recorded {
        Ok(Recorded::As(number)) => format!("anneal: {}: recorded as version {number}", file.display()),
        Ok(Recorded::Known) => {
            format!("anneal: {}: nothing changed since its newest version", file.display())
        }
        Ok(Recorded::Nowhere) => format!("anneal: {} is no regular file: not recorded", file.display()),
        Err(error) => format!("anneal: not recorded: {error}"),
    });
}

/// The file's bytes; a file is needed, since its log lies beside it.
pub fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new(files::STANDARD_INPUT) {
        return Err(Failure::BadFile(anyhow!("standard input has no change log: name a file")));
    }
    files::read(file, MAX_BYTES)
        .map_err(|error| Failure::BadFile(anyhow!("cannot read {}: {error}", file.display())))
}

fn is_wanted(entry: &Entry, args: &HistoryArgs) -> bool {
    let path = args.path.as_deref();
    path.is_none_or(|path| entry.changes.iter().any(|change| change.path.contains(path)))
        && args.only.as_ref().is_none_or(|by| entry.by == *by)
}

fn told(entry: &Entry) -> String {
    let at = entry.update.map_or_else(String::new, |update| format!(", in effect from update {update}"));
    let mut text = format!(
        "{} {} {} ({}){at}{}\n",
        entry.number,
        date(entry.at),
        plain::name(&entry.by),
        plain::name(&entry.through),
        if entry.why.is_empty() { String::new() } else { format!(": {}", plain::message(&entry.why)) }
    );
    // A first version has every field; that says nothing.
    if entry.number == 1 {
        let _ = writeln!(text, "    the first recorded version, {} fields", entry.changes.len());
        return text;
    }
    for change in &entry.changes {
        let side = |side: &Option<String>| side.as_deref().map_or("nothing".to_owned(), plain::name);
        let (before, after) = (side(&change.before), side(&change.after));
        let _ = writeln!(text, "    {}: {before} -> {after}", plain::name(&change.path));
    }
    if entry.changes.is_empty() {
        text += "    comments or layout only\n";
    }
    text
}

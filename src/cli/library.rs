//! `anneal library`: the trainings, sweeps and recordings below a folder: listed, filtered, sorted, marked and measured.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::{Failure, output};
use crate::files::date;
use crate::library::{
    Criteria, DEFINITIONS, Entry, Figure, Filter, Index, Kind, LaneRecord, LibraryError, Measures, Row,
    Spread, adopt, differing, groups,
};
use crate::plain;

#[derive(Args)]
pub struct LibraryArgs {
    folder: PathBuf,
    /// Rebuild the index from the files.
    #[arg(long)]
    reindex: bool,
    /// Copy this log of another program, or this folder of logs, into the library first; may be given again.
    #[arg(long, value_name = "LOG")]
    add: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Words that the experiment, run, schedule, folder, tags or note hold.
    #[arg(long, default_value = "")]
    search: String,
    /// Only trainings with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only starred trainings.
    #[arg(long)]
    starred: bool,
    /// Only this kind: training, sweep or recording.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only runs with this setting, such as lr.peak=0.1; may be given again.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Only runs that diverged or broke off.
    #[arg(long)]
    failed: bool,
    /// Sort by this column, such as best_val_loss; with a minus before it, the greatest first.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Put runs that differ in their seed only together.
    #[arg(long)]
    group: bool,
    /// The measures of the runs that are listed: success, time and cost to converge, and how steady they were.
    #[arg(long)]
    measures: bool,
    /// The training, by its folder in the library, that is changed by the options below.
    #[arg(long, value_name = "FOLDER")]
    change: Option<PathBuf>,
    /// Give it this tag.
    #[arg(long, requires = "change", value_name = "TAG")]
    add_tag: Vec<String>,
    /// Take this tag away.
    #[arg(long, requires = "change", value_name = "TAG")]
    remove_tag: Vec<String>,
    /// Star it.
    #[arg(long, requires = "change", conflicts_with = "unstar")]
    star: bool,
    /// Take the star away.
    #[arg(long, requires = "change")]
    unstar: bool,
    /// A note on it.
    #[arg(long, requires = "change", value_name = "TEXT")]
    note: Option<String>,
}

pub fn run(args: &LibraryArgs) -> Result<(), Failure> {
    if !args.folder.is_dir() {
        return Err(Failure::BadFile(anyhow!("there is no folder {}", args.folder.display())));
    }
    let filter = filter(args)?;
    for log in &args.add {
        let place = adopt(&args.folder, log).map_err(failure)?;
        output::say(format!("anneal: in the library as {}", place.display()));
    }
    let mut index = if args.reindex { Index::rebuilt(&args.folder) } else { Index::open(&args.folder) }
        .map_err(failure)?;
    let refreshed = index.refresh(|_, _| {}).map_err(failure)?;
    refreshed.refused.iter().for_each(|why| output::say(format!("anneal: not in the list: {why}")));
    for (folder, problem) in index.problems().map_err(failure)? {
        output::say(format!("anneal: {folder}: {problem}; what is before it is in the list"));
    }
    if let Some(folder) = &args.change {
        return change(args, &mut index, folder);
    }
    let criteria = index.criteria().map_err(failure)?;
    let text = if args.measures {
        let records = index.records(&filter).map_err(failure)?;
        measures(&records, &criteria, args.json)?
    } else {
        let rows = index.rows(&filter).map_err(failure)?;
        if args.json { listed(&index, &rows, args.group)? } else { table(&rows, args.group) }
    };
    Ok(output::print(&text)?)
}

/// A bad file of the library's is the user's to mend.
fn failure(error: LibraryError) -> Failure {
    match error {
        LibraryError::BadFile { .. } => Failure::BadFile(error.into()),
        error => Failure::Failed(error.into()),
    }
}

fn filter(args: &LibraryArgs) -> Result<Filter, Failure> {
    let bad = |why: String| Failure::BadFile(anyhow!(why));
    let descending = args.sort.as_ref().is_some_and(|sort| sort.starts_with('-'));
    let sort = args.sort.as_ref().map(|sort| sort.trim_start_matches('-').to_owned());
    if let Some(sort) = &sort
        && !Filter::columns().any(|column| column == sort)
    {
        let columns: Vec<&str> = Filter::columns().collect();
        return Err(bad(format!("--sort {sort}: one of {}", columns.join(", "))));
    }
    let mut settings = Vec::new();
    for setting in &args.settings {
        let pair =
            setting.split_once('=').ok_or_else(|| bad(format!("--where {setting}: NAME=VALUE is needed")))?;
        settings.push((pair.0.to_owned(), pair.1.to_owned()));
    }
    let kind = match &args.kind {
        None => None,
        Some(name) => {
            let kind = Kind::named(name);
            Some(kind.ok_or_else(|| bad(format!("--kind {name}: one of training, sweep, recording")))?)
        }
    };
    Ok(Filter {
        search: args.search.clone(),
        tag: args.tag.clone(),
        starred: args.starred,
        settings,
        kind,
        failed: args.failed.then_some(true),
        family: None,
        sort,
        descending,
        limit: args.limit,
    })
}

fn change(args: &LibraryArgs, index: &mut Index, folder: &Path) -> Result<(), Failure> {
    let marks = index
        .mark(folder, |marks| {
            marks.tags.extend(args.add_tag.iter().map(|tag| tag.trim().replace('\n', " ")));
            marks.tags.retain(|tag| !tag.is_empty() && !args.remove_tag.contains(tag));
            marks.star = (marks.star || args.star) && !args.unstar;
            if let Some(note) = &args.note {
                marks.note.clone_from(note);
            }
        })
        .map_err(failure)?;
    Ok(output::print(&(serde_json::to_string_pretty(&marks)? + "\n"))?)
}

fn listed(index: &Index, rows: &[Row], grouped: bool) -> Result<String, Failure> {
    let record = |row: &Row| index.record(&row.folder, &row.run, row.replica).map_err(failure);
    let one = |row: &Row| -> Result<Value, Failure> {
        let mut value = serde_json::to_value(row)?;
        if let Some(record) = record(row)? {
            value["settings"] = serde_json::to_value(&record.settings)?;
        }
        Ok(value)
    };
    if !grouped {
        let runs = rows.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        return Ok(serde_json::to_string_pretty(&json!({ "runs": runs }))? + "\n");
    }
    let groups = groups(rows);
    let mut records: Vec<LaneRecord> = Vec::new();
    let mut list = Vec::new();
    for group in &groups {
        let Some(first) = group.rows.first() else { continue };
        let runs = group.rows.iter().map(|row| one(row)).collect::<Result<Vec<_>, _>>()?;
        list.push(json!({ "family": group.family, "runs": runs }));
        records.extend(record(first)?);
    }
    let differs = differing(&records);
    Ok(serde_json::to_string_pretty(&json!({ "groups": list, "differs": differs }))? + "\n")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn table(rows: &[Row], grouped: bool) -> String {
    let mut text = format!(
        "{:<20}  {:<28}  {:<20}  {:>5}  {:>8}  {:>10}  {:>10}  {:>8}  folder\n",
        "at", "experiment", "run", "seed", "updates", "best loss", "last loss", "accuracy"
    );
    let line = |row: &Row| {
        let star = if row.star { "* " } else { "" };
        let tags: Vec<String> = row.tags.iter().map(|tag| format!(" #{}", plain::name(tag))).collect();
        let wrong = match (&row.failed, row.diverged_at) {
            (Some(_), _) => ", broke off".to_owned(),
            (None, Some(at)) => format!(", diverged at update {at}"),
            (None, None) if row.pruned => ", pruned".to_owned(),
            (None, None) if !row.finished => ", not finished".to_owned(),
            (None, None) => String::new(),
        };
        format!(
            "{:<20}  {:<28}  {:<20}  {:>5}  {:>8}  {:>10}  {:>10}  {:>8}  {star}{}{}{wrong}\n",
            date(row.at),
            plain::name(&row.experiment).chars().take(28).collect::<String>(),
            plain::name(&row.run).chars().take(20).collect::<String>(),
            row.seed,
            row.updates,
            number(row.best_val_loss),
            number(row.final_val_loss),
            number(row.final_val_accuracy),
            plain::name(&row.folder),
            tags.concat(),
        )
    };
    if grouped {
        for group in groups(rows) {
            let best = group.rows.iter().filter_map(|row| row.best_val_loss).reduce(f64::min);
            let first = group.rows.first();
            let name = first.map_or_else(String::new, |row| plain::name(&row.run));
            let schedule = first.map_or_else(String::new, |row| plain::name(&row.schedule));
            let count = group.rows.len();
            let _ = writeln!(text, "{name}: {schedule}; {count} runs, best loss {}", number(best));
            group.rows.iter().for_each(|row| text += &line(row));
        }
    } else {
        rows.iter().for_each(|row| text += &line(row));
    }
    text
}

fn measures(entries: &[Entry], criteria: &Criteria, as_json: bool) -> Result<String, Failure> {
    let measures = Measures::of(entries, criteria);
    let mut converged: Vec<String> = entries.iter().map(|entry| criteria.words(&entry.lane)).collect();
    converged.sort();
    converged.dedup();
    let failed = "the loss became NaN or infinite, or the run could not go on";
    if as_json {
        let definitions: serde_json::Map<String, Value> =
            DEFINITIONS.iter().map(|one| (one.name.to_owned(), Value::from(one.help))).collect();
        let text = json!({
            "measures": measures, "definitions": definitions, "converged_means": converged,
            "failed_means": failed, "criteria": criteria,
        });
        return Ok(serde_json::to_string_pretty(&text)? + "\n");
    }
    let mut text = String::new();
    let currency = &criteria.currency;
    for one in DEFINITIONS {
        let shown = match (one.figure)(&measures) {
            Figure::Count(count) => count.to_string(),
            Figure::Share(share) => {
                share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
            }
            Figure::Number(value) => number(value),
            Figure::Money(value) => format!("{} {currency}", number(value)),
            Figure::Spread(value) => spread(value),
            Figure::MoneySpread(value) => format!("{} {currency}", spread(value)),
        };
        let _ = writeln!(text, "{:<24} {shown}\n    {}", one.label, one.help);
    }
    let _ = writeln!(text, "converged: {}\nfailed: {failed}", converged.join("; or "));
    Ok(text)
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |it| format!("{:.4} (p95 {:.4})", it.median, it.p95))
}

//! What the index says for what is on screen, worked out on a thread: nothing here waits for a frame.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::chosen::{Lane, MOST_FAMILIES, MOST_LANES, Shown};
use crate::library::{
    Criteria, Detail, Entry, Filter, Index, Kind, LaneRecord, LastCheckpoint, LibraryError, Measures, Row,
    differing,
};
use crate::machine;

/// Lines of a list of a dashboard at most.
pub const MOST: usize = 8;
/// A training whose metrics were written within so many seconds is taken for one that trains.
const RECENT: u64 = 120;
/// Longer metrics are not read for a look.
const MOST_BYTES: u64 = 256 << 20;
/// Runs in the debug dashboard.
const MOST_DETAILS: usize = 4;

/// What an answer was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Key {
    pub library: PathBuf,
    pub filter: Filter,
    pub shown: Shown,
    pub grouped: bool,
    pub chosen: Vec<Lane>,
    /// How often the files were to be looked at, and the index changed since.
    pub look: (u64, u64),
}

/// A line of the list.
pub enum Line {
    Run(usize),
    /// Seeds of one run: the rows, and means over those that were measured.
    Group {
        rows: Vec<usize>,
        updates: u64,
        best: Option<f64>,
        last: Option<f64>,
        accuracy: Option<f64>,
    },
}

/// How the trainings of one experiment do.
pub struct OfExperiment {
    pub name: String,
    pub measures: Measures,
}

/// A run whose newest training ended at a higher validation loss than the one before.
pub struct Regression {
    pub name: String,
    pub before: f64,
    pub now: f64,
}

/// A run that somebody on call looks at.
pub struct OnCall {
    pub row: usize,
    pub record: LaneRecord,
    pub checkpoint: Option<LastCheckpoint>,
    pub detail: Detail,
}

/// What the index says.
#[derive(Default)]
pub struct Answer {
    pub rows: Vec<Row>,
    pub lines: Vec<Line>,
    pub criteria: Criteria,
    /// What converged means for these runs.
    pub converged: Vec<String>,
    pub measures: Option<Measures>,
    pub experiments: Vec<OfExperiment>,
    pub regressions: Vec<Regression>,
    /// When the answer was made, in seconds since 1970.
    pub now: u64,
    pub active: Vec<OnCall>,
    pub stopped: Vec<OnCall>,
    pub failed: Vec<OnCall>,
    /// How many there are of each in all.
    pub counts: [usize; 3],
    /// The runs that are compared: the chosen ones that are still there, or else the first ones of the list.
    pub compared: Vec<(Lane, LaneRecord)>,
    /// Whether somebody chose them.
    pub is_chosen: bool,
    pub details: Vec<Detail>,
    /// In what they differ.
    pub differs: Vec<String>,
    /// What could not be read, in sentences.
    pub problems: Vec<String>,
}

/// # Errors
/// When there is no such folder, or its index cannot be read.
pub fn answer(key: &Key, scans: bool) -> Result<Answer, LibraryError> {
    if !key.library.is_dir() {
        let why = "there is no folder of this name".to_owned();
        return Err(LibraryError::BadFile { path: key.library.clone(), why });
    }
    let mut index = Index::open(&key.library)?;
    let mut answer = Answer { now: machine::seconds_since_1970(), ..Answer::default() };
    if scans {
        answer.problems = index.refresh(|_, _| {})?.refused;
    }
    let problems = index.problems()?.into_iter().map(|(folder, problem)| format!("{folder}: {problem}"));
    answer.problems.extend(problems);
    answer.criteria = index.criteria()?;
    answer.rows = index.rows(&key.filter)?;
    answer.lines = lines(&answer.rows, key.grouped);
    match key.shown {
        Shown::Runs => compare(&mut answer, &index, key, false)?,
        Shown::Executive => executive(&mut answer, &index, key)?,
        Shown::OnCall => on_call(&mut answer, &index, key)?,
        Shown::Debug => {
            compare(&mut answer, &index, key, true)?;
            answer.compared.truncate(MOST_DETAILS);
            for at in 0..answer.compared.len() {
                let Some((lane, _)) = answer.compared.get(at) else { continue };
                let detail =
                    detail(key, &lane.folder.clone(), &lane.run.clone(), lane.replica, &mut answer.problems);
                answer.details.push(detail);
            }
        }
    }
    Ok(answer)
}

/// A lane's curves, where its metrics are not too long to be read for a look.
fn detail(key: &Key, folder: &str, run: &str, replica: u32, problems: &mut Vec<String>) -> Detail {
    let place = key.library.join(folder);
    let bytes = std::fs::metadata(place.join("metrics.csv")).map_or(0, |about| about.len());
    let read = match bytes > MOST_BYTES {
        true => Err(format!("its metrics of {} are too long to be drawn here", machine::bytes(bytes))),
        false => Detail::read(&place, run, replica).map_err(|error| error.to_string()),
    };
    read.unwrap_or_else(|why| {
        problems.push(format!("{folder}: {why}"));
        Detail::default()
    })
}

fn lines(rows: &[Row], grouped: bool) -> Vec<Line> {
    if !grouped {
        return (0..rows.len()).map(Line::Run).collect();
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let place = *places.entry(&row.family).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    let line = |group: Vec<usize>| {
        let of = |value: fn(&Row) -> Option<f64>| {
            let values: Vec<f64> = group.iter().filter_map(|at| value(rows.get(*at)?)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Line::Group {
            updates: group.iter().filter_map(|at| rows.get(*at)).map(|row| row.updates).max().unwrap_or(0),
            best: of(|row| row.best_val_loss),
            last: of(|row| row.final_val_loss),
            accuracy: of(|row| row.final_val_accuracy),
            rows: group,
        }
    };
    groups.into_iter().map(line).collect()
}

/// The runs that are compared; without a choice the first ones, or those that failed last.
fn compare(answer: &mut Answer, index: &Index, key: &Key, failed_first: bool) -> Result<(), LibraryError> {
    answer.is_chosen = !key.chosen.is_empty();
    let mut wanted = key.chosen.clone();
    if !answer.is_chosen {
        let mut order: Vec<&Row> = answer.rows.iter().collect();
        // Of a sweep's trials less is kept: they come after all others.
        let is_trial = |row: &Row| row.kind == Kind::Sweep;
        match failed_first {
            true => order.sort_by_key(|row| (is_trial(row), !row.is_failed(), std::cmp::Reverse(row.at))),
            // A loss without bounds leaves no room for the others.
            false => order.sort_by_key(|row| (is_trial(row), row.is_failed())),
        }
        let mut families: Vec<&str> = Vec::new();
        for row in order {
            if !families.contains(&row.family.as_str()) {
                if families.len() == MOST_FAMILIES / 2 {
                    continue;
                }
                families.push(&row.family);
            }
            if wanted.len() < MOST_LANES {
                wanted.push(Lane::of(row));
            }
        }
    }
    for lane in wanted {
        if let Some(record) = index.record(&lane.folder, &lane.run, lane.replica)? {
            answer.compared.push((lane, record));
        }
    }
    answer.differs = differing(answer.compared.iter().map(|(_, record)| record));
    Ok(())
}

fn executive(answer: &mut Answer, index: &Index, key: &Key) -> Result<(), LibraryError> {
    let entries = index.records(&key.filter)?;
    let criteria = &answer.criteria;
    answer.converged = entries.iter().map(|entry| criteria.words(&entry.lane)).collect();
    answer.converged.sort();
    answer.converged.dedup();
    answer.measures = Some(Measures::of(&entries, criteria));
    answer.regressions = regressions(&entries);
    let mut each: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        each.entry(entry.experiment.clone()).or_default().push(entry);
    }
    let of = |(name, entries): (String, Vec<Entry>)| {
        let measures = Measures::of(&entries, criteria);
        OfExperiment { name, measures }
    };
    answer.experiments = each.into_iter().map(of).collect();
    // What fails most comes first, then what there is most of.
    answer.experiments.sort_by_key(|it| std::cmp::Reverse((it.measures.failed, it.measures.runs)));
    Ok(())
}

/// Trainings of a run in the order of time, told apart by their folders, each with its seeds' losses.
type Trainings<'a> = BTreeMap<(u64, &'a str), Vec<f64>>;

/// Runs whose newest training ended worse than the one before, the worst first.
fn regressions(entries: &[Entry]) -> Vec<Regression> {
    // By experiment and run.
    let mut runs: BTreeMap<(&str, &str), Trainings<'_>> = BTreeMap::new();
    for entry in entries {
        if let Some(loss) = entry.lane.final_val_loss {
            let trainings = runs.entry((&entry.experiment, &entry.lane.run)).or_default();
            trainings.entry((entry.at, &entry.folder)).or_default().push(loss);
        }
    }
    let mean = |losses: &Vec<f64>| losses.iter().sum::<f64>() / losses.len() as f64;
    let of = |((experiment, run), trainings): ((&str, &str), Trainings<'_>)| {
        let mut last = trainings.values().rev().map(mean);
        let (now, before) = (last.next()?, last.next()?);
        (now > before).then(|| Regression { name: format!("{experiment} · {run}"), before, now })
    };
    let mut all: Vec<Regression> = runs.into_iter().filter_map(of).collect();
    all.sort_by(|a, b| (b.now - b.before).total_cmp(&(a.now - a.before)));
    all.truncate(MOST);
    all
}

fn on_call(answer: &mut Answer, index: &Index, key: &Key) -> Result<(), LibraryError> {
    let now = answer.now;
    let trains = |row: &Row| !row.finished && now.saturating_sub(row.at) <= RECENT;
    let stands = |row: &Row| !row.finished && now.saturating_sub(row.at) > RECENT;
    let lists: [&dyn Fn(&Row) -> bool; 3] = [&trains, &stands, &Row::is_failed];
    let mut read = Vec::new();
    for (at, belongs) in lists.into_iter().enumerate() {
        let all: Vec<usize> =
            (0..answer.rows.len()).filter(|at| answer.rows.get(*at).is_some_and(belongs)).collect();
        answer.counts[at] = all.len();
        let mut list = Vec::new();
        for row in all.into_iter().take(MOST) {
            let Some(one) = answer.rows.get(row) else { continue };
            let Some(record) = index.record(&one.folder, &one.run, one.replica)? else { continue };
            let folder = key.library.join(&one.folder);
            let (name, run, replica) = (one.folder.clone(), one.run.clone(), one.replica);
            let detail = detail(key, &name, &run, replica, &mut answer.problems);
            list.push(OnCall { row, record, checkpoint: LastCheckpoint::of(&folder), detail });
        }
        read.push(list);
    }
    answer.failed = read.pop().unwrap_or_default();
    answer.stopped = read.pop().unwrap_or_default();
    answer.active = read.pop().unwrap_or_default();
    Ok(())
}

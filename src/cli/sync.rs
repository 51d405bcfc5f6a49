//! `anneal sync`: what a training's folder holds, written for another tool; it goes on where it stopped.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::sinks::lanes;
use super::{Failure, output, read};
use crate::experiment::Experiment;
use crate::files::{self, Lock, Seal, Sealing};
use crate::sink::TensorBoard;
use crate::telemetry::Row;
use crate::telemetry::metrics::{Measured, Reader};

/// What remembers how far it came, in the folder that is written to.
const STATE: &str = ".anneal-sync.json";
/// Rows of a lane that are written together.
const BATCH: usize = 4096;
/// Between two looks at a folder that grows.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct SyncArgs {
    /// A training's folder, as `anneal train --out` writes it.
    folder: PathBuf,
    /// Write TensorBoard's event files there.
    #[arg(long, value_name = "DIR")]
    tensorboard: PathBuf,
    /// Follow the training until it ends.
    #[arg(long)]
    follow: bool,
}

/// How far a folder was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    /// The training's folder.
    from: PathBuf,
    /// The beginning of its `metrics.csv` that was written.
    metrics: Seal,
    /// The event files, with the bytes of each that are of that beginning.
    files: BTreeMap<PathBuf, u64>,
    /// Whether the training had ended, and its event files say so.
    ended: bool,
}

pub fn run(args: &SyncArgs) -> Result<(), Failure> {
    let from = args.folder.canonicalize().map_err(|error| {
        Failure::BadFile(anyhow!("cannot read the folder {}: {error}", args.folder.display()))
    })?;
    let experiment = read(&from.join("experiment.toml"))?;
    let to = args.tensorboard.as_path();
    let there = || format!("cannot write to {}", to.display());
    fs::create_dir_all(to).with_context(there)?;
    let _lock = Lock::take(to, "anneal sync")?;
    let mut state = begin(&from, to)?;
    if state.ended {
        output::say("anneal: everything is there already");
        return Ok(());
    }
    let mut sink = None;
    let mut rows = 0;
    loop {
        // Before the rows are read: what is measured after that is read the next time.
        let is_over = from.join("summary.json").exists();
        rows += write(&experiment, &mut state, &mut sink, to)?;
        if is_over {
            let failed = failed(&experiment, &from);
            let names = lanes(&experiment, None);
            opened(&mut sink, to, &names).and_then(|sink| sink.end(&failed)).with_context(there)?;
            state.ended = true;
        }
        if let Some(sink) = &sink {
            state.files.extend(sink.files().with_context(there)?);
        }
        keep(&state, to)?;
        if is_over || !args.follow {
            output::say(format!("anneal: {rows} updates written to {}", to.display()));
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

/// What was written before, with whatever came after it removed. It begins anew where the training did.
fn begin(from: &Path, to: &Path) -> Result<State, Failure> {
    let file = to.join(STATE);
    let known: Option<State> = match files::read(&file, 16 << 20) {
        Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        Err(files::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(anyhow!("cannot read {}: {error}", file.display()).into()),
    };
    let mut known = known.unwrap_or_else(|| State { from: from.to_owned(), ..State::default() });
    if known.from != from {
        let (to, other) = (to.display(), known.from.display());
        return Err(Failure::BadFile(anyhow!("{to} is of another training, {other}: choose another folder")));
    }
    let metrics = from.join("metrics.csv");
    if seal(&metrics, known.metrics.bytes).ok() != Some(known.metrics) {
        output::say("anneal: the training began anew or went back: it is written from its beginning");
        known = State { from: from.to_owned(), ..State::default() };
    }
    known.ended &= metrics.metadata().is_ok_and(|about| about.len() == known.metrics.bytes);
    // A kill left more than is remembered.
    for path in TensorBoard::ours(to).map_err(|error| anyhow!("cannot read {}: {error}", to.display()))? {
        let name = path.strip_prefix(to).unwrap_or(&path);
        let done = match known.files.get(name) {
            None => fs::remove_file(&path),
            Some(bytes) => OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(*bytes)),
        };
        done.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(known)
}

/// Writes the updates that are new; returns how many.
fn write(
    experiment: &Experiment,
    state: &mut State,
    sink: &mut Option<TensorBoard>,
    to: &Path,
) -> Result<u64, Failure> {
    let path = state.from.join("metrics.csv");
    let unread = || format!("cannot read {}", path.display());
    let Ok(there) = fs::metadata(&path) else { return Ok(0) };
    if there.len() < state.metrics.bytes {
        return Err(anyhow!("{} became shorter: the training went back; start again", path.display()).into());
    }
    let header = Reader::open(&path).map_err(|error| anyhow!("{}: {error}", path.display()))?.byte();
    let skip = state.metrics.bytes.max(header);
    let (begin, mut rest): (File, File) =
        (files::open(&path).with_context(unread)?, files::open(&path).with_context(unread)?);
    rest.seek(SeekFrom::Start(skip)).with_context(unread)?;
    let mut reader = Reader::new(begin.take(header).chain(rest))
        .map_err(|error| anyhow!("{}: {error}", path.display()))?;
    let names = lanes(experiment, None);
    let mut waiting: Vec<Vec<Row>> = vec![Vec::new(); names.len()];
    let (mut count, mut end) = (0, reader.byte());
    let there = || format!("cannot write event files to {}", to.display());
    while let Some(measured) = reader.next() {
        let Measured { run, replica, row, .. } =
            measured.map_err(|error| anyhow!("{}: {error}", path.display()))?;
        // A line that is half written is passed over by the reader, and read whole the next time.
        end = reader.byte();
        let lane = names.iter().position(|lane| *lane.run == *run && lane.replica == replica);
        let Some(lane) = lane else {
            return Err(anyhow!("{}: run \"{run}\" is not one of the experiment's", path.display()).into());
        };
        let Some(rows) = waiting.get_mut(lane) else { continue };
        rows.push(row);
        count += 1;
        if rows.len() >= BATCH {
            opened(sink, to, &names).with_context(there)?.write(lane, rows).with_context(there)?;
            rows.clear();
        }
    }
    for (lane, rows) in waiting.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        opened(sink, to, &names).with_context(there)?.write(lane, rows).with_context(there)?;
    }
    state.metrics = seal(&path, skip + end - header).with_context(unread)?;
    Ok(count)
}

fn opened<'a>(
    sink: &'a mut Option<TensorBoard>,
    to: &Path,
    names: &[crate::sink::LaneInfo],
) -> io::Result<&'a mut TensorBoard> {
    match sink {
        Some(sink) => Ok(sink),
        none => Ok(none.insert(TensorBoard::create(to, names)?)),
    }
}

/// The first bytes of a file, sealed.
fn seal(path: &Path, bytes: u64) -> io::Result<Seal> {
    if bytes == 0 {
        return Ok(Seal::default());
    }
    let mut sealing = Sealing::new(io::BufReader::new(files::open(path)?).take(bytes));
    io::copy(&mut sealing, &mut io::sink())?;
    Ok(sealing.seal())
}

/// The lanes that the summary says did not reach their end.
fn failed(experiment: &Experiment, from: &Path) -> Vec<usize> {
    let summary = files::read(&from.join("summary.json"), 64 << 20).unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap_or_default();
    let runs = summary["runs"].as_array().cloned().unwrap_or_default();
    let is_failed = |name: &str, replica: u32| {
        runs.iter().any(|run| {
            run["name"] == *name
                && run["replica"] == replica
                && run.get("failed").is_some_and(|why| !why.is_null())
        })
    };
    let all = lanes(experiment, None).into_iter().enumerate();
    all.filter(|(_, lane)| is_failed(&lane.run, lane.replica)).map(|(at, _)| at).collect()
}

fn keep(state: &State, to: &Path) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(state)? + "\n";
    let file = to.join(STATE);
    files::replace(&file, |out| out.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

//! A checkpoint as one safetensors file, which any tool for that format opens.
//!
//! Tensors: `rows` `[lanes, numbers]`, each lane's weights and then its optimizer's buffers; and of lane
//! `i`, where they are kept, `lane.i.snapshots` `[snapshots, weights]`, `lane.i.swa`, `lane.i.ema`,
//! `lane.i.best` and `lane.i.team`.
//! The file's metadata has `format`, this module's version; `state`, a JSON [`Record`]; and `checksum`,
//! the CRC-32 in hexadecimal of `state` and then of each tensor in the order of names: its name, its
//! shape in little-endian 64-bit words, its numbers.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Ledger, Refusal, SavedLane};
use crate::experiment::Experiment;
use crate::model::Parameter;
use crate::train::ids::{LaneId, RunId};
use crate::train::lane::LaneState;
use crate::train::snapshot::{Kept, Snapshot};

/// The newest version of the format that is read, and the one that is written.
const FORMAT: u32 = 1;

/// Everything that is no tensor.
#[derive(Serialize, Deserialize)]
struct Record {
    /// The experiment file.
    experiment: String,
    generation: u64,
    ids: Vec<u32>,
    data: u32,
    parameters: Vec<ParameterRecord>,
    lanes: Vec<LaneRecord>,
    /// Older checkpoints have none.
    #[serde(default)]
    ledger: Ledger,
}

#[derive(Serialize, Deserialize)]
struct ParameterRecord {
    name: String,
    shape: Vec<usize>,
    offset: usize,
    layer: usize,
}

#[derive(Serialize, Deserialize)]
struct LaneRecord {
    run: String,
    run_id: u32,
    replica: u32,
    next_rate: f64,
    state: LaneState,
    kept: Option<KeptRecord>,
    /// Older checkpoints have none.
    #[serde(default)]
    watch: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptRecord {
    taken: u64,
    /// Updates done at each snapshot.
    updates: Vec<u64>,
}

/// A tensor on its way to the file: shape and little-endian numbers.
struct Numbers {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Numbers {
    fn new<'a>(name: String, shape: Vec<usize>, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * 4);
        for row in rows {
            bytes.extend(row.iter().flat_map(|number| number.to_le_bytes()));
        }
        Self { name, shape, bytes }
    }
}

/// The file's bytes.
///
/// # Errors
/// When the state is none a file can hold, which no training's is.
pub fn encode(checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let state = serde_json::to_string(&record(checkpoint)).map_err(|error| text(&error))?;
    let mut tensors = tensors(checkpoint);
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let parts = tensors.iter().map(|tensor| (&*tensor.name, &*tensor.shape, &*tensor.bytes));
    let metadata = HashMap::from([
        ("format".to_owned(), FORMAT.to_string()),
        ("checksum".to_owned(), format!("{:08x}", checksum(&state, parts))),
        ("state".to_owned(), state),
    ]);
    let views = tensors
        .iter()
        .map(|tensor| {
            TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes).map(|view| (&tensor.name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| text(&error))?;
    safetensors::serialize(views, Some(metadata)).map_err(|error| text(&error))
}

fn record(checkpoint: &Checkpoint) -> Record {
    let parameters = checkpoint.parameters.iter().map(|parameter| ParameterRecord {
        name: parameter.name.clone(),
        shape: parameter.shape.clone(),
        offset: parameter.offset,
        layer: parameter.layer,
    });
    let lanes = checkpoint.lanes.iter().map(|lane| LaneRecord {
        run: lane.run.clone(),
        run_id: lane.id.run.0,
        replica: lane.id.replica,
        next_rate: lane.next_rate,
        state: lane.state.clone(),
        kept: lane.kept.as_ref().map(|kept| KeptRecord {
            taken: kept.taken,
            updates: kept.snapshots.iter().map(|snapshot| snapshot.update).collect(),
        }),
        watch: lane.watch.clone(),
    });
    Record {
        experiment: checkpoint.experiment.to_toml(),
        generation: checkpoint.generation,
        ids: checkpoint.ids.iter().map(|id| id.0).collect(),
        data: checkpoint.data,
        parameters: parameters.collect(),
        lanes: lanes.collect(),
        ledger: checkpoint.ledger,
    }
}

fn tensors(checkpoint: &Checkpoint) -> Vec<Numbers> {
    let lanes = &checkpoint.lanes;
    let width = lanes.first().map_or(0, |lane| lane.row.len());
    let rows = lanes.iter().map(|lane| lane.row.as_slice());
    let mut all = vec![Numbers::new("rows".to_owned(), vec![lanes.len(), width], rows)];
    for (at, kept) in
        lanes.iter().enumerate().filter_map(|(at, lane)| lane.kept.as_ref().map(|kept| (at, kept)))
    {
        if let Some(first) = kept.snapshots.front() {
            let shape = vec![kept.snapshots.len(), first.weights.len()];
            let rows = kept.snapshots.iter().map(|snapshot| &*snapshot.weights);
            all.push(Numbers::new(format!("lane.{at}.snapshots"), shape, rows));
        }
        for (name, average) in [("swa", &kept.swa), ("ema", &kept.ema)] {
            if let Some(average) = average {
                let row = std::iter::once(average.as_slice());
                all.push(Numbers::new(format!("lane.{at}.{name}"), vec![average.len()], row));
            }
        }
    }
    for (at, lane) in lanes.iter().enumerate() {
        for (name, numbers) in [("best", &lane.best), ("team", &lane.team)] {
            if let Some(numbers) = numbers.as_ref().filter(|numbers| !numbers.is_empty()) {
                let row = std::iter::once(numbers.as_slice());
                all.push(Numbers::new(format!("lane.{at}.{name}"), vec![numbers.len()], row));
            }
        }
    }
    all
}

fn checksum<'a>(state: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(state.as_bytes());
    for (name, shape, bytes) in tensors {
        crc.update(name.as_bytes());
        for &side in shape {
            crc.update(&(side as u64).to_le_bytes());
        }
        crc.update(bytes);
    }
    crc.sum()
}

/// The checkpoint in a file's bytes; `file` is what errors call it.
///
/// # Errors
/// When the bytes are no whole, unaltered checkpoint of this version or an earlier one.
pub fn decode(bytes: &[u8], file: &Path) -> Result<Checkpoint, Refusal> {
    let broken = |cause: String| Refusal::Broken { file: file.to_owned(), cause };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| broken(error.to_string()))?;
    let metadata = header.metadata().as_ref();
    let entry = |name: &str| {
        metadata
            .and_then(|metadata| metadata.get(name))
            .ok_or_else(|| broken(format!("it has no \"{name}\"")))
    };
    let found: u32 = entry("format")?.parse().map_err(|_| broken("its format is not a number".into()))?;
    if found > FORMAT {
        return Err(Refusal::Newer { file: file.to_owned(), found, known: FORMAT });
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    let mut views = tensors.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let state = entry("state")?;
    let sum = checksum(state, views.iter().map(|(name, view)| (name.as_str(), view.shape(), view.data())));
    let written = entry("checksum")?;
    if *written != format!("{sum:08x}") {
        return Err(Refusal::Altered { file: file.to_owned(), found: sum, written: written.clone() });
    }
    let record: Record = serde_json::from_str(state).map_err(|error| broken(error.to_string()))?;
    checkpoint(record, &tensors, file).map_err(broken)
}

fn checkpoint(record: Record, tensors: &SafeTensors<'_>, file: &Path) -> Result<Checkpoint, String> {
    let experiment = Experiment::parse(&record.experiment, file).map_err(|error| error.to_string())?;
    if experiment.runs.len() != record.ids.len() {
        return Err("its runs and their identities are not equally many".into());
    }
    let rows = read(tensors, "rows", record.lanes.len())?.ok_or("it has no \"rows\"")?;
    let lanes = record
        .lanes
        .into_iter()
        .zip(rows)
        .enumerate()
        .map(|(at, (lane, row))| {
            let id = LaneId { run: RunId(lane.run_id), replica: lane.replica };
            let kept = lane.kept.map(|kept| restore(&kept, tensors, at)).transpose()?;
            let row_of = |name: &str| -> Result<Option<Vec<f32>>, String> {
                Ok(read(tensors, &format!("lane.{at}.{name}"), 1)?.and_then(|mut rows| rows.pop()))
            };
            let (best, team) = (row_of("best")?, row_of("team")?);
            let LaneRecord { run, next_rate, state, watch, .. } = lane;
            let found = experiment.runs.iter().find(|other| other.name == run);
            let optimizer = found.ok_or_else(|| format!("it has no run \"{run}\""))?.optimizer.kind;
            Ok(SavedLane { id, run, optimizer, state, next_rate, row, kept, best, team, watch })
        })
        .collect::<Result<_, String>>()?;
    let parameters = record.parameters.into_iter().map(|parameter| {
        let ParameterRecord { name, shape, offset, layer } = parameter;
        Parameter { name, shape, offset, layer }
    });
    Ok(Checkpoint {
        experiment,
        generation: record.generation,
        ids: record.ids.into_iter().map(RunId).collect(),
        data: record.data,
        parameters: parameters.collect(),
        lanes,
        ledger: record.ledger,
    })
}

fn restore(kept: &KeptRecord, tensors: &SafeTensors<'_>, lane: usize) -> Result<Kept, String> {
    let weights = read(tensors, &format!("lane.{lane}.snapshots"), kept.updates.len())?.unwrap_or_default();
    let snapshots = kept.updates.iter().zip(weights);
    let average = |name: &str| -> Result<Option<Vec<f32>>, String> {
        Ok(read(tensors, &format!("lane.{lane}.{name}"), 1)?.and_then(|mut rows| rows.pop()))
    };
    Ok(Kept {
        snapshots: snapshots.map(|(&update, weights)| Snapshot { update, weights: weights.into() }).collect(),
        taken: kept.taken,
        swa: average("swa")?,
        ema: average("ema")?,
    })
}

/// A tensor as `rows` rows of numbers; nothing when the file has none of this name.
fn read(tensors: &SafeTensors<'_>, name: &str, rows: usize) -> Result<Option<Vec<Vec<f32>>>, String> {
    let Ok(view) = tensors.tensor(name) else { return Ok(None) };
    let (words, rest) = view.data().as_chunks::<4>();
    if view.dtype() != Dtype::F32 || !rest.is_empty() || rows == 0 || !words.len().is_multiple_of(rows) {
        return Err(format!("its \"{name}\" is not {rows} rows of numbers"));
    }
    if words.is_empty() {
        return Ok(Some(vec![Vec::new(); rows]));
    }
    let row = |words: &[[u8; 4]]| words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    Ok(Some(words.chunks(words.len() / rows).map(row).collect()))
}

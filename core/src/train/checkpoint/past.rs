//! What a training had measured by a checkpoint: the beginning of its `metrics.csv`, checked line by line.
//!
//! The file is the truth about what was measured, the checkpoint about where the training stands. A checkpoint
//! knows length and checksum of the file as it was then, so what follows is the future that a kill cut off, and
//! anything else that differs is damage. Checkpoints of older versions know neither; there the lines are counted.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Take};
use std::path::{Path, PathBuf};

use super::Checkpoint;
use crate::files::{self, Seal, Sealing};
use crate::telemetry::GroupNames;
use crate::telemetry::metrics::{Measured, MetricsError, Reader};

/// The beginning of a file of metrics that belongs to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub file: PathBuf,
    /// Length and checksum of the beginning.
    pub seal: Seal,
    /// Lines of updates in it.
    pub lines: u64,
    /// Whether the file has the columns that this version writes.
    pub is_current: bool,
    /// Columns that this version does not know.
    pub unknown: Vec<String>,
    /// The parameter groups that the file has columns of.
    pub groups: GroupNames,
}

/// Why a file of metrics does not go with a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    #[error("{}: {cause}", file.display())]
    Metrics { file: PathBuf, cause: MetricsError },
    #[error("{}: line {line}: there is no run \"{run}\" with a replica {replica} in the checkpoint", file.display())]
    Stranger { file: PathBuf, line: u64, run: String, replica: u32 },
    #[error(
        "{}: line {line}: update {found} of run \"{run}\", replica {replica}, where update {expected} comes next: \
         lines are missing or there twice",
        file.display()
    )]
    Order { file: PathBuf, line: u64, run: String, replica: u32, found: u64, expected: u64 },
    #[error(
        "{}: it ends at line {line} with {found} of the {expected} updates that run \"{run}\", replica {replica}, \
         had made by the checkpoint",
        file.display()
    )]
    Short { file: PathBuf, line: u64, run: String, replica: u32, found: u64, expected: u64 },
    #[error("{}: line {line}: a number is another than the one that was written", file.display())]
    AlteredLine { file: PathBuf, line: u32 },
    #[error(
        "{}: a number in its first {lines} lines is another than the one that was written (checksum {found:08x}, \
         by the checkpoint {expected:08x})",
        file.display()
    )]
    Altered { file: PathBuf, lines: u64, found: u32, expected: u32 },
}

/// A lane of the checkpoint, and how many of its lines have come by.
struct Lane<'a> {
    run: &'a str,
    replica: u32,
    seen: u64,
    expected: u64,
}

impl Past {
    /// Reads the metrics that go with a checkpoint, handing over one line after the other, in bounded memory.
    ///
    /// # Errors
    /// When the file cannot be read, or anything but what follows the checkpoint is not as it was written.
    pub fn read(
        file: &Path,
        checkpoint: &Checkpoint,
        mut each: impl FnMut(Measured),
    ) -> Result<Self, PastError> {
        let named = |cause| PastError::Metrics { file: file.to_owned(), cause };
        let mut lanes: Vec<Lane<'_>> = checkpoint
            .lanes
            .iter()
            .map(|lane| Lane {
                run: &lane.run,
                replica: lane.id.replica,
                seen: checkpoint.ledger.first.min(lane.state.update),
                expected: lane.state.update,
            })
            .collect();
        let places: HashMap<(&str, u32), usize> =
            lanes.iter().enumerate().map(|(at, lane)| ((lane.run, lane.replica), at)).collect();
        let mut missing: u64 = lanes.iter().map(|lane| lane.expected - lane.seen).sum();
        let sealed = checkpoint.ledger.metrics;
        let mut reader = open(file, sealed.map_or(u64::MAX, |seal| seal.bytes)).map_err(named)?;
        let (mut lines, mut end) = (0, reader.byte());
        while missing > 0 || sealed.is_some() {
            let Some(measured) = reader.next() else { break };
            let measured = measured.map_err(named)?;
            let (line, found) = (reader.line(), measured.row.update);
            let Measured { run, replica, .. } = &measured;
            let (run, replica, file) = (run.as_ref(), *replica, file.to_owned());
            let Some(lane) = places.get(&(run, replica)).and_then(|at| lanes.get_mut(*at)) else {
                return Err(PastError::Stranger { file, line, run: run.into(), replica });
            };
            if found != lane.seen || found >= lane.expected {
                let expected = lane.seen;
                return Err(PastError::Order { file, line, run: run.into(), replica, found, expected });
            }
            lane.seen += 1;
            missing -= 1;
            lines += 1;
            end = reader.byte();
            each(measured);
        }
        if let Some(lane) = lanes.iter().find(|lane| lane.seen < lane.expected) {
            return Err(PastError::Short {
                file: file.to_owned(),
                line: lines + 1,
                run: lane.run.into(),
                replica: lane.replica,
                found: lane.seen,
                expected: lane.expected,
            });
        }
        let (is_current, unknown, groups) = (reader.is_current(), reader.unknown().to_vec(), reader.groups());
        let found = match sealed {
            Some(_) => reader.into_inner().seal(),
            None => seal(file, end).map_err(|cause| named(MetricsError::Io(cause)))?,
        };
        match sealed {
            Some(expected) if expected != found => {
                let again = files::open(file).and_then(|again| expected.line_that_differs(again));
                let again = again.map_err(|cause| named(MetricsError::Io(cause)))?;
                let file = file.to_owned();
                Err(match again {
                    Some(line) => PastError::AlteredLine { file, line },
                    None => {
                        let (found, expected) = (found.crc, expected.crc);
                        PastError::Altered { file, lines: lines + 1, found, expected }
                    }
                })
            }
            _ => Ok(Self { file: file.to_owned(), seal: found, lines, is_current, unknown, groups }),
        }
    }

    /// Hands over the lines once more.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn replay(&self, mut each: impl FnMut(Measured)) -> Result<(), PastError> {
        let named = |cause| PastError::Metrics { file: self.file.clone(), cause };
        for measured in open(&self.file, self.seal.bytes).map_err(named)? {
            each(measured.map_err(named)?);
        }
        Ok(())
    }
}

fn open(file: &Path, bytes: u64) -> Result<Reader<Sealing<Take<File>>>, MetricsError> {
    Reader::new(Sealing::new(files::open(file).map_err(MetricsError::Io)?.take(bytes)))
}

/// The seal of a file's beginning.
fn seal(file: &Path, bytes: u64) -> io::Result<Seal> {
    let mut beginning = Sealing::new(files::open(file)?.take(bytes));
    io::copy(&mut beginning, &mut io::sink())?;
    Ok(beginning.seal())
}

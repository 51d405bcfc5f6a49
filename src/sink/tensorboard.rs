//! TensorBoard: a folder a run and replica, with every measured value as a scalar and the settings as hyperparameters.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::event_file::{Ending, EventFile};
use super::{LaneInfo, Message, Sink};
use crate::machine;
use crate::telemetry::{Column, Row};

/// The columns by which runs are compared.
const JUDGED_BY: [Column; 2] = [Column::ValLoss, Column::ValAccuracy];

/// What TensorBoard knows event files by.
const PREFIX: &str = "events.out.tfevents.";
/// Where others write their machine's name.
const MARK: &str = ".anneal.";

/// Writes event files below a folder.
pub struct TensorBoard {
    folder: PathBuf,
    /// Each lane's file below the folder.
    paths: Vec<PathBuf>,
    lanes: Vec<EventFile<BufWriter<File>>>,
    tags: Vec<(Column, String)>,
}

impl TensorBoard {
    /// New event files below `folder`, one a lane. Those that are there stay: TensorBoard reads them one after the
    /// other, and where steps begin anew it drops what was after them.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(folder: &Path, lanes: &[LaneInfo]) -> io::Result<Self> {
        let tags: Vec<(Column, String)> =
            Column::ALL.into_iter().map(|column| (column, tag(column))).collect();
        let judged: Vec<&str> = tags
            .iter()
            .filter(|(column, _)| JUDGED_BY.contains(column))
            .map(|(_, tag)| tag.as_str())
            .collect();
        let at = machine::wall_clock();
        let mut sink =
            Self { folder: folder.to_owned(), paths: Vec::new(), lanes: Vec::new(), tags: Vec::new() };
        for (place, lane) in places(lanes).into_iter().zip(lanes) {
            fs::create_dir_all(folder.join(&place))?;
            let (name, file) = create(&folder.join(&place), at)?;
            let mut file = EventFile::new(BufWriter::with_capacity(1 << 16, file), at)?;
            file.hparams(at, &lane.settings, &judged)?;
            file.flush()?;
            sink.paths.push(place.join(name));
            sink.lanes.push(file);
        }
        sink.tags = tags;
        Ok(sink)
    }

    /// The files as seen from the folder, with their lengths so far.
    ///
    /// # Errors
    /// When one is gone.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let length = |path: &PathBuf| Ok((path.clone(), self.folder.join(path).metadata()?.len()));
        self.paths.iter().map(length).collect()
    }

    /// The event files below a folder that a sink of ours wrote, this one or an earlier one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ours(folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for run in fs::read_dir(folder)?.flatten().filter(|entry| entry.path().is_dir()) {
            for seed in fs::read_dir(run.path())?.flatten().filter(|entry| entry.path().is_dir()) {
                let files = fs::read_dir(seed.path())?.flatten().map(|entry| entry.path());
                found.extend(files.filter(|path| is_ours(path)));
            }
        }
        Ok(found)
    }

    /// Writes what some updates of a lane measured. A step is the number of updates made, so that the first is 1.
    ///
    /// # Errors
    /// When the files cannot be written to.
    pub fn write(&mut self, lane: usize, rows: &[Row]) -> io::Result<()> {
        let Some(file) = self.lanes.get_mut(lane) else { return Ok(()) };
        let at = machine::wall_clock();
        for row in rows {
            let values =
                self.tags.iter().filter_map(|(column, tag)| Some((&**tag, row.get(*column)? as f32)));
            file.scalars(at, row.update + 1, values)?;
        }
        // TensorBoard follows a file while it grows.
        file.flush()
    }

    /// Says how the lanes ended.
    ///
    /// # Errors
    /// When the files cannot be written to.
    pub fn end(&mut self, failed: &[usize]) -> io::Result<()> {
        let at = machine::wall_clock();
        for (lane, file) in self.lanes.iter_mut().enumerate() {
            file.end(at, if failed.contains(&lane) { Ending::Failure } else { Ending::Success })?;
            file.flush()?;
        }
        Ok(())
    }
}

impl Sink for TensorBoard {
    fn name(&self) -> &'static str {
        "TensorBoard"
    }

    fn take(&mut self, message: &Message) -> io::Result<()> {
        match message {
            Message::Rows { lane, rows, .. } => self.write(*lane, rows),
            Message::Checkpoints { .. } => Ok(()),
            Message::End { failed } => self.end(failed),
        }
    }
}

/// The name of a column's scalar: TensorBoard groups by what stands before the slash.
fn tag(column: Column) -> String {
    let name = column.name();
    let group = match name.split_once('_') {
        Some(("train" | "val", _)) => "loss and accuracy",
        Some((_, "norm")) => "norms",
        _ => "settings",
    };
    format!("{group}/{name}")
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.contains(MARK))
}

/// A folder a lane, named after its run: what a file's name cannot have is replaced, and no two are the same.
fn places(lanes: &[LaneInfo]) -> Vec<PathBuf> {
    let mut names: Vec<String> = Vec::new();
    for lane in lanes {
        let plain = |c: char| if c.is_alphanumeric() || "+-_.".contains(c) { c } else { '_' };
        let name: String = lane.run.chars().map(plain).take(100).collect();
        let name = name.trim_matches('.').to_owned();
        let name = if name.is_empty() { "run".to_owned() } else { name };
        let below = |name: &str| format!("{name}/seed-{}", lane.seed);
        // Runs that differ only in what was replaced are told apart by a number.
        let mut place = below(&name);
        let mut number = 2;
        while names.contains(&place) {
            place = below(&format!("{name}-{number}"));
            number += 1;
        }
        names.push(place);
    }
    names.into_iter().map(PathBuf::from).collect()
}

/// What an event file that is begun at this second of the wall clock is called. TensorBoard reads files in the order of
/// their names, so a later one of the same second comes later, whatever the number of its process.
fn name(at: f64, process: u32, number: u32) -> String {
    format!("{PREFIX}{:010}{MARK}{:06}.{process}.{number}", at as u64, (at.fract() * 1e6) as u32)
}

/// A new event file with the name that TensorBoard looks for.
fn create(place: &Path, at: f64) -> io::Result<(String, File)> {
    let process = std::process::id();
    for number in 0..1000 {
        let name = name(at, process, number);
        match OpenOptions::new().write(true).create_new(true).open(place.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((name, opened?)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_second_are_in_the_order_they_were_begun_in() {
        // Numbers of processes begin anew after the highest, and grow by a digit.
        let names =
            [name(1e9, 32_760, 0), name(1e9 + 0.25, 310, 0), name(1e9 + 0.25, 310, 1), name(1e9 + 1.0, 9, 0)];
        assert!(names.is_sorted(), "{names:?}");
        assert!(names.iter().all(|name| is_ours(Path::new(name))));
    }
}

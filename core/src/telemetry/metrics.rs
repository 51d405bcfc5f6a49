//! `metrics.csv`: what every update measured, written and read back.
//!
//! A line is an update of a run's replica. The first columns are a contract with other programs and keep their
//! order; the others follow, and last those of parameter groups, `lr:NAME` and `param_norm:NAME`, and of the data's
//! phases, `val_loss:phase:NAME` and `val_accuracy:phase:NAME`. The reader goes by the names, so it also takes files with
//! fewer or other columns.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{
    Column, GroupColumn, GroupNames, GroupRow, MOST_GROUPS, MOST_MEMBERS, MOST_PHASES, OfMember, Row,
    is_member, phase_of,
};
use crate::{files, plain};

/// Which update it is, before what it measured.
const KEYS: [&str; 4] = ["run", "replica", "update", "epoch"];

/// The measured columns of the contract, in its order.
const CONTRACT: [Column; 7] = [
    Column::Lr,
    Column::Momentum,
    Column::TrainLoss,
    Column::GradNorm,
    Column::UpdateNorm,
    Column::ValLoss,
    Column::ValAccuracy,
];

/// The measured columns as they are written.
fn columns() -> impl Iterator<Item = Column> {
    let others = Column::ALL.into_iter().filter(|column| !CONTRACT.contains(column));
    CONTRACT.into_iter().chain(others)
}

/// The name of a group's column.
fn title(column: GroupColumn, group: &str) -> String {
    format!("{}:{group}", column.name())
}

/// The columns of groups as they are written.
fn group_titles(groups: &[Arc<str>]) -> impl Iterator<Item = String> {
    groups.iter().flat_map(|group| GroupColumn::of(group).map(|column| title(column, group)))
}

/// One line: what an update of a run's replica measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub run: Arc<str>,
    pub replica: u32,
    /// The index of the epoch that the update is in.
    pub epoch: u64,
    pub row: Row,
    /// The groups that the row has.
    pub groups: GroupNames,
}

/// Why a file of metrics cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    #[error("it has no column \"{0}\"")]
    NoColumn(&'static str),
    #[error("line {line}: {count} cells, where the header has {expected}")]
    Cells { line: u64, count: usize, expected: usize },
    #[error("line {line}: {column} = \"{found}\" is not {allowed}")]
    Cell { line: u64, column: &'static str, found: String, allowed: &'static str },
    #[error("{0}")]
    Csv(csv::Error),
}

impl From<csv::Error> for MetricsError {
    fn from(error: csv::Error) -> Self {
        if error.is_io_error() { Self::Io(error.into()) } else { Self::Csv(error) }
    }
}

/// Writes lines of metrics.
pub struct Writer<W: io::Write> {
    lines: csv::Writer<W>,
    cells: csv::StringRecord,
    /// The parameter groups that the file has columns of.
    groups: GroupNames,
}

impl<W: io::Write> Writer<W> {
    /// A new file with columns of these parameter groups, which gets its header.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn new(to: W, groups: GroupNames) -> io::Result<Self> {
        let mut writer = Self::append(to, groups);
        let names = KEYS.into_iter().chain(columns().map(Column::name)).map(str::to_owned);
        writer.lines.write_record(names.chain(group_titles(&writer.groups)))?;
        Ok(writer)
    }

    /// Goes on at the end of a file that a [`Writer::new`] began.
    pub fn append(to: W, groups: GroupNames) -> Self {
        let lines = csv::WriterBuilder::new().has_headers(false).from_writer(to);
        Self { lines, cells: csv::StringRecord::new(), groups }
    }

    /// `names` are those of the row's groups.
    ///
    /// # Errors
    /// When the file cannot be written to.
    pub fn write(
        &mut self,
        (run, replica): (&str, u32),
        epoch: u64,
        row: &Row,
        names: &[Arc<str>],
    ) -> io::Result<()> {
        self.cells.clear();
        self.cells.push_field(&plain::cell(run));
        for key in [replica.into(), row.update, epoch] {
            self.cells.push_field(&key.to_string());
        }
        for column in columns() {
            self.cells.push_field(&row.text(column));
        }
        for group in &*self.groups {
            let at = names.iter().position(|name| name == group);
            for column in GroupColumn::of(group) {
                let text = at.map_or_else(String::new, |at| row.groups.text(column, at));
                self.cells.push_field(&text);
            }
        }
        Ok(self.lines.write_record(&self.cells)?)
    }

    /// What it writes to; what was not flushed is not there yet.
    pub fn get_ref(&self) -> &W {
        self.lines.get_ref()
    }

    /// Hands everything so far to the system.
    ///
    /// # Errors
    /// When the file cannot be written to.
    pub fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// Reads lines of metrics, one at a time.
///
/// A training that was killed may have left half a line at the very end, which is passed over. Any other line that
/// is not as it should be is an error, after which the reader has no more lines.
pub struct Reader<R> {
    lines: csv::Reader<Watched<R>>,
    cells: csv::StringRecord,
    keys: [usize; 4],
    /// Where the columns that the file has are in a line.
    columns: Vec<(Column, usize)>,
    groups: GroupCells,
    unknown: Vec<String>,
    run: Arc<str>,
    ended: bool,
}

/// Where the columns of groups are in a line.
#[derive(Default)]
struct GroupCells {
    names: Vec<Arc<str>>,
    /// One for each name.
    places: Vec<[Option<usize>; GroupColumn::ALL.len()]>,
    /// The groups of the newest line, by their places, and their names.
    newest: (Vec<usize>, GroupNames),
}

impl GroupCells {
    fn find(header: &csv::StringRecord) -> Self {
        let mut cells = Self::default();
        for (at, title) in header.iter().enumerate() {
            for (slot, column) in GroupColumn::ALL.into_iter().enumerate() {
                let Some(name) = title.strip_prefix(column.name()).and_then(|rest| rest.strip_prefix(':'))
                else {
                    continue;
                };
                let group = cells.names.iter().position(|known| **known == *name).unwrap_or_else(|| {
                    cells.names.push(name.into());
                    cells.places.push(Default::default());
                    cells.names.len() - 1
                });
                cells.places[group][slot] = Some(at);
            }
        }
        cells
    }

    fn has(&self, at: usize) -> bool {
        self.places.iter().flatten().any(|place| *place == Some(at))
    }

    /// The groups of a line, those with a rate, and then all phases and members. `None` where a cell is no number.
    fn read(&mut self, cells: &csv::StringRecord) -> Option<(GroupRow, GroupNames)> {
        if self.names.is_empty() {
            return Some((GroupRow::default(), Arc::clone(&self.newest.1)));
        }
        let cell = |place: Option<usize>| place.and_then(|at| cells.get(at)).filter(|cell| !cell.is_empty());
        let number = |place| cell(place).map(|cell| cell.parse::<f32>().ok());
        let (mut there, mut phases, mut members) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rates, mut norms, mut scores, mut of_members) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, (name, places)) in self.names.iter().zip(&self.places).enumerate() {
            let [lr, norm, loss, accuracy, own_loss, way] = places;
            if is_member(name) {
                members.push(at);
                let of = |place: &Option<usize>| match number(*place) {
                    Some(value) => value.map(Some),
                    None => Some(None),
                };
                of_members.push(OfMember { loss: of(own_loss)?, way: of(way)? });
                continue;
            }
            if phase_of(name).is_some() {
                phases.push(at);
                if let Some(loss) = number(*loss) {
                    let accuracy = match number(*accuracy) {
                        Some(accuracy) => Some(accuracy?),
                        None => None,
                    };
                    scores.push((loss?, accuracy));
                }
                continue;
            }
            let Some(rate) = cell(*lr) else { continue };
            there.push(at);
            rates.push(rate.parse::<f64>().ok()?);
            if let Some(norm) = number(*norm) {
                norms.push(norm?);
            }
        }
        if there.len() > MOST_GROUPS || phases.len() > MOST_PHASES || members.len() > MOST_MEMBERS {
            return None;
        }
        let mut row = GroupRow::new(&rates);
        if norms.len() == rates.len() {
            row.set_norms(norms);
        }
        if scores.len() == phases.len() {
            row.set_scores(scores);
        }
        row.set_members(of_members);
        there.append(&mut phases);
        there.append(&mut members);
        if self.newest.0 != there {
            let names = there.iter().map(|at| Arc::clone(&self.names[*at])).collect();
            self.newest = (there, names);
        }
        Some((row, Arc::clone(&self.newest.1)))
    }
}

impl Reader<File> {
    /// # Errors
    /// When the file cannot be opened, or its header lacks a column.
    pub fn open(file: &Path) -> Result<Self, MetricsError> {
        Self::new(files::open(file).map_err(MetricsError::Io)?)
    }
}

impl<R: io::Read> Reader<R> {
    /// # Errors
    /// When the header cannot be read, or lacks a column that every file has.
    pub fn new(from: R) -> Result<Self, MetricsError> {
        let mut lines =
            csv::ReaderBuilder::new().flexible(true).from_reader(Watched { from, last: b'\n', line: 0 });
        let header = lines.headers()?.clone();
        let place = |name| header.iter().position(|cell| cell == name);
        let mut keys = [0; 4];
        for (key, name) in keys.iter_mut().zip(KEYS) {
            *key = place(name).ok_or(MetricsError::NoColumn(name))?;
        }
        let mut columns = Vec::new();
        for column in Column::ALL {
            match place(column.name()) {
                Some(at) => columns.push((column, at)),
                None if column.is_always_measured() => return Err(MetricsError::NoColumn(column.name())),
                None => {}
            }
        }
        let groups = GroupCells::find(&header);
        let is_known =
            |at: &usize| keys.contains(at) || groups.has(*at) || columns.iter().any(|(_, known)| known == at);
        let unknown = (0..header.len()).filter(|at| !is_known(at)).map(|at| header[at].to_owned());
        let unknown = unknown.collect();
        Ok(Self {
            lines,
            cells: csv::StringRecord::new(),
            keys,
            columns,
            groups,
            unknown,
            run: "".into(),
            ended: false,
        })
    }

    /// What it reads from.
    pub fn into_inner(self) -> R {
        self.lines.into_inner().from
    }

    /// The line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.cells.position().map_or(1, csv::Position::line)
    }

    /// Where the next line begins, in bytes.
    pub fn byte(&self) -> u64 {
        self.lines.position().byte()
    }

    /// The parameter groups that the file has columns of.
    pub fn groups(&self) -> GroupNames {
        self.groups.names.iter().cloned().collect()
    }

    /// Whether the file has the columns that [`Writer`] writes, in its order.
    pub fn is_current(&mut self) -> bool {
        let written = KEYS.into_iter().chain(columns().map(Column::name)).map(str::to_owned);
        let written = written.chain(group_titles(&self.groups.names));
        self.lines.headers().is_ok_and(|header| header.iter().eq(written))
    }

    /// Columns of the file that this version does not know; they are not read.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Whether nothing follows the line that was read, and it does not end.
    fn was_half_a_line(&mut self) -> bool {
        let is_last = matches!(self.lines.read_record(&mut self.cells), Ok(false));
        is_last && self.lines.get_ref().last != b'\n'
    }

    /// The line in `cells`.
    fn measured(&mut self) -> Result<Measured, MetricsError> {
        let line = self.cells.position().map_or(0, csv::Position::line);
        let (count, expected) = (self.cells.len(), self.lines.headers()?.len());
        if count != expected {
            return Err(MetricsError::Cells { line, count, expected });
        }
        let cell = |column, at: usize, allowed| MetricsError::Cell {
            line,
            column,
            found: plain::name(&self.cells[at]),
            allowed,
        };
        let [run, replica, update, epoch] = self.keys;
        let key = |name, at: usize| self.cells[at].parse().map_err(|_| cell(name, at, "a whole number"));
        let mut row = Row { update: key("update", update)?, ..Row::default() };
        let epoch = key("epoch", epoch)?;
        let replica =
            self.cells[replica].parse().map_err(|_| cell("replica", replica, "a whole number below 2^32"))?;
        for &(column, at) in &self.columns {
            row.read(column, &self.cells[at]).ok_or_else(|| cell(column.name(), at, "a number"))?;
        }
        let Some((of_groups, groups)) = self.groups.read(&self.cells) else {
            let found = "the cells of parameter groups".to_owned();
            return Err(MetricsError::Cell { line, column: "lr", found, allowed: "numbers" });
        };
        row.groups = of_groups;
        let run = plain::text_of(&self.cells[run]);
        if *self.run != *run {
            self.run = run.into();
        }
        Ok(Measured { run: Arc::clone(&self.run), replica, epoch, row, groups })
    }
}

impl<R: io::Read> Iterator for Reader<R> {
    type Item = Result<Measured, MetricsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let measured = match self.lines.read_record(&mut self.cells) {
            Ok(false) => return None,
            Ok(true) => self.measured(),
            Err(error) => Err(error.into()),
        };
        if measured.is_err() {
            self.ended = true;
            if !matches!(measured, Err(MetricsError::Io(_))) && self.was_half_a_line() {
                return None;
            }
        }
        Some(measured)
    }
}

/// Bytes of the longest line that is read: without an end to lines a file would fill the memory.
const LONGEST: usize = 1 << 20;

/// Remembers the last byte that was read, and how long the line is that it is in.
struct Watched<R> {
    from: R,
    last: u8,
    line: usize,
}

impl<R: io::Read> io::Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        let read = &to[..count];
        if let Some(last) = read.last() {
            self.last = *last;
        }
        self.line = match read.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => count - end - 1,
            None => self.line + count,
        };
        if self.line > LONGEST {
            let why = format!("a line is longer than {LONGEST} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(count)
    }
}

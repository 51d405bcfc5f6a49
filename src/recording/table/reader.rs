//! Reads the rows of a table, each cell into the series that its column is.

use csv::ByteRecord;

use super::header::{Delimiter, Header};
use crate::recording::build::{Builder, MAX_RUNS};
use crate::recording::lines::LineReader;
use crate::recording::number;
use crate::recording::rows::Rows;
use crate::recording::series::Tick;

/// What a column is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    /// A series of this name, of the row's run.
    Series(String),
    /// A series of this name of the run of that name.
    Of {
        run: String,
        series: String,
    },
    /// Names the row's run.
    Run,
    /// Numbers the copies of a run, from 0.
    Replica,
    LeftOut,
}

/// Reads the rows below a header.
pub(super) struct TableReader {
    delimiter: Delimiter,
    columns: Vec<Column>,
    /// Each column's run and key, where it does not change with the row.
    places: Vec<(usize, Option<usize>)>,
    rows: Rows,
    /// Bytes before the first row that are still to come.
    ahead: usize,
    /// Columns of runs for which there is no room.
    crowded: u64,
    /// The last row's run.
    run: (String, Option<usize>),
    record: ByteRecord,
}

impl TableReader {
    /// A reader of such columns; the tick is found out from the first rows where it is not given.
    pub fn new(header: &Header, columns: Vec<Column>, tick: Option<Tick>) -> Self {
        let mut rows = Rows::new(tick);
        let mut crowded = 0;
        let places = columns
            .iter()
            .map(|column| match column {
                Column::Series(name) => (0, rows.key(name)),
                Column::Of { run, series } => match rows.run(run) {
                    Some(run) => (run, rows.key(series)),
                    None => {
                        crowded += 1;
                        (0, None)
                    }
                },
                Column::Run | Column::Replica | Column::LeftOut => (0, None),
            })
            .collect();
        Self {
            delimiter: header.delimiter,
            columns,
            places,
            rows,
            ahead: header.length,
            crowded,
            // No file names a run like this.
            run: ("\0".to_owned(), Some(0)),
            record: ByteRecord::new(),
        }
    }

    /// One series a column.
    pub fn plain(header: &Header, tick: Option<Tick>) -> Self {
        Self::new(header, header.names.iter().cloned().map(Column::Series).collect(), tick)
    }

    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a [u8]> + Clone, to: &mut Builder) {
        let count = cells.clone().count();
        // The line below the names of a table in Markdown.
        let is_rule = |cell: &[u8]| cell.trim_ascii().iter().all(|byte| matches!(byte, b'-' | b':' | b'='));
        if cells.clone().all(is_rule) && cells.clone().any(|cell| cell.contains(&b'-')) {
            return;
        }
        if count != self.columns.len() {
            to.left_out().count("rows with another number of cells than the first line");
            return;
        }
        if self.columns.contains(&Column::Run) {
            self.enter(cells.clone());
        }
        let Some(own) = self.run.1 else {
            to.left_out().count(&format!("rows of runs after the first {MAX_RUNS}"));
            return;
        };
        for ((cell, column), (run, key)) in cells.zip(&self.columns).zip(&self.places) {
            let cell = cell.trim_ascii();
            let (Some(key), false) = (*key, cell.is_empty()) else { continue };
            let run = if matches!(column, Column::Series(_)) { own } else { *run };
            match self.parse(cell) {
                Some(value) => self.rows.number(run, key, value),
                None => self.rows.text(key, &String::from_utf8_lossy(cell)),
            }
        }
        self.rows.end(to);
    }

    /// The run that the row names.
    fn enter<'a>(&mut self, cells: impl Iterator<Item = &'a [u8]>) {
        let (mut name, mut replica) = (String::new(), String::new());
        for (cell, column) in cells.zip(&self.columns) {
            match column {
                Column::Run => name = String::from_utf8_lossy(cell).trim().to_owned(),
                Column::Replica => replica = String::from_utf8_lossy(cell).trim().to_owned(),
                _ => {}
            }
        }
        if let Some(replica) = replica.parse::<u32>().ok().filter(|replica| *replica > 0) {
            name = format!("{name}, replica {}", replica + 1);
        }
        if self.run.0 != name {
            let at = self.rows.run(&name);
            self.run = (name, at);
        }
    }

    /// A number; where the comma parts no cells it may be a decimal one.
    fn parse(&self, cell: &[u8]) -> Option<f64> {
        // Of a percentage the number in front, as its name says it.
        let found = number::parse(cell.strip_suffix(b"%").unwrap_or(cell));
        if found.is_none() && self.delimiter != Delimiter::Byte(b',') && cell.contains(&b',') {
            let point: Vec<u8> = cell.iter().map(|byte| if *byte == b',' { b'.' } else { *byte }).collect();
            return number::parse(&point);
        }
        found
    }
}

impl LineReader for TableReader {
    fn lines(&mut self, chunk: &[u8], to: &mut Builder) {
        let ahead = self.ahead.min(chunk.len());
        self.ahead -= ahead;
        let chunk = &chunk[ahead..];
        match self.delimiter {
            Delimiter::Spaces => {
                for line in crate::recording::lines::split(chunk) {
                    if !line.trim_ascii().starts_with(b"#") {
                        self.row(line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()), to);
                    }
                }
            }
            Delimiter::Byte(byte) => {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .comment(Some(b'#'))
                    .delimiter(byte)
                    .from_reader(chunk);
                let mut record = std::mem::take(&mut self.record);
                // A slice is always read to its end.
                while let Ok(true) = reader.read_byte_record(&mut record) {
                    self.row(record.iter(), to);
                }
                self.record = record;
            }
        }
    }

    fn finish(&mut self, to: &mut Builder) {
        let crowded = std::mem::take(&mut self.crowded);
        to.left_out().add(&format!("columns of runs after the first {MAX_RUNS}"), crowded);
        self.rows.finish(to);
    }
}

//! The index: what the trainings' files say, in SQLite, so that a hundred thousand runs are listed at once.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::scan::{Found, scan, training};
use super::{Criteria, Entry, Filter, LaneRecord, LibraryError, Marks, Row, Training};

/// Its name in the library's folder.
const NAME: &str = ".anneal-library.sqlite";
/// The version of its tables; those of another one are rebuilt.
const VERSION: i64 = 4;
/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one waits before trying again what SQLite itself does not wait for.
const AGAIN: Duration = Duration::from_millis(10);
/// Memory for pages of the index, in negative kibibytes as SQLite takes them: 64 MiB.
const CACHE: i64 = -65_536;
/// Trainings that are read between two commits.
const BATCH: usize = 200;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS training (
    folder TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    experiment TEXT NOT NULL,
    finished INTEGER NOT NULL,
    tags TEXT NOT NULL,
    star INTEGER NOT NULL,
    note TEXT NOT NULL,
    problem TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lane (
    folder TEXT NOT NULL REFERENCES training(folder) ON DELETE CASCADE,
    run TEXT NOT NULL,
    replica INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    schedule TEXT NOT NULL,
    family TEXT NOT NULL,
    updates INTEGER NOT NULL,
    final_train_loss REAL,
    final_val_loss REAL,
    best_val_loss REAL,
    final_val_accuracy REAL,
    best_val_accuracy REAL,
    diverged_at INTEGER,
    failed TEXT,
    pruned INTEGER NOT NULL,
    seconds REAL,
    PRIMARY KEY (folder, run, replica)
) WITHOUT ROWID;
-- Apart from what is listed, so that a list does not read it.
CREATE TABLE IF NOT EXISTS record (
    folder TEXT NOT NULL REFERENCES training(folder) ON DELETE CASCADE,
    run TEXT NOT NULL,
    replica INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (folder, run, replica)
);
CREATE INDEX IF NOT EXISTS lane_family ON lane(family);
";

/// The open index of one library.
pub struct Index {
    library: PathBuf,
    db: Connection,
}

/// What bringing an index up to date came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    pub read: usize,
    pub unchanged: usize,
    /// Trainings whose folders are gone.
    pub removed: usize,
    /// Folders that cannot be read, with the reason.
    pub refused: Vec<String>,
}

impl Index {
    /// Opens the index of a library, and makes it where there is none. Others may read and write it meanwhile.
    ///
    /// # Errors
    /// When the folder cannot be written to, or the index is damaged.
    pub fn open(library: &Path) -> Result<Self, LibraryError> {
        std::fs::create_dir_all(library)
            .map_err(|cause| LibraryError::Write { path: library.to_owned(), cause })?;
        let start = Instant::now();
        let db = loop {
            match connected(&library.join(NAME)) {
                // Whoever makes an index asks for the whole file, and SQLite then waits for nobody: two at once would
                // refuse each other.
                Err(error) if is_busy(&error) && start.elapsed() < PATIENCE => thread::sleep(AGAIN),
                connected => break connected?,
            }
        };
        Ok(Self { library: library.to_owned(), db })
    }

    /// An empty index in place of the one there is; [`Index::refresh`] fills it from the files.
    ///
    /// # Errors
    /// When the index cannot be removed or made.
    pub fn rebuilt(library: &Path) -> Result<Self, LibraryError> {
        for ending in ["", "-wal", "-shm"] {
            let path = library.join(format!("{NAME}{ending}"));
            match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LibraryError::Write { path, cause });
                }
                _ => {}
            }
        }
        Self::open(library)
    }

    /// Reads what is new or has changed below the library's folder, and forgets what is gone. `report` hears of
    /// trainings looked at, and of all there are.
    ///
    /// # Errors
    /// When the folder cannot be read, or the index not written.
    pub fn refresh(&mut self, mut report: impl FnMut(usize, usize)) -> Result<Refreshed, LibraryError> {
        let found = scan(&self.library)?;
        let mut known = self.stamps()?;
        let mut refreshed = Refreshed::default();
        let mut changed = Vec::new();
        for one in &found {
            match known.remove(&text(&one.folder)) {
                Some(stamp) if stamp == one.stamp => refreshed.unchanged += 1,
                _ => changed.push(one),
            }
        }
        for (done, batch) in changed.chunks(BATCH).enumerate() {
            report(refreshed.unchanged + done * BATCH, found.len());
            let read: Vec<(&Found, Result<Training, LibraryError>)> =
                batch.iter().map(|one| (*one, Training::read(&self.library.join(&one.folder)))).collect();
            let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (one, training) in read {
                match training {
                    Ok(training) => put(&change, one, &training)?,
                    Err(error) => {
                        change.execute("DELETE FROM training WHERE folder = ?1", [text(&one.folder)])?;
                        refreshed.refused.push(error.to_string());
                        continue;
                    }
                }
                refreshed.read += 1;
            }
            change.commit()?;
        }
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for folder in known.keys() {
            // One that another process has just added was not there when the folders were listed.
            if training(&self.library, &self.library.join(folder)).is_none() {
                refreshed.removed += change.execute("DELETE FROM training WHERE folder = ?1", [folder])?;
            }
        }
        change.commit()?;
        report(found.len(), found.len());
        Ok(refreshed)
    }

    /// Reads one training's folder, which is below the library's. Whether it is one.
    ///
    /// # Errors
    /// When it cannot be read, or the index not written.
    pub fn add(&mut self, folder: &Path) -> Result<bool, LibraryError> {
        let Some(found) = training(&self.library, folder) else { return Ok(false) };
        let read = Training::read(folder)?;
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        put(&change, &found, &read)?;
        change.commit()?;
        Ok(true)
    }

    fn stamps(&self) -> Result<std::collections::BTreeMap<String, String>, LibraryError> {
        let mut asked = self.db.prepare("SELECT folder, stamp FROM training")?;
        let rows = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The lanes that a filter lets through, in its order.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn rows(&self, filter: &Filter) -> Result<Vec<Row>, LibraryError> {
        let (condition, values) = filter.condition();
        let order = filter.order();
        let limit = filter.limit.map_or(-1, |limit| limit as i64);
        let mut asked = self.db.prepare(&format!(
            "SELECT training.folder, at, kind, experiment, finished, tags, star, note, run, replica, seed, schedule, \
             family, updates, final_train_loss, final_val_loss, best_val_loss, final_val_accuracy, \
             best_val_accuracy, diverged_at, failed, pruned, seconds FROM lane JOIN training USING (folder) WHERE {condition} \
             ORDER BY {order}, lane.folder, run, replica LIMIT {limit}"
        ))?;
        let rows = asked.query_map(rusqlite::params_from_iter(values), Row::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Everything that is known of a lane.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn record(&self, folder: &str, run: &str, replica: u32) -> Result<Option<LaneRecord>, LibraryError> {
        let asked = "SELECT record FROM record WHERE folder = ?1 AND run = ?2 AND replica = ?3";
        let record: Option<String> =
            self.db.query_row(asked, params![folder, run, replica], |row| row.get(0)).optional()?;
        record.map(|record| self.parse(&record)).transpose()
    }

    /// Everything that is known of the lanes that a filter lets through, with their folders.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn records(&self, filter: &Filter) -> Result<Vec<Entry>, LibraryError> {
        let (condition, values) = filter.condition();
        let order = filter.order();
        let limit = filter.limit.map_or(-1, |limit| limit as i64);
        let mut asked = self.db.prepare(&format!(
            "SELECT lane.folder, experiment, at, record.record FROM lane JOIN training USING (folder) \
             JOIN record USING (folder, run, replica) WHERE {condition} \
             ORDER BY {order}, lane.folder, run, replica LIMIT {limit}"
        ))?;
        let rows = asked.query_map(rusqlite::params_from_iter(values), |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, String>(3)?,
            ))
        })?;
        rows.map(|row| {
            let (folder, experiment, at, record) = row?;
            Ok(Entry { folder, experiment, at: at as u64, lane: self.parse(&record)? })
        })
        .collect()
    }

    fn parse(&self, record: &str) -> Result<LaneRecord, LibraryError> {
        serde_json::from_str(record)
            .map_err(|error| LibraryError::BadFile { path: self.library.join(NAME), why: error.to_string() })
    }

    /// Trainings of which something could not be read, and what.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn problems(&self) -> Result<Vec<(String, String)>, LibraryError> {
        let mut asked = self
            .db
            .prepare("SELECT folder, problem FROM training WHERE problem IS NOT NULL ORDER BY folder")?;
        let rows = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Changes what people added to a training: in its folder first, then here.
    ///
    /// # Errors
    /// When there is no such training, or its folder cannot be written to.
    pub fn mark(&mut self, folder: &Path, change: impl FnOnce(&mut Marks)) -> Result<Marks, LibraryError> {
        let place = self.library.join(folder);
        let mut marks = Marks::read(&place)?;
        change(&mut marks);
        marks.save(&place)?;
        if self.add(&place)? {
            return Ok(marks);
        }
        Err(LibraryError::BadFile { path: place, why: "no training is there".to_owned() })
    }

    /// What the library's file says of convergence and cost.
    ///
    /// # Errors
    /// As [`Criteria::read`].
    pub fn criteria(&self) -> Result<Criteria, LibraryError> {
        Criteria::read(&self.library)
    }

    pub fn library(&self) -> &Path {
        &self.library
    }
}

/// A connection to the index at a path, whose tables are made where there are none.
fn connected(path: &Path) -> rusqlite::Result<Connection> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "foreign_keys", true)?;
    // A hundred thousand rows are sorted in memory, and not by way of the disk.
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "cache_size", CACHE)?;
    let version = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(&db)? != VERSION {
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have made it meanwhile.
        if version(&change)? != VERSION {
            change.execute_batch(
                "DROP TABLE IF EXISTS record; DROP TABLE IF EXISTS lane; DROP TABLE IF EXISTS training;",
            )?;
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "user_version", VERSION)?;
        }
        change.commit()?;
    }
    Ok(db)
}

/// Whether another process has the file for itself now.
fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Replaces what is known of a training.
fn put(db: &Connection, found: &Found, training: &Training) -> Result<(), LibraryError> {
    let folder = text(&found.folder);
    db.execute("DELETE FROM training WHERE folder = ?1", [&folder])?;
    let marks = &training.marks;
    // With a mark at both ends, so that a whole tag can be looked for.
    let tags: String = marks.tags.iter().map(|tag| format!("\n{tag}")).collect::<String>() + "\n";
    db.prepare_cached("INSERT INTO training VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?.execute(
        params![
            folder,
            found.stamp,
            found.at as i64,
            training.kind.name(),
            training.experiment,
            training.finished,
            tags,
            marks.star,
            marks.note,
            training.problem
        ],
    )?;
    let mut into = db.prepare_cached(
        "INSERT INTO lane VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let mut records = db.prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3, ?4)")?;
    for lane in &training.lanes {
        let record = serde_json::to_string(lane)
            .map_err(|error| LibraryError::BadFile { path: found.folder.clone(), why: error.to_string() })?;
        into.execute(params![
            folder,
            lane.run,
            lane.replica,
            lane.seed as i64,
            lane.schedule,
            lane.family(),
            lane.updates as i64,
            lane.final_train_loss,
            lane.final_val_loss,
            lane.best_val_loss,
            lane.final_val_accuracy,
            lane.best_val_accuracy,
            lane.diverged_at.map(|at| at as i64),
            lane.failed,
            lane.pruned,
            lane.seconds
        ])?;
        records.execute(params![folder, lane.run, lane.replica, record])?;
    }
    Ok(())
}

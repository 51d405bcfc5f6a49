//! Guests beside our runs: recordings that are followed while their files grow, and trainings that other
//! programs run now, shown as lanes of a frame.

mod palette;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::analysis::recorded::{Recorded, diagnose};
use crate::api::hub;
use crate::recording::{Progress, RATE_OF, Recorder, Recording, RecordingError, Role, Tick};
use crate::schedule::Clock;
use crate::telemetry::{Bucket, Column, Series, Smoother};
use crate::train::ids::{LaneId, RunId};

use super::document::Row;
use super::frame::{Ask, Curves, Frame, LaneFrame, Values, all_rates, look};
use source::{Followed, Seen, Source, ahead};

pub use source::LiveView;

/// How often a file is looked at for what was added.
const FOLLOWED: Duration = Duration::from_millis(500);
/// Groups whose rates are drawn beside the first one's.
const OTHERS: usize = 7;
/// A recording of a length further from ours than this factor is first laid over ours as a whole.
const COMPARABLE: f64 = 4.0;

/// What of a recording lies under what of our runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Update,
    Epoch,
    /// Its whole length under ours.
    Share,
}

impl Align {
    /// Every way, with its name for people.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Update, "update"), (Self::Epoch, "epoch"), (Self::Share, "share")];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(align, _)| *align == self).map_or("", |(_, name)| *name)
    }
}

/// A recording or a live run in the list of runs.
pub struct Guest {
    pub row: Row,
    pub name: String,
    pub path: PathBuf,
    pub dialect: &'static str,
    pub align: Align,
    pub length: u64,
    pub tick: Tick,
    pub findings: Arc<[Recorded]>,
    /// What was left out or assumed.
    pub notes: Vec<String>,
    /// Why it cannot be followed any more.
    pub lost: Option<String>,
    /// A program that trains now.
    pub live: Option<LiveView>,
    source: Source,
    version: u64,
    epochs: Option<f64>,
    smoothed: Option<(f64, Series)>,
    last: Option<LaneFrame>,
}

/// A recording that is being read.
struct Opening {
    path: PathBuf,
    progress: Arc<Progress>,
    answer: Receiver<Opened>,
}

type Opened = Result<(Arc<Mutex<Followed>>, Arc<SyncSender<()>>), RecordingError>;

/// All recordings that are open.
#[derive(Default)]
pub struct Shelf {
    guests: Vec<Guest>,
    opening: Vec<Opening>,
    given: u32,
    /// Live runs that were taken off the list.
    closed: BTreeSet<String>,
}

impl Shelf {
    /// Begins to read a file or a folder on a thread, which then follows it. `wake` is called when there is
    /// something new to see.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(&mut self, path: &Path, wake: impl Fn() + Send + 'static) -> std::io::Result<()> {
        let (answer, opening) = sync_channel::<Opened>(1);
        let path = path.to_owned();
        let progress = Arc::<Progress>::default();
        self.opening.push(Opening { path: path.clone(), progress: Arc::clone(&progress), answer: opening });
        thread::Builder::new().name("recording".into()).spawn(move || {
            let recorder = match Recorder::open_watched(&path, &progress) {
                Ok(recorder) => recorder,
                Err(error) => {
                    // Nobody waits any more when the studio has closed.
                    let _ = answer.send(Err(error));
                    wake();
                    return;
                }
            };
            let findings = findings(&recorder);
            let followed = Arc::new(Mutex::new(Followed { recorder, findings, version: 0, lost: None }));
            let (keep, ended) = sync_channel(1);
            if answer.send(Ok((Arc::clone(&followed), Arc::new(keep)))).is_err() {
                return;
            }
            wake();
            while ended.recv_timeout(FOLLOWED) == Err(RecvTimeoutError::Timeout) {
                let mut followed = followed.lock().unwrap_or_else(PoisonError::into_inner);
                match followed.recorder.poll() {
                    Ok(false) => followed.lost = None,
                    Ok(true) => {
                        followed.findings = findings_of(&followed);
                        followed.version += 1;
                        followed.lost = None;
                        wake();
                    }
                    Err(error) => followed.lost = Some(error.to_string()),
                }
            }
        })?;
        Ok(())
    }

    /// Takes in what was opened since; why something could not be. `taken` are the palette's places of our
    /// runs.
    pub fn poll(&mut self, taken: &[usize], clock: Clock) -> Vec<String> {
        self.stand_apart(taken);
        let mut failed = Vec::new();
        let mut opened = Vec::new();
        self.opening.retain(|opening| match opening.answer.try_recv() {
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => false,
            Ok(answer) => {
                opened.push(answer);
                false
            }
        });
        for answer in opened {
            match answer {
                Err(error) => failed.push(error.to_string()),
                Ok((followed, follows)) => self.add(&followed, &follows, taken, clock),
            }
        }
        failed
    }

    /// Whether something is being read.
    pub fn is_opening(&self) -> bool {
        !self.opening.is_empty()
    }

    /// Reads no further in what is being read.
    pub fn stop(&mut self, path: &Path) {
        self.opening.retain(|opening| {
            let is_other = opening.path != path;
            if !is_other {
                opening.progress.stop();
            }
            is_other
        });
    }

    /// What is being read, and the share of it that was.
    pub fn opening(&self) -> impl Iterator<Item = (&Path, f32)> {
        self.opening.iter().map(|opening| (opening.path.as_path(), opening.progress.share()))
    }

    fn add(
        &mut self,
        followed: &Arc<Mutex<Followed>>,
        follows: &Arc<SyncSender<()>>,
        taken: &[usize],
        clock: Clock,
    ) {
        let read = followed.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = read.recorder.left_out().sentences();
        let dialect = read.recorder.claim().map_or("", |claim| claim.dialect.name);
        let path = read.recorder.path().to_owned();
        for (at, (name, recording)) in read.recorder.recordings().enumerate() {
            let length = recording.length();
            let near = is_near(length, clock);
            let row = self.row(taken);
            self.guests.push(Guest {
                row,
                name,
                path: path.clone(),
                dialect,
                align: if near && recording.tick == Tick::Update { Align::Update } else { Align::Share },
                length,
                tick: recording.tick,
                findings: read.findings.get(at).cloned().unwrap_or_default(),
                notes: notes.clone(),
                lost: None,
                live: None,
                source: Source::File { followed: Arc::clone(followed), at, _follows: Arc::clone(follows) },
                version: read.version,
                epochs: recording.epochs_done(),
                smoothed: None,
                last: None,
            });
        }
    }

    /// Takes in the live runs there are; those that came since the last call.
    pub fn follow_live(&mut self, live: &[hub::Shared], taken: &[usize], clock: Clock) -> Vec<RunId> {
        let is_there = |guest: &Guest| {
            guest.source.live().is_none_or(|shown| live.iter().any(|live| Arc::ptr_eq(live, shown)))
        };
        self.guests.retain(is_there);
        let mut new = Vec::new();
        for shared in live {
            let known = |guest: &Guest| guest.source.live().is_some_and(|shown| Arc::ptr_eq(shown, shared));
            if self.guests.iter().any(known) {
                continue;
            }
            let (name, id, total) = {
                let live = hub::lock(shared);
                (live.about.name.clone(), live.id.clone(), live.about.total)
            };
            if self.closed.contains(&id) {
                continue;
            }
            let row = self.row(taken);
            let near = total.is_none_or(|total| is_near(total, clock));
            self.guests.push(Guest {
                row,
                name,
                path: PathBuf::new(),
                dialect: "Live training",
                align: if near { Align::Update } else { Align::Share },
                length: total.unwrap_or_default(),
                tick: Tick::Update,
                findings: Arc::default(),
                notes: Vec::new(),
                lost: None,
                live: None,
                source: Source::Live(Arc::clone(shared)),
                version: 0,
                epochs: None,
                smoothed: None,
                last: None,
            });
            new.push(row.id);
        }
        new
    }

    /// Every recording, in the order in which they were opened.
    pub fn guests(&self) -> &[Guest] {
        &self.guests
    }

    pub fn guest(&self, id: RunId) -> Option<&Guest> {
        self.guests.iter().find(|guest| guest.row.id == id)
    }

    pub fn guest_mut(&mut self, id: RunId) -> Option<&mut Guest> {
        self.guests.iter_mut().find(|guest| guest.row.id == id)
    }

    /// Closes a recording, whose file stays as it is, or takes a live run off the list, which trains on.
    pub fn close(&mut self, id: RunId) {
        let live = self.guest(id).and_then(|guest| guest.live.as_ref()).map(|live| live.id.clone());
        self.closed.extend(live);
        self.guests.retain(|guest| guest.row.id != id);
    }

    /// The last of our updates that a shown recording reaches.
    pub fn end(&self, clock: Clock, shown: impl Fn(RunId) -> bool) -> u64 {
        let shown = self.guests.iter().filter(|guest| shown(guest.row.id));
        shown.map(|guest| guest.end(clock)).max().unwrap_or(0)
    }

    /// Adds a lane a recording to a frame.
    pub fn gather(&mut self, frame: &mut Frame, ask: &Ask<'_>, clock: Clock) {
        for guest in &mut self.guests {
            frame.lanes.extend(guest.gather(ask, clock));
        }
    }
}

/// Whether a training of this length is shown in its own updates beside ours.
fn is_near(length: u64, clock: Clock) -> bool {
    (1.0 / COMPARABLE..COMPARABLE).contains(&(length as f64 / clock.updates.max(1) as f64))
}

fn findings(recorder: &Recorder) -> Vec<Arc<[Recorded]>> {
    recorder.recordings().map(|(_, recording)| diagnose(recording).into()).collect()
}

fn findings_of(followed: &Followed) -> Vec<Arc<[Recorded]>> {
    findings(&followed.recorder)
}

impl Guest {
    /// Whether it can be laid under our epochs.
    pub fn has_epochs(&self) -> bool {
        self.epochs.is_some()
    }

    /// Our updates in one of its ticks.
    pub fn stretch(&self, clock: Clock) -> f64 {
        let length = self.length.max(1) as f64;
        let of_epochs = |epochs: f64| epochs * clock.updates_per_epoch.max(1) as f64 / length;
        match (self.align, self.tick, self.epochs) {
            (Align::Update, Tick::Update | Tick::Row, _) => 1.0,
            (Align::Update | Align::Epoch, _, Some(epochs)) => of_epochs(epochs),
            _ => clock.updates.max(1) as f64 / length,
        }
    }

    /// Our update at which it ends.
    fn end(&self, clock: Clock) -> u64 {
        (self.length as f64 * self.stretch(clock)).ceil() as u64
    }

    /// Looks at the recording itself, unless it is being read on just now.
    pub fn with<T>(&self, look: impl FnOnce(&Recording) -> T) -> Option<T> {
        self.source.look(true, |seen| look(seen.recording))
    }

    /// The live run that it is, as the API has it.
    pub fn shared(&self) -> Option<&hub::Shared> {
        self.source.live()
    }

    /// The recording as a lane of a frame; what it was where it is being read on just now.
    fn gather(&mut self, ask: &Ask<'_>, clock: Clock) -> Option<LaneFrame> {
        let source = std::mem::replace(&mut self.source, Source::Gone);
        let seen = source.look(false, |seen| self.take(&seen, ask, clock));
        self.source = source;
        match seen {
            Some(lane) => {
                self.last = Some(lane.clone());
                Some(lane)
            }
            None => self.last.clone(),
        }
    }

    fn take(&mut self, seen: &Seen<'_>, ask: &Ask<'_>, clock: Clock) -> LaneFrame {
        let recording = seen.recording;
        self.lost.clone_from(&seen.lost);
        if self.version != seen.version {
            self.version = seen.version;
            self.length = recording.length();
            self.epochs = recording.epochs_done();
            self.notes = (seen.notes)();
            self.smoothed = None;
        }
        self.findings = Arc::clone(&seen.findings);
        self.live = seen.live.map(|live| LiveView::of(live, Instant::now()));
        if let Some(total) = seen.live.and_then(|live| live.about.total) {
            self.length = self.length.max(total);
        }
        self.smooth(recording, ask);
        let stretch = self.stretch(clock);
        let done = seen.live.map_or(self.length, |live| live.update);
        let mut lane = self.lane(recording, ask, stretch, (done as f64 * stretch).ceil() as u64);
        if let Some(live) = seen.live.filter(|_| (ask.shown)(self.row.id)) {
            let until = (ask.bounds.1.max(0.0) / stretch).ceil() as u64;
            lane.ahead = ahead(live, until, ask.columns);
            let tick = ask.cursor.map(|cursor| (cursor as f64 / stretch) as u64);
            if let Some(tick) = tick.filter(|tick| *tick >= live.update && *tick < self.length) {
                let first = live.plan().groups().next().unwrap_or_default();
                lane.at_cursor = Values { lr: live.plan().rate(first, tick), ..Values::default() };
            }
            let planned = lane.ahead.iter().flatten().map(|(_, rate)| *rate).filter(|rate| *rate > 0.0);
            let planned = planned.map(|rate| (rate, rate)).chain(lane.rates);
            lane.rates = planned.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
        }
        lane
    }

    fn smooth(&mut self, recording: &Recording, ask: &Ask<'_>) {
        let half_life = Frame::half_life(self.length, ask.smoothing.unwrap_or_default());
        let wanted = ask.smoothing.is_some() && ask.quantity == Column::TrainLoss;
        let has = self.smoothed.as_ref().is_some_and(|(now, _)| *now == half_life);
        if !wanted {
            self.smoothed = None;
        } else if !has {
            let mut smoother = Smoother::new(half_life);
            let loss = recording.column(Column::TrainLoss);
            self.smoothed =
                loss.map(|named| (half_life, named.points.map_finest(|bucket| smoother.push_bucket(bucket))));
        }
    }

    fn lane(&self, recording: &Recording, ask: &Ask<'_>, stretch: f64, end: u64) -> LaneFrame {
        let series = |column: Column| recording.column(column).map(|named| &named.points);
        let factor = |column: Column| match (column, series(column)) {
            // Some programs write percents.
            (Column::ValAccuracy, Some(points)) => {
                let most = points.finite_bounds(0..=u64::MAX).map_or(0.0, |(_, most)| most);
                if most > 1.5 { 0.01 } else { 1.0 }
            }
            _ => 1.0,
        };
        let smoothed = self.smoothed.as_ref().map(|(_, series)| series);
        let at = |points: Option<&Series>, tick: u64| points?.at(tick).map(|sample| sample.value);
        let values = |tick: u64| Values {
            lr: at(series(Column::Lr), tick),
            effective_lr: at(series(Column::EffectiveLr), tick),
            smallest_rate: at(series(Column::SmallestRate), tick),
            number: at(series(ask.number), tick),
            loss: at(smoothed, tick)
                .filter(|loss| loss.is_finite())
                .or_else(|| at(series(Column::TrainLoss), tick)),
            val_loss: at(series(Column::ValLoss), tick),
            val_accuracy: at(series(Column::ValAccuracy), tick)
                .map(|share| share * factor(Column::ValAccuracy)),
        };
        let now = values(u64::MAX);
        let at_cursor = ask.cursor.map_or(now, |cursor| {
            let tick = cursor as f64 / stretch;
            if tick < self.length as f64 { values(tick as u64) } else { Values::default() }
        });
        let mark = ask.mark.map(|mark| mark as f64 / stretch).filter(|mark| *mark < self.length as f64);
        let bounds = |column: Column| series(column)?.finite_bounds(0..=u64::MAX);
        let range =
            (ask.bounds.0.max(0.0) / stretch) as u64..=(ask.bounds.1.max(0.0) / stretch).ceil() as u64;
        let view = |points: Option<&Series>, factor: f64| {
            let mut buckets = Vec::new();
            if let Some(points) = points {
                look(points, range.clone(), ask, &mut buckets);
            }
            if factor != 1.0 {
                buckets.iter_mut().for_each(|bucket| scale(bucket, factor));
            }
            buckets
        };
        let shown = (ask.shown)(self.row.id);
        let is_loss = ask.quantity == Column::TrainLoss;
        let curves = if shown {
            let others = recording.series.iter().filter(|named| {
                named.role == Role::Other && named.name.starts_with(RATE_OF) && !named.points.is_empty()
            });
            Curves {
                lr: view(series(Column::Lr), 1.0),
                other_rates: others.take(OTHERS).map(|named| view(Some(&named.points), 1.0)).collect(),
                effective_lr: view(series(Column::EffectiveLr), 1.0),
                smallest_rate: view(series(Column::SmallestRate), 1.0),
                number: view(series(ask.number), 1.0),
                raw: view(series(ask.quantity), factor(ask.quantity)),
                smooth: view(smoothed.filter(|_| is_loss), 1.0),
                validation: if is_loss { view(series(Column::ValLoss), 1.0) } else { Vec::new() },
                ghost: Vec::new(),
            }
        } else {
            Curves::default()
        };
        let rates = series(Column::Lr).and_then(|points| points.positive_bounds(0..=u64::MAX));
        LaneFrame {
            id: LaneId { run: self.row.id, replica: 0 },
            update: end,
            stretch,
            diverged_at: None,
            failed: None,
            stopped: None,
            curves,
            phases: Vec::new(),
            team: None,
            groups: Vec::new(),
            now,
            at_cursor,
            at_mark: mark.map(|mark| values(mark as u64)),
            early_rise: None,
            best_loss: bounds(Column::ValLoss).map(|(least, _)| least),
            best_accuracy: bounds(Column::ValAccuracy).map(|(_, most)| most * factor(Column::ValAccuracy)),
            rates,
            used: all_rates(series(Column::Lr), ask),
            control: None,
            findings: Arc::default(),
            ahead: Vec::new(),
        }
    }
}

fn scale(bucket: &mut Bucket, factor: f64) {
    for value in [&mut bucket.min, &mut bucket.max, &mut bucket.first, &mut bucket.last, &mut bucket.mean] {
        *value *= factor;
    }
}

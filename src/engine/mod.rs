//! The training thread: commands in, telemetry out, never waiting for the interface.

mod capture;
mod errand;
mod examine;
mod field;
mod fork;
mod ground;
mod guard;
mod instant;
mod landscape;
pub mod protocol;
mod publish;
mod resume;
mod revise;
mod row_pool;
mod shared_view;
mod timeline;
mod track;
mod travel;
pub mod watch;

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::telemetry::{Event, EventKind};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::Choice;
use crate::train::ids::{LaneId, Mode, Revision};
use errand::Errands;
use examine::Examination;
pub use examine::{Curvature, Examined};
pub use ground::{Ground, Landscape, Moment, Way};
use guard::Guards;
pub use guard::OwnEdit;
use instant::InstantMode;
use landscape::Surveyor;
pub use landscape::{surface_frame, surface_loss};
use protocol::{Command, FieldRequest, Speed, State};
use revise::Pending;
pub use shared_view::{LaneView, Options, Shared, Snapshot, SnapshotReason};
use timeline::Timeline;
pub use track::Track;

/// Commands that may wait.
const QUEUE: usize = 256;
/// How long training goes on before it looks for commands.
const CHUNK: Duration = Duration::from_millis(4);
/// Between two looks at an errand, while nothing else is to do.
const ERRAND: Duration = Duration::from_millis(10);
/// Over which the speed is measured.
const SPEED_WINDOW: Duration = Duration::from_millis(500);

/// The handle of a training thread, which ends when this is dropped.
pub struct Engine {
    commands: Option<SyncSender<Command>>,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread. `wake` is called, at most 60 times a second, when there is something new to see.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        revision: Arc<Revision>,
        options: Options,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = sync_channel(QUEUE);
        let shared = Arc::new(Mutex::new(Shared::default()));
        let worker = Worker::new(revision, options, inbox, Arc::clone(&shared), Box::new(wake));
        let thread = Builder::new().name("training".into()).spawn(move || worker.work())?;
        Ok(Self { commands: Some(commands), shared, thread: Some(thread) })
    }

    /// Queues a command. `false` when the queue is full (try again) or the thread is gone.
    pub fn send(&self, command: Command) -> bool {
        self.commands.as_ref().is_some_and(|commands| commands.try_send(command).is_ok())
    }

    /// Looks at what is shared; keep it short, and copy out what is needed for longer.
    pub fn read<R>(&self, f: impl FnOnce(&Shared) -> R) -> R {
        f(&lock(&self.shared))
    }

    /// As [`Engine::read`], for settings of the telemetry such as its smoothing.
    pub fn read_mut<R>(&self, f: impl FnOnce(&mut Shared) -> R) -> R {
        f(&mut lock(&self.shared))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been shown as a failed state already.
            let _ = thread.join();
        }
    }
}

/// A panic while somebody held the lock leaves telemetry that is still good to read.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    inbox: Receiver<Command>,
    shared: Arc<Mutex<Shared>>,
    wake: Box<dyn Fn() + Send>,
    options: Options,
    revision: Arc<Revision>,
    cohort: Option<Cohort>,
    state: State,
    speed: Speed,
    /// Where a limited speed began, and when.
    pace: (u64, Instant),
    /// Updates a lane trains in one chunk.
    chunk: u64,
    /// Lane-updates done since, for the measured speed.
    measured: (u64, Instant),
    rate: f64,
    watch: Option<FieldRequest>,
    /// When the last picture was made, and at which update.
    pictured: Option<(Instant, u64)>,
    surveyor: Surveyor,
    pending: BTreeMap<LaneId, Pending>,
    instant: InstantMode,
    errands: Errands,
    timeline: Timeline,
    guards: Guards,
    examination: Examination,
    woken: Instant,
}

impl Worker {
    fn new(
        revision: Arc<Revision>,
        options: Options,
        inbox: Receiver<Command>,
        shared: Arc<Mutex<Shared>>,
        wake: Box<dyn Fn() + Send>,
    ) -> Self {
        let now = Instant::now();
        Self {
            inbox,
            shared,
            wake,
            speed: options.speed,
            options,
            revision,
            cohort: None,
            state: State::Preparing,
            pace: (0, now),
            chunk: 1,
            measured: (0, now),
            rate: 0.0,
            watch: None,
            pictured: None,
            surveyor: Surveyor::default(),
            pending: BTreeMap::new(),
            instant: InstantMode::new(),
            errands: Errands::default(),
            timeline: Timeline::new(),
            guards: Guards::default(),
            examination: Examination::new(),
            woken: now,
        }
    }

    fn work(mut self) {
        let first = Arc::clone(&self.revision);
        let playing = self.options.playing;
        self.revise(first, self.options.mode);
        if !playing && self.state == State::Playing {
            self.state = State::Paused;
        }
        self.publish(true);
        loop {
            match self.next_command() {
                Next::Command(command) => self.obey(command),
                Next::Instant(revision) => self.revise(revision, Mode::Instant),
                Next::Train => self.train(),
                Next::Idle => {}
                Next::Gone => return,
            }
            self.tell_edits();
            self.run_errands();
            self.picture();
            self.probe();
            self.survey();
            let idle = self.state != State::Playing && !self.is_probing();
            self.publish(idle);
        }
    }

    /// What to do next: a command when there is one, otherwise training when an update is due.
    fn next_command(&mut self) -> Next {
        if let Some(revision) = self.due_edit() {
            return Next::Instant(revision);
        }
        let wait = match self.state {
            State::Playing if !self.errands.hold() => self.until_due(),
            _ if self.errands.are_out() => Some(ERRAND),
            _ if self.is_probing() => Some(Duration::from_micros(1)),
            _ if self.pending.is_empty() && self.watch.is_none() && self.has_surveyed() => None,
            _ => Some(Duration::from_millis(50)),
        };
        let received = match wait {
            Some(Duration::ZERO) => match self.inbox.try_recv() {
                Ok(command) => Ok(command),
                Err(TryRecvError::Empty) => return Next::Train,
                Err(TryRecvError::Disconnected) => return Next::Gone,
            },
            Some(wait) => self.inbox.recv_timeout(wait.min(Duration::from_millis(50))),
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(command) => Next::Command(command),
            Err(RecvTimeoutError::Timeout) => Next::Idle,
            Err(RecvTimeoutError::Disconnected) => Next::Gone,
        }
    }

    fn obey(&mut self, command: Command) {
        let turns = matches!(
            command,
            Command::Step
                | Command::Restart
                | Command::Revise(..)
                | Command::Travel(..)
                | Command::Continue(..)
        );
        if turns {
            // What training rested for is not true of what it does next.
            self.errands.cancel(true);
        }
        let stands_apart = matches!(
            command,
            Command::Revise(..)
                | Command::Speed(_)
                | Command::Watch(_)
                | Command::Guard(_)
                | Command::Survey(_)
        );
        if !stands_apart {
            self.settle();
        }
        match command {
            Command::Play => match self.state {
                State::Paused => self.play(),
                State::Finished => self.restart(),
                _ => {}
            },
            Command::Pause => {
                if self.state == State::Playing {
                    self.state = State::Paused;
                }
            }
            Command::Step => {
                if matches!(self.state, State::Playing | State::Paused) {
                    self.state = State::Paused;
                    let next = self.playhead() + 1;
                    self.advance(next, u64::MAX);
                }
            }
            Command::Restart => self.restart(),
            Command::Speed(speed) => {
                self.speed = speed;
                self.pace = (self.playhead(), Instant::now());
            }
            Command::Revise(revision, mode) => {
                // While a hand moves, only the newest edit counts.
                let (mut revision, mut mode) = (revision, mode);
                let mut other = None;
                while let Ok(command) = self.inbox.try_recv() {
                    if let Command::Revise(newer, newer_mode) = command {
                        (revision, mode) = (newer, newer_mode);
                    } else {
                        other = Some(command);
                        break;
                    }
                }
                self.take_edit(revision, mode);
                if let Some(command) = other {
                    self.obey(command);
                }
            }
            Command::Device(choice) => self.relocate(choice),
            Command::Watch(watch) => {
                self.watch = watch;
                self.pictured = None;
            }
            Command::Errand(errand) => self.errands.take(errand),
            Command::Capture => self.capture_all(SnapshotReason::ByHand),
            Command::Begin(run) => self.begin(run),
            Command::Guard(guard) => self.set_guard(guard),
            Command::Examine(lanes) => self.examine(lanes),
            Command::Continue(saved, forget) => self.resume(&saved, forget),
            Command::Travel(snapshot, forget) => self.travel(snapshot, forget),
            Command::Survey(wanted) => {
                self.surveyor.want(wanted);
                lock(&self.shared).landscape = None;
            }
        }
    }

    fn play(&mut self) {
        self.state = State::Playing;
        self.pace = (self.playhead(), Instant::now());
        self.measured = (0, Instant::now());
    }

    fn restart(&mut self) {
        let Some(cohort) = &mut self.cohort else {
            let revision = Arc::clone(&self.revision);
            return self.revise(revision, self.options.mode);
        };
        if let Err(error) = cohort.restart() {
            return self.fail(&error);
        }
        self.guards.begin(cohort);
        self.examination.follow(cohort);
        let ids: Vec<LaneId> = cohort.lanes().iter().map(|lane| lane.id).collect();
        self.timeline.begin(cohort.task().clock.updates);
        self.capture();
        let mut shared = lock(&self.shared);
        for id in ids {
            if let Some(view) = shared.lanes.get_mut(&id) {
                view.store.clear();
                view.findings = Arc::default();
                view.track = Track::default();
                view.ghost = None;
            }
        }
        shared.events.clear();
        let generation = self.revision.generation;
        let message = "all runs began from scratch".to_owned();
        shared.events.push(Event { update: 0, kind: EventKind::Restart, message, generation });
        drop(shared);
        self.pending.clear();
        self.pictured = None;
        self.play();
    }

    /// Trains elsewhere. Where that cannot be, it is said and training goes on where it is.
    fn relocate(&mut self, choice: Choice) {
        let Some(cohort) = &mut self.cohort else {
            self.options.device = choice;
            return;
        };
        let (kind, message) = match cohort.relocate(choice) {
            Ok(()) => {
                self.options.device = choice;
                // What was learned of the old device's speed says nothing of the new one's.
                self.chunk = 1;
                (EventKind::Edit, format!("training goes on on the {}", cohort.device()))
            }
            Err(error) => (EventKind::Failed, format!("training stays on the {}: {error}", cohort.device())),
        };
        let (update, generation) = (cohort.update(), self.revision.generation);
        lock(&self.shared).events.push(Event { update, kind, message, generation });
    }

    fn fail(&mut self, error: &TrainError) {
        self.state = State::Failed(error.to_string());
        self.rate = 0.0;
    }

    fn playhead(&self) -> u64 {
        self.cohort.as_ref().map_or(0, Cohort::update)
    }

    /// How long until the next update is due.
    fn until_due(&self) -> Option<Duration> {
        let Speed::Limited(per_second) = self.speed else {
            return Some(Duration::ZERO);
        };
        if self.options.mode == Mode::Instant {
            return Some(Duration::ZERO);
        }
        let (start, since) = self.pace;
        let done = self.playhead().saturating_sub(start);
        let due = Duration::from_secs_f64(((done + 1) as f64 / per_second.max(1e-3)).min(1e6));
        Some(due.saturating_sub(since.elapsed()))
    }

    /// One chunk of training.
    fn train(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let most = cohort.lanes().iter().map(|lane| lane.update).max().unwrap_or(0);
        let behind = cohort.update() < most;
        let to = match self.speed {
            // Lanes that joined late catch up with the others first.
            _ if behind => most,
            Speed::Limited(per_second) => {
                let (start, since) = self.pace;
                start + (since.elapsed().as_secs_f64() * per_second) as u64
            }
            Speed::Unlimited => u64::MAX,
        };
        let updates = cohort.task().clock.updates;
        self.advance(to, self.guards.stretch(self.chunk, updates));
        if let Some(cohort) = &self.cohort
            && cohort.update() >= cohort.task().clock.updates
        {
            self.state = State::Finished;
        }
    }

    fn advance(&mut self, to: u64, at_most: u64) {
        let to = self.stop(to);
        let Some(cohort) = &mut self.cohort else { return };
        let done = |cohort: &Cohort| cohort.lanes().iter().map(|lane| lane.update).sum::<u64>();
        let (before, start) = (done(cohort), Instant::now());
        if let Err(error) = cohort.advance(to, at_most) {
            return self.fail(&error);
        }
        let failed = !cohort.lanes().is_empty() && cohort.lanes().iter().all(|lane| lane.failed.is_some());
        let updates = done(cohort) - before;
        let longest = updates / cohort.lanes().len().max(1) as u64;
        let seconds = start.elapsed().as_secs_f64();
        // Aim at one chunk's time, and never grow faster than fourfold: the first chunks are cold.
        let fitting = longest as f64 * CHUNK.as_secs_f64() / seconds.max(1e-7);
        self.chunk = (fitting as u64).clamp(1, self.chunk.saturating_mul(4));
        self.measured.0 += updates;
        if updates > 0 {
            self.timeline.went_on();
        }
        let elapsed = self.measured.1.elapsed();
        if elapsed >= SPEED_WINDOW || self.rate == 0.0 && elapsed >= CHUNK {
            self.rate = self.measured.0 as f64 / elapsed.as_secs_f64();
            self.measured = (0, Instant::now());
        }
        self.capture();
        self.examination.trained(seconds);
        self.watch_over(seconds);
        if failed {
            self.state = State::Failed("training stopped in every run; each run's row says why".into());
        }
    }
}

/// What the thread does next.
enum Next {
    Command(Command),
    /// An edit that waited.
    Instant(Arc<Revision>),
    Train,
    Idle,
    Gone,
}

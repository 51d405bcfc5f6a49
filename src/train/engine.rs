//! The training thread: commands in, telemetry out, never waiting for the interface.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::cohort::{Change, Cohort};
use super::command::{Command, Field, FieldRequest, LaneId, Mode, Revision, Speed, State};
use super::control::Control;
use super::edit::describe;
pub use super::shown::{LaneView, Options, Shared};
use super::{TrainError, pool};
use crate::data::Prepared;
use crate::experiment::{Loss, Run};
use crate::telemetry::{Event, EventKind, Store};

/// Commands that may wait.
const QUEUE: usize = 256;
/// How long training goes on before it looks for commands.
const CHUNK: Duration = Duration::from_millis(4);
/// Between two calls of the interface's wake function.
const WAKE: Duration = Duration::from_millis(16);
/// Between two pictures of a watched model.
const FIELD: Duration = Duration::from_millis(60);
/// An edit is told when no other has followed it for so long: a drag is one event.
const EDIT_SETTLES: Duration = Duration::from_millis(300);
/// Over which the speed is measured.
const SPEED_WINDOW: Duration = Duration::from_millis(500);
/// Rows a lane may hold back while the interface is reading.
const BACKLOG: usize = 1 << 16;

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

/// Edits of one lane that are not told yet.
struct Pending {
    event: Event,
    before: Run,
    last: Instant,
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
    pending: BTreeMap<LaneId, Pending>,
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
            pending: BTreeMap::new(),
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
                Next::Train => self.train(),
                Next::Idle => {}
                Next::Gone => return,
            }
            self.tell_edits();
            self.picture();
            let idle = self.state != State::Playing;
            self.publish(idle);
        }
    }

    /// What to do next: a command when there is one, otherwise training when an update is due.
    fn next_command(&mut self) -> Next {
        let wait = match self.state {
            State::Playing => self.until_due(),
            _ if self.pending.is_empty() && self.watch.is_none() => None,
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
                self.revise(revision, mode);
                if let Some(command) = other {
                    self.obey(command);
                }
            }
            Command::Watch(watch) => {
                self.watch = watch;
                self.pictured = None;
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
        let ids: Vec<LaneId> = cohort.lanes().iter().map(|lane| lane.id).collect();
        let mut shared = lock(&self.shared);
        for id in ids {
            if let Some(view) = shared.lanes.get_mut(&id) {
                view.store.clear();
                view.ghost = None;
            }
        }
        shared.events.clear();
        let generation = self.revision.generation;
        let message = "all runs began anew".to_owned();
        shared.events.push(Event { update: 0, lane: None, kind: EventKind::Restart, message, generation });
        drop(shared);
        self.pending.clear();
        self.pictured = None;
        self.play();
    }

    fn fail(&mut self, error: &TrainError) {
        self.state = State::Failed(error.to_string());
        self.rate = 0.0;
    }

    /// Puts a revision in effect. One that cannot train is shown as failed; what was trained stays.
    fn revise(&mut self, revision: Arc<Revision>, mode: Mode) {
        let old = std::mem::replace(&mut self.revision, Arc::clone(&revision));
        self.options.mode = mode;
        let result = match &mut self.cohort {
            Some(cohort) => cohort.revise(revision, mode),
            None => {
                let device = self.options.device;
                let cohort = pool(self.options.threads)
                    .and_then(|pool| Cohort::choose(revision, device, Arc::new(pool)));
                cohort.map(|cohort| {
                    let reset = cohort.lanes().iter().map(|lane| lane.id).collect();
                    self.cohort = Some(cohort);
                    Change { rebuilt: true, reset, ..Change::default() }
                })
            }
        };
        match result {
            Ok(change) => {
                self.take_in(&change, &old, mode);
                let ended =
                    self.cohort.as_ref().is_some_and(|cohort| cohort.update() >= cohort.task().clock.updates);
                match self.state {
                    State::Paused if mode == Mode::Live && !change.rebuilt => {}
                    State::Finished if ended => {}
                    _ => self.play(),
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Makes what is shared follow a change of the cohort.
    fn take_in(&mut self, change: &Change, old: &Revision, mode: Mode) {
        let Some(cohort) = &self.cohort else { return };
        let share = self.options.history_bytes / cohort.lanes().len().max(1);
        let total = cohort.task().clock.updates;
        let mut shared = lock(&self.shared);
        for id in &change.dropped {
            shared.lanes.remove(id);
            self.pending.remove(id);
        }
        if change.rebuilt {
            shared.lanes.clear();
            shared.events.clear();
            self.pending.clear();
        }
        for id in &change.reset {
            let before = shared.lanes.remove(id);
            let half_life = before.as_ref().and_then(|view| view.store.half_life());
            // Only a complete curve is worth comparing with; a cancelled one leaves no trace.
            let ghost = before.and_then(|view| {
                let complete = mode == Mode::Instant && view.store.updates(0) >= total;
                if complete { Some(view.store) } else { view.ghost }
            });
            let mut store = Store::new(1, share);
            store.set_half_life(half_life.or_else(|| shared.half_life()));
            let view = LaneView { store, ghost, update: 0, diverged_at: None, failed: None, plateau: None };
            shared.lanes.insert(*id, view);
        }
        shared.status.parameters = cohort.task().model.width();
        shared.status.chance_loss =
            Some(chance(&cohort.task().prepared, self.revision.experiment.train.loss));
        shared.prepared = Some(Arc::clone(&cohort.task().prepared));
        drop(shared);
        if mode == Mode::Live {
            let now = Instant::now();
            for id in &change.replanned {
                let update = cohort.lanes().iter().find(|lane| lane.id == *id).map_or(0, |lane| lane.update);
                let generation = self.revision.generation;
                let before =
                    old.ids.iter().position(|run| *run == id.run).map(|at| old.experiment.runs[at].clone());
                let Some(before) = before else { continue };
                let event = Event {
                    update,
                    lane: Some(0),
                    kind: EventKind::Edit,
                    message: String::new(),
                    generation,
                };
                let pending = self.pending.entry(*id).or_insert(Pending { event, before, last: now });
                pending.event.generation = generation;
                pending.last = now;
            }
        }
        self.pictured = None;
    }

    /// Tells the edits that have settled.
    fn tell_edits(&mut self) {
        let now = Instant::now();
        let settled = |pending: &Pending| now.duration_since(pending.last) >= EDIT_SETTLES;
        if !self.pending.values().any(settled) {
            return;
        }
        let mut shared = lock(&self.shared);
        let revision = &self.revision;
        self.pending.retain(|id, pending| {
            if !settled(pending) {
                return true;
            }
            let after =
                revision.ids.iter().position(|run| *run == id.run).map(|at| &revision.experiment.runs[at]);
            if let (Some(after), Some(view)) = (after, shared.lanes.get_mut(id)) {
                let message = describe(&pending.before, after);
                view.store.event(Event { message, ..pending.event.clone() });
            }
            false
        });
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
        self.advance(to, self.chunk);
        if let Some(cohort) = &self.cohort
            && cohort.update() >= cohort.task().clock.updates
        {
            self.state = State::Finished;
        }
    }

    fn advance(&mut self, to: u64, at_most: u64) {
        let Some(cohort) = &mut self.cohort else { return };
        let done = |cohort: &Cohort| cohort.lanes().iter().map(|lane| lane.update).sum::<u64>();
        let (before, start) = (done(cohort), Instant::now());
        if let Err(error) = cohort.advance(to, at_most) {
            return self.fail(&error);
        }
        let failed = !cohort.lanes().is_empty() && cohort.lanes().iter().all(|lane| lane.failed.is_some());
        let updates = done(cohort) - before;
        let longest = updates / cohort.lanes().len().max(1) as u64;
        // Aim at one chunk's time, and never grow faster than fourfold: the first chunks are cold.
        let fitting = longest as f64 * CHUNK.as_secs_f64() / start.elapsed().as_secs_f64().max(1e-7);
        self.chunk = (fitting as u64).clamp(1, self.chunk.saturating_mul(4));
        self.measured.0 += updates;
        let elapsed = self.measured.1.elapsed();
        if elapsed >= SPEED_WINDOW || self.rate == 0.0 && elapsed >= CHUNK {
            self.rate = self.measured.0 as f64 / elapsed.as_secs_f64();
            self.measured = (0, Instant::now());
        }
        if failed {
            self.state = State::Failed("training stopped in every run; each run's row says why".into());
        }
    }

    /// Renews the picture of the watched model when it is out of date.
    fn picture(&mut self) {
        let (Some(request), Some(cohort)) = (&self.watch, &mut self.cohort) else { return };
        let lane = cohort.lanes().iter().find(|lane| lane.id == request.lane);
        let Some(update) = lane.map(|lane| lane.update) else { return };
        if self.pictured.is_some_and(|(when, at)| at == update || when.elapsed() < FIELD) {
            return;
        }
        let Prepared::Samples { scaling, train, .. } = &*cohort.task().prepared else { return };
        if train.shape.features() != 2 {
            return;
        }
        let [left, right, bottom, top] = request.bounds;
        let step =
            |from: f32, to: f32, at: usize| from + (to - from) * (at as f32 + 0.5) / request.side as f32;
        let mut inputs = Vec::with_capacity(request.side * request.side * 2);
        for y in 0..request.side {
            for x in 0..request.side {
                let mut point = [step(left, right, x), step(bottom, top, y)];
                for (value, line) in point.iter_mut().zip(&scaling.features) {
                    *value = line.to_model(f64::from(*value)) as f32;
                }
                inputs.extend(point);
            }
        }
        let outputs = cohort.task().model.outputs();
        match cohort.predict(request.lane, &inputs, 2) {
            Ok(Some(values)) => {
                let field = Field { request: request.clone(), update, outputs, values };
                lock(&self.shared).field = Some(Arc::new(field));
                self.pictured = Some((Instant::now(), update));
            }
            Ok(None) => {}
            Err(error) => self.fail(&error),
        }
    }

    /// Moves what was measured to where the interface sees it. While the interface is reading, the
    /// lanes keep their rows and training goes on, unless `wait`.
    fn publish(&mut self, wait: bool) {
        let backlog = self
            .cohort
            .as_ref()
            .and_then(|cohort| cohort.lanes().iter().map(|lane| lane.log.rows.len()).max());
        let mut shared = match self.shared.try_lock() {
            Ok(shared) => shared,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if wait || backlog > Some(BACKLOG) => lock(&self.shared),
            Err(TryLockError::WouldBlock) => return,
        };
        let generation = self.revision.generation;
        if let Some(cohort) = &mut self.cohort {
            for lane in cohort.lanes_mut() {
                let Some(view) = shared.lanes.get_mut(&lane.id) else { continue };
                view.store.append(0, &lane.log.rows);
                for validation in lane.log.validations.drain(..) {
                    view.store.validate(0, validation);
                }
                let event =
                    |update, kind, message| Event { update, lane: Some(0), kind, message, generation };
                for (update, cut) in lane.log.cuts.drain(..) {
                    let message =
                        format!("the controller changes the rate {:.3e} → {:.3e}", cut.from, cut.to);
                    view.store.event(event(update, EventKind::PlateauCut, message));
                }
                if let Some(update) = lane.log.diverged.take() {
                    let message = "the loss is no number any more: the run has diverged".to_owned();
                    view.store.event(event(update, EventKind::Diverged, message));
                }
                if let (Some(failed), None) = (&lane.failed, &view.failed) {
                    view.store.event(event(lane.update, EventKind::Failed, failed.clone()));
                }
                lane.log.rows.clear();
                view.update = lane.update;
                view.diverged_at = lane.diverged_at;
                view.failed.clone_from(&lane.failed);
                view.plateau = lane.controller().and_then(Control::plateau).copied();
            }
            shared.status.update = cohort.update();
            shared.status.updates = cohort.task().clock.updates;
            shared.status.updates_per_epoch = cohort.task().clock.updates_per_epoch;
            shared.status.device = cohort.device();
        }
        shared.status.state = self.state.clone();
        shared.status.generation = generation;
        shared.status.lane_updates_per_second = if self.state == State::Playing { self.rate } else { 0.0 };
        drop(shared);
        if wait || self.woken.elapsed() >= WAKE {
            self.woken = Instant::now();
            (self.wake)();
        }
    }
}

/// The loss of a model that ignores its inputs, by the measure the experiment trains with.
fn chance(prepared: &Prepared, loss: Loss) -> f64 {
    let chance = prepared.chance();
    match loss {
        Loss::CrossEntropy => chance.loss,
        Loss::Mse => chance.squared_error,
    }
}

enum Next {
    Command(Command),
    Train,
    Idle,
    Gone,
}

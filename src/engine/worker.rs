//! The training thread itself: what it does next, and what a command means.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::edits::Edits;
use super::errand::Errands;
use super::examine::Examination;
use super::field::FieldWatch;
use super::guard::Guards;
use super::instant::InstantMode;
use super::pace::Pace;
use super::protocol::{Command, State};
use super::publisher::Publisher;
use super::shared_view::{Options, SnapshotReason};
use super::surveyor::Surveyor;
use super::timeline::Timeline;
use super::track::Track;
use crate::telemetry::{Event, EventKind};
use crate::train::TrainError;
use crate::train::cohort::Cohort;
use crate::train::device::Choice;
use crate::train::ids::{LaneId, Mode, Revision};

/// Between two looks at an errand, while nothing else is to do.
const ERRAND: Duration = Duration::from_millis(10);

/// The thread's state: what is trained, and the duties around it.
pub(super) struct Worker {
    inbox: Receiver<Command>,
    pub(super) shared: Publisher,
    pub(super) options: Options,
    pub(super) revision: Arc<Revision>,
    pub(super) cohort: Option<Cohort>,
    pub(super) state: State,
    pub(super) pace: Pace,
    pub(super) instant: InstantMode,
    pub(super) edits: Edits,
    pub(super) timeline: Timeline,
    pub(super) guards: Guards,
    pub(super) examination: Examination,
    pub(super) surveyor: Surveyor,
    pub(super) field: FieldWatch,
    errands: Errands,
}

impl Worker {
    pub(super) fn new(
        revision: Arc<Revision>,
        options: Options,
        inbox: Receiver<Command>,
        shared: Publisher,
    ) -> Self {
        Self {
            inbox,
            shared,
            pace: Pace::new(options.speed),
            options,
            revision,
            cohort: None,
            state: State::Preparing,
            instant: InstantMode::new(),
            edits: Edits::default(),
            timeline: Timeline::new(),
            guards: Guards::default(),
            examination: Examination::new(),
            surveyor: Surveyor::default(),
            field: FieldWatch::default(),
            errands: Errands::default(),
        }
    }

    pub(super) fn work(mut self) {
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
            self.edits.tell(&self.revision, &self.shared);
            self.run_duties();
            let idle = !self.is_playing() && !self.is_probing();
            self.publish(idle);
        }
    }

    fn is_playing(&self) -> bool {
        self.state == State::Playing
    }

    /// What is done beside the training, piece by piece.
    fn run_duties(&mut self) {
        let playing = self.is_playing();
        let Some(cohort) = &mut self.cohort else { return self.errands.drop_next() };
        if self.errands.run(cohort) {
            self.pace.resume_at(cohort.update());
        }
        let renewed = self.field.renew(cohort, &self.shared);
        // At a limited speed most of the time is nobody's.
        let paced = playing && self.pace.is_unlimited();
        self.examination.probe(cohort, &self.shared, playing, paced);
        self.surveyor.survey(cohort, &self.shared);
        if let Err(error) = renewed {
            self.fail(&error);
        }
    }

    /// Whether there is something to probe while training rests.
    fn is_probing(&self) -> bool {
        self.cohort.as_ref().is_some_and(|cohort| self.examination.has_work(cohort, !self.is_playing()))
    }

    /// What to do next: a command when there is one, otherwise training when an update is due.
    fn next_command(&mut self) -> Next {
        if let Some(revision) = self.instant.due_edit(self.is_playing()) {
            return Next::Instant(revision);
        }
        let wait = match self.state {
            State::Playing if !self.errands.hold() => self.until_due(),
            _ if self.errands.are_out() => Some(ERRAND),
            _ if self.is_probing() => Some(Duration::from_micros(1)),
            _ if self.edits.is_empty()
                && !self.field.is_wanted()
                && self.surveyor.is_done(self.cohort.as_ref()) =>
            {
                None
            }
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
                self.pause();
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
                let playhead = self.playhead();
                self.pace.set_speed(speed, playhead);
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
            Command::Watch(watch) => self.field.want(watch),
            Command::Errand(errand) => self.errands.take(errand),
            Command::Capture => self.capture_all(SnapshotReason::ByHand),
            Command::Save(answer) => {
                let saved = self.cohort.as_ref().ok_or_else(|| "nothing is trained yet".to_owned());
                let saved = saved.and_then(|cohort| cohort.checkpoint().map_err(|error| error.to_string()));
                // One who does not wait any more wants none.
                let _ = answer.try_send(saved);
            }
            Command::Begin(run) => self.begin(run),
            Command::Guard(guard) => self.guards.set(guard),
            Command::Examine(lanes) => {
                let playing = self.is_playing();
                self.examination.want(lanes, self.cohort.as_ref(), &self.shared, playing);
            }
            Command::Continue(saved, forget) => self.resume(&saved, forget),
            Command::Travel(snapshot, forget) => self.travel(snapshot, forget),
            Command::Survey(wanted) => {
                self.surveyor.want(wanted);
                self.shared.lock().landscape = None;
            }
        }
    }

    pub(super) fn play(&mut self) {
        self.state = State::Playing;
        self.pace.play_from(self.playhead());
    }

    pub(super) fn pause(&mut self) {
        if self.is_playing() {
            self.state = State::Paused;
        }
    }

    /// Takes an edit that has come: in Instant mode it waits for its turn while a sweep is young.
    fn take_edit(&mut self, revision: Arc<Revision>, mode: Mode) {
        let sweeps = mode == Mode::Instant && self.options.mode == Mode::Instant && self.is_playing();
        let revision = if sweeps {
            self.instant.delay(revision)
        } else {
            self.instant.take_waiting();
            Some(revision)
        };
        if let Some(revision) = revision {
            self.revise(revision, mode);
        }
    }

    /// Before anything else happens: the edit that waits is put in effect, and what was held back is shown.
    fn settle(&mut self) {
        if let Some(revision) = self.instant.take_waiting() {
            self.revise(revision, Mode::Instant);
        }
        self.instant.reveal_all(&mut self.shared.lock());
    }

    /// Takes the snapshots that are due.
    pub(super) fn capture(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        if let Err(error) = self.timeline.capture(cohort, &self.examination) {
            self.fail(&error);
        }
    }

    /// Takes a snapshot of every lane where it is now.
    pub(super) fn capture_all(&mut self, why: SnapshotReason) {
        let Some(cohort) = &self.cohort else { return };
        if let Err(error) = self.timeline.capture_all(cohort, &self.examination, why) {
            self.fail(&error);
        }
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
        let mut shared = self.shared.lock();
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
        self.edits.clear();
        self.field.expire();
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
                self.pace.forget_chunk();
                (EventKind::Edit, format!("training goes on on the {}", cohort.device()))
            }
            Err(error) => (EventKind::Failed, format!("training stays on the {}: {error}", cohort.device())),
        };
        let (update, generation) = (cohort.update(), self.revision.generation);
        let mut shared = self.shared.lock();
        shared.status.device_name = cohort.device_name();
        shared.events.push(Event { update, kind, message, generation });
    }

    pub(super) fn fail(&mut self, error: &TrainError) {
        self.state = State::Failed(error.to_string());
        self.pace.stop();
    }

    pub(super) fn playhead(&self) -> u64 {
        self.cohort.as_ref().map_or(0, Cohort::update)
    }

    /// How long until the next update is due.
    fn until_due(&self) -> Option<Duration> {
        let limited = self.options.mode != Mode::Instant;
        Some(if limited { self.pace.until_due(self.playhead()) } else { Duration::ZERO })
    }

    /// One chunk of training.
    fn train(&mut self) {
        let Some(cohort) = &self.cohort else { return };
        let most = cohort.lanes().iter().map(|lane| lane.update).max().unwrap_or(0);
        let behind = cohort.update() < most;
        // Lanes that joined late catch up with the others first.
        let to = if behind { most } else { self.pace.target() };
        let updates = cohort.task().clock.updates;
        self.advance(to, self.guards.stretch(self.pace.chunk(), updates));
        if let Some(cohort) = &self.cohort
            && !cohort.can_train()
        {
            self.state = State::Finished;
        }
    }

    fn advance(&mut self, to: u64, at_most: u64) {
        let Some(cohort) = &mut self.cohort else { return };
        let to = self.timeline.stop(cohort, to);
        let done = |cohort: &Cohort| cohort.lanes().iter().map(|lane| lane.update).sum::<u64>();
        let (before, start) = (done(cohort), Instant::now());
        if let Err(error) = cohort.advance(to, at_most) {
            return self.fail(&error);
        }
        let failed = !cohort.lanes().is_empty() && cohort.lanes().iter().all(|lane| lane.failed.is_some());
        let updates = done(cohort) - before;
        let longest = updates / cohort.lanes().len().max(1) as u64;
        let seconds = start.elapsed().as_secs_f64();
        self.pace.trained(longest, updates, seconds);
        if updates > 0 {
            self.timeline.went_on();
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

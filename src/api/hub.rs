//! What runs there are, ours and live ones, and what happened to them: the one thing that all requests look
//! at.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::analysis::detect::Kind;
use crate::analysis::recorded::Recorded;
use crate::recording::Recording;
use crate::train::ids::{Revision, RunId};

use super::asked::KINDS;
use super::change::Change;
use super::live::Live;
use super::made::Made;
use super::news::{News, Newsreel};
use super::own::{Answered, Done, Own, Wish, name_of};
use super::refused::Refused;
use super::register::Registration;
use super::rows::Rows;

/// The most live runs at once, those that are over included.
const MOST: usize = 16;

/// A live run, shared by the requests and whoever shows it.
pub type Shared = Arc<Mutex<Live>>;

/// A panic while somebody held the lock leaves data that are still good to read.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All runs.
pub struct Hub {
    live: Mutex<Vec<Shared>>,
    own: Mutex<Option<Own>>,
    reel: Mutex<Newsreel>,
    /// Goes up when there are events, or a live run is to do something else.
    changed: watch::Sender<u64>,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
    given: AtomicU32,
}

/// What became of a request.
pub enum Outcome {
    /// It is done: the answer.
    Done(Value),
    /// The owner of our runs has yet to say; whether it is a new future that was asked for.
    Pending(Answered, bool),
    /// The training that a live run is has yet to say at which update it begins a change of this revision.
    Soon(Shared, u64),
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            own: Mutex::default(),
            reel: Mutex::default(),
            changed: watch::Sender::new(0),
            wake: Mutex::default(),
            given: AtomicU32::new(1),
        }
    }
}

impl Hub {
    /// Our own runs from here on.
    pub fn set_own(&self, own: Own) {
        *lock(&self.own) = Some(own);
    }

    /// Our own training goes no further, and nobody does any more what is asked of it.
    pub fn stop_own(&self) {
        if let Some(own) = lock(&self.own).as_mut() {
            own.stop();
        }
    }

    /// Calls this when there is something new to show.
    pub fn wake_with(&self, wake: impl Fn() + Send + 'static) {
        *lock(&self.wake) = Some(Box::new(wake));
    }

    /// Follows the document that our runs are in.
    pub fn follow(&self, revision: Arc<Revision>) {
        let mut own = lock(&self.own);
        let Some(own) = own.as_mut() else { return };
        self.tell_edits(own.follow(revision));
    }

    fn tell_edits(&self, edited: Vec<(RunId, Made)>) {
        for (run, made) in edited {
            self.tell(&name_of(run), "schedule", made.json());
        }
    }

    /// Looks at our own runs, where there are any.
    pub fn with_own<R>(&self, look: impl FnOnce(&Own) -> R) -> Option<R> {
        lock(&self.own).as_ref().map(look)
    }

    /// Every live run, in the order in which they came.
    pub fn live(&self) -> Vec<Shared> {
        lock(&self.live).clone()
    }

    /// The live run of this name.
    pub fn find(&self, id: &str) -> Option<Shared> {
        lock(&self.live).iter().find(|live| lock(live).id == id).cloned()
    }

    /// Forgets a live run.
    pub fn close(&self, id: &str) {
        lock(&self.live).retain(|live| lock(live).id != id);
    }

    /// A watch on whether something changed.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Records an event.
    pub fn tell(&self, run: &str, kind: &'static str, data: Value) {
        lock(&self.reel).add(run, kind, data);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// The events after number `seen`, and the number of the newest.
    pub fn events(&self, seen: u64, run: Option<&str>, most: usize) -> (Vec<News>, u64) {
        let reel = lock(&self.reel);
        (reel.since(seen, run, most), reel.newest())
    }

    fn wake(&self) {
        if let Some(wake) = &*lock(&self.wake) {
            wake();
        }
    }

    /// A training joins, or comes again; whether it was known, and the answer.
    ///
    /// # Errors
    /// When there are too many that train.
    pub fn register(&self, about: Registration, now: Instant) -> Result<(bool, Value), Refused> {
        let answer =
            |live: &Live| json!({"id": live.id, "revision": live.revision, "have": live.have, "lead": 2});
        let mut all = lock(&self.live);
        if let Some(known) = all.iter().find(|live| lock(live).about.session == about.session) {
            let mut live = lock(known);
            live.reconnect(about, now);
            let (id, data) = (live.id.clone(), live.new_state(now));
            let answer = answer(&live);
            drop(live);
            if let Some(data) = data {
                self.tell(&id, "state", data);
            }
            drop(all);
            self.wake();
            return Ok((true, answer));
        }
        if all.len() >= MOST {
            let gone = all.iter().position(|live| {
                let live = lock(live);
                let state = live.state(now);
                state.is_over() || state == super::live::LiveState::Disconnected
            });
            let gone = gone.ok_or_else(|| Refused::Busy(format!("{MOST} live runs are here already")))?;
            all.remove(gone);
        }
        let id = format!("l{}", self.given.fetch_add(1, Ordering::Relaxed));
        let live = Live::new(id.clone(), about, now);
        let (answer, update) = (answer(&live), live.update);
        all.push(Arc::new(Mutex::new(live)));
        drop(all);
        self.tell(&id, "state", json!({"state": "training", "update": update}));
        self.wake();
        Ok((false, answer))
    }

    /// Takes in rows of a live run.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn take(&self, id: &str, rows: &Rows, now: Instant) -> Result<Value, Refused> {
        let live = self.find(id).ok_or_else(|| no_such(id))?;
        let mut live = lock(&live);
        let told = live.take(rows, now);
        let answer = json!({"have": live.have, "revision": live.revision});
        drop(live);
        for (kind, data) in told {
            self.tell(id, kind, data);
        }
        self.wake();
        Ok(answer)
    }

    /// Puts another future in place of a run's planned one.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be.
    pub fn change(&self, id: &str, change: Change, now: Instant) -> Result<Outcome, Refused> {
        if let Some(live) = self.find(id) {
            let mut locked = lock(&live);
            let (from, soon) = locked.change(&change, now)?;
            let revision = locked.revision;
            let data = locked.changes.back().map(Made::json).unwrap_or_default();
            let released = matches!(change.future, Some(super::change::Future::Release));
            drop(locked);
            self.tell(id, "schedule", data);
            if released {
                self.tell(id, "released", json!({"revision": revision, "from": from}));
            }
            self.wake();
            return Ok(match soon {
                true => Outcome::Soon(live, revision),
                false => Outcome::Done(json!({"revision": revision, "from": from})),
            });
        }
        let own = lock(&self.own);
        let own = own.as_ref().ok_or_else(|| no_such(id))?;
        let (run, _) = own.find(id).ok_or_else(|| no_such(id))?;
        let (by, why) = (change.by.clone(), change.why.clone());
        let answer = own.ask("schedule", Wish::Change(run, Box::new(change)), &by, &why)?;
        Ok(Outcome::Pending(answer, true))
    }

    /// Pause, resume, stop, step, snapshot or fork.
    ///
    /// # Errors
    /// When there is no such run, or it cannot do that.
    pub fn order(
        &self,
        id: &str,
        verb: &str,
        (by, why): (String, String),
        now: Instant,
    ) -> Result<Outcome, Refused> {
        if let Some(live) = self.find(id) {
            let mut live = lock(&live);
            let obeys = |word: &str| live.about.can.iter().any(|can| can == word);
            let state = live.state(now);
            if state.is_over() {
                return Err(Refused::Conflict(format!("the run has {}", state.name())));
            }
            match verb {
                "pause" if obeys("pause") => live.pause = true,
                "resume" if obeys("pause") => live.pause = false,
                "stop" if obeys("stop") => live.stop = true,
                "step" if obeys("step") && !live.pause => {
                    return Err(Refused::Conflict("it trains: ask it to pause first".to_owned()));
                }
                _ if obeys(verb)
                    && let Some(what) = KINDS.iter().find(|kind| **kind == verb) =>
                {
                    live.asks.add(what, &by, &why);
                }
                _ => {
                    let can = live.about.can.join(", ");
                    let can = if can.is_empty() { "nothing of that kind".to_owned() } else { can };
                    return Err(Refused::Conflict(format!("this run cannot {verb}: its script obeys {can}")));
                }
            }
            live.version += 1;
            let update = live.update;
            drop(live);
            self.tell(id, "asked", json!({"what": verb, "by": by, "why": why, "update": update}));
            self.wake();
            return Ok(Outcome::Done(json!({"update": update})));
        }
        let own = lock(&self.own);
        let own = own.as_ref().ok_or_else(|| no_such(id))?;
        let (run, _) = own.find(id).ok_or_else(|| no_such(id))?;
        let wish = match verb {
            "pause" => Wish::Pause,
            "resume" => Wish::Resume,
            "stop" => Wish::Stop,
            "step" => Wish::Step,
            "snapshot" => Wish::Snapshot,
            _ => Wish::Fork(run),
        };
        let answer = own.ask(verb, wish, &by, &why)?;
        self.tell(id, "asked", json!({"what": verb, "by": by, "why": why}));
        Ok(Outcome::Pending(answer, false))
    }

    /// Notes a change of one of our runs that its owner made because it was asked to, and follows the document that
    /// has it: at no moment is a plan older than its revision to be read.
    pub fn note(&self, run: RunId, done: Done, (by, why): (&str, &str), revision: Arc<Revision>) {
        if let Some(own) = lock(&self.own).as_mut() {
            own.note(run, done, by, why);
            self.tell_edits(own.follow(revision));
        }
        let data = json!({"revision": done.generation, "from": done.update, "by": by, "why": why});
        self.tell(&name_of(run), "schedule", data);
    }

    /// Tells what happened since by itself: runs that went silent, and what our own runs do.
    pub fn tick(&self, now: Instant) {
        let mut told = Vec::new();
        if let Some(own) = lock(&self.own).as_mut() {
            told.extend(own.news(now).into_iter().map(|(run, (kind, data))| (run, kind, data)));
        }
        for live in self.live() {
            let mut live = lock(&live);
            let state = live.new_state(now);
            told.extend(state.map(|data| (live.id.clone(), "state", data)));
        }
        let any = !told.is_empty();
        for (run, kind, data) in told {
            self.tell(&run, kind, data);
        }
        if any {
            self.wake();
        }
    }

    /// A live run that grew since the detectors saw it, with what they are to look at.
    pub fn undiagnosed(&self) -> Option<(Shared, Recording)> {
        self.live().into_iter().find_map(|shared| {
            let mut live = lock(&shared);
            if live.diagnosed == live.have {
                return None;
            }
            live.diagnosed = live.have;
            let recording = live.recording.recording().clone();
            drop(live);
            Some((shared, recording))
        })
    }

    /// What the detectors found.
    pub fn diagnosed(&self, live: &Shared, found: Vec<Recorded>) {
        let mut live = lock(live);
        let id = live.id.clone();
        // A jump of the rate that was asked for is no accident.
        let asked = |one: &Recorded| {
            let near = |made: &Made| made.applied.is_some_and(|at| at.abs_diff(one.update) <= 1);
            one.kind == Kind::CheckpointMismatch && live.changes.iter().any(near)
        };
        let found: Vec<Recorded> = found.into_iter().filter(|one| !asked(one)).collect();
        let new: Vec<Recorded> = found.iter().filter(|one| !live.findings.contains(one)).cloned().collect();
        if live.findings.len() == found.len() && new.is_empty() {
            return;
        }
        live.findings = found.into();
        live.version += 1;
        drop(live);
        for one in new {
            let data = json!({"update": one.update, "kind": one.kind.name(), "text": one.sentence});
            self.tell(&id, "finding", data);
        }
        self.wake();
    }
}

/// What is said where there is no such run.
pub fn no_such(id: &str) -> Refused {
    Refused::Unknown(format!("there is no run {:?}", crate::plain::name(id)))
}

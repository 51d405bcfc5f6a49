//! What the API asks of our runs, done to their document: in the studio, and where there is none.

use crate::api::change::Change;
use crate::api::own::{Ask, Done, Wish};
use crate::api::{Hub, Refused, splice};
use crate::engine::protocol::{Command, State, Status};
use crate::experiment::{Experiment, Number, Run};
use crate::schedule::kind::{Constant, Interpolation, Kind, Points};
use crate::schedule::{Clock, Schedule, Span};
use crate::train::ids::{Mode, RunId};

use super::document::Document;

/// What can be asked of our runs in the studio.
pub const CAN: &[&str] = &["pause", "resume", "step", "snapshot", "fork", "schedule"];
/// How long a change takes to get to the engine, in seconds: as many updates are let pass.
const DELIVERY: f64 = 0.1;

/// Where our runs stand.
pub struct Standing<'a> {
    pub status: &'a Status,
    /// Lanes that train, and the updates that a run has made.
    pub lanes: usize,
    pub update: &'a dyn Fn(RunId) -> u64,
    pub mode: Mode,
}

/// Does what is asked, or refuses it, and says so; what the engine is to be told before the document's next
/// revision.
pub fn obey(document: &mut Document, standing: &Standing<'_>, ask: Ask, hub: &Hub) -> Vec<Command> {
    let (answer, commands) = match granted(document, standing, &ask.wish) {
        Ok((done, commands)) => (Ok(done), commands),
        Err(refused) => (Err(refused), Vec::new()),
    };
    // Before the answer, so that whoever has it reads what it promised.
    if let Ok(done) = &answer {
        match &ask.wish {
            Wish::Change(run, _) => hub.note(*run, *done, (&ask.by, &ask.why), document.revision()),
            _ => hub.follow(document.revision()),
        }
    }
    ask.answer(answer);
    commands
}

fn granted(
    document: &mut Document,
    standing: &Standing<'_>,
    wish: &Wish,
) -> Result<(Done, Vec<Command>), Refused> {
    let status = standing.status;
    let conflict = |why: &str| Err(Refused::Conflict(why.to_owned()));
    match &status.state {
        State::Preparing => return conflict("the runs are not ready yet: the data are being read"),
        State::Failed(why) => return Err(Refused::Conflict(format!("the training failed: {why}"))),
        State::Finished => return conflict("the training is over"),
        State::Playing | State::Paused => {}
    }
    let mut done = Done { update: status.update, generation: document.generation() };
    let commands = match wish {
        Wish::Pause => vec![Command::Pause],
        Wish::Resume => vec![Command::Play],
        Wish::Step => vec![Command::Step],
        Wish::Snapshot => vec![Command::Capture],
        Wish::Stop => return conflict("a training in the studio is paused, not stopped"),
        Wish::Fork(run) => {
            let at = (standing.update)(*run);
            if at == 0 || at >= status.updates {
                return conflict("there is no past to share yet");
            }
            document.settle();
            document.fork(*run, at);
            document.settle();
            done.update = at;
            vec![Command::Capture]
        }
        Wish::Change(run, change) => {
            done.update = edit(document, standing, *run, change)?;
            Vec::new()
        }
    };
    done.generation = document.generation();
    Ok((done, commands))
}

/// Puts another future in place of a run's planned one; the first update it holds for.
fn edit(
    document: &mut Document,
    standing: &Standing<'_>,
    id: RunId,
    change: &Change,
) -> Result<u64, Refused> {
    let Standing { status, mode, .. } = standing;
    if *mode == Mode::Instant {
        let why =
            "the studio is in Instant mode, where an edit trains the whole run again: switch it to Live";
        return Err(Refused::Conflict(why.to_owned()));
    }
    if let Some(group) = &change.group {
        return Err(Refused::Unreadable(format!("there is no group {group:?}, but all")));
    }
    let run = document.run(id).ok_or_else(|| Refused::Unknown("the run is gone".to_owned()))?;
    let (made, clock) = ((standing.update)(id), clock(status));
    let soonest = if status.state == State::Playing {
        let speed = status.lane_updates_per_second / standing.lanes.max(1) as f64;
        made + 2 + (speed * DELIVERY).ceil() as u64
    } else {
        made
    };
    let from = change.from.unwrap_or(soonest);
    if from < made {
        return Err(Refused::Conflict(format!("update {from} is past: {made} updates are made")));
    }
    if from >= clock.updates {
        return Err(Refused::Conflict(format!(
            "update {from} is past the end: the run has {}",
            clock.updates
        )));
    }
    let mut edited = run.clone();
    if let Some(future) = &change.future {
        edited.lr = splice(&run.lr, clock, from, future)?;
    }
    for (name, value) in &change.numbers {
        let new = bent(&edited, name, *value, from, clock)?;
        edited.optimizer.set(name, new);
    }
    if !change.numbers.is_empty() {
        check(document.experiment(), &edited)?;
    }
    document.settle();
    document.edit_run(id, |run| *run = edited);
    document.settle();
    Ok(from)
}

fn clock(status: &Status) -> Clock {
    Clock { updates: status.updates.max(1), updates_per_epoch: status.updates_per_epoch.max(1) }
}

/// A number of the optimizer that is another from an update on.
fn bent(run: &Run, name: &str, value: f64, from: u64, clock: Clock) -> Result<Number, Refused> {
    if from == 0 {
        return Ok(Number::Fixed(value));
    }
    Ok(match run.optimizer.get(name) {
        Some(Number::Fixed(before)) => {
            let points = vec![(Span::Updates(0.0), *before), (Span::Updates(from as f64), value)];
            let steps = Points { points, interpolation: Interpolation::Step };
            Number::Schedule(Box::new(Schedule::from(Kind::Points(steps))))
        }
        Some(Number::Schedule(schedule)) => {
            let constant = Schedule::from(Kind::Constant(Constant { peak: value }));
            let future =
                crate::api::change::Future::Schedule { schedule: Box::new(constant), absolute: false };
            Number::Schedule(Box::new(splice(schedule, clock, from, &future)?))
        }
        Some(Number::Mirror { .. }) => {
            let why = format!("{name} mirrors the rate: change its schedule in the studio first");
            return Err(Refused::Conflict(why));
        }
        None => {
            let known: Vec<&str> = run.optimizer.values().map(|(info, _)| info.name).collect();
            let known = known.join(", ");
            return Err(Refused::Unreadable(format!("its optimizer has no {name:?}, but {known}")));
        }
    })
}

/// Whether a run's numbers are ones that a file could say.
fn check(experiment: &Experiment, run: &Run) -> Result<(), Refused> {
    let alone = Run { fork: None, ..run.clone() };
    let edited = Experiment { runs: vec![alone], sweep: None, ..experiment.clone() };
    let read = Experiment::parse(&edited.to_toml(), "the change");
    read.map(drop).map_err(|error| Refused::Unreadable(crate::plain::message(&error.to_string())))
}

//! Runs that arrive after their forecasts: ours when they are trained to their end, and trainings of others as they are
//! logged. Each is compared with what the law expected of it, and the miss goes to the record.

use crate::forecast::measured;
use crate::train::ids::RunId;
use crate::ui::misses::Miss;
use crate::ui::shelf::Guest;
use crate::ui::studio::Studio;

use super::state::{Arrived, Ground, Looked, State};

/// How far a rate that was used may be from the plan's, as a share: telemetry rounds.
const ROUNDED: f64 = 1e-4;
/// The share of the length of the fitted trainings from which on another one has arrived.
const WHOLE: f64 = 0.98;

/// Compares the runs that have arrived with what was forecast.
pub fn arrive(studio: &mut Studio) {
    let Some(ground) = studio.panels.peek::<State>().and_then(|state| state.ground.as_ref()) else { return };
    let is_theirs = ground.is_theirs();
    let looked = if is_theirs { theirs(studio, ground) } else { Looked::new() };
    let arrived: Vec<Arrived> = match is_theirs {
        true => looked.values().filter_map(|(_, arrived)| arrived.clone()).collect(),
        false => ours(studio, ground),
    };
    let state = studio.panels.of::<State>();
    state.looked = looked;
    let new: Vec<Arrived> = arrived.iter().filter(|one| !state.arrived.contains(one)).cloned().collect();
    if new.is_empty() {
        return;
    }
    state.arrived.retain(|old| new.iter().all(|one| one.run != old.run));
    state.arrived.extend(new.iter().cloned());
    for Arrived { run, predicted, band, measured } in new {
        let (name, experiment) = match is_theirs {
            true => (studio.shelf.guest(run).map(|guest| guest.name.clone()), String::new()),
            false => {
                let name = studio.document.run(run).map(|run| run.name.clone());
                (name, studio.document.experiment().name.clone())
            }
        };
        let Some(run) = name else { continue };
        studio.misses.note(Miss { experiment, run, predicted, band, measured });
    }
}

/// Runs of the document that are trained to their end under the schedule they have.
fn ours(studio: &Studio, ground: &Ground) -> Vec<Arrived> {
    let status = &studio.frame.status;
    let total = studio.clock().updates;
    let Some(state) = studio.panels.peek::<State>() else { return Vec::new() };
    if status.generation < studio.document.generation() {
        return Vec::new();
    }
    let mut arrived = Vec::new();
    for &(run, (predicted, band)) in &state.ends {
        let is_fitted = studio.document.run(run).is_some_and(|run| ground.fitted.contains(run));
        if is_fitted || !is_as_planned(studio, run) {
            continue;
        }
        let lanes = studio.frame.lanes.iter().filter(|lane| lane.id.run == run);
        let end = |lane: &crate::ui::frame::LaneFrame| {
            lane.now.val_loss.filter(|loss| lane.update >= total && loss.is_finite())
        };
        let ends: Option<Vec<f64>> = lanes.map(end).collect();
        if let Some(ends) = ends.filter(|ends| !ends.is_empty()) {
            let measured = ends.iter().sum::<f64>() / ends.len() as f64;
            arrived.push(Arrived { run, predicted, band, measured });
        }
    }
    arrived
}

/// Whether a run was trained at the rates that it has now: one that was bent on the way is not what was forecast.
fn is_as_planned(studio: &Studio, run: RunId) -> bool {
    let Some(lane) = studio.frame.lane(run) else { return false };
    lane.curves.lr.iter().all(|bucket| {
        let planned = studio.rate(run, bucket.last_update).unwrap_or(f64::NAN);
        (bucket.last - planned).abs() <= ROUNDED * planned.abs().max(f64::MIN_POSITIVE)
    })
}

/// Trainings of others beside those that the law was fitted to: their ends by their own rates. One that is where it was
/// when it was looked at is not looked at again.
fn theirs(studio: &Studio, ground: &Ground) -> Looked {
    let whole = WHOLE * ground.length() as f64;
    let before = studio.panels.peek::<State>().map(|state| &state.looked);
    let mut looked = Looked::new();
    for guest in studio.shelf.guests().iter().filter(|guest| !ground.fit.runs.contains(&guest.name)) {
        let done = guest.live.as_ref().map_or(guest.length, |live| live.update);
        let is_over = guest.live.as_ref().is_some_and(|live| live.state.is_over());
        if !is_over && (done as f64) < whole {
            continue;
        }
        let known = before.and_then(|before| before.get(&guest.row.id)).filter(|(of, _)| *of == done);
        let found = known.map_or_else(|| compared(guest, ground), |(_, found)| found.clone());
        looked.insert(guest.row.id, (done, found));
    }
    looked
}

/// What a training of others came to, and what was to be expected of its rates.
fn compared(guest: &Guest, ground: &Ground) -> Option<Arrived> {
    let made = guest.with(|recording| measured(&guest.name, recording))?.ok()?;
    let (update, measured) = (*made.updates.last()?, made.last().filter(|loss| loss.is_finite())?);
    let (predicted, band) = ground.fit.forecast(&made.course, vec![update]).end()?;
    Some(Arrived { run: guest.row.id, predicted, band, measured })
}

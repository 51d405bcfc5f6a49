//! What the map is of, and its cells as they come.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::Context;

use crate::experiment::sweep::{Objective, Range};
use crate::experiment::vary::Base;
use crate::experiment::{Experiment, Run};
use crate::gpu::compute::Computer;
use crate::jobs::{Answers, Job, Lost};
use crate::sweep::map::{Cell, MapRequest, survey};
use crate::train::TrainError;
use crate::train::device::Choice;
use crate::ui::studio::Studio;

use super::axes::{Candidate, candidates};

/// Cells along each side, from which one chooses.
pub const SIDES: [(&str, usize); 3] = [("16 × 16", 16), ("32 × 32", 32), ("64 × 64", 64)];
/// Cells that say what a map looks like: an older map is finished to there before a newer one begins.
const COARSE: usize = 16;

/// What a map depends on: the experiment with the run alone, the two numbers at their lowest.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    experiment: Experiment,
    request: MapRequest,
}

enum Answer {
    Cells(Vec<Cell>),
    /// Where it was trained, if that is to be said; or what went wrong.
    End(Result<Vec<String>, String>),
}

/// A place of the grid: the newest cell that stands for it, and whether it is of the map that is made now.
#[derive(Clone, Debug)]
pub struct Shown {
    pub cell: Cell,
    pub is_new: bool,
}

pub struct State {
    /// The paths that were chosen for x and y.
    pub chosen: [Option<String>; 2],
    /// Ends that were set by hand.
    pub ends: BTreeMap<String, Range>,
    pub objective: Objective,
    pub seeds: u64,
    /// Cells along each side that are asked for,
    pub asked: usize,
    /// and those of what is shown.
    pub side: usize,
    /// Column by column of each row, the lowest row first.
    pub shown: Vec<Option<Shown>>,
    /// Cells of the newest map so far.
    pub done: usize,
    pub error: Option<String>,
    /// Where a map was trained that was to be on a graphics adapter.
    pub devices: Vec<String>,
    /// The two numbers as they are in the document.
    pub axes: Option<[Candidate; 2]>,
    /// What the state was last brought up to date with.
    seen: Option<(u64, u64)>,
    settings: u64,
    wanted: Option<Key>,
    key: Option<Key>,
    job: Option<Job<Answer>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            chosen: [None, None],
            ends: BTreeMap::new(),
            objective: Objective::FinalValLoss,
            seeds: 1,
            asked: SIDES[0].1,
            side: SIDES[0].1,
            shown: vec![None; SIDES[0].1.pow(2)],
            done: 0,
            error: None,
            devices: Vec::new(),
            axes: None,
            seen: None,
            settings: 0,
            wanted: None,
            key: None,
            job: None,
        }
    }
}

impl State {
    /// Draws the map along another number on one of its ways; where that is the other way's, they change places.
    pub fn choose(&mut self, way: usize, path: String) {
        let now = self.axes.as_ref().map(|axes| axes.each_ref().map(|axis| axis.path.clone()));
        if let Some(now) = now.filter(|now| now[1 - way] == path) {
            self.chosen[1 - way] = Some(now[way].clone());
        }
        self.chosen[way] = Some(path);
        self.changed();
    }

    /// Another number, range, objective or count of seeds was chosen.
    pub fn changed(&mut self) {
        self.settings += 1;
    }

    /// Whether cells are on their way, or will be.
    pub fn is_busy(&self) -> bool {
        self.job.is_some() || self.wanted.is_some()
    }

    /// Takes in the cells that have come.
    fn listen(&mut self) {
        while let Some(answer) = self.job.as_ref().and_then(Job::poll) {
            match answer {
                Ok(Answer::Cells(cells)) => cells.into_iter().for_each(|cell| self.put(cell)),
                Ok(Answer::End(ended)) => {
                    self.job = None;
                    match ended {
                        Ok(devices) => self.devices = devices,
                        Err(error) => self.error = Some(error),
                    }
                }
                Err(Lost) => self.job = None,
            }
        }
    }

    /// A cell stands for its neighbours, too, until they come themselves.
    fn put(&mut self, cell: Cell) {
        let ([column, row], side) = (cell.at, self.side);
        for row in row..(row + cell.covers).min(side) {
            for column in column..(column + cell.covers).min(side) {
                let own = |shown: &Shown| shown.is_new && shown.cell.at == [column, row];
                let place = &mut self.shown[row * side + column];
                if !place.as_ref().is_some_and(own) {
                    *place = Some(Shown { cell: cell.clone(), is_new: true });
                }
            }
        }
        self.done += 1;
    }
}

/// Takes in what has come, and stops where nobody looks.
pub fn poll(studio: &mut Studio, shown: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.listen();
    if !shown {
        // What is there stays; the rest is made when somebody looks again.
        if state.job.take().is_some() {
            state.key = None;
            state.seen = None;
        }
        state.wanted = None;
    }
    state.is_busy()
}

/// Whether the map is not whole yet.
pub fn is_waiting(studio: &Studio) -> bool {
    studio.panels.peek::<State>().is_none_or(|state| state.is_busy() || state.seen.is_none())
}

/// Brings the map up to date with the document and begins what is missing.
pub fn refresh(studio: &mut Studio, ctx: &Context) {
    let generation = studio.document.generation();
    let settings = studio.panels.of::<State>().settings;
    if studio.panels.of::<State>().seen != Some((generation, settings)) {
        let wanted = wanted(studio);
        let state = studio.panels.of::<State>();
        state.seen = Some((generation, settings));
        match wanted {
            Ok((key, axes)) => {
                state.axes = Some(axes);
                let known = state.key.as_ref() == Some(&key);
                state.wanted = if known { None } else { Some(key) };
            }
            Err(error) => {
                state.error = Some(error);
                (state.wanted, state.job) = (None, None);
            }
        }
    }
    let state = studio.panels.of::<State>();
    // A map that follows a hand shows its coarse shape before it begins anew.
    if state.wanted.is_some() && (state.job.is_none() || state.done >= COARSE) {
        begin(studio, ctx);
    }
}

/// What is to be surveyed, and the two numbers as they are.
fn wanted(studio: &mut Studio) -> Result<(Key, [Candidate; 2]), String> {
    let clock = studio.clock();
    let experiment = studio.document.experiment().clone();
    let run: Run = studio.document.run(studio.view.selected).cloned().ok_or("There is no run to map.")?;
    if run.fork.is_some() {
        return Err("A fork has a past that is not its own; choose a run that begins at update 0.".to_owned());
    }
    let origin = studio.document.path().cloned().unwrap_or_default();
    let base = Base::new(&experiment, &run.name, &origin, clock).ok_or("The run cannot be written down.")?;
    let mut all = candidates(&experiment, &run);
    let state = studio.panels.of::<State>();
    all.iter_mut().for_each(|one| {
        if let Some(range) = state.ends.get(&one.path) {
            one.range = *range;
        }
    });
    let first = |wanted: Option<&String>, otherwise: &str, not: Option<&str>| {
        let there = |path: &str| all.iter().find(|one| one.path == path && Some(path) != not);
        let usual = there(otherwise).or_else(|| all.iter().find(|one| Some(one.path.as_str()) != not));
        wanted.and_then(|path| there(path)).or(usual).cloned()
    };
    // What was chosen upwards is not what lies across by itself.
    let taken = state.chosen[1].as_deref().filter(|_| state.chosen[0].is_none());
    let usual = if taken == Some("lr.peak") { "lr.warmup.over" } else { "lr.peak" };
    let x = first(state.chosen[0].as_ref(), usual, taken).ok_or("There is no number to map.")?;
    let y = first(state.chosen[1].as_ref(), "lr.warmup.over", Some(&x.path))
        .ok_or("There is no second number.")?;
    let request = MapRequest {
        run: run.name.clone(),
        axes: [(x.path.clone(), x.range), (y.path.clone(), y.range)],
        side: state.asked,
        seeds: state.seeds.max(1) as usize,
        objective: state.objective,
    };
    let lowest = [&x, &y].map(|axis| axis.range.value(axis.range.from));
    let experiment =
        base.with(&[(&x.path, &lowest[0]), (&y.path, &lowest[1])]).map_err(|error| error.to_string())?;
    // Only seeds of the map's own count, and a name changes nothing.
    let mut experiment = Experiment { name: String::new(), ..experiment };
    experiment.train.replicas = 1;
    Ok((Key { experiment, request }, [x, y]))
}

fn begin(studio: &mut Studio, ctx: &Context) {
    let status = &studio.frame.status;
    let is_current = status.generation >= studio.document.generation();
    // Data that the engine has not read anew may be another.
    let prepared = studio.frame.prepared.clone().filter(|_| is_current);
    let origin: PathBuf = studio.document.path().cloned().unwrap_or_default();
    let state = studio.panels.of::<State>();
    let Some(key) = state.wanted.take() else { return };
    let mut experiment = key.experiment.clone();
    experiment.name = "map".to_owned();
    let request = key.request.clone();
    let chosen = studio.frame.status.choice == Choice::Gpu;
    let work = move |answers: &Answers<Answer>| {
        let mut cells = Vec::new();
        // Where the studio trains: on the adapter, where somebody chose that.
        let computer = match chosen.then(Computer::find).transpose() {
            Ok(computer) => computer.map(Arc::new),
            Err(error) => return Answer::End(Err(error.to_string())),
        };
        let ended = survey(&experiment, &origin, &request, prepared, computer, &mut |cell| {
            match cell {
                Some(cell) => cells.push(cell),
                None if cells.is_empty() => {}
                None => answers.give(Answer::Cells(std::mem::take(&mut cells))),
            }
            if answers.progress().is_cancelled() { Err(TrainError::Cancelled) } else { Ok(()) }
        });
        let said = |devices: Vec<String>| if chosen { devices } else { Vec::new() };
        Answer::End(ended.map(said).map_err(|error| error.to_string()))
    };
    let wake = ctx.clone();
    match Job::spawn("map", move || wake.request_repaint(), work) {
        Ok(job) => {
            state.job = Some(job);
            state.error = None;
            state.devices.clear();
            state.done = 0;
            let as_before =
                |old: &Key| old.request.axes == key.request.axes && old.request.side == key.request.side;
            let same_axes = state.key.as_ref().is_some_and(as_before);
            state.side = key.request.side;
            state.shown.resize(state.side.pow(2), None);
            for shown in &mut state.shown {
                // Of the same two numbers the old map stays until the new one covers it.
                *shown = shown.take().filter(|_| same_axes).map(|old| Shown { is_new: false, ..old });
            }
            state.key = Some(key);
        }
        Err(error) => state.error = Some(format!("no thread for a map: {error}")),
    }
}

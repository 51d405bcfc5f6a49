//! What all panels share: the document, how it is looked at, and what the engine shows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use eframe::egui::Color32;

use crate::analysis::detect::Remedy;
use crate::engine::Viewer;
use crate::engine::protocol::Command;
use crate::experiment::{BatchSize, MicroBatches, Model, Run, Source, lineage};
use crate::schedule::{Clock, Curve, NumberCurve, Piecewise, Schedule, ScheduleError, Span};
use crate::telemetry::{Column, GroupColumn, GroupNames};
use crate::train::ids::{LaneId, Mode, RunId};
use crate::train::plan::Plan;

use super::action::Action;
use super::document::{Document, Row, first};
use super::frame::Frame;
use super::layout::Layout;
use super::misses::Misses;
use super::panel_state::PanelStates;
use super::plot::{Along, Given};
use super::progress::Progress;
use super::scenery::Scenery;
use super::sheet::Sheet;
use super::shelf::Shelf;
use super::theme::Tokens;
use super::toast::Toasts;
use super::view::View;
use super::wish::Wish;

/// How long a run is thought to be before the engine has read the data.
const GUESS: Clock = Clock { updates: 1000, updates_per_epoch: 25 };

/// The studio's state between two frames.
pub struct Studio {
    pub document: Document,
    pub view: View,
    pub frame: Frame,
    pub layout: Layout,
    /// Where updates stand across the plots.
    pub along: Along,
    pub sheet: Option<Sheet>,
    pub toasts: Toasts,
    pub scenery: Scenery,
    /// What each panel keeps for itself.
    pub panels: PanelStates,
    pub shelf: Shelf,
    /// What is said of unsaved work of an earlier start, while it waits to be taken up.
    pub unsaved: Option<String>,
    /// The files that were opened last, newest first.
    pub recent: Vec<PathBuf>,
    /// What was answered to lessons.
    pub progress: Progress,
    /// How far forecasts missed the runs that came.
    pub misses: Misses,
    /// The engine as other threads see it; nothing where another trainer stands in for it.
    pub viewer: Option<Viewer>,
    resolved: Vec<Resolved>,
    /// The form under which each run began to train.
    begun: BTreeMap<RunId, Run>,
    /// Which run makes a run's updates: before its fork, the one it was forked from.
    makers: BTreeMap<RunId, Piecewise<RunId>>,
    asked: Vec<Action>,
    wished: Vec<Wish>,
    told: Vec<Command>,
}

/// A run's curves, kept until its schedule or the run's length changes.
struct Resolved {
    id: RunId,
    run: Run,
    clock: Clock,
    rate: Result<Curve, ScheduleError>,
    momentum: Option<NumberCurve>,
    weight_decay: Option<NumberCurve>,
    batch: Option<Curve>,
    model: Model,
    /// Where the run has parameter groups.
    plan: Option<Plan>,
}

impl Studio {
    pub fn new(document: Document) -> Self {
        let view = first_view(&document);
        Self {
            document,
            view,
            frame: Frame::default(),
            layout: Layout::default(),
            along: Along::default(),
            sheet: None,
            toasts: Toasts::default(),
            scenery: Scenery::default(),
            panels: PanelStates::default(),
            shelf: Shelf::default(),
            unsaved: None,
            recent: Vec::new(),
            progress: Progress::default(),
            misses: Misses::default(),
            viewer: None,
            resolved: Vec::new(),
            begun: BTreeMap::new(),
            makers: BTreeMap::new(),
            asked: Vec::new(),
            wished: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Asks for something; it is done at the end of the frame.
    pub fn ask(&mut self, action: Action) {
        self.asked.push(action);
    }

    /// What was asked for since the last call.
    pub fn take_asked(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.asked)
    }

    /// Asks for something that has a name of its own; it is done at the end of the frame.
    pub fn wish(&mut self, wish: Wish) {
        self.wished.push(wish);
    }

    /// What was wished for since the last call.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wished)
    }

    /// Tells the engine something, after the edits so far.
    pub fn tell(&mut self, command: Command) {
        self.told.push(command);
    }

    /// What the engine was to be told since the last call.
    pub fn take_told(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.told)
    }

    /// The length of the run: what the engine says, and before it has read the data a guess.
    pub fn clock(&self) -> Clock {
        let status = &self.frame.status;
        if status.updates > 0 {
            return Clock { updates: status.updates, updates_per_epoch: status.updates_per_epoch.max(1) };
        }
        let updates = match self.document.experiment().train.updates {
            span @ (Span::Updates(_) | Span::Epochs(_)) => span.whole_updates(GUESS),
            Span::Percent(_) => GUESS.updates,
        };
        Clock { updates, ..GUESS }
    }

    /// What is known of an update, for the axis below the plots.
    pub fn given(&self) -> Given {
        let experiment = self.document.experiment();
        let batch = match experiment.data.batch_size {
            BatchSize::Samples(samples) => samples,
            BatchSize::All => self.frame.status.batch,
        };
        Given {
            updates_per_epoch: self.clock().updates_per_epoch,
            samples_per_update: (batch * experiment.train.accumulate) as f64,
            seconds_per_update: self.frame.status.seconds_per_update,
        }
    }

    /// The updates that the plots can show: those of our runs, and what recordings reach beyond.
    pub fn extent(&self) -> u64 {
        let clock = self.clock();
        clock.updates.max(self.shelf.end(clock, |id| self.is_shown(id)))
    }

    /// Brings the curves up to date with the document, and the selection with the runs there are.
    pub fn refresh(&mut self) {
        let clock = self.clock();
        let old = std::mem::take(&mut self.resolved);
        let mut kept = old.into_iter().map(|resolved| (resolved.id, resolved)).collect::<BTreeMap<_, _>>();
        let model = &self.document.experiment().model;
        self.resolved = self
            .document
            .runs()
            .map(|(row, run)| match kept.remove(&row.id) {
                Some(resolved)
                    if resolved.run == *run && resolved.clock == clock && resolved.model == *model =>
                {
                    resolved
                }
                _ => resolve(row.id, run, model, clock),
            })
            .collect();
        let ids: Vec<RunId> = self.document.runs().map(|(row, _)| row.id).collect();
        let runs = &self.document.experiment().runs;
        let makers = |(at, id): (usize, &RunId)| {
            let makers = lineage(runs, at, clock).ok()?.try_map(|run| ids.get(*run).copied().ok_or(()));
            Some((*id, makers.ok()?))
        };
        self.makers = ids.iter().enumerate().filter_map(makers).collect();
        if self.document.run(self.view.selected).is_none()
            && let Some(first) = self.document.first()
        {
            self.view.selected = first;
        }
    }

    /// The run's schedule, resolved.
    pub fn curve(&self, id: RunId) -> Option<&Curve> {
        self.resolved(id)?.rate.as_ref().ok()
    }

    /// Why the run's schedule cannot be.
    pub fn curve_error(&self, id: RunId) -> Option<&ScheduleError> {
        self.resolved(id)?.rate.as_ref().err()
    }

    /// Momentum, weight decay, or the samples of an update of a run, as update `update` will use it.
    pub fn number(&self, id: RunId, number: Column, update: u64) -> Option<f64> {
        let resolved = self.resolved(self.maker(id, update))?;
        let number = match number {
            Column::Momentum => &resolved.momentum,
            Column::WeightDecay => &resolved.weight_decay,
            Column::Batch => return self.samples(resolved.batch.as_ref().map(|batch| batch.at(update))),
            _ => return None,
        };
        Some(number.as_ref()?.at(update, resolved.rate.as_ref().ok()?))
    }

    /// The samples of an update, of a run that wants so many or as many as the experiment says.
    fn samples(&self, wanted: Option<f64>) -> Option<f64> {
        let experiment = self.document.experiment();
        let accumulate = experiment.train.accumulate;
        let BatchSize::Samples(samples) = experiment.data.batch_size else { return None };
        let micro = MicroBatches::new(samples, accumulate, self.clock());
        let all = wanted.map_or((samples * accumulate) as u64, |wanted| micro.samples_of(wanted));
        (experiment.data.source != Source::None).then_some(all as f64)
    }

    /// The rate that update `update` of a run will use, as far as its schedule and controller say now.
    pub fn rate(&self, id: RunId, update: u64) -> Option<f64> {
        let rate = self.scheduled(id, update)?;
        let control = self.frame.lane(id).and_then(|lane| lane.control);
        Some(control.map_or(rate, |control| rate * control.multiplier))
    }

    /// The parameter groups that a run has at update `update`.
    pub fn group_names(&self, id: RunId, update: u64) -> Option<&GroupNames> {
        Some(self.resolved(self.maker(id, update))?.plan.as_ref()?.group_names())
    }

    /// The rate that update `update` of a run will use for a parameter group, as [`Studio::rate`] is the run's.
    pub fn group_rate(&self, id: RunId, name: &str, update: u64) -> Option<f64> {
        let resolved = self.resolved(self.maker(id, update))?;
        let plan = resolved.plan.as_ref()?;
        let at = plan.group_names().iter().position(|known| **known == *name)?;
        let lr = self.scheduled(id, update)?;
        let rate = plan.scheduled_group_rates(&resolved.model, update, lr).get(GroupColumn::Lr, at)?;
        let control = self.frame.lane(id).and_then(|lane| lane.control);
        Some(control.map_or(rate, |control| rate * control.multiplier))
    }

    /// The lowest and the highest rate of each of a run's groups.
    pub fn group_ranges(&self, id: RunId) -> Vec<(f64, f64)> {
        let resolved = self.resolved(id);
        let plan = resolved.and_then(|resolved| Some((resolved.plan.as_ref()?, &resolved.model)));
        plan.map_or_else(Vec::new, |(plan, model)| plan.group_ranges(model))
    }

    /// The rate of update `update` as a run's schedule has it, or, before its fork, as its origin's does.
    pub fn scheduled(&self, id: RunId, update: u64) -> Option<f64> {
        Some(self.curve(self.maker(id, update))?.at(update))
    }

    /// The run that makes update `update` of a run: itself, or, before its fork, the one it was forked from.
    fn maker(&self, id: RunId, update: u64) -> RunId {
        self.makers.get(&id).map_or(id, |makers| *makers.at(update))
    }

    /// The update at which a fork parts from its origin, and the origin.
    pub fn parting(&self, id: RunId) -> Option<(u64, RunId)> {
        let (origin, at) = self.document.origin(id)?;
        Some((at.whole_updates(self.clock()), origin))
    }

    /// Where the curves of forks begin: their past is drawn once, as their origin's, unless that is hidden.
    pub fn begins(&self) -> BTreeMap<RunId, u64> {
        let forks = self.document.runs().filter_map(|(row, _)| Some((row.id, self.parting(row.id)?)));
        let drawn = forks.filter(|(_, (_, origin))| self.is_shown(*origin));
        drawn.map(|(id, (at, _))| (id, at)).collect()
    }

    /// Whether a run's curves are shown.
    pub fn is_shown(&self, id: RunId) -> bool {
        !self.view.hidden.contains(&id)
    }

    /// The shown runs, the selected one and the one under the pointer last, so that they are drawn on top.
    pub fn shown(&self) -> Vec<Row> {
        let ours = self.document.runs().map(|(row, _)| row);
        let all = ours.chain(self.shelf.guests().iter().map(|guest| guest.row));
        let mut rows: Vec<Row> = all.filter(|row| self.is_shown(row.id)).collect();
        rows.sort_by_key(|row| (self.view.hot == Some(row.id), self.view.selected == row.id));
        rows
    }

    /// A run's place in the palette.
    pub fn slot(&self, id: RunId) -> usize {
        let ours = self.document.runs().map(|(row, _)| row);
        let mut all = ours.chain(self.shelf.guests().iter().map(|guest| guest.row));
        all.find(|row| row.id == id).map_or(0, |row| row.slot)
    }

    /// A run's colour, faded while another is under the pointer.
    pub fn color(&self, row: Row, tokens: &Tokens) -> Color32 {
        tokens.run(row.slot).gamma_multiply(self.view.strength(row.id))
    }

    /// What a lane is called.
    pub fn lane_name(&self, lane: LaneId) -> Option<String> {
        if let Some(guest) = self.shelf.guest(lane.run) {
            return Some(guest.name.clone());
        }
        let run = self.document.run(lane.run)?;
        Some(match lane.replica {
            0 => run.name.clone(),
            replica => format!("{}, replica {}", run.name, replica + 1),
        })
    }

    /// Applies a remedy to a run as one step of the history; with `anew` the run trains from its beginning.
    pub fn remedy(&mut self, id: RunId, remedy: &Remedy, anew: bool) {
        let Some(at) = self.document.runs().position(|(row, _)| row.id == id) else { return };
        self.document.settle();
        let before = self.document.generation();
        self.document.edit(|experiment| {
            remedy.apply(experiment, at);
        });
        self.document.settle();
        let changed = self.document.generation() != before;
        if anew && (changed || *remedy == Remedy::ResumeSchedule) {
            self.begun.remove(&id);
            self.tell(Command::Begin(id));
        }
    }

    /// Does in the document what the engine did by itself.
    pub fn follow_engine(&mut self) {
        for edit in std::mem::take(&mut self.frame.own_edits) {
            self.remedy(edit.run, &edit.remedy, false);
            let name = self.document.run(edit.run).map(|run| run.name.clone()).unwrap_or_default();
            self.toasts.done(format!("{name}: {}.", edit.why));
        }
    }

    /// Notes under which form each run trains: in Instant mode always the present one, in Live mode that in which it
    /// began.
    pub fn note_begun(&mut self) {
        let runs: Vec<(RunId, Run)> = self.document.runs().map(|(row, run)| (row.id, run.clone())).collect();
        self.begun.retain(|id, _| runs.iter().any(|(known, _)| known == id));
        for (id, run) in runs {
            let begins = self.frame.lane(id).is_none_or(|lane| lane.update == 0);
            if begins || self.view.mode == Mode::Instant || !self.begun.contains_key(&id) {
                self.begun.insert(id, run);
            }
        }
    }

    /// Whether a run was edited after it began: what it measured is of several forms.
    pub fn is_mixed(&self, id: RunId) -> bool {
        let now = self.document.run(id);
        self.begun.get(&id).zip(now).is_some_and(|(begun, now)| !begun.trains_as(now))
    }

    /// Has every run that was edited while it trained begin again under its present form.
    pub fn begin_mixed(&mut self) {
        let mixed: Vec<RunId> =
            self.document.runs().map(|(row, _)| row.id).filter(|id| self.is_mixed(*id)).collect();
        for id in mixed {
            self.tell(Command::Begin(id));
        }
    }

    /// All runs begin again.
    pub fn forget_begun(&mut self) {
        self.begun.clear();
    }

    /// Replaces the selected run's schedule.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        let id = self.view.selected;
        self.document.edit_run(id, |run| run.lr = schedule);
    }

    /// Replaces everything by another document.
    pub fn replace(&mut self, document: Document) {
        self.document = document.succeeding(&self.document);
        let fresh = first_view(&self.document);
        let before = std::mem::replace(&mut self.view, View::new(fresh.selected));
        self.view = fresh.as_liked(before);
    }

    fn resolved(&self, id: RunId) -> Option<&Resolved> {
        self.resolved.iter().find(|resolved| resolved.id == id)
    }
}

/// How a document is looked at to begin with: the one that the studio opens with shows what its runs reach.
fn first_view(document: &Document) -> View {
    let view = View::new(document.first().unwrap_or(RunId(0)));
    let is_opening = first().is_ok_and(|first| first == *document.experiment());
    if is_opening { View { quantity: Column::ValAccuracy, ..view } } else { view }
}

fn resolve(id: RunId, run: &Run, model: &Model, clock: Clock) -> Resolved {
    let number = |name: &str| run.optimizer.get(name)?.resolve(clock).ok();
    Resolved {
        id,
        run: run.clone(),
        clock,
        rate: run.lr.resolve(clock),
        momentum: run.optimizer.kind.momentum_name().and_then(number),
        weight_decay: number("weight_decay"),
        batch: run.batch.as_ref().and_then(|batch| batch.resolve(clock).ok()),
        model: model.clone(),
        plan: if run.groups.is_empty() { None } else { Plan::new(run, clock).ok() },
    }
}

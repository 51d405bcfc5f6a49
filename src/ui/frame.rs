//! What the panels show in one frame, copied out of the engine in one short look.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::analysis::audit::Tally;
use crate::analysis::detect::Finding;
use crate::analysis::statistics::{deviation, mean};
use crate::data::Prepared;
use crate::engine::protocol::{Field, State, Status};
use crate::engine::{Examined, Landscape, LaneView, OwnEdit, Shared, Snapshot};
use crate::telemetry::{Bucket, Column, Event, GroupColumn, Series, Store, is_member, phase_of};
use crate::train::Stopped;
use crate::train::control::Standing;
use crate::train::ids::{LaneId, RunId};
use crate::ui::phase_frame::{PhaseFrame, of_lane};
use crate::ui::team_frame::{self, TeamFrame};

use super::used_rates::UsedRates;

/// The line of the smallest useful rate is in view up to so many times the highest rate.
const SMALLEST_ABOVE: f64 = 3.0;

/// What is wanted of the telemetry.
pub struct Ask<'a> {
    /// The updates in view.
    pub bounds: (f64, f64),
    /// Columns of pixels there are for them.
    pub columns: usize,
    pub quantity: Column,
    /// What the lowest plot shows.
    pub number: Column,
    /// The half-life of smoothing as a share of a run, where anything is smoothed.
    pub smoothing: Option<f64>,
    /// The update to read values at; the newest without one.
    pub cursor: Option<u64>,
    /// The update whose values those are compared with.
    pub mark: Option<u64>,
    /// The runs whose curves are wanted.
    pub shown: &'a dyn Fn(RunId) -> bool,
    /// Where a run's curves begin: a fork's at the update where it parts from its origin.
    pub begins: &'a dyn Fn(RunId) -> u64,
    /// Whether a run's replicas may be given other rates, because a controller moves each by itself.
    pub parts: &'a dyn Fn(RunId) -> bool,
    /// Whether tallies are wanted, under this seed and clipped to this norm.
    pub tally: Option<(u64, Option<f64>)>,
    /// Whose used rates are wanted.
    pub used: Option<RunId>,
    /// Whether all rates of every run are wanted, to sum them up.
    pub sums: bool,
    /// Whether the first updates in view are looked at as closely as all that follow.
    pub decades: bool,
}

/// A lane's values at one update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Values {
    pub lr: Option<f64>,
    /// The rate that the optimizer made of it, where it does.
    pub effective_lr: Option<f64>,
    /// The newest rate below which rounding to 16 bits loses most updates, where it was measured.
    pub smallest_rate: Option<f64>,
    /// The number of the lowest plot.
    pub number: Option<f64>,
    pub loss: Option<f64>,
    pub val_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
}

/// A lane's curves in view, a bucket for each column of pixels or two.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    pub lr: Vec<Bucket>,
    /// The rates that the optimizer made of these, where it does.
    pub effective_lr: Vec<Bucket>,
    /// The rates below which rounding to 16 bits loses most updates, where they are measured.
    pub smallest_rate: Vec<Bucket>,
    /// The rates of other parameter groups of a live run.
    pub other_rates: Vec<Vec<Bucket>>,
    pub number: Vec<Bucket>,
    /// The chosen quantity, as it was measured.
    pub raw: Vec<Bucket>,
    /// The training loss smoothed, where the quantity is a loss.
    pub smooth: Vec<Bucket>,
    pub validation: Vec<Bucket>,
    /// The smoothed loss before the last edit, in Instant mode.
    pub ghost: Vec<Bucket>,
}

/// The rates of a parameter group in view.
#[derive(Clone, Debug)]
pub struct GroupFrame {
    pub name: Arc<str>,
    pub rates: Vec<Bucket>,
    pub at_cursor: Option<f64>,
}

/// One lane as a frame shows it.
#[derive(Clone, Debug)]
pub struct LaneFrame {
    pub id: LaneId,
    pub update: u64,
    /// Our updates in one of its own: 1 but for recordings.
    pub stretch: f64,
    pub diverged_at: Option<u64>,
    pub failed: Option<String>,
    /// How early stopping ended the run, where it did.
    pub stopped: Option<Stopped>,
    pub curves: Curves,
    /// What it knows of the phases of the data.
    pub phases: Vec<PhaseFrame>,
    /// Who trains it together, of the first replica.
    pub team: Option<TeamFrame>,
    /// The parameter groups there have been, of the first replica.
    pub groups: Vec<GroupFrame>,
    pub now: Values,
    pub at_cursor: Values,
    /// The values at the second cursor, where it is on what was trained.
    pub at_mark: Option<Values>,
    /// How many times its first training loss the loss of an early update was at most.
    pub early_rise: Option<f64>,
    /// The least validation loss, and the greatest accuracy.
    pub best_loss: Option<f64>,
    pub best_accuracy: Option<f64>,
    /// The least and the greatest rate used so far, zero apart.
    pub rates: Option<(f64, f64)>,
    /// All rates used so far, where they are summed up.
    pub used: Vec<Bucket>,
    /// Where the controller stands, if it has one.
    pub control: Option<Standing>,
    /// What went wrong, at most one of each kind.
    pub findings: Arc<[Finding]>,
    /// The planned rates of a live run's groups: its own update, and the rate.
    pub ahead: Vec<Vec<(u64, f64)>>,
}

/// A number of a run over its replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// One standard deviation; nothing where one replica has the number.
    pub deviation: Option<f64>,
    pub replicas: usize,
}

/// One frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub status: Status,
    pub lanes: Vec<LaneFrame>,
    /// What happened, and to which lane; oldest first.
    pub events: Vec<(Option<LaneId>, Event)>,
    pub field: Option<Arc<Field>>,
    pub landscape: Option<Landscape>,
    pub snapshots: Arc<[Snapshot]>,
    pub prepared: Option<Arc<Prepared>>,
    /// What the engine edited by itself and the document does not show yet.
    pub own_edits: Vec<OwnEdit>,
    /// The lanes under the microscope.
    pub examined: Vec<Arc<Examined>>,
    pub tallies: Tallies,
    pub used: UsedRates,
    seen: usize,
}

/// What every lane comes to so far, for the report; kept while nobody asks for it.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    pub lanes: Vec<(LaneId, Tally)>,
    /// Updates in one group of the longest history: 1 while every update is known by itself.
    pub stride: usize,
    /// Changes when the tallies do.
    pub stamp: u64,
    /// Lane-updates and generation they were made at.
    of: (u64, u64),
}

/// Lane-updates between two tallies of a training that goes on, as a share of what is done: making them takes
/// longer the more there is.
const RENEWED: u64 = 50;

impl Frame {
    /// The half-life of smoothing for a run of this length, in updates.
    pub fn half_life(updates: u64, share: f64) -> f64 {
        (updates as f64 * share).clamp(2.0, 1e6)
    }

    /// Looks at what is shared.
    pub fn gather(&mut self, shared: &mut Shared, ask: &Ask<'_>) {
        self.status = shared.status.clone();
        self.field.clone_from(&shared.field);
        self.landscape.clone_from(&shared.landscape);
        self.snapshots.clone_from(&shared.snapshots);
        self.prepared.clone_from(&shared.prepared);
        self.own_edits.append(&mut shared.own_edits);
        self.examined.clone_from(&shared.examined);
        let half_life = ask.smoothing.map(|share| Self::half_life(self.status.updates, share));
        self.lanes.clear();
        for (id, lane) in &mut shared.lanes {
            lane.store.set_half_life(half_life);
            if let Some(ghost) = &mut lane.ghost {
                ghost.set_half_life(half_life);
            }
            self.lanes.push(lane_frame(*id, lane, ask));
        }
        self.gather_events(shared);
        self.used.gather(shared, ask.used);
        if let Some((seed, clip)) = ask.tally {
            self.tallies.gather(shared, seed, clip);
        }
    }

    /// The lanes of a run.
    pub fn replicas(&self, run: RunId) -> impl Iterator<Item = &LaneFrame> {
        self.lanes.iter().filter(move |lane| lane.id.run == run)
    }

    /// A number of a run over those of its replicas that have it.
    pub fn spread(&self, run: RunId, value: impl Fn(&LaneFrame) -> Option<f64>) -> Option<Spread> {
        let values: Vec<f64> = self.replicas(run).filter_map(value).collect();
        let deviation = deviation(&values).filter(|deviation| deviation.is_finite());
        Some(Spread { mean: mean(&values)?, deviation, replicas: values.len() })
    }

    /// The values of a run at one update, in the mean over its replicas; `of` tells which update.
    pub fn mean_values(&self, run: RunId, of: impl Fn(&LaneFrame) -> Values) -> Option<Values> {
        let first = of(self.lane(run)?);
        let mean = |value: fn(Values) -> Option<f64>| {
            self.spread(run, |lane| value(of(lane))).map(|spread| spread.mean)
        };
        Some(Values {
            lr: mean(|values| values.lr),
            effective_lr: mean(|values| values.effective_lr),
            number: mean(|values| values.number),
            loss: mean(|values| values.loss),
            val_loss: mean(|values| values.val_loss),
            val_accuracy: mean(|values| values.val_accuracy),
            ..first
        })
    }

    /// The lane of a run's first replica.
    pub fn lane(&self, run: RunId) -> Option<&LaneFrame> {
        self.lanes.iter().find(|lane| lane.id.run == run)
    }

    /// Events are only copied when there are others than before.
    fn gather_events(&mut self, shared: &Shared) {
        let lanes = shared.lanes.iter().map(|(id, lane)| (*id, lane.store.events()));
        let all: usize = lanes.clone().map(|(_, events)| events.len()).sum::<usize>() + shared.events.len();
        let newest = |events: &[Event]| events.last().map_or(0, |event| event.update as usize);
        let stamp = lanes.clone().map(|(_, events)| newest(events)).sum::<usize>() + newest(&shared.events);
        let seen = all.wrapping_mul(0x9e37).wrapping_add(stamp);
        if seen == self.seen && all == self.events.len() {
            return;
        }
        self.seen = seen;
        self.events = shared.events.iter().map(|event| (None, event.clone())).collect();
        for (id, events) in lanes {
            self.events.extend(events.iter().map(|event| (Some(id), event.clone())));
        }
        self.events.sort_by_key(|(_, event)| event.update);
    }
}

impl Tallies {
    fn gather(&mut self, shared: &Shared, seed: u64, clip: Option<f64>) {
        let done: u64 = shared.lanes.values().map(|lane| lane.update).sum();
        let (before, generation) = self.of;
        let soon = done >= before && done - before < done / RENEWED;
        let playing = shared.status.state == State::Playing;
        if self.of == (done, shared.status.generation)
            || playing && soon && generation == shared.status.generation
        {
            return;
        }
        let tally = |(id, view): (&LaneId, &LaneView)| {
            let mut tally = Tally::of_store(seed.wrapping_add(u64::from(id.replica)), clip, &view.store);
            tally.stopped.clone_from(&view.stopped);
            (*id, tally)
        };
        let stride = |view: &LaneView| view.store.series(Column::Lr).stride();
        self.lanes = shared.lanes.iter().map(tally).collect();
        self.stride = shared.lanes.values().map(stride).max().unwrap_or(1);
        self.of = (done, shared.status.generation);
        self.stamp += 1;
    }
}

fn lane_frame(id: LaneId, lane: &LaneView, ask: &Ask<'_>) -> LaneFrame {
    let store = &lane.store;
    let newest = lane.update.saturating_sub(1);
    let now = values(store, newest, ask.number);
    let at_cursor = ask.cursor.map_or(now, |cursor| {
        if cursor < lane.update { values(store, cursor, ask.number) } else { Values::default() }
    });
    let everything = 0..=u64::MAX;
    let bounds = |column| store.series(column).finite_bounds(everything.clone());
    LaneFrame {
        id,
        update: lane.update,
        stretch: 1.0,
        diverged_at: lane.diverged_at,
        failed: lane.failed.clone(),
        stopped: lane.stopped.clone(),
        curves: if (ask.shown)(id.run) { curves(id, lane, ask) } else { Curves::default() },
        phases: phases(id, lane, ask),
        team: if id.replica == 0 { team_frame::of_lane(lane) } else { None },
        groups: if (ask.shown)(id.run) && id.replica == 0 { groups(id, lane, ask) } else { Vec::new() },
        now,
        at_cursor,
        at_mark: ask.mark.filter(|mark| *mark < lane.update).map(|mark| values(store, mark, ask.number)),
        early_rise: early_rise(store),
        best_loss: bounds(Column::ValLoss).map(|(least, _)| least),
        best_accuracy: bounds(Column::ValAccuracy).map(|(_, greatest)| greatest),
        rates: [Column::Lr, Column::EffectiveLr]
            .into_iter()
            .map(|column| store.series(column))
            .chain(store.groups().filter_map(|name| store.group(name, GroupColumn::Lr)))
            .filter_map(|series| series.positive_bounds(everything.clone()))
            .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
            .map(|rates| with_smallest(rates, bounds(Column::SmallestRate))),
        used: if id.replica == 0 { all_rates(Some(store.series(Column::Lr)), ask) } else { Vec::new() },
        control: lane.control,
        findings: Arc::clone(&lane.findings),
        ahead: Vec::new(),
    }
}

fn early_rise(store: &Store) -> Option<f64> {
    // Smoothed where it can be: of small batches some are hard.
    let losses = store.smoothed().unwrap_or(store.series(Column::TrainLoss));
    let (first, (_, most)) = (losses.at(0)?.value, losses.finite_bounds(0..=EARLY)?);
    (first > 0.0).then(|| most / first)
}

/// Bounds of rates, so far wider that the line of the smallest useful rate is in view; one far above all rates is not.
fn with_smallest((least, most): (f64, f64), smallest: Option<(f64, f64)>) -> (f64, f64) {
    let Some((low, high)) = smallest else { return (least, most) };
    (if low > 0.0 { least.min(low) } else { least }, most.max(high.min(SMALLEST_ABOVE * most)))
}

fn values(store: &Store, update: u64, number: Column) -> Values {
    let at = |series: &Series| series.at(update).map(|sample| sample.value);
    let column = |column| at(store.series(column));
    Values {
        lr: column(Column::Lr),
        effective_lr: column(Column::EffectiveLr),
        smallest_rate: column(Column::SmallestRate),
        number: column(number),
        loss: store
            .smoothed()
            .and_then(at)
            .filter(|loss| loss.is_finite())
            .or_else(|| column(Column::TrainLoss)),
        val_loss: column(Column::ValLoss),
        val_accuracy: column(Column::ValAccuracy),
    }
}

fn groups(id: LaneId, lane: &LaneView, ask: &Ask<'_>) -> Vec<GroupFrame> {
    let store = &lane.store;
    let group = |name: &Arc<str>| {
        let series = store.group(name, GroupColumn::Lr)?;
        let at = ask.cursor.unwrap_or(lane.update.saturating_sub(1));
        let at_cursor = if at < lane.update { series.at(at).map(|sample| sample.value) } else { None };
        let mut rates = Vec::new();
        look(series, in_view(id, ask), ask, &mut rates);
        Some(GroupFrame { name: Arc::clone(name), rates, at_cursor })
    };
    store.groups().filter(|name| phase_of(name).is_none() && !is_member(name)).filter_map(group).collect()
}

fn phases(id: LaneId, lane: &LaneView, ask: &Ask<'_>) -> Vec<PhaseFrame> {
    let is_drawn = (ask.shown)(id.run) && id.replica == 0;
    of_lane(lane, is_drawn.then_some(ask.quantity), |series| {
        let mut buckets = Vec::new();
        look(series, in_view(id, ask), ask, &mut buckets);
        buckets
    })
}

/// The last update that is early.
const EARLY: u64 = 50;
/// Buckets that sums of rates are made of.
const SUMMED: usize = 2000;

/// All rates of a run, where they are summed up.
pub(super) fn all_rates(rates: Option<&Series>, ask: &Ask<'_>) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    if let Some(rates) = rates.filter(|_| ask.sums) {
        rates.view(0..=u64::MAX, SUMMED, &mut buckets);
    }
    buckets
}

/// A series in view, a bucket for each column of pixels; every power of ten gets as many where it gets as much room.
pub(super) fn look(series: &Series, range: RangeInclusive<u64>, ask: &Ask<'_>, buckets: &mut Vec<Bucket>) {
    let columns = ask.columns.max(2);
    if !ask.decades {
        return series.view(range, columns, buckets);
    }
    let (mut from, to) = range.into_inner();
    loop {
        let power = from.saturating_add(1).ilog10() + 1;
        let until = 10u64.checked_pow(power).map_or(to, |next| to.min(next - 2));
        let mut part = Vec::new();
        series.view(from..=until, columns, &mut part);
        // A bucket over a power of ten is seen once.
        part.retain(|bucket| buckets.last().is_none_or(|last| bucket.first_update > last.last_update));
        buckets.append(&mut part);
        if until >= to {
            return;
        }
        from = until + 1;
    }
}

/// The updates whose curves are wanted.
fn in_view(id: LaneId, ask: &Ask<'_>) -> RangeInclusive<u64> {
    (ask.bounds.0.max(0.0) as u64).max((ask.begins)(id.run))..=ask.bounds.1.max(0.0).ceil() as u64
}

/// Of a replica only what is drawn of it: its smoothed loss, or the quantity where nothing is smoothed, and what was
/// validated.
fn curves(id: LaneId, lane: &LaneView, ask: &Ask<'_>) -> Curves {
    let store = &lane.store;
    let range = in_view(id, ask);
    let view = |series: &Series, ask: &Ask<'_>| {
        let mut buckets = Vec::new();
        look(series, range.clone(), ask, &mut buckets);
        buckets
    };
    let column = |column| view(store.series(column), ask);
    let is_loss = ask.quantity == Column::TrainLoss;
    // What is smooth looks the same with half as many points.
    let half = Ask { columns: ask.columns / 2, ..*ask };
    let smooth = |series: &Series| view(series, &half);
    let ghost = lane.ghost.as_ref().filter(|_| is_loss).and_then(|ghost| ghost.smoothed()).map(smooth);
    let smooth = store.smoothed().filter(|_| is_loss).map(smooth).unwrap_or_default();
    if id.replica > 0 {
        let raw = if smooth.is_empty() { column(ask.quantity) } else { Vec::new() };
        let validation = if is_loss { column(Column::ValLoss) } else { Vec::new() };
        let own = |of| if (ask.parts)(id.run) { column(of) } else { Vec::new() };
        let (lr, number) = (own(Column::Lr), own(ask.number));
        return Curves { lr, number, raw, smooth, validation, ..Curves::default() };
    }
    Curves {
        lr: column(Column::Lr),
        effective_lr: column(Column::EffectiveLr),
        smallest_rate: column(Column::SmallestRate),
        other_rates: Vec::new(),
        number: column(ask.number),
        raw: column(ask.quantity),
        smooth,
        validation: if is_loss { column(Column::ValLoss) } else { Vec::new() },
        ghost: ghost.unwrap_or_default(),
    }
}

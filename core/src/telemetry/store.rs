//! The telemetry of a lane, a replica of a run: a series a column, those of its parameter groups, and the events.

use std::sync::Arc;

use super::column::{Column, Row};
use super::event::{Event, EventLog};
use super::group::{
    GroupColumn, GroupRow, MOST_GROUPS, MOST_MEMBERS, MOST_PHASES, OfMember, is_member, phase_of,
};
use super::series::{Precision, Series};
use super::smooth::Smoother;

/// What a lane measured so far.
#[derive(Clone, Debug)]
pub struct Store {
    /// In the order of [`Column::ALL`].
    columns: [Series; Column::COUNT],
    /// The groups there have been, in the order in which they came up.
    groups: Vec<GroupSeries>,
    /// Bytes for a series of single precision.
    share: usize,
    smoothed: Option<Smoothed>,
    half_life: Option<f64>,
    updates: u64,
    events: EventLog,
}

/// The smoothed training loss, leaf for leaf beside the raw one.
#[derive(Clone, Debug)]
struct Smoothed {
    smoother: Smoother,
    series: Series,
}

/// What was measured of a parameter group, in the order of [`GroupColumn::ALL`].
#[derive(Clone, Debug)]
struct GroupSeries {
    name: Arc<str>,
    columns: [Series; GroupColumn::ALL.len()],
}

impl GroupSeries {
    fn new(name: &Arc<str>, share: usize) -> Self {
        let series =
            |column: GroupColumn| Series::new(column.precision(), share * shares_of(column.precision()));
        Self { name: Arc::clone(name), columns: GroupColumn::ALL.map(series) }
    }
}

/// Of the memory, a series of double precision gets two shares, so that it keeps every sample as long as one of
/// single precision.
const fn shares(column: Column) -> usize {
    shares_of(column.precision())
}

const fn shares_of(precision: Precision) -> usize {
    match precision {
        Precision::Single => 1,
        Precision::Double => 2,
    }
}

impl Store {
    /// Room for series that take at most `budget_bytes` together (and at least [`Series::MIN_BYTES`] each). Those of
    /// parameter groups come on top with as much each, and events with 3 MB at most.
    pub fn new(budget_bytes: usize) -> Self {
        // One more is for the smoothed loss.
        let all = Column::ALL.into_iter().map(shares).sum::<usize>() + 1;
        let share = budget_bytes / all;
        Self {
            columns: Column::ALL.map(|column| Series::new(column.precision(), share * shares(column))),
            groups: Vec::new(),
            share,
            smoothed: None,
            half_life: None,
            updates: 0,
            events: EventLog::default(),
        }
    }

    /// Appends updates in order. A row for an update before the last one takes the lane back to there first (see
    /// [`Store::truncate`]); a second row for the last update is ignored.
    pub fn append(&mut self, rows: &[Row]) {
        self.append_grouped(rows, &[]);
    }

    /// As [`Store::append`], with the names of the rows' parameter groups.
    pub fn append_grouped(&mut self, rows: &[Row], names: &[Arc<str>]) {
        for name in names {
            if self.group_at(name).is_none() {
                self.groups.push(GroupSeries::new(name, self.share));
            }
        }
        let places: Vec<Option<usize>> = names.iter().map(|name| self.group_at(name)).collect();
        for row in rows {
            if row.update.saturating_add(1) < self.updates {
                self.truncate(row.update);
            }
            if row.update >= self.updates {
                self.push(row, &places);
            }
        }
    }

    fn group_at(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| *group.name == *name)
    }

    fn push(&mut self, row: &Row, groups: &[Option<usize>]) {
        for (at, place) in groups.iter().enumerate() {
            let Some(group) = place.and_then(|place| self.groups.get_mut(place)) else { continue };
            for (series, column) in group.columns.iter_mut().zip(GroupColumn::ALL) {
                if let Some(value) = row.groups.get(column, at) {
                    series.push(row.update, value);
                }
            }
        }
        for (series, column) in self.columns.iter_mut().zip(Column::ALL) {
            if let Some(value) = row.get(column) {
                series.push(row.update, value);
            }
        }
        if let Some(Smoothed { smoother, series }) = &mut self.smoothed {
            series.push(row.update, smoother.push(row.update, row.train_loss.into()));
        }
        self.updates = row.update.saturating_add(1);
    }

    /// Records an event. The oldest 4,096 are kept, with messages of up to 500 bytes.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The update that comes next: one past the last recorded, or the one the lane was taken back to.
    /// For a run that began at 0, the number of its updates.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    pub fn series(&self, column: Column) -> &Series {
        &self.columns[column as usize]
    }

    /// The parameter groups there have been, in the order in which they came up.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.iter().map(|group| &group.name)
    }

    /// What was measured of a group; `None` where there has been none of this name.
    pub fn group(&self, name: &str, column: GroupColumn) -> Option<&Series> {
        let group = self.groups.get(self.group_at(name)?)?;
        group.columns.get(column as usize)
    }

    /// What every update measured, as far as each is still known by itself: of a history so long that it is kept in
    /// buckets, the last update of each bucket. With it the names of the parameter groups that it has.
    pub fn rows(&self) -> impl Iterator<Item = (Row, Vec<Arc<str>>)> {
        self.series(Column::Lr).finest().map(|bucket| {
            let mut row = Row { update: bucket.last_update, ..Row::default() };
            for column in Column::ALL {
                let sample = self.series(column).at(row.update).filter(|sample| sample.update == row.update);
                if let Some(sample) = sample {
                    // A series holds its column's values exactly, and they are read back from their digits.
                    row.read(column, &sample.value.to_string());
                }
            }
            let names = self.add_groups(&mut row);
            (row, names)
        })
    }

    /// Gives a row what was measured of parameter groups at its update; returns their names.
    fn add_groups(&self, row: &mut Row) -> Vec<Arc<str>> {
        let at = |group: &GroupSeries, column: GroupColumn| {
            let sample = group.columns.get(column as usize)?.at(row.update);
            sample.filter(|sample| sample.update == row.update).map(|sample| sample.value)
        };
        let known = self.groups.iter().filter_map(|group| Some((group, at(group, GroupColumn::Lr)?)));
        let known: Vec<_> = known.take(MOST_GROUPS).collect();
        let rates: Vec<f64> = known.iter().map(|(_, rate)| *rate).collect();
        let norms: Option<Vec<f32>> = known
            .iter()
            .map(|(group, _)| at(group, GroupColumn::ParamNorm).map(|norm| norm as f32))
            .collect();
        let mut groups = GroupRow::new(&rates);
        if let Some(norms) = norms {
            groups.set_norms(norms);
        }
        let phases = self.groups.iter().filter(|group| phase_of(&group.name).is_some());
        let phases: Vec<&GroupSeries> = phases.take(MOST_PHASES).collect();
        let score = |group: &&GroupSeries| {
            let accuracy = at(group, GroupColumn::ValAccuracy).map(|accuracy| accuracy as f32);
            Some((at(group, GroupColumn::ValLoss)? as f32, accuracy))
        };
        if let Some(scores) = phases.iter().map(score).collect::<Option<Vec<_>>>() {
            groups.set_scores(scores);
        }
        let members = self.groups.iter().filter(|group| is_member(&group.name));
        let members: Vec<&GroupSeries> = members.take(MOST_MEMBERS).collect();
        groups.set_members(members.iter().map(|group| {
            let single = |column| at(group, column).map(|value| value as f32);
            OfMember { loss: single(GroupColumn::TrainLoss), way: single(GroupColumn::Way) }
        }));
        row.groups = groups;
        let names = known.into_iter().map(|(group, _)| group).chain(phases).chain(members);
        names.map(|group| Arc::clone(&group.name)).collect()
    }

    /// The smoothed training loss; `None` while smoothing is off.
    ///
    /// It is computed over all updates as they arrive, so its value at an update is the same in
    /// every view. Where the loss is not finite it is NaN.
    pub fn smoothed(&self) -> Option<&Series> {
        self.smoothed.as_ref().map(|smoothed| &smoothed.series)
    }

    /// The half-life of smoothing in updates; `None` when it is off.
    pub fn half_life(&self) -> Option<f64> {
        self.half_life
    }

    /// Smooths the training loss with a half-life in updates (see [`Smoother`]); `None` switches smoothing off. A
    /// change costs one pass over what is kept; where that is buckets of several updates, their means are smoothed.
    pub fn set_half_life(&mut self, half_life: Option<f64>) {
        if self.half_life == half_life {
            return;
        }
        self.half_life = half_life;
        let loss = self.series(Column::TrainLoss);
        self.smoothed = half_life.map(|half_life| Smoothed::of(loss, half_life));
    }

    /// The events kept, in the order they were recorded.
    pub fn events(&self) -> &[Event] {
        self.events.events()
    }

    /// Forgets everything measured and every event; the budget and the smoothing stay.
    pub fn clear(&mut self) {
        self.truncate(0);
        self.events = EventLog::default();
    }

    /// Forgets everything at and after `update`, events included: the lane was forked or restarted there. In a
    /// history so long that it is kept in buckets of several updates, the whole bucket that holds `update` is
    /// forgotten.
    pub fn truncate(&mut self, update: u64) {
        self.events.truncate(update);
        for series in &mut self.columns {
            series.truncate(update);
        }
        for group in &mut self.groups {
            group.columns.iter_mut().for_each(|series| series.truncate(update));
        }
        self.groups.retain(|group| group.columns.iter().any(|series| !series.is_empty()));
        if let Some(smoothed) = &mut self.smoothed {
            smoothed.series.truncate(update);
            smoothed.smoother = Smoother::new(smoothed.smoother.half_life());
            for bucket in self.columns[Column::TrainLoss as usize].finest() {
                smoothed.smoother.push_bucket(&bucket);
            }
        }
        self.updates = self.updates.min(update);
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        let smoothed = self.smoothed.iter().map(|smoothed| &smoothed.series);
        let groups = self.groups.iter().flat_map(|group| &group.columns);
        let series: usize = self.columns.iter().chain(groups).chain(smoothed).map(Series::bytes).sum();
        series + self.events.bytes()
    }
}

impl Smoothed {
    fn of(loss: &Series, half_life: f64) -> Self {
        let mut smoother = Smoother::new(half_life);
        let series = loss.map_finest(|bucket| smoother.push_bucket(bucket));
        Self { smoother, series }
    }
}

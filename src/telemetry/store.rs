//! The telemetry of a cohort: every lane's columns, and the events.

use super::column::Column;
use super::event::{Event, EventLog};
use super::series::{Precision, Series};
use super::smooth::Smoother;

/// What one update of one lane measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The update's index, from 0.
    pub update: u64,
    /// The learning rate it used.
    pub lr: f64,
    /// The momentum (or beta1) it used.
    pub momentum: f64,
    /// The weight decay it used.
    pub weight_decay: f64,
    /// The samples over whose gradients it averaged.
    pub batch: u64,
    /// The mean loss of its batch, before the update.
    pub train_loss: f32,
    /// The L2 norm of the gradient, before clipping.
    pub grad_norm: f32,
    /// The L2 norm of the change of all weights.
    pub update_norm: f32,
}

/// What an evaluation on the held-out samples measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validation {
    /// The last update before it.
    pub update: u64,
    pub loss: f32,
    /// The share classified correctly; `None` for a regression.
    pub accuracy: Option<f32>,
}

/// The telemetry of a cohort's lanes; a lane is one replica of one run.
///
/// A lane that does not exist reads as empty, and what is written to it goes nowhere.
#[derive(Clone, Debug)]
pub struct Store {
    lanes: Vec<Lane>,
    events: EventLog,
    /// What a lane that does not exist reads as.
    empty: Series,
    half_life: Option<f64>,
}

#[derive(Clone, Debug)]
struct Lane {
    lr: Series,
    momentum: Series,
    weight_decay: Series,
    batch: Series,
    train_loss: Series,
    val_loss: Series,
    val_accuracy: Series,
    grad_norm: Series,
    update_norm: Series,
    rounded_away: Series,
    smoothed: Option<Smoothed>,
    updates: u64,
}

/// The smoothed training loss, leaf for leaf beside the raw one.
#[derive(Clone, Debug)]
struct Smoothed {
    smoother: Smoother,
    series: Series,
}

impl Store {
    /// Room for `lanes` lanes whose series take at most `budget_bytes` together (and at least
    /// [`Series::MIN_BYTES`] each). Events come on top, with 3 MB at most.
    pub fn new(lanes: usize, budget_bytes: usize) -> Self {
        let share = budget_bytes / lanes.max(1) / Lane::SHARES;
        Self {
            lanes: vec![Lane::new(share); lanes],
            events: EventLog::default(),
            empty: Series::new(Precision::Single, 0),
            half_life: None,
        }
    }

    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Appends updates in order. A row for an update before the last one takes the lane back to
    /// there first (see [`Store::truncate`]); a second row for the last update is ignored.
    pub fn append(&mut self, lane: usize, rows: &[Row]) {
        for row in rows {
            if row.update.saturating_add(1) < self.updates(lane) {
                self.truncate(lane, row.update);
            }
            if let Some(lane) = self.lanes.get_mut(lane) {
                lane.append(row);
            }
        }
    }

    /// Records an evaluation; as with rows, going back forgets what came after.
    pub fn validate(&mut self, lane: usize, v: Validation) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.val_loss.push(v.update, v.loss.into());
            if let Some(accuracy) = v.accuracy {
                lane.val_accuracy.push(v.update, accuracy.into());
            }
        }
    }

    /// Records the share of weights that update `update` was to change and that stayed as they were.
    pub fn rounded_away(&mut self, lane: usize, update: u64, share: f32) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.rounded_away.push(update, share.into());
        }
    }

    /// Records an event. The oldest 4,096 are kept, with messages of up to 500 bytes.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The update that comes next: one past the last recorded, or the one the lane was taken back to.
    /// For a run that began at 0, the number of its updates.
    pub fn updates(&self, lane: usize) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| lane.updates)
    }

    pub fn series(&self, lane: usize, column: Column) -> &Series {
        self.lanes.get(lane).map_or(&self.empty, |lane| lane.series(column))
    }

    /// The smoothed training loss; `None` while smoothing is off.
    ///
    /// It is computed over all updates as they arrive, so its value at an update is the same in
    /// every view. Where the loss is not finite it is NaN.
    pub fn smoothed(&self, lane: usize) -> Option<&Series> {
        let smoothed = self.lanes.get(lane)?.smoothed.as_ref()?;
        Some(&smoothed.series)
    }

    /// The half-life of smoothing in updates; `None` when it is off.
    pub fn half_life(&self) -> Option<f64> {
        self.half_life
    }

    /// Smooths every lane's training loss with a half-life in updates (see [`Smoother`]); `None`
    /// switches smoothing off. A change costs one pass over what is kept; where that is buckets
    /// of several updates, their means are smoothed.
    pub fn set_half_life(&mut self, half_life: Option<f64>) {
        if self.half_life == half_life {
            return;
        }
        self.half_life = half_life;
        for lane in &mut self.lanes {
            lane.smoothed = half_life.map(|half_life| Smoothed::of(&lane.train_loss, half_life));
        }
    }

    /// The events kept, in the order they were recorded.
    pub fn events(&self) -> &[Event] {
        self.events.events()
    }

    /// Events that found no room.
    pub fn events_dropped(&self) -> u64 {
        self.events.dropped()
    }

    /// Forgets everything measured and every event; the lanes, the budget and the smoothing stay.
    pub fn clear(&mut self) {
        for lane in &mut self.lanes {
            lane.truncate(0);
        }
        self.events = EventLog::default();
    }

    /// Forgets everything of a lane at and after `update`: it was forked or restarted there. Its
    /// events go too, those of the whole cohort stay. In a history so long that it is kept in
    /// buckets of several updates, the whole bucket that holds `update` is forgotten.
    pub fn truncate(&mut self, lane: usize, update: u64) {
        self.events.truncate(lane, update);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.truncate(update);
        }
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        let lanes: usize = self.lanes.iter().map(Lane::bytes).sum();
        size_of::<Self>() + lanes + self.empty.bytes() + self.events.bytes()
    }
}

impl Lane {
    /// A share for each single-precision series, two for each of double precision: they then keep
    /// every sample equally long.
    const SHARES: usize = 13;

    fn new(share: usize) -> Self {
        let single = || Series::new(Precision::Single, share);
        let double = || Series::new(Precision::Double, 2 * share);
        Self {
            lr: double(),
            momentum: double(),
            weight_decay: single(),
            batch: single(),
            train_loss: single(),
            val_loss: single(),
            val_accuracy: single(),
            grad_norm: single(),
            update_norm: single(),
            rounded_away: single(),
            smoothed: None,
            updates: 0,
        }
    }

    fn series(&self, column: Column) -> &Series {
        match column {
            Column::Lr => &self.lr,
            Column::Momentum => &self.momentum,
            Column::WeightDecay => &self.weight_decay,
            Column::Batch => &self.batch,
            Column::TrainLoss => &self.train_loss,
            Column::ValLoss => &self.val_loss,
            Column::ValAccuracy => &self.val_accuracy,
            Column::GradNorm => &self.grad_norm,
            Column::UpdateNorm => &self.update_norm,
            Column::RoundedAway => &self.rounded_away,
        }
    }

    fn append(&mut self, row: &Row) {
        let update = row.update;
        if update < self.updates {
            return;
        }
        self.lr.push(update, row.lr);
        self.momentum.push(update, row.momentum);
        self.weight_decay.push(update, row.weight_decay);
        self.batch.push(update, row.batch as f64);
        self.train_loss.push(update, row.train_loss.into());
        self.grad_norm.push(update, row.grad_norm.into());
        self.update_norm.push(update, row.update_norm.into());
        if let Some(Smoothed { smoother, series }) = &mut self.smoothed {
            series.push(update, smoother.push(update, row.train_loss.into()));
        }
        self.updates = update.saturating_add(1);
    }

    fn truncate(&mut self, update: u64) {
        for series in [
            &mut self.lr,
            &mut self.momentum,
            &mut self.weight_decay,
            &mut self.batch,
            &mut self.train_loss,
            &mut self.val_loss,
            &mut self.val_accuracy,
            &mut self.grad_norm,
            &mut self.update_norm,
            &mut self.rounded_away,
        ] {
            series.truncate(update);
        }
        if let Some(smoothed) = &mut self.smoothed {
            smoothed.series.truncate(update);
            smoothed.smoother = Smoother::new(smoothed.smoother.half_life());
            for bucket in self.train_loss.finest() {
                smoothed.smoother.push_bucket(&bucket);
            }
        }
        self.updates = self.updates.min(update);
    }

    fn bytes(&self) -> usize {
        let columns = Column::ALL.iter().map(|&column| self.series(column).bytes());
        let smoothed = self.smoothed.iter().map(|smoothed| smoothed.series.bytes());
        columns.chain(smoothed).sum()
    }
}

impl Smoothed {
    fn of(loss: &Series, half_life: f64) -> Self {
        let mut smoother = Smoother::new(half_life);
        let series = loss.map_finest(|bucket| smoother.push_bucket(bucket));
        Self { smoother, series }
    }
}

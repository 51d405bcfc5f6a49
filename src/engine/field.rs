//! Pictures of a watched model's output over a plane of inputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::protocol::{Field, FieldRequest};
use super::publisher::Publisher;
use crate::data::Prepared;
use crate::train::TrainError;
use crate::train::cohort::Cohort;

/// Between two pictures of a watched model.
const FIELD: Duration = Duration::from_millis(60);

/// The picture that is kept fresh.
#[derive(Default)]
pub(super) struct FieldWatch {
    wanted: Option<FieldRequest>,
    /// When the last picture was made, and at which update.
    made: Option<(Instant, u64)>,
}

impl FieldWatch {
    /// Asks for another picture, or for none.
    pub fn want(&mut self, wanted: Option<FieldRequest>) {
        *self = Self { wanted, made: None };
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// The model is another now, whatever its update.
    pub fn expire(&mut self) {
        self.made = None;
    }

    /// Renews the picture when it is out of date.
    pub fn renew(&mut self, cohort: &mut Cohort, shared: &Publisher) -> Result<(), TrainError> {
        let Some(request) = &self.wanted else { return Ok(()) };
        let lane = cohort.lanes().iter().find(|lane| lane.id == request.lane);
        let Some(update) = lane.map(|lane| lane.update) else { return Ok(()) };
        if self.made.is_some_and(|(when, at)| at == update || when.elapsed() < FIELD) {
            return Ok(());
        }
        let Prepared::Samples { scaling, train, .. } = &*cohort.task().prepared else { return Ok(()) };
        if train.shape.features() != 2 {
            return Ok(());
        }
        let [left, right, bottom, top] = request.bounds;
        let step =
            |from: f32, to: f32, at: usize| from + (to - from) * at as f32 / (request.side.max(2) - 1) as f32;
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
        if let Some(values) = cohort.predict(request.lane, &inputs, 2)? {
            let field = Field { request: request.clone(), update, outputs, values };
            shared.lock().field = Some(Arc::new(field));
            self.made = Some((Instant::now(), update));
        }
        Ok(())
    }
}

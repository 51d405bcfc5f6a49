//! Pictures of a watched model's output over a plane of inputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::protocol::Field;
use super::{Worker, lock};
use crate::data::Prepared;

/// Between two pictures of a watched model.
const FIELD: Duration = Duration::from_millis(60);

impl Worker {
    /// Renews the picture of the watched model when it is out of date.
    pub(super) fn picture(&mut self) {
        let (Some(request), Some(cohort)) = (&self.watch, &mut self.cohort) else { return };
        let lane = cohort.lanes().iter().find(|lane| lane.id == request.lane);
        let Some(update) = lane.map(|lane| lane.update) else { return };
        if self.pictured.is_some_and(|(when, at)| at == update || when.elapsed() < FIELD) {
            return;
        }
        let Prepared::Samples { scaling, train, .. } = &*cohort.task().prepared else { return };
        if train.shape.features() != 2 {
            return;
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
        match cohort.predict(request.lane, &inputs, 2) {
            Ok(Some(values)) => {
                let field = Field { request: request.clone(), update, outputs, values };
                lock(&self.shared).field = Some(Arc::new(field));
                self.pictured = Some((Instant::now(), update));
            }
            Ok(None) => {}
            Err(error) => self.fail(&error),
        }
    }
}

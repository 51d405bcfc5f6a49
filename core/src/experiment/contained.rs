//! An experiment that can be moved: what it reads from files beside it is in it.

use super::{Experiment, GroupRate, Number};
use crate::schedule::Schedule;
use crate::schedule::kind::{Kind, Value};

impl Experiment {
    /// The same experiment with rates that a file lists written out, for copies that lie elsewhere. Data stay where
    /// they are.
    #[must_use]
    pub fn contained(&self) -> Self {
        let mut contained = self.clone();
        for run in &mut contained.runs {
            write_out(&mut run.lr);
            run.batch.iter_mut().for_each(write_out);
            for group in &mut run.groups {
                if let GroupRate::Schedule(schedule) = &mut group.lr {
                    write_out(schedule);
                }
            }
            for info in run.optimizer.kind.numbers() {
                if let Some(Number::Schedule(schedule)) = run.optimizer.get(info.name) {
                    let mut schedule = schedule.clone();
                    write_out(&mut schedule);
                    run.optimizer.set(info.name, Number::Schedule(schedule));
                }
            }
        }
        contained
    }
}

fn write_out(schedule: &mut Schedule) {
    let kind = &mut schedule.kind;
    for field in Kind::fields(kind.name()).unwrap_or_default() {
        let written = match kind.get(field.name) {
            Some(Value::Values(mut table)) => {
                table.file = None;
                Value::Values(table)
            }
            Some(Value::Parts(mut parts)) => {
                parts.iter_mut().for_each(|part| write_out(&mut part.schedule));
                Value::Parts(parts)
            }
            Some(Value::Factors(mut factors)) => {
                factors.iter_mut().for_each(write_out);
                Value::Factors(factors)
            }
            _ => continue,
        };
        kind.set(field.name, written);
    }
}

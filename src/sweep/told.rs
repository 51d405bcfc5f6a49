//! Trials and their numbers as the `optimizer` crate has them.

use std::collections::HashMap;

use optimizer::distribution::{Distribution, FloatDistribution};
use optimizer::param::ParamValue;
use optimizer::sampler::CompletedTrial;

/// A trial that is done, without its values.
pub fn finished(trial: usize, value: f64) -> CompletedTrial {
    CompletedTrial::new(trial as u64, HashMap::new(), HashMap::new(), HashMap::new(), value)
}

/// A number from 0 to 1.
pub fn line() -> Distribution {
    Distribution::Float(FloatDistribution { low: 0.0, high: 1.0, log_scale: false, step: None })
}

/// The number of a value.
pub fn number(value: &ParamValue) -> f64 {
    match *value {
        ParamValue::Float(number) => number,
        ParamValue::Int(whole) => whole as f64,
        ParamValue::Categorical(choice) => choice as f64,
    }
}

//! What `tests/golden/models.py` computed with PyTorch in float64.

use anneal_studio::model::Model;
use serde_json::Value;

/// The whole file.
pub fn read() -> Value {
    serde_json::from_str(include_str!("../../golden/models.json")).unwrap()
}

/// An array's numbers, row-major.
pub fn numbers(array: &Value) -> Vec<f64> {
    array["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

pub fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

pub fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(size).collect()
}

pub fn single(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

pub fn classes(array: &Value) -> Vec<u32> {
    numbers(array).into_iter().map(|class| class as u32).collect()
}

/// A row of the model's parameters, each read by `array` from its name.
pub fn row(model: &dyn Model, array: impl Fn(&str) -> Vec<f64>) -> Vec<f64> {
    let mut row = Vec::new();
    for parameter in model.parameters() {
        let numbers = array(&parameter.name);
        assert_eq!(numbers.len(), parameter.len(), "{}", parameter.name);
        row.extend(numbers);
    }
    row
}

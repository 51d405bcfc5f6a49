//! Arithmetic and comparisons of values.

use std::rc::Rc;

use super::{Done, Machine, Stop, Value};
use crate::schedule::formula::Operator;

impl Machine<'_> {
    /// Arithmetic of arrays, number by number.
    pub(super) fn elementwise(&mut self, sign: &str, a: &Value, b: &Value) -> Done<Value> {
        let (x, y) = (a.numbers(), b.numbers());
        let length = x.as_ref().or(y.as_ref()).map_or(0, |numbers| numbers.len());
        self.long(length)?;
        let values: Done<Vec<f64>> = match (x, y, a.number(), b.number()) {
            (Some(x), Some(y), ..) if x.len() == y.len() => {
                x.iter().zip(y.iter()).map(|(x, y)| operate(sign, *x, *y)).collect()
            }
            (Some(x), None, _, Some(y)) => x.iter().map(|x| operate(sign, *x, y)).collect(),
            (None, Some(y), Some(x), _) => y.iter().map(|y| operate(sign, x, *y)).collect(),
            (Some(_), Some(_), ..) => return Err(Stop::new("its arrays have different lengths")),
            _ => return Ok(Value::opaque(sign)),
        };
        Ok(Value::Array(Rc::new(values?)))
    }
}

/// Python's arithmetic of two numbers.
pub(super) fn operate(sign: &str, a: f64, b: f64) -> Done<f64> {
    let whole = |value: f64| value as i64;
    let zero = || Err(Stop::new("it divides by zero"));
    let value = match sign {
        "/" | "//" | "%" if b == 0.0 => return zero(),
        "+" | "-" | "*" | "/" | "//" | "%" | "**" => {
            Operator::named(sign).map_or(f64::NAN, |operator| operator.apply(a, b))
        }
        "&" => (whole(a) & whole(b)) as f64,
        "|" => (whole(a) | whole(b)) as f64,
        "^" => (whole(a) ^ whole(b)) as f64,
        "<<" if (0.0..=52.0).contains(&b) => a * b.exp2(),
        ">>" if (0.0..=52.0).contains(&b) => (a / b.exp2()).floor(),
        _ => return Err(Stop::new(format!("`{sign}` is no arithmetic that is known here"))),
    };
    if value.is_nan() {
        return Err(Stop::new(format!("{a} {sign} {b} is no number")));
    }
    Ok(value)
}

pub(super) fn compare(sign: &str, a: &Value, b: &Value) -> Option<bool> {
    Some(match sign {
        "==" => a.equals(b)?,
        "!=" => !a.equals(b)?,
        "is" | "is not" => {
            let same = match (a, b) {
                (Value::Opaque(_), _) | (_, Value::Opaque(_)) => return None,
                (Value::None, Value::None) => true,
                (Value::None, _) | (_, Value::None) => false,
                _ => a.equals(b)?,
            };
            same == (sign == "is")
        }
        "in" | "not in" => {
            let within = match b {
                Value::Group => matches!(a.text(), Some("lr" | "initial_lr" | "params" | "weight_decay")),
                Value::List(items) => {
                    let mut within = false;
                    for item in items.iter() {
                        within |= item.equals(a)?;
                    }
                    within
                }
                Value::Table(pairs) => {
                    let mut within = false;
                    for (key, _) in pairs.iter() {
                        within |= key.equals(a)?;
                    }
                    within
                }
                Value::Text(text) => text.contains(a.text()?),
                _ => return None,
            };
            within == (sign == "in")
        }
        _ => {
            let (Some(a), Some(b)) = (a.number(), b.number()) else { return None };
            match sign {
                "<" => a < b,
                ">" => a > b,
                "<=" => a <= b,
                ">=" => a >= b,
                _ => return None,
            }
        }
    })
}

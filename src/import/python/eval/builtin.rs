//! What can be called beside the program's own functions: Python's arithmetic, and the scalars of `math`,
//! `numpy`, `jax.numpy`, `torch`, `tensorflow` and Keras' `ops`.

use std::f64::consts;
use std::rc::Rc;

use super::{Done, MAX_ITEMS, Machine, Stop, Value};

/// Modules whose functions of numbers are known.
const MODULES: [&str; 14] = [
    "math",
    "np",
    "numpy",
    "jnp",
    "jax.numpy",
    "torch",
    "tf",
    "tf.math",
    "tensorflow",
    "tensorflow.math",
    "K",
    "ops",
    "keras.ops",
    "mx",
];

/// A constant by its name.
pub(super) fn constant(whole: &str, name: &str) -> Option<f64> {
    let last = of_module(whole).or_else(|| of_module(name))?;
    match last {
        "pi" => Some(consts::PI),
        "e" => Some(consts::E),
        "tau" => Some(consts::TAU),
        "inf" => Some(f64::INFINITY),
        _ => None,
    }
}

/// The part of a name after a module that is known.
fn of_module(whole: &str) -> Option<&str> {
    let (module, last) = whole.rsplit_once('.')?;
    MODULES.contains(&module).then_some(last)
}

/// What a call of something built in gives; nothing where it is not known.
pub(super) fn call(
    machine: &mut Machine<'_>,
    whole: &str,
    path: &str,
    arguments: &[Value],
    named: &[(String, Value)],
) -> Done<Option<Value>> {
    let name = match of_module(whole).or_else(|| of_module(path)) {
        Some(name) => name,
        None if !path.contains('.') => path,
        None => match whole {
            "bisect.bisect" | "bisect.bisect_left" | "bisect.bisect_right" => {
                whole.rsplit('.').next().unwrap_or_default()
            }
            _ => return Ok(None),
        },
    };
    if name == "print" {
        return Ok(Some(Value::None));
    }
    if let Some(value) = arrays(machine, name, arguments, named)? {
        return Ok(Some(value));
    }
    let is_known = |value: &Value| !matches!(value, Value::Opaque(_));
    if let Some(value) = sequences(machine, name, arguments, named)? {
        return Ok(Some(value));
    }
    // A number is what it is, whatever type it is given.
    let is_cast = matches!(
        name,
        "cast" | "array" | "asarray" | "tensor" | "as_tensor" | "constant" | "convert_to_tensor" | "full"
    );
    if let (true, Some(Value::Number(number))) = (is_cast, arguments.first()) {
        return Ok(Some(Value::Number(*number)));
    }
    // What follows is of numbers.
    if arguments.iter().any(|value| !is_known(value)) {
        return Ok(None);
    }
    let at = |place: usize| arguments.get(place).and_then(Value::number);
    let by_name =
        |wanted: &str| named.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.number());
    let value = match (name, at(0), at(1).or_else(|| by_name("y"))) {
        ("cos", Some(x), None) => x.cos(),
        ("sin", Some(x), None) => x.sin(),
        ("tan", Some(x), None) => x.tan(),
        ("acos" | "arccos", Some(x), None) => x.acos(),
        ("asin" | "arcsin", Some(x), None) => x.asin(),
        ("atan" | "arctan", Some(x), None) => x.atan(),
        ("tanh", Some(x), None) => x.tanh(),
        ("sinh", Some(x), None) => x.sinh(),
        ("cosh", Some(x), None) => x.cosh(),
        ("exp", Some(x), None) => x.exp(),
        ("expm1", Some(x), None) => x.exp_m1(),
        ("log1p", Some(x), None) => x.ln_1p(),
        ("sqrt", Some(x), None) => x.sqrt(),
        ("rsqrt", Some(x), None) => 1.0 / x.sqrt(),
        ("square", Some(x), None) => x * x,
        ("sigmoid", Some(x), None) => 1.0 / (1.0 + (-x).exp()),
        ("log", Some(x), None) => x.ln(),
        ("log", Some(x), Some(base)) => x.ln() / base.ln(),
        ("log2", Some(x), None) => x.log2(),
        ("log10", Some(x), None) => x.log10(),
        ("abs" | "fabs" | "absolute", Some(x), _) => x.abs(),
        ("floor", Some(x), None) => x.floor(),
        ("ceil", Some(x), None) => x.ceil(),
        ("trunc" | "int" | "fix", Some(x), None) => x.trunc(),
        ("sign", Some(x), None) => {
            if x == 0.0 {
                0.0
            } else {
                x.signum()
            }
        }
        ("int", None, None) if arguments.len() == 1 => text_number(arguments)?.trunc(),
        ("float", None, None) if arguments.len() == 1 => text_number(arguments)?,
        (
            "float" | "float32" | "float64" | "array" | "asarray" | "tensor" | "as_tensor" | "constant"
            | "convert_to_tensor" | "cast" | "int32" | "int64" | "Tensor" | "Decimal",
            Some(x),
            _,
        ) => x,
        ("round" | "rint" | "around", Some(x), digits) => {
            let scale = 10_f64.powi(digits.or_else(|| by_name("ndigits")).unwrap_or(0.0) as i32);
            (x * scale).round_ties_even() / scale
        }
        ("pow" | "power", Some(x), Some(y)) => x.powf(y),
        ("fmod", Some(x), Some(y)) => x % y,
        ("mod" | "remainder" | "floormod", Some(x), Some(y)) if y != 0.0 => x - y * (x / y).floor(),
        ("floor_divide" | "floordiv", Some(x), Some(y)) if y != 0.0 => (x / y).floor(),
        ("maximum" | "fmax", Some(x), Some(y)) => x.max(y),
        ("minimum" | "fmin", Some(x), Some(y)) => x.min(y),
        ("multiply", Some(x), Some(y)) => x * y,
        ("divide" | "true_divide", Some(x), Some(y)) if y != 0.0 => x / y,
        ("subtract", Some(x), Some(y)) => x - y,
        ("clip" | "clamp" | "clip_by_value", Some(x), low) => {
            let low =
                low.or_else(|| by_name("min")).or_else(|| by_name("a_min")).unwrap_or(f64::NEG_INFINITY);
            let high = at(2).or_else(|| by_name("max")).or_else(|| by_name("a_max")).unwrap_or(f64::INFINITY);
            x.max(low).min(high)
        }
        _ => return Ok(None),
    };
    if value.is_nan() {
        return Err(Stop::new(format!("{name}() of that is no number")));
    }
    Ok(Some(Value::Number(value)))
}

/// Functions that make arrays, and functions of one number for each of an array's.
fn arrays(
    machine: &mut Machine<'_>,
    name: &str,
    arguments: &[Value],
    named: &[(String, Value)],
) -> Done<Option<Value>> {
    let at = |place: usize| arguments.get(place).and_then(Value::number);
    let array = |numbers: Vec<f64>| Ok(Some(Value::Array(Rc::new(numbers))));
    let count = |number: f64| -> Done<usize> {
        if (0.0..=MAX_ITEMS as f64).contains(&number) {
            Ok(number as usize)
        } else {
            Err(Stop::new("it makes too long a list"))
        }
    };
    match (name, arguments) {
        ("linspace", [_, _, ..]) => {
            let by_name = named.iter().find(|(name, _)| name == "num").and_then(|(_, value)| value.number());
            let (Some(from), Some(to), Some(steps)) = (at(0), at(1), at(2).or(by_name)) else {
                return Ok(None);
            };
            let steps = count(steps)?;
            machine.long(steps)?;
            let open = named.iter().any(|(name, value)| name == "endpoint" && value.truth() == Some(false));
            let parts = if open { steps } else { steps.saturating_sub(1) }.max(1) as f64;
            array((0..steps).map(|index| from + (to - from) * index as f64 / parts).collect())
        }
        ("zeros" | "ones" | "full", [Value::Number(length), ..]) => {
            let length = count(*length)?;
            machine.long(length)?;
            let value = match name {
                "zeros" => 0.0,
                "ones" => 1.0,
                _ => match at(1) {
                    Some(value) => value,
                    None => return Ok(None),
                },
            };
            array(vec![value; length])
        }
        ("arange", _) => match sequences(machine, "range", arguments, named)? {
            Some(list) => Ok(list.numbers().map(Value::Array)),
            None => Ok(None),
        },
        ("array" | "asarray" | "tensor", [list @ Value::List(_), ..]) => Ok(list.numbers().map(Value::Array)),
        ("concatenate" | "hstack" | "append", _) => {
            let parts: Vec<Value> = match arguments {
                [Value::List(parts)] => parts.to_vec(),
                several => several.to_vec(),
            };
            let mut whole = Vec::new();
            for part in &parts {
                match (part.numbers(), part.number()) {
                    (Some(numbers), _) => {
                        machine.long(numbers.len())?;
                        whole.extend(numbers.iter());
                    }
                    (None, Some(number)) => whole.push(number),
                    _ => return Ok(None),
                }
            }
            machine.long(whole.len())?;
            array(whole)
        }
        ("len", [Value::Array(numbers)]) => Ok(Some(Value::Number(numbers.len() as f64))),
        ("max" | "min" | "sum" | "list", [Value::Array(numbers)]) => {
            let items = numbers.iter().map(|number| Value::Number(*number));
            sequences(machine, name, &[list(items)], named)
        }
        (
            "cos" | "sin" | "exp" | "sqrt" | "log" | "tanh" | "abs" | "floor" | "square",
            [Value::Array(numbers)],
        ) => {
            machine.long(numbers.len())?;
            let mut values = Vec::with_capacity(numbers.len());
            for number in numbers.iter() {
                match call(machine, name, name, &[Value::Number(*number)], &[])? {
                    Some(Value::Number(value)) => values.push(value),
                    _ => return Ok(None),
                }
            }
            array(values)
        }
        _ => Ok(None),
    }
}

fn text_number(arguments: &[Value]) -> Done<f64> {
    let text = arguments.first().and_then(Value::text).unwrap_or_default();
    text.trim().parse().map_err(|_| Stop::new("what should be a number is none"))
}

/// Functions of lists, and those that need no number.
fn sequences(
    machine: &mut Machine<'_>,
    name: &str,
    arguments: &[Value],
    named: &[(String, Value)],
) -> Done<Option<Value>> {
    let numbers = |value: &Value| match value {
        Value::List(items) => items.iter().map(Value::number).collect::<Option<Vec<f64>>>(),
        _ => None,
    };
    let items = |place: usize| match arguments.get(place) {
        Some(Value::List(items)) => Some(Rc::clone(items)),
        _ => None,
    };
    if let (Some(list), true) = (items(0), arguments.len() == 1) {
        machine.burn(list.len())?;
    }
    Ok(Some(match name {
        "len" => match arguments.first() {
            Some(Value::List(items)) => Value::Number(items.len() as f64),
            Some(Value::Table(pairs)) => Value::Number(pairs.len() as f64),
            Some(Value::Text(text)) => Value::Number(text.chars().count() as f64),
            Some(Value::Opaque(_)) => match machine.epoch_length {
                Some(length) => Value::Number(length),
                None => return Ok(None),
            },
            _ => return Ok(None),
        },
        "max" | "min" => {
            let found = match arguments {
                [list @ Value::List(_)] => numbers(list),
                several => several.iter().map(Value::number).collect::<Option<Vec<f64>>>(),
            };
            let pick = if name == "max" { f64::max } else { f64::min };
            match found.and_then(|numbers| numbers.into_iter().reduce(pick)) {
                Some(value) => Value::Number(value),
                None => return Ok(None),
            }
        }
        "sum" | "any" | "all" => {
            let Some(numbers) = arguments.first().and_then(numbers) else { return Ok(None) };
            match name {
                "sum" => Value::Number(numbers.iter().sum()),
                "any" => Value::Flag(numbers.iter().any(|number| *number != 0.0)),
                _ => Value::Flag(numbers.iter().all(|number| *number != 0.0)),
            }
        }
        "range" | "arange" => {
            let bounds: Option<Vec<f64>> = arguments.iter().map(Value::number).collect();
            let Some(bounds) = bounds else { return Ok(None) };
            let (start, stop, step) = match bounds.as_slice() {
                [stop] => (0.0, *stop, 1.0),
                [start, stop] => (*start, *stop, 1.0),
                [start, stop, step] if *step != 0.0 => (*start, *stop, *step),
                _ => return Err(Stop::new("range() needs a step that is not 0")),
            };
            let count = ((stop - start) / step).ceil().max(0.0);
            if count.is_nan() || count > MAX_ITEMS as f64 {
                return Err(Stop::new("it makes too long a list"));
            }
            machine.long(count as usize)?;
            list((0..count as usize).map(|index| Value::Number(start + step * index as f64)))
        }
        "list" | "tuple" | "sorted" | "reversed" | "enumerate" | "array" | "asarray" | "set" => {
            let Some(found) = items(0) else {
                // `enumerate(optimizer.param_groups)`.
                return Ok(match (name, arguments.first()) {
                    ("enumerate", Some(Value::Opaque(spelled))) => {
                        Some(Value::opaque(&format!("enumerate({spelled})")))
                    }
                    _ => None,
                });
            };
            match name {
                "reversed" => list(found.iter().rev().cloned()),
                "enumerate" => list(
                    found
                        .iter()
                        .enumerate()
                        .map(|(index, item)| list([Value::Number(index as f64), item.clone()].into_iter())),
                ),
                "sorted" => {
                    let Some(mut numbers) = arguments.first().and_then(numbers) else { return Ok(None) };
                    numbers.sort_by(f64::total_cmp);
                    if named.iter().any(|(name, value)| name == "reverse" && value.truth() == Some(true)) {
                        numbers.reverse();
                    }
                    list(numbers.into_iter().map(Value::Number))
                }
                _ => Value::List(found),
            }
        }
        "zip" => {
            let (Some(a), Some(b)) = (items(0), items(1)) else { return Ok(None) };
            machine.long(a.len().min(b.len()))?;
            list(a.iter().zip(b.iter()).map(|(a, b)| list([a.clone(), b.clone()].into_iter())))
        }
        "bool" => match arguments.first().and_then(Value::truth) {
            Some(truth) => Value::Flag(truth),
            None => return Ok(None),
        },
        "isinstance" => match arguments.first() {
            // Which kinds are asked for cannot be told from their values: a list, a number, or neither.
            Some(Value::Opaque(_)) | None => return Ok(None),
            Some(value) => {
                let asked = arguments.get(1).map(|kind| format!("{kind:?}")).unwrap_or_default();
                let is = match value {
                    Value::List(_) => asked.contains("list") || asked.contains("tuple"),
                    Value::Table(_) => asked.contains("dict"),
                    Value::Text(_) => asked.contains("str"),
                    Value::Number(number) => {
                        asked.contains("float") || asked.contains("int") && number.fract() == 0.0
                    }
                    _ => false,
                };
                Value::Flag(is)
            }
        },
        "interp" => {
            let (Some(xs), Some(ys)) =
                (arguments.get(1).and_then(numbers), arguments.get(2).and_then(numbers))
            else {
                return Ok(None);
            };
            match arguments.first() {
                Some(Value::Number(x)) => Value::Number(interpolated(*x, &xs, &ys)?),
                Some(found @ Value::List(_)) => {
                    let Some(found) = numbers(found) else { return Ok(None) };
                    let values: Done<Vec<f64>> =
                        found.into_iter().map(|x| interpolated(x, &xs, &ys)).collect();
                    list(values?.into_iter().map(Value::Number))
                }
                _ => return Ok(None),
            }
        }
        "bisect" | "bisect_right" | "bisect_left" | "searchsorted" | "digitize" => {
            let list_first = matches!(arguments.first(), Some(Value::List(_)));
            let (sorted, x) = if list_first { (0, 1) } else { (1, 0) };
            let sorted = arguments.get(sorted).and_then(numbers);
            let (Some(sorted), Some(x)) = (sorted, arguments.get(x).and_then(Value::number)) else {
                return Ok(None);
            };
            let is_left = matches!(name, "bisect_left" | "searchsorted")
                && !named.iter().any(|(_, value)| value.text() == Some("right"));
            let before = sorted.iter().filter(|at| if is_left { **at < x } else { **at <= x });
            Value::Number(before.count() as f64)
        }
        "where" | "cond" | "select" => match (arguments.first().and_then(Value::truth), arguments.get(2)) {
            (Some(true), Some(_)) => arguments.get(1).cloned().unwrap_or(Value::None),
            (Some(false), Some(otherwise)) => otherwise.clone(),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    Value::List(Rc::new(items.collect()))
}

/// numpy's `interp`: straight lines between points, the ends held.
fn interpolated(x: f64, xs: &[f64], ys: &[f64]) -> Done<f64> {
    let (Some(first), Some(last), true) = (ys.first(), ys.last(), xs.len() == ys.len()) else {
        return Err(Stop::new("interp() needs as many values as places"));
    };
    for (place, value) in xs.windows(2).zip(ys.windows(2)) {
        let ([a, b], [from, to]) = (place, value) else { continue };
        if x >= *a && x < *b {
            return Ok(from + (to - from) * (x - a) / (b - a));
        }
    }
    Ok(if xs.first().is_some_and(|start| x < *start) { *first } else { *last })
}

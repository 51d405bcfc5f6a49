//! Functions of libraries that make groups of parameters, by their names: timm's, and those that papers copy.

use super::stand_in::{Model, Role, StandIn};
use super::value::Value;

/// What such a function gives.
pub(super) fn call(
    model: &Model,
    name: &str,
    arguments: &[Value],
    named: &[(String, Value)],
) -> Option<Value> {
    let argument = |wanted: &str, at: usize| {
        let by_name = named.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        by_name.or_else(|| arguments.get(at)).cloned()
    };
    let decay = argument("weight_decay", 1).unwrap_or(Value::Unknown);
    match name {
        "param_groups_weight_decay"
        | "add_weight_decay"
        | "get_parameter_groups"
        | "param_groups_weight_decay_fn" => Some(split(model, decay, |_| None)),
        // DINO's, whose decay is the optimizer's.
        "get_params_groups" => Some(split(model, Value::None, |_| None)),
        "param_groups_layer_decay" | "param_groups_lrd" => {
            let factor = argument("layer_decay", 3).as_ref().and_then(Value::number).unwrap_or(0.75);
            let last = model.layers + 1;
            let scale = move |it: &StandIn| Some(factor.powi((last - it.ours.layer.min(last)) as i32));
            Some(split(model, decay, scale))
        }
        // transformers': the names of what is in no normalisation.
        "get_parameter_names" => {
            Some(names(model, |it| !matches!(it.role, Role::Gain(_) | Role::NormBias(_))))
        }
        "get_decay_parameter_names" => Some(names(model, |it| !it.is_vector())),
        _ => None,
    }
}

fn names(model: &Model, is: impl Fn(&StandIn) -> bool) -> Value {
    Value::list(model.parameters.iter().filter(|it| is(it)).map(|it| Value::text(&it.name)).collect())
}

/// A group of matrices and one of vectors, which do not decay, for each scale of the rate.
fn split(model: &Model, decay: Value, scale: impl Fn(&StandIn) -> Option<f64>) -> Value {
    let mut groups: Vec<(Option<f64>, bool, Vec<Value>)> = Vec::new();
    for (at, parameter) in model.parameters.iter().enumerate() {
        let (scale, is_vector) = (scale(parameter), parameter.is_vector());
        match groups.iter_mut().find(|(known, vectors, _)| *known == scale && *vectors == is_vector) {
            Some((.., members)) => members.push(Value::Parameter(at)),
            None => groups.push((scale, is_vector, vec![Value::Parameter(at)])),
        }
    }
    let table = |(scale, is_vector, members): (Option<f64>, bool, Vec<Value>)| {
        let own = if is_vector { Value::Number(0.0) } else { decay.clone() };
        let mut pairs = vec![(Value::text("params"), Value::list(members))];
        if !matches!(own, Value::None) {
            pairs.push((Value::text("weight_decay"), own));
        }
        pairs.extend(scale.map(|scale| (Value::text("lr_scale"), Value::Number(scale))));
        Value::table(pairs)
    };
    Value::list(groups.into_iter().map(table).collect())
}

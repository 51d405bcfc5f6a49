//! Keras 3: `schedule`, a `LearningRateSchedule`, and `optimizer`.
//!
//! Keras evaluates a schedule on micro-batches, not updates, so under accumulation every count is multiplied.

mod groups;

use super::groups::Groups;
use super::recipe::{Carries, Recipe};
use super::simulate::keras::{Cosine, Schedule};
use super::text::float;
use super::{Deviation, Draft, python};
use crate::experiment::OptimizerKind;
use crate::schedule::lowered::Lowered;
use crate::schedule::{Kind, Ramp};

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: true,
    groups: Groups::All,
    mirror: false,
    schedule_free: false,
    batches: false,
};

/// What defines the rates.
struct Written {
    text: String,
    /// Whether it calls Keras' operations.
    needs_ops: bool,
}

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let accumulate = recipe.accumulate() as u64;
    let is_grouped = groups::has(recipe) && class_and_numbers(recipe).is_some();
    let native = native(&Lowered::new(&recipe.run.lr, recipe.clock), accumulate).and_then(|schedule| {
        let predicted = recipe.predict(|update| schedule.at_update(update, accumulate));
        let is_same = Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-6;
        (is_same && !is_grouped).then_some((schedule, predicted))
    });
    let (written, predicted, table) = match native {
        Some((schedule, predicted)) => {
            let text = format!("schedule = {}\n\n{}", written(&schedule), alone(recipe));
            (Written { text, needs_ops: false }, predicted, None)
        }
        None => {
            let values = recipe.rate.values(recipe.updates());
            let schedule = Schedule::Table { values, hold: accumulate };
            let predicted = recipe.predict(|update| schedule.at_update(update, accumulate));
            let (written, why) = if is_grouped {
                let written = groups::written(recipe, |rate, decay| optimizer(recipe, rate, Some(decay)));
                (written, "each parameter group has its own".to_owned())
            } else {
                let text = format!("{}{}", table_class(recipe), alone(recipe));
                let why = if accumulate > 1 {
                    "Keras counts micro-batches, so its own schedules would move within an update".to_owned()
                } else {
                    format!("Keras has no schedule for this curve ({})", recipe.curve())
                };
                (Written { text, needs_ops: true }, why)
            };
            let why = format!("a table of the rates, made when the text is imported: {why}");
            (written, predicted, Some(why))
        }
    };
    let mut imports = vec!["import keras".to_owned()];
    if written.needs_ops {
        imports.push("from keras import ops".to_owned());
    }
    if written.text.contains("fnmatchcase(") {
        imports.splice(0..0, ["from fnmatch import fnmatchcase".to_owned(), String::new()]);
    }
    let how = if is_grouped {
        "model.compile(optimizer=build(model), ...), once the model is built"
    } else {
        "model.compile(optimizer=optimizer, ...)"
    };
    let header = python::header(recipe, "Keras 3.15", how);
    Draft {
        text: python::module(&header, &imports, &written.text),
        predicted,
        table,
        approximated: "",
        notes: notes(recipe),
    }
}

fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let has_it = class_and_numbers(recipe).is_some();
    let carries =
        if has_it { CARRIES } else { Carries { groups: Groups::None, layer_decay: false, ..CARRIES } };
    let mut notes = recipe.notes(carries);
    if has_it && groups::has(recipe) {
        notes.extend(groups::notes(recipe));
    }
    if !has_it {
        notes.push(recipe.refused("Keras has none of the kind, so build your own with `schedule`"));
    } else if recipe.number("weight_decay") > 0.0 && !recipe.decays_apart() {
        notes.push(
            "Changed: Keras takes weight decay off the weights, PyTorch puts it into the gradient."
                .to_owned(),
        );
    }
    if recipe.kind().base() == OptimizerKind::Sgd && recipe.number("momentum") > 0.0 {
        notes.push(
            "Changed: Keras' momentum holds rate times gradient, so that a changed rate works with a delay."
                .to_owned(),
        );
    }
    if recipe.kind() == OptimizerKind::NAdam && recipe.number("momentum_decay") != 1.0 {
        notes.push("Changed: Keras' Nadam warms its momentum up as with a momentum_decay of 1.".to_owned());
    }
    if recipe.kind() == OptimizerKind::Muon && !recipe.has("match_rms_adamw") {
        let how = "Changed: Keras' Muon without an rms_rate moves wide matrices no further than others.";
        notes.push(how.to_owned());
    }
    notes.push("Keras computes the rates in f32.".to_owned());
    notes
}

fn table_class(recipe: &Recipe<'_>) -> String {
    let function =
        python::function("rate", &recipe.rate, "The learning rate that update `update` uses, from 0.");
    format!(
        "UPDATES = {}\nACCUMULATE = {}  # micro-batches an update, which Keras counts\n\n\n{function}\n\nRATES = \
         [rate(update) for update in range(UPDATES)]\n\n\n@keras.saving.register_keras_serializable()\nclass \
         Rates(keras.optimizers.schedules.LearningRateSchedule):\n    \"\"\"Looks each update's rate up.\"\"\"\n\n    \
         def __call__(self, step):\n        update = ops.minimum(ops.cast(step, \"int32\") // ACCUMULATE, UPDATES - \
         1)\n        return ops.take(ops.convert_to_tensor(RATES, \"float32\"), update)\n\n    def get_config(self):\n        \
         return {{}}\n\n\nschedule = Rates()\n",
        recipe.updates(),
        recipe.accumulate(),
    )
}

/// The class of the run's optimizer and its numbers, where Keras has it.
fn class_and_numbers(recipe: &Recipe<'_>) -> Option<(&'static str, String)> {
    let number = |name| float(recipe.say(name));
    let option = |name: &str| if recipe.has(name) { format!(", {name}=True") } else { String::new() };
    Some(match recipe.kind().base() {
        OptimizerKind::Sgd => {
            let nesterov = if recipe.has("nesterov") { ", nesterov=True" } else { "" };
            ("SGD", format!("momentum={}{nesterov}", number("momentum")))
        }
        OptimizerKind::Adam => ("Adam", adam(recipe) + &option("amsgrad")),
        OptimizerKind::AdamW => ("AdamW", adam(recipe) + &option("amsgrad")),
        OptimizerKind::RmsProp => (
            "RMSprop",
            format!(
                "rho={}, momentum={}, epsilon={}{}",
                number("alpha"),
                number("momentum"),
                number("eps"),
                option("centered")
            ),
        ),
        OptimizerKind::Adagrad => {
            let initial = number("initial_accumulator_value");
            ("Adagrad", format!("initial_accumulator_value={initial}, epsilon={}", number("eps")))
        }
        OptimizerKind::NAdam => ("Nadam", adam(recipe)),
        OptimizerKind::Lamb => ("Lamb", adam(recipe)),
        OptimizerKind::Adafactor => {
            let (first, second) = (recipe.say("eps1"), number("eps2"));
            let numbers =
                format!("beta_2_decay={}, epsilon_1={}", number("beta2_decay"), float(first * first));
            ("Adafactor", format!("{numbers}, epsilon_2={second}, clip_threshold={}", number("d")))
        }
        // Keras' Muon always moves matrices by steps of AdamW's size, and knows a table of embeddings by its layer.
        OptimizerKind::Muon => {
            let nesterov = if recipe.has("nesterov") { "True" } else { "False" };
            let rate = if recipe.has("match_rms_adamw") { "0.2" } else { "None" };
            let matrices = format!(
                "momentum={}, ns_steps={:.0}, nesterov={nesterov}, rms_rate={rate}",
                number("momentum"),
                recipe.say("ns_steps")
            );
            let numbers = [number("beta1"), number("beta2"), number("eps"), number("weight_decay")];
            let [b1, b2, eps, decay] = numbers;
            let rest =
                format!("adam_beta_1={b1}, adam_beta_2={b2}, epsilon={eps}, adam_weight_decay={decay}");
            ("Muon", format!("{matrices}, {rest}"))
        }
        OptimizerKind::Lion => ("Lion", format!("beta_1={}, beta_2={}", number("beta1"), number("beta2"))),
        _ => return None,
    })
}

/// One optimizer for all parameters.
fn alone(recipe: &Recipe<'_>) -> String {
    if class_and_numbers(recipe).is_none() {
        return format!("optimizer = None  # Keras has no {}.\n", recipe.kind().info().title);
    }
    format!("optimizer = {}\n{}", optimizer(recipe, "schedule", None), groups::excluded(recipe))
}

/// The call that makes the optimizer, with the run's weight decay or that of a variable of this name.
fn optimizer(recipe: &Recipe<'_>, rate: &str, decay: Option<&str>) -> String {
    let Some((class, mut numbers)) = class_and_numbers(recipe) else { return "None".to_owned() };
    let own = recipe.number("weight_decay");
    if let Some(decay) = decay {
        numbers.push_str(&format!(", weight_decay={decay}"));
        if recipe.kind() == OptimizerKind::Muon {
            let fixed = format!("adam_weight_decay={}", float(own));
            numbers = numbers.replace(&fixed, &format!("adam_weight_decay={decay}"));
        }
    } else if own > 0.0 || [OptimizerKind::AdamW, OptimizerKind::Muon].contains(&recipe.kind().base()) {
        numbers.push_str(&format!(", weight_decay={}", float(own)));
    }
    if let Some(norm) = recipe.clip_norm() {
        numbers.push_str(&format!(", global_clipnorm={}", float(norm)));
    }
    if recipe.accumulate() > 1 {
        numbers.push_str(&format!(", gradient_accumulation_steps={}", recipe.accumulate()));
    }
    format!("keras.optimizers.{class}(learning_rate={rate}, {numbers})")
}

fn adam(recipe: &Recipe<'_>) -> String {
    let number = |name| float(recipe.say(name));
    format!("beta_1={}, beta_2={}, epsilon={}", number("beta1"), number("beta2"), number("eps"))
}

/// A schedule of Keras' own, its counts multiplied.
fn native(node: &Lowered<'_>, accumulate: u64) -> Option<Schedule> {
    if node.stride > 1 || node.clamp.is_some() || node.cooldown.is_some() {
        return None;
    }
    let steps = |updates: u64| updates * accumulate;
    if let Some(slope) = node.warmup {
        let Kind::Cosine(kind) = node.kind else {
            return None;
        };
        let warmup = Some((kind.peak, steps(slope.over)));
        let alpha = if kind.peak > 0.0 { kind.floor / kind.peak } else { 0.0 };
        let decay_steps = steps(node.rest_or(kind.over));
        let is_line = slope.shape == Ramp::Linear;
        return is_line.then_some(Schedule::Cosine(Cosine {
            initial: slope.low * kind.peak,
            decay_steps,
            alpha,
            warmup,
        }));
    }
    Some(match node.kind {
        Kind::Constant(kind) => Schedule::Constant { rate: kind.peak },
        Kind::Cosine(kind) if kind.peak > 0.0 => Schedule::Cosine(Cosine {
            initial: kind.peak,
            decay_steps: steps(node.rest_or(kind.over)),
            alpha: kind.floor / kind.peak,
            warmup: None,
        }),
        Kind::CosineRestarts(kind) if kind.floor == 0.0 && kind.cycle_warmup.is_none() => {
            Schedule::CosineRestarts {
                initial: kind.peak,
                first_decay_steps: steps(node.length(kind.first)),
                t_mul: kind.mult,
                m_mul: kind.peak_decay,
                alpha: 0.0,
            }
        }
        Kind::Step(kind) => Schedule::Exponential {
            initial: kind.peak,
            decay_steps: steps(node.length(kind.every)),
            decay_rate: kind.gamma,
            staircase: true,
        },
        Kind::Multistep(kind) => {
            let mut at: Vec<u64> =
                kind.milestones.iter().map(|span| node.position(*span).round() as u64).collect();
            at.sort_unstable();
            // The value of a boundary is still the one before the drop.
            let boundaries: Vec<u64> =
                at.iter().map(|at| steps(*at).checked_sub(1)).collect::<Option<_>>()?;
            let values = (0..=at.len()).map(|drops| kind.peak * kind.gamma.powf(drops as f64)).collect();
            Schedule::PiecewiseConstant { boundaries, values }
        }
        Kind::Polynomial(kind) => Schedule::Polynomial {
            initial: kind.peak,
            decay_steps: steps(node.rest_or(kind.over)),
            end: kind.floor,
            power: kind.power,
            cycle: false,
        },
        Kind::Linear(kind) => Schedule::Polynomial {
            initial: kind.peak * kind.from,
            decay_steps: steps(node.rest_or(kind.over)),
            end: kind.peak * kind.to,
            power: 1.0,
            cycle: false,
        },
        Kind::Power(kind) if kind.exponent == 1.0 && kind.floor == 0.0 && accumulate == 1 => {
            let decay_rate = 1.0 / node.body.exact(kind.timescale);
            Schedule::InverseTime { initial: kind.peak, decay_steps: 1, decay_rate }
        }
        Kind::Exponential(kind) => Schedule::Exponential {
            initial: kind.peak,
            decay_steps: accumulate,
            decay_rate: kind.gamma,
            staircase: accumulate > 1,
        },
        _ => return None,
    })
}

fn written(schedule: &Schedule) -> String {
    let call = |class: &str, arguments: String| format!("keras.optimizers.schedules.{class}({arguments})");
    match schedule {
        Schedule::Constant { rate } => float(*rate),
        Schedule::Cosine(cosine) => {
            let warmup = cosine.warmup.map_or(String::new(), |(target, steps)| {
                format!(", warmup_target={}, warmup_steps={steps}", float(target))
            });
            call(
                "CosineDecay",
                format!(
                    "{}, {}, alpha={}{warmup}",
                    float(cosine.initial),
                    cosine.decay_steps,
                    float(cosine.alpha)
                ),
            )
        }
        Schedule::CosineRestarts { initial, first_decay_steps, t_mul, m_mul, alpha } => call(
            "CosineDecayRestarts",
            format!(
                "{}, {first_decay_steps}, t_mul={}, m_mul={}, alpha={}",
                float(*initial),
                float(*t_mul),
                float(*m_mul),
                float(*alpha)
            ),
        ),
        Schedule::PiecewiseConstant { boundaries, values } => {
            let values: Vec<String> = values.iter().map(|value| float(*value)).collect();
            call("PiecewiseConstantDecay", format!("{boundaries:?}, [{}]", values.join(", ")))
        }
        Schedule::Polynomial { initial, decay_steps, end, power, cycle } => call(
            "PolynomialDecay",
            format!(
                "{}, {decay_steps}, end_learning_rate={}, power={}, cycle={}",
                float(*initial),
                float(*end),
                float(*power),
                if *cycle { "True" } else { "False" }
            ),
        ),
        Schedule::Exponential { initial, decay_steps, decay_rate, staircase } => call(
            "ExponentialDecay",
            format!(
                "{}, {decay_steps}, {}, staircase={}",
                float(*initial),
                float(*decay_rate),
                if *staircase { "True" } else { "False" }
            ),
        ),
        Schedule::InverseTime { initial, decay_steps, decay_rate } => {
            call("InverseTimeDecay", format!("{}, {decay_steps}, {}", float(*initial), float(*decay_rate)))
        }
        Schedule::Table { .. } => "Rates()".to_owned(),
    }
}

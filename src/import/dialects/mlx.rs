//! mlx-lm's YAML: `lr_schedule` with the arguments of mlx' own functions.

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::{number, optimizer_kind};
use super::super::shape::{constant, cosine, linear, sequence};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::Span;
use crate::schedule::kind::{After, Exponential, Kind, Step};

pub static DIALECT: Dialect = Dialect {
    id: "mlx",
    name: "mlx-lm",
    example: "model: m\ntrain: true\niters: 1000\nbatch_size: 4\nlr_schedule:\n  name: cosine_decay\n  warmup: 100\n  \
              warmup_init: 1e-7\n  arguments: [1e-5, 1000, 1e-7]\n",
    signs: &[
        (Sign::Key("lr_schedule.name"), 14),
        (Sign::Key("lr_schedule.arguments"), 10),
        (Sign::Key("lora_parameters"), 4),
        (Sign::Key("iters"), 5),
        (Sign::Key("learning_rate"), 2),
        (Sign::Key("lora_layers"), 4),
        (Sign::Key("num_layers"), 2),
        (Sign::Key("fine_tune_type"), 4),
        (Sign::Key("steps_per_eval"), 3),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "mlx", constant(0.0));
    let iters = match settings.number(&["iters"])? {
        Some(iters) => iters,
        None => {
            imported.assume("iters is not given: 1000 was taken, mlx-lm's default");
            1000.0
        }
    };
    imported.updates = Some(options.length.unwrap_or(Span::Updates(iters)));
    let table = settings.table("lr_schedule");
    if table.is_empty() {
        let rate = match settings.number(&["learning_rate"])? {
            Some(rate) => rate,
            None => {
                imported.assume("learning_rate is not given: 1e-5 was taken, mlx-lm's default");
                1e-5
            }
        };
        imported.lr = constant(rate);
    } else {
        let Some(name) = table.text("name").map(str::to_owned) else {
            return Err(ImportError::missing("lr_schedule", "a name"));
        };
        let Some(Expr::List(arguments)) = table.get("arguments").cloned() else {
            return Err(ImportError::missing("lr_schedule", "a list of arguments"));
        };
        let at = |place: usize, what: &str| -> Result<f64, ImportError> {
            match arguments.get(place) {
                Some(value) => number(what, value),
                None => Err(ImportError::missing(&name, format!("its {what}"))),
            }
        };
        let init = at(0, "first argument, the rate it begins at")?;
        let steps = |place: usize| -> Result<Span, ImportError> {
            let steps = at(place, "number of steps")?;
            if steps > 0.0 {
                Ok(Span::Updates(steps))
            } else {
                Err(ImportError::missing(&name, "steps above 0"))
            }
        };
        let body = match name.as_str() {
            "cosine_decay" => {
                let floor = if arguments.len() > 2 { at(2, "end")? } else { 0.0 };
                cosine(init, floor, Some(steps(1)?), After::Hold)
            }
            "linear_schedule" => {
                let (end, over) = (at(1, "end")?, steps(2)?);
                let (peak, from, to) = if init > 0.0 { (init, 1.0, end / init) } else { (end, 0.0, 1.0) };
                linear(peak, from, to, Some(over))
            }
            "exponential_decay" => {
                Kind::Exponential(Exponential { peak: init, gamma: at(1, "decay rate")? }).into()
            }
            "step_decay" => {
                Kind::Step(Step { peak: init, every: steps(2)?, gamma: at(1, "decay rate")? }).into()
            }
            other => {
                let why = "known are cosine_decay, linear_schedule, exponential_decay and step_decay";
                return Err(ImportError::unsupported(format!("mlx' {other}"), why));
            }
        };
        let warmup = table.number_or("warmup", 0.0)?;
        imported.lr = if warmup > 0.0 {
            let first = table.number_or("warmup_init", 0.0)?;
            let from = if init > 0.0 { first / init } else { 0.0 };
            // The climb has a step more than its length: it ends on the rate that the rest begins with.
            let climb = linear(init, from, 1.0, Some(Span::Updates(warmup)));
            sequence(vec![(Span::Updates(warmup + 1.0), climb)], body)
        } else {
            body
        };
        if settings.has("learning_rate") {
            settings.seen(&["learning_rate"]);
            imported.note("learning_rate counts for nothing beside lr_schedule in mlx-lm");
        }
        imported.name = format!("mlx {name}");
    }
    let name = settings.text("optimizer").unwrap_or("adam").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => imported.optimizer = Some(Optimizer::new(kind)),
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    imported.accumulate = settings.count("grad_accumulation_steps")?.map(|count| count.max(1) as usize);
    Ok(imported)
}

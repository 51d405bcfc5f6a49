//! Plateaus that wait for their metric to go the wrong way.

use super::{Remedy, Severity, Warning};
use crate::import::python::{Call, Expr, Pair, Program, StmtKind};

/// Words of metrics that are better when higher.
const HIGHER: [&str; 12] =
    ["acc", "f1", "auc", "iou", "map", "score", "bleu", "dice", "precision", "recall", "reward", "psnr"];

/// Lightning's tables that hold a plateau and name what it watches.
pub(super) fn monitors(program: &Program, warnings: &mut Vec<Warning>) {
    fn tables<'e>(value: &'e Expr, found: &mut Vec<&'e [Pair]>) {
        match value {
            Expr::Table(pairs) => {
                found.push(pairs);
                pairs.iter().for_each(|pair| tables(&pair.value, found));
            }
            Expr::List(items) => items.iter().for_each(|item| tables(item, found)),
            _ => {}
        }
    }
    program.visit(&mut |stmt, _| {
        let (StmtKind::Assign(_, value) | StmtKind::Value(value) | StmtKind::Return(Some(value))) =
            &stmt.kind
        else {
            return;
        };
        let mut found = Vec::new();
        tables(value, &mut found);
        for pairs in found {
            let entry =
                |name: &str| pairs.iter().rfind(|pair| matches!(&pair.key, Expr::Text(key) if key == name));
            let (Some(scheduler), Some(watched)) = (entry("scheduler"), entry("monitor")) else { continue };
            if let Expr::Call(call) = program.resolve_at(&scheduler.value, stmt.line)
                && call.name == "ReduceLROnPlateau"
            {
                monitor(program, call, Some(&watched.value), 1, warnings);
            }
        }
    });
}

/// A plateau whose mode is not that of the metric it is told to watch; `place` is its mode's among its arguments.
pub(super) fn monitor(
    program: &Program,
    call: &Call,
    watched: Option<&Expr>,
    place: usize,
    warnings: &mut Vec<Warning>,
) {
    let Some(Expr::Text(metric)) = watched else { return };
    let mode = call.argument("mode", place).map(|value| program.resolve_at(value, call.line));
    let mode = match mode {
        Some(Expr::Text(mode)) => mode.as_str(),
        // Keras finds out by the metric's name, PyTorch waits for it to fall.
        _ if place == 1 => "min",
        _ => return,
    };
    let name = metric.to_lowercase();
    let rises = HIGHER.iter().any(|word| name.contains(word)) && !name.contains("loss");
    let (is, other) = match (mode, rises, name.contains("loss")) {
        ("min", true, _) => ("fall", "max"),
        ("max", _, true) => ("rise", "min"),
        _ => return,
    };
    let message = format!(
        "ReduceLROnPlateau waits for {metric} to {is} (mode \"{mode}\"), and it is better the other way round: the rate is \
         cut while all goes well"
    );
    let warning = Warning::new(Severity::Error, "plateau-mode", message).at(call.line);
    warnings.push(warning.adding(format!("mode=\"{other}\"")));
}

/// A plateau that waits for its metric to fall, and is given one that rises.
pub(super) fn plateau(program: &Program, plateau: &Call, step: &Call, warnings: &mut Vec<Warning>) {
    let mode = plateau.argument("mode", 1).map(|value| program.resolve_at(value, plateau.line));
    let is_max = matches!(mode, Some(Expr::Text(mode)) if mode == "max");
    let Some(metric) = step.argument("metrics", 0) else {
        let message = "ReduceLROnPlateau.step() is given no metric";
        let warning = Warning::new(Severity::Error, "plateau-without-metric", message).at(step.line);
        warnings.push(warning.replacing("step()", "step(val_loss)"));
        return;
    };
    let spelled = metric.shown().to_lowercase();
    let rises = HIGHER.iter().any(|word| spelled.contains(word)) && !spelled.contains("loss");
    if rises && !is_max {
        let message = format!(
            "ReduceLROnPlateau waits for its metric to fall (mode \"min\"), and {} rises when it gets better: the rate is \
             cut while all goes well",
            metric.shown()
        );
        let remedy = Remedy::Add { text: "mode=\"max\"".to_owned() };
        warnings.push(Warning::new(Severity::Error, "plateau-mode", message).at(plateau.line).with(remedy));
    }
    if is_max && spelled.contains("loss") {
        let message = format!("ReduceLROnPlateau waits for {} to rise (mode \"max\")", metric.shown());
        let remedy = Remedy::Replace { from: "max".to_owned(), to: "min".to_owned() };
        warnings.push(Warning::new(Severity::Error, "plateau-mode", message).at(plateau.line).with(remedy));
    }
}

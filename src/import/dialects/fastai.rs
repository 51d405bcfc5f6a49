//! fastai's `fit_one_cycle` and `fit_flat_cos`, and the curves that a `ParamScheduler` is given: their rates move by the
//! share of the run that is done.

mod curves;

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::pytorch_arguments::Given;
use super::super::shape::{constant, cosine, sequence, written, wsd};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Group, GroupRate, Number, Optimizer, OptimizerKind};
use crate::schedule::kind::{After, Decay};
use crate::schedule::{Ramp, Span};

pub static DIALECT: Dialect = Dialect {
    id: "fastai",
    name: "fastai",
    example: "from fastai.vision.all import *\nlearn = vision_learner(dls, resnet34)\nlearn.fit_one_cycle(10, 1e-3)\n",
    signs: &[
        (Sign::Call("fit_one_cycle"), 20),
        (Sign::Call("fit_flat_cos"), 20),
        (Sign::Call("fine_tune"), 8),
        (Sign::Call("ParamScheduler"), 20),
        (Sign::Call("combine_scheds"), 20),
        (Sign::Call("combined_cos"), 20),
        (Sign::Import("fastai"), 8),
    ],
    read,
};

/// `fit_one_cycle` wherever its climb ends.
const ONE_CYCLE: &str = "peak / div + (peak - peak / div) * (1 - cos(pi * t / (pct_start * total))) / 2 if t < pct_start \
                         * total else peak / div_final + (peak - peak / div_final) * (1 + cos(pi * (t / total - \
                         pct_start) / (1 - pct_start))) / 2";

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(program) = text.program() else { return Err(wrong_form(&DIALECT, text)) };
    let calls = program.calls();
    let names = ["fit_one_cycle", "fit_flat_cos", "fine_tune"];
    let found: Vec<_> =
        calls.iter().map(|(_, call)| *call).filter(|call| names.contains(&call.name.as_str())).collect();
    let Some(call) = found.last() else {
        return curves::read(program, &calls, options);
    };
    let given = Given::new(call, program, 0);
    let mut imported = Imported::new(&DIALECT, call.name.clone(), constant(0.0));
    if found.len() > 1 {
        imported.note(format!("of {} trainings the one on line {} was read", found.len(), call.line));
    }
    if call.name == "fine_tune" {
        let why = "it trains twice, first with a frozen body; a log of its rates can be imported";
        return Err(ImportError::unsupported("fine_tune", why));
    }
    let epochs = given.need("n_epoch", 0)?;
    let place = "lr_max";
    let rate_of = if call.name == "fit_flat_cos" { "lr" } else { place };
    let sliced = slice(&given, rate_of, &mut imported);
    let given_rate = sliced.map_or_else(|| given.number(rate_of, 1), |peak| Ok(Some(peak)));
    let peak = match given_rate {
        Ok(Some(rate)) => rate,
        Ok(None) => {
            imported.assume("the text gives no rate: 1e-3 was taken, the Learner's default");
            1e-3
        }
        Err(_) => {
            return Err(ImportError::unsupported(
                "a slice of rates that is not known here",
                "groups of parameters have rates of their own; a log can be imported",
            ));
        }
    };
    imported.updates = Some(options.length.unwrap_or(Span::Epochs(epochs)));
    // Its phases end between two updates, which a length in updates can say where they are counted.
    let total = match (options.length, options.updates_per_epoch) {
        (Some(Span::Updates(updates)), _) => Some(updates),
        (None | Some(Span::Epochs(_)), Some(per_epoch)) => {
            Some(options.length.map_or(epochs, Span::amount) * per_epoch)
        }
        _ => None,
    };
    let over = |share: f64| match total {
        Some(total) => Span::Updates(share * total),
        None => Span::Percent(100.0 * share),
    };
    if total.is_none() {
        imported.assume(
            "fastai's phases end at shares of the run, between two updates; here they are rounded to whole updates \
             (--updates-per-epoch N takes them as they are)",
        );
    }
    if call.name == "fit_one_cycle" {
        let start = given.or("pct_start", 4, 0.25)?;
        let (div, end) = (given.or("div", 2, 25.0)?, given.or("div_final", 3, 1e5)?);
        if !(start > 0.0 && start < 1.0) {
            return Err(ImportError::missing("fit_one_cycle", "a pct_start between 0 and 1"));
        }
        imported.lr = if over(start).amount().fract() == 0.0 {
            let climb = super::super::shape::warmed(constant(peak), over(start), 1.0 / div, Ramp::Cosine);
            sequence(vec![(over(start), climb)], cosine(peak, peak / end, None, After::Hold))
        } else {
            let constants = [("peak", peak), ("div", div), ("div_final", end), ("pct_start", start)];
            written(ONE_CYCLE, &constants)?
        };
        let mut optimizer = Optimizer::new(OptimizerKind::Adam);
        optimizer.set("beta1", Number::Mirror { low: 0.85, high: 0.95 });
        imported.optimizer = Some(optimizer);
        given.get("moms", 6);
        given.get("wd", 5);
        imported.assume("the optimizer is fastai's Adam with its momentum cycled between 0.95 and 0.85");
    } else {
        let start = given.or("pct_start", 3, 0.75)?;
        let end = given.or("div_final", 2, 1e5)?;
        imported.lr = wsd(peak, peak / end, over(1.0 - start), Decay::Cosine);
    }
    given.unread().into_iter().for_each(|unread| imported.leave(unread));
    Ok(imported)
}

/// The rate of the head of a `slice`, with the groups before it: a tenth of it with one rate, and from the first rate to
/// the last by equal factors with two.
fn slice(given: &Given<'_>, name: &str, imported: &mut Imported) -> Option<f64> {
    let Some(Expr::Call(slice)) = given.get(name, 1) else { return None };
    let number =
        |at: usize| given.program.number(slice.arguments.get(at)?, slice.line).filter(|rate| *rate > 0.0);
    let group = |pattern: &str, factor: f64| Group { lr: GroupRate::Factor(factor), ..Group::new(pattern) };
    match (slice.name.as_str(), slice.arguments.len()) {
        ("slice", 1) => {
            let peak = number(0)?;
            imported.groups = vec![group("head", 1.0), group("*", 0.1)];
            imported.note(format!(
                "slice({peak}): the head learns at {peak}, everything before it at a tenth of it"
            ));
            Some(peak)
        }
        ("slice", 2) => {
            let (first, peak) = (number(0)?, number(1)?);
            let share = first / peak;
            imported.groups = vec![group("head", 1.0), group("layer 0", share), group("*", share.sqrt())];
            imported.assume(format!(
                "slice({first}, {peak}) goes over the learner's groups, which the text does not show: three were taken, the \
                 first layer at {first}, the head at {peak}, and the rest at the factor between"
            ));
            Some(peak)
        }
        _ => None,
    }
}

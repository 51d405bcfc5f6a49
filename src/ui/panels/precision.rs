//! With how few bits weights and gradients are kept, and how the loss is scaled for them.

use eframe::egui::Ui;

use crate::experiment::precision::Dynamic;
use crate::experiment::{LossScale, Rounding, Train, WeightFormat};
use crate::ui::widgets::{Amount, amount, choice, whole};

#[derive(Clone, Copy, PartialEq)]
enum Scale {
    None,
    Fixed,
    Dynamic,
}

pub fn show(ui: &mut Ui, train: &mut Train) {
    let formats = [("f32", WeightFormat::F32), ("bf16", WeightFormat::Bf16), ("f16", WeightFormat::F16)];
    let help = "What stored weights are rounded to after each update.";
    choice(ui, "Weights as", help, &mut train.weights, &formats);
    if train.weights == WeightFormat::F32 {
        train.rounding = Rounding::Nearest;
    } else {
        let help = "To the nearest number of the format, or to either neighbour as often as it is nearer.";
        let ways = [("nearest", Rounding::Nearest), ("stochastic", Rounding::Stochastic)];
        choice(ui, "Rounded", help, &mut train.rounding, &ways);
    }
    let help = "What the gradient of each micro-batch is rounded to.";
    choice(ui, "Gradients as", help, &mut train.gradients, &formats);
    if train.gradients == WeightFormat::F32 {
        train.loss_scale = None;
    } else {
        loss_scale(ui, &mut train.loss_scale);
    }
}

fn loss_scale(ui: &mut Ui, scale: &mut Option<LossScale>) {
    let now = match scale {
        None => Scale::None,
        Some(LossScale::Fixed(_)) => Scale::Fixed,
        Some(LossScale::Dynamic(_)) => Scale::Dynamic,
    };
    let mut chosen = now;
    let help = "What the loss is multiplied by, so that small gradients are not 0 in 16 bits.";
    let ways = [("none", Scale::None), ("fixed", Scale::Fixed), ("dynamic", Scale::Dynamic)];
    if choice(ui, "Loss scale", help, &mut chosen, &ways) && chosen != now {
        *scale = match chosen {
            Scale::None => None,
            Scale::Fixed => Some(LossScale::Fixed(1024.0)),
            Scale::Dynamic => Some(LossScale::Dynamic(Dynamic::default())),
        };
    }
    let scales = |label, help| Amount::number(label, help, 1.0..=1e6).logarithmic().limits(1e-9..=1e30);
    match scale {
        None => {}
        Some(LossScale::Fixed(scale)) => {
            let help = "An update whose gradient overflows at it is left out.";
            amount(ui, &scales("Scale", help), scale);
        }
        Some(LossScale::Dynamic(rule)) => {
            amount(ui, &scales("Begins at", "The loss scale of the first update."), &mut rule.init);
            let help = "Updates in a row without overflow after which it grows.";
            whole(
                ui,
                &Amount::whole("Grows after", help, 1.0..=4000.0).limits(1.0..=1e9),
                &mut rule.interval,
            );
            let help = "What it is multiplied by when it grows.";
            amount(ui, &Amount::number("Growth", help, 1.1..=4.0).limits(1.0 + 1e-6..=1e6), &mut rule.growth);
            let help = "What it is multiplied by after an overflow.";
            amount(
                ui,
                &Amount::number("Backoff", help, 0.1..=0.9).limits(1e-6..=1.0 - 1e-6),
                &mut rule.backoff,
            );
        }
    }
}

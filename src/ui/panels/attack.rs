//! What models are attacked with, to tell how robust they are and to make them so.

use eframe::egui::Ui;

use crate::experiment::attack::AttackKind;
use crate::experiment::{Attack, Experiment, Model};
use crate::ui::widgets::{Amount, amount, check, choice, count};

pub fn show(ui: &mut Ui, experiment: &mut Experiment) {
    let is_none = matches!(experiment.model, Model::Surface { .. }) || experiment.model.reads_text();
    if is_none || experiment.data.validation == 0.0 {
        experiment.train.attack = None;
        return;
    }
    let attack = &mut experiment.train.attack;
    let now = attack.map(|attack| attack.kind);
    let mut chosen = now;
    let help =
        "Changes inputs a little so that the model errs: the accuracy left is a quantity of the middle plot.";
    let kinds = [
        ("none", None),
        ("FGSM: one step", Some(AttackKind::Fgsm)),
        ("PGD: several steps", Some(AttackKind::Pgd)),
    ];
    if choice(ui, "Attack", help, &mut chosen, &kinds) && chosen != now {
        let usual = Attack { kind: AttackKind::Pgd, eps: 0.1, steps: Attack::STEPS, train: false };
        *attack = chosen.map(|kind| Attack { kind, ..attack.unwrap_or(usual) });
    }
    let Some(attack) = attack else { return };
    let help = "The most that a number of an input is changed by; 1 is the deviation of an average input.";
    amount(
        ui,
        &Amount::number("Strength ε", help, 0.01..=1.0).logarithmic().limits(1e-6..=1e3),
        &mut attack.eps,
    );
    if attack.kind == AttackKind::Pgd {
        let help = "Steps, each a quarter of the strength long.";
        count(ui, &Amount::whole("Steps", help, 1.0..=20.0).limits(1.0..=1000.0), &mut attack.steps);
    }
    let help = "Training sees attacked samples in place of its own. It takes several times as long.";
    check(ui, "Train on attacked samples", help, &mut attack.train);
}

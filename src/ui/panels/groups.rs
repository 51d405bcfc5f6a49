//! The selected run's parameter groups: which parameters, and the numbers they learn by.

use eframe::egui::{TextEdit, Ui};

use crate::experiment::group::MOST;
use crate::experiment::{Decay, Experiment, Group, GroupRate, Model, Pattern, Run};
use crate::schedule::kind::Constant;
use crate::schedule::{Clock, Kind, Span};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, amount, check, choice, row};

use super::courses::scheduled;
use super::rule;
use super::schedule::{Quantity, Units, span_row};

/// How a group's rate follows the run's.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Factor,
    Own,
}

pub fn show(ui: &mut Ui, experiment: &Experiment, run: &mut Run, clock: Clock) {
    let mut matrices = run.decay == Decay::Matrices;
    let help = "Biases, and the gains and biases of norms, do not decay: what transformers and timm do.";
    if check(ui, "Decay matrices only", help, &mut matrices) {
        run.decay = if matrices { Decay::Matrices } else { Decay::All };
    }
    let mut removed = None;
    let count = run.groups.len();
    for at in 0..count {
        rule(ui);
        ui.push_id(("group", at), |ui| {
            if one(ui, &experiment.model, run, at, clock) {
                removed = Some(at);
            }
        });
    }
    if let Some(at) = removed {
        run.groups.remove(at);
    }
    rule(ui);
    ui.add_enabled_ui(count < MOST && free(&experiment.model, run).is_some(), |ui| {
        let help = "Parameters with a rate, a weight decay or a frozen beginning of their own.";
        if ui.button("Add parameter group").on_hover_text(help).clicked()
            && let Some(pattern) = free(&experiment.model, run)
        {
            run.groups.push(Group::new(&pattern));
        }
    });
}

/// A pattern that holds a parameter which no group of the run has.
fn free(model: &Model, run: &Run) -> Option<String> {
    let parameters = model.parameters();
    let layers = (0..=parameters.last()?.layer).map(|layer| format!("layer {layer}"));
    let words = ["head", "bias", "norm", "embedding"].map(str::to_owned);
    let names = parameters.iter().map(|parameter| parameter.name.clone());
    words.into_iter().chain(layers).chain(names).find(|pattern| fits(model, run, run.groups.len(), pattern))
}

/// Whether a group of this pattern at a place of the run's leaves every group of it something.
fn fits(model: &Model, run: &Run, at: usize, pattern: &str) -> bool {
    let mut with = run.clone();
    match with.groups.get_mut(at) {
        Some(group) => group.pattern = Pattern::new(pattern),
        None => with.groups.push(Group::new(pattern)),
    }
    with.idle_group(&model.parameters()).is_none()
}

/// A group's fields; whether it is to be removed.
fn one(ui: &mut Ui, model: &Model, run: &mut Run, at: usize, clock: Clock) -> bool {
    let Some(mut group) = run.groups.get(at).cloned() else { return false };
    let mut removed = false;
    if let Some(pattern) = pattern(ui, model, run, at, &group) {
        group.pattern = Pattern::new(&pattern);
    }
    let is_free = run.optimizer.kind.is_schedule_free();
    let mut form = if matches!(group.lr, GroupRate::Factor(_)) { Form::Factor } else { Form::Own };
    let forms = [("Times the run's", Form::Factor), ("On its own schedule", Form::Own)];
    let forms = if is_free { &forms[..1] } else { &forms[..] };
    if choice(ui, "Rate", "The rate of these parameters.", &mut form, forms) {
        group.lr = match form {
            Form::Factor => GroupRate::Factor(1.0),
            Form::Own => {
                let peak = run.lr.resolve(clock).map_or(0.1, |curve| curve.range().1);
                GroupRate::Schedule(Box::new(Kind::Constant(Constant { peak }).into()))
            }
        };
    }
    match &mut group.lr {
        GroupRate::Factor(factor) => {
            let spec = Amount::number("Factor", "What the run's rate is multiplied by.", 0.0..=10.0);
            amount(ui, &spec.limits(0.0..=1e6), factor);
        }
        GroupRate::Schedule(own) => scheduled(ui, own, Quantity::Rate, clock),
    }
    let mut decays = group.weight_decay.is_some();
    if check(ui, "Own weight decay", "In place of the optimizer's.", &mut decays) {
        group.weight_decay = decays.then_some(0.0);
    }
    if let Some(decay) = &mut group.weight_decay {
        let spec = Amount {
            range: 0.0..=1.0,
            ..Amount::rate("Decay λ", "How strongly weights are pulled towards zero.")
        };
        amount(ui, &spec.limits(0.0..=1e6), decay);
    }
    let mut freezes = group.freeze.is_some();
    let help = "For the beginning of the run these parameters stay as they are.";
    if check(ui, "Frozen at first", help, &mut freezes) {
        group.freeze = freezes.then_some(Span::Percent(20.0));
    }
    if group.freeze.is_some() {
        span_row(ui, "Frozen for", help, &mut group.freeze, Units::All, clock);
    }
    if ui.button("Remove group").clicked() {
        removed = true;
    }
    if let Some(slot) = run.groups.get_mut(at) {
        *slot = group;
    }
    removed
}

/// The field of a group's pattern: what is typed counts once it matches.
fn pattern(ui: &mut Ui, model: &Model, run: &Run, at: usize, group: &Group) -> Option<String> {
    let words: Vec<String> = Pattern::WORDS.iter().map(|(word, about)| format!("{word}: {about}")).collect();
    let help = format!(
        "Which parameters, the group's name. layer N, a glob such as *.bias, or\n{}",
        words.join("\n")
    );
    let typed_at = ui.scope_id().with("pattern");
    let mut text =
        ui.data(|data| data.get_temp::<String>(typed_at)).unwrap_or_else(|| group.name().to_owned());
    let mut done = None;
    row(ui, "Matches", &help, |ui, id| {
        let field = TextEdit::singleline(&mut text).desired_width(ui.available_width() - metrics::XS);
        let response = ui.add(field).labelled_by(id);
        if response.changed() {
            ui.data_mut(|data| data.insert_temp(typed_at, text.clone()));
        }
        if response.lost_focus() {
            ui.data_mut(|data| data.remove::<String>(typed_at));
            done = Some(text.clone());
        }
    });
    if !fits(model, run, at, &text) {
        let tokens = theme::tokens(ui);
        ui.label(theme::caption(ui, "Matches no parameter that is left").color(tokens.warning));
    }
    done.filter(|text| text != group.name() && fits(model, run, at, text))
}

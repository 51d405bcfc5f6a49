//! What all runs share: the data, the model, the length and the seed.

use eframe::egui::{TextEdit, Ui};

use crate::data::CATALOGUE;
use crate::experiment::{Activation, BatchSize, Data, Experiment, Loss, Model, Source, Train, WeightFormat};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice, row, whole};

use super::rule;
use super::schedule::span_row;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let now = studio.document.experiment();
    let mut next = Experiment { runs: Vec::new(), ..now.clone() };
    let before = next.clone();
    let clock = studio.clock();
    ui.label(theme::caption(ui, "Shared by all runs. A change here trains them anew."));
    data(ui, &mut next);
    rule(ui);
    model(ui, &mut next.model);
    if studio.frame.status.parameters > 0 {
        let count = format::count(studio.frame.status.parameters as u64);
        row(ui, "Weights", "Learnable numbers of one run.", |ui, _| ui.label(theme::value(ui, count)));
    }
    rule(ui);
    train(ui, &mut next.train, clock);
    if next != before {
        studio.document.edit(|experiment| {
            let runs = std::mem::take(&mut experiment.runs);
            *experiment = Experiment { runs, ..next };
        });
    }
}

fn data(ui: &mut Ui, experiment: &mut Experiment) {
    let names: Vec<(&str, usize)> = CATALOGUE
        .iter()
        .enumerate()
        .filter(|(_, info)| can_train(&experiment.model, info.name))
        .map(|(at, info)| (info.title, at))
        .collect();
    match &experiment.data.source {
        Source::Shipped(name) => {
            let at = CATALOGUE.iter().position(|info| info.name == name);
            let about = at.and_then(|at| CATALOGUE.get(at)).map_or("", |info| info.about);
            let mut chosen = at.unwrap_or_default();
            if choice(ui, "Data", about, &mut chosen, &names)
                && let Some(info) = CATALOGUE.get(chosen)
            {
                experiment.data.source = Source::Shipped(info.name.to_owned());
                experiment.train.loss = Loss::usual(&experiment.data.source);
            }
            if !about.is_empty() {
                ui.label(theme::caption(ui, about));
            }
        }
        Source::File { path, label } => {
            let text = format!("{}, predicting {label}", path.display());
            row(ui, "Data", "A table of your own.", |ui, _| ui.label(text));
        }
        Source::None => {}
    }
    batch(ui, &mut experiment.data);
    let held_out = Amount::number("Held out", "The share of the samples kept for validation.", 0.0..=0.5)
        .limits(0.0..=0.95);
    amount(ui, &held_out, &mut experiment.data.validation);
    let noise =
        Amount::number("Label noise", "The share of training labels replaced by random ones.", 0.0..=1.0);
    amount(ui, &noise, &mut experiment.data.label_noise);
    let mut limited = experiment.data.limit.is_some();
    if check(ui, "Fewer samples", "Only the first of the shuffled training samples.", &mut limited) {
        experiment.data.limit = limited.then_some(500);
    }
    if let Some(limit) = &mut experiment.data.limit {
        let mut number = *limit as u64;
        let spec = Amount::whole("Samples", "Training samples that are used.", 10.0..=10_000.0)
            .logarithmic()
            .limits(1.0..=1e7);
        if whole(ui, &spec, &mut number) {
            *limit = number.max(1) as usize;
        }
    }
}

/// Whether a model can learn from a data set: characters want a transformer, and only they do.
fn can_train(model: &Model, data: &str) -> bool {
    matches!(model, Model::Transformer { .. }) == (data == "shakespeare")
}

fn batch(ui: &mut Ui, data: &mut Data) {
    let mut all = data.batch_size == BatchSize::All;
    if let BatchSize::Samples(size) = &mut data.batch_size {
        let mut number = *size as u64;
        let spec = Amount::whole("Batch size", "Samples in one update.", 1.0..=1024.0)
            .logarithmic()
            .limits(1.0..=1e6);
        if whole(ui, &spec, &mut number) {
            *size = number.max(1) as usize;
        }
    }
    if check(ui, "Full batch", "Every update sees the whole training set.", &mut all) {
        data.batch_size = if all { BatchSize::All } else { BatchSize::Samples(64) };
    }
}

fn model(ui: &mut Ui, model: &mut Model) {
    match model {
        Model::Mlp { hidden, activation } => {
            row(ui, "Model", "Fully connected layers.", |ui, _| ui.label("Perceptron"));
            layers(ui, hidden);
            let names = [("tanh", Activation::Tanh), ("ReLU", Activation::Relu), ("GELU", Activation::Gelu)];
            choice(ui, "Activation", "The nonlinearity between layers.", activation, &names);
        }
        Model::Cnn { channels } => {
            let text = format!("Convolutions: {}", list(channels));
            row(ui, "Model", "3x3 convolutions with pooling.", |ui, _| ui.label(text));
        }
        Model::Transformer { layers, width, .. } => {
            let text = format!("Transformer, {layers} layers of width {width}");
            row(ui, "Model", "Predicts the next character.", |ui, _| ui.label(text));
        }
        Model::Surface { .. } => {
            row(ui, "Model", "Two weights and an analytic loss.", |ui, _| ui.label("Surface"));
        }
    }
}

fn list(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// The widths of the hidden layers, as a list of numbers.
fn layers(ui: &mut Ui, hidden: &mut Vec<usize>) {
    let id = ui.scope_id().with("hidden layers");
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| list(hidden));
    row(ui, "Layers", "Neurons in each hidden layer, first layer first.", |ui, label| {
        let field = TextEdit::singleline(&mut text)
            .font(theme::number())
            .hint_text("none")
            .desired_width(ui.available_width());
        let response = ui.add(field).labelled_by(label);
        let parsed: Option<Vec<usize>> = text
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok().filter(|size| (1..=4096).contains(size)))
            .collect();
        if response.has_focus() {
            ui.data_mut(|data| data.insert_temp(id, text.clone()));
            if parsed.is_none() {
                response.on_hover_text("Numbers from 1 to 4,096, with commas between them.");
            }
        } else if response.lost_focus() {
            if let Some(parsed) = parsed.filter(|parsed| parsed.len() <= 16) {
                *hidden = parsed;
            }
            ui.data_mut(|data| data.remove::<String>(id));
        }
    });
}

fn train(ui: &mut Ui, train: &mut Train, clock: crate::schedule::Clock) {
    let mut length = Some(train.updates);
    if span_row(ui, "Length", "How long every run trains.", &mut length, false, long(clock))
        && let Some(length) = length
    {
        train.updates = length;
    }
    whole(
        ui,
        &Amount::whole("Seed", "Every random draw comes from it.", 0.0..=99.0).limits(0.0..=1e15),
        &mut train.seed,
    );
    let mut replicas = train.replicas as u64;
    if whole(
        ui,
        &Amount::whole("Replicas", "Each run under so many seeds.", 1.0..=16.0).limits(1.0..=256.0),
        &mut replicas,
    ) {
        train.replicas = replicas.max(1) as usize;
    }
    let mut accumulate = train.accumulate as u64;
    let spec = Amount::whole("Accumulate", "Batches whose mean gradient makes one update.", 1.0..=16.0)
        .limits(1.0..=1024.0);
    if whole(ui, &spec, &mut accumulate) {
        train.accumulate = accumulate.max(1) as usize;
    }
    let losses = [("Cross-entropy", Loss::CrossEntropy), ("Squared error", Loss::Mse)];
    choice(ui, "Loss", "What training makes small.", &mut train.loss, &losses);
    let formats = [("f32", WeightFormat::F32), ("bf16", WeightFormat::Bf16), ("f16", WeightFormat::F16)];
    choice(
        ui,
        "Weights as",
        "What stored weights are rounded to after each update.",
        &mut train.weights,
        &formats,
    );
    let mut clips = train.clip_norm.is_some();
    if check(ui, "Clip the gradient", "Shorten gradients that are longer than this.", &mut clips) {
        train.clip_norm = clips.then_some(1.0);
    }
    if let Some(norm) = &mut train.clip_norm {
        amount(
            ui,
            &Amount {
                range: 0.01..=10.0,
                limits: 1e-9..=1e9,
                ..Amount::rate("Norm", "The longest gradient an update uses.")
            },
            norm,
        );
    }
}

/// A run may get longer than it is: the slider of its length reaches five times as far.
fn long(clock: crate::schedule::Clock) -> crate::schedule::Clock {
    crate::schedule::Clock { updates: clock.updates.saturating_mul(5), ..clock }
}

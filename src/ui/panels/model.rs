//! Which model learns.

use eframe::egui::{Button, TextEdit, Ui};

use crate::data::Shape;
use crate::experiment::start::Head;
use crate::experiment::{Activation, Experiment, Model, Norm, Source, Start, SurfaceFunction, Window};
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice, count, row};

/// The widest layer that can be typed, and the most of them.
const WIDEST: usize = 4096;
const MOST: usize = 16;

/// What a context is.
const CONTEXT: &str = "Characters the model looks back on.";

/// The families of models.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Perceptron,
    Convolutional,
    Transformer,
    Surface,
}

const FAMILIES: [(&str, Family); 4] = [
    ("Perceptron", Family::Perceptron),
    ("Convolutional", Family::Convolutional),
    ("Transformer", Family::Transformer),
    ("Surface", Family::Surface),
];

pub fn show(ui: &mut Ui, experiment: &mut Experiment) {
    shape(ui, experiment);
    if experiment.data.source != Source::None {
        beginning(ui, &mut experiment.start);
    }
}

/// Which weights training begins with.
fn beginning(ui: &mut Ui, start: &mut Option<Start>) {
    let id = ui.scope_id().with("weights to begin with");
    if let Some(taken) = start {
        let path = taken.path.display().to_string();
        row(ui, "Weights of", "The training whose weights this one begins with.", |ui, _| {
            ui.label(theme::caption(ui, path));
        });
        let mut new = taken.head == Head::New;
        if check(ui, "New head", "The last layer begins with random weights.", &mut new) {
            taken.head = if new { Head::New } else { Head::Fitting };
        }
        if ui.add(Button::new("Begin with random weights")).clicked() {
            *start = None;
        }
        return;
    }
    let mut draft: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    row(ui, "Weights of", "Begin with the weights of a saved training, to fine-tune them.", |ui, label| {
        let width = ui.available_width();
        let field = TextEdit::singleline(&mut draft).hint_text("random; or a training's folder");
        let field = ui.add(field.desired_width(width)).labelled_by(label);
        let is_there = std::path::Path::new(draft.trim()).exists();
        if field.lost_focus() && !draft.trim().is_empty() && is_there {
            *start = Some(Start::new(draft.trim().into()));
            draft.clear();
        }
    });
    ui.data_mut(|data| data.insert_temp(id, draft));
}

fn shape(ui: &mut Ui, experiment: &mut Experiment) {
    let suitable: Vec<(&str, Family)> =
        FAMILIES.into_iter().filter(|(_, family)| suits(*family, &experiment.data.source)).collect();
    let now = family(&experiment.model);
    let mut chosen = now;
    if choice(ui, "Model", "What learns; the choice is what suits the data.", &mut chosen, &suitable) {
        experiment.model = model(chosen, &experiment.data.source);
    }
    match &mut experiment.model {
        Model::Mlp { hidden, activation, window } => {
            if let Some(Window { context, embedding }) = window {
                count(ui, &Amount::whole("Context", CONTEXT, 2.0..=32.0).limits(1.0..=4096.0), context);
                let help = "Numbers that stand for a character.";
                count(ui, &Amount::whole("Embedding", help, 4.0..=64.0).limits(1.0..=4096.0), embedding);
            }
            sizes(ui, "Layers", "Neurons in each hidden layer, first layer first.", hidden);
            let names = [("tanh", Activation::Tanh), ("ReLU", Activation::Relu), ("GELU", Activation::Gelu)];
            choice(ui, "Activation", "The nonlinearity between layers.", activation, &names);
        }
        Model::Cnn { channels } => {
            sizes(ui, "Channels", "Filters in each convolution, first one first.", channels);
        }
        Model::Transformer { layers, width, heads, context, norm } => {
            count(ui, &Amount::whole("Layers", "Blocks.", 1.0..=8.0).limits(1.0..=64.0), layers);
            let help = "Numbers that stand for a character; a multiple of the heads.";
            count(ui, &Amount::whole("Width", help, 8.0..=128.0).limits(1.0..=4096.0), width);
            count(ui, &Amount::whole("Heads", "Attention heads.", 1.0..=8.0).limits(1.0..=256.0), heads);
            count(ui, &Amount::whole("Context", CONTEXT, 8.0..=128.0).limits(1.0..=4096.0), context);
            let names = [("before each part", Norm::Pre), ("after the sum", Norm::Post)];
            choice(ui, "Normalise", "Where a block normalises; after the sum needs a warmup.", norm, &names);
        }
        Model::Surface { function, start, noise } => {
            let names = [
                ("Quadratic", SurfaceFunction::Quadratic),
                ("Rosenbrock", SurfaceFunction::Rosenbrock),
                ("Beale", SurfaceFunction::Beale),
                ("Himmelblau", SurfaceFunction::Himmelblau),
                ("Saddle", SurfaceFunction::Saddle),
            ];
            choice(ui, "Function", "The loss over the two weights.", function, &names);
            for (name, at) in ["Start x", "Start y"].into_iter().zip(start) {
                let spec = Amount::number(name, "Where the weights start.", -5.0..=5.0).limits(-1e6..=1e6);
                amount(ui, &spec, at);
            }
            let help = "How far gradients stray from the true ones.";
            amount(ui, &Amount::number("Noise", help, 0.0..=5.0).limits(0.0..=1e6), noise);
        }
    }
}

/// Replaces a model that cannot learn from the experiment's data.
pub fn suit(experiment: &mut Experiment) {
    let source = &experiment.data.source;
    let now = family(&experiment.model);
    if suits(now, source) && (now != Family::Perceptron || experiment.model.reads_text() == is_text(source)) {
        return;
    }
    let mut suitable = FAMILIES.into_iter().map(|(_, family)| family).filter(|family| suits(*family, source));
    let first = if is_text(source) { Some(Family::Transformer) } else { suitable.next() };
    if let Some(family) = first {
        experiment.model = model(family, source);
    }
}

fn family(model: &Model) -> Family {
    match model {
        Model::Mlp { .. } => Family::Perceptron,
        Model::Cnn { .. } => Family::Convolutional,
        Model::Transformer { .. } => Family::Transformer,
        Model::Surface { .. } => Family::Surface,
    }
}

/// A model of a family that learns from such data, of a size that trains in seconds.
fn model(family: Family, source: &Source) -> Model {
    match family {
        Family::Perceptron if is_text(source) => {
            let window = Some(Window { context: 8, embedding: Window::EMBEDDING });
            Model::Mlp { hidden: vec![96], activation: Activation::Tanh, window }
        }
        Family::Perceptron => Model::Mlp { hidden: vec![64], activation: Activation::Tanh, window: None },
        Family::Convolutional => Model::Cnn { channels: vec![16, 32] },
        Family::Transformer => {
            Model::Transformer { layers: 2, width: 32, heads: 4, context: 32, norm: Norm::Pre }
        }
        Family::Surface => {
            Model::Surface { function: SurfaceFunction::Rosenbrock, start: [-1.5, 2.0], noise: 0.0 }
        }
    }
}

fn is_text(source: &Source) -> bool {
    source.shipped().is_some_and(|info| info.shape == Shape::Sequence)
}

/// A transformer reads characters only, pictures may have convolutions, and a surface is its own data.
fn suits(family: Family, source: &Source) -> bool {
    let shape = source.shipped().map(|info| info.shape);
    match family {
        Family::Surface => *source == Source::None,
        Family::Transformer => shape == Some(Shape::Sequence),
        Family::Convolutional => matches!(shape, Some(Shape::Image { .. })),
        Family::Perceptron => *source != Source::None,
    }
}

/// Widths as a list of numbers.
fn sizes(ui: &mut Ui, label: &str, help: &str, sizes: &mut Vec<usize>) {
    let id = ui.scope_id().with(label);
    let written = || sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(written);
    row(ui, label, help, |ui, name| {
        let width = ui.available_width();
        let field =
            TextEdit::singleline(&mut text).font(theme::number()).hint_text("none").desired_width(width);
        let response = ui.add(field).labelled_by(name);
        let parsed: Option<Vec<usize>> = text
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok().filter(|size| (1..=WIDEST).contains(size)))
            .collect();
        if response.has_focus() {
            ui.data_mut(|data| data.insert_temp(id, text.clone()));
            if parsed.is_none() {
                response.on_hover_text("Numbers from 1 to 4,096, with commas between them.");
            }
        } else if response.lost_focus() {
            if let Some(parsed) = parsed.filter(|parsed| parsed.len() <= MOST) {
                *sizes = parsed;
            }
            ui.data_mut(|data| data.remove::<String>(id));
        }
    });
}

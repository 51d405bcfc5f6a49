//! Another data set, with a model, an optimizer and a length that suit it.

use crate::analysis::detect::Remedy;
use crate::data::DatasetInfo;
use crate::experiment::{
    Activation, BatchSize, Data, Experiment, Loss, Model, Optimizer, OptimizerKind, Source,
};
use crate::schedule::{Clock, Span};

use crate::ui::format;

use super::model;

/// What suits a shipped set: the hidden layers of a perceptron, the samples of an update, and the length.
struct Suit {
    name: &'static str,
    hidden: &'static [usize],
    batch: usize,
    length: Span,
}

const fn suit(name: &'static str, hidden: &'static [usize], batch: usize, length: Span) -> Suit {
    Suit { name, hidden, batch, length }
}

/// Where there is no row, the last one holds.
const SUITS: [Suit; 9] = [
    suit("digits", &[64], 64, Span::Epochs(20.0)),
    suit("fashion14", &[64], 16, Span::Epochs(4.0)),
    suit("mnist1d", &[64], 16, Span::Epochs(6.0)),
    suit("penguins", &[16], 16, Span::Epochs(40.0)),
    suit("wine_quality", &[32], 32, Span::Epochs(30.0)),
    suit("shakespeare", &[96], 16, Span::Updates(600.0)),
    suit("spirals", &[32, 32], 32, Span::Epochs(60.0)),
    suit("sine", &[32, 32], 32, Span::Epochs(40.0)),
    suit("", &[32], 32, Span::Epochs(20.0)),
];

/// The highest rate of runs that get AdamW, and a length to ask schedules for theirs.
const ADAMW_PEAK: f64 = 0.01;
const LENGTH: Clock = Clock { updates: 1000, updates_per_epoch: 50 };

/// Gives the experiment other data, with what suits it, and says so.
pub fn choose(experiment: &mut Experiment, source: Source) -> String {
    let before = std::mem::replace(&mut experiment.data.source, source);
    let source = &experiment.data.source;
    experiment.train.loss = Loss::usual(source);
    experiment.data.columns.clear();
    // Their classes and shapes are those of the data before.
    experiment.data.phases.clear();
    if *source == Source::None {
        // A surface has no samples to deal out, and no epochs to count.
        experiment.data = Data::new(Source::None);
        experiment.train.updates = match experiment.train.updates {
            Span::Updates(updates) => Span::Updates(updates.min(1000.0)),
            Span::Epochs(_) | Span::Percent(_) => Span::Updates(1000.0),
        };
        experiment.train.stop = None;
        experiment.start = None;
        experiment.team = None;
    } else {
        let name = source.shipped().map_or("", |info| info.name);
        let suit = SUITS.iter().find(|suit| suit.name == name).or(SUITS.last());
        if let Some(Suit { hidden, batch, length, .. }) = suit {
            experiment.data.batch_size = BatchSize::Samples(*batch);
            experiment.data.limit = None;
            experiment.train.updates = *length;
            experiment.model =
                Model::Mlp { hidden: hidden.to_vec(), activation: Activation::Relu, window: None };
        }
    }
    model::suit(experiment);
    if matches!(experiment.model, Model::Surface { .. }) || experiment.model.reads_text() {
        experiment.train.attack = None;
    }
    let adaptive = suit_optimizers(experiment);
    let title = experiment.data.source.shipped().map(|info| info.title);
    rename(experiment, &before, title);
    let length = match experiment.train.updates {
        Span::Epochs(epochs) => format!("{} epochs", format::significant(epochs, 3)),
        Span::Updates(updates) => format!("{} updates", format::count(updates as u64)),
        Span::Percent(share) => format!("{share} %"),
    };
    let batch = match experiment.data.batch_size {
        BatchSize::Samples(samples) if experiment.data.source != Source::None => {
            format!(", {samples} samples an update")
        }
        _ => String::new(),
    };
    format!(
        "{}: {}{batch}, {length}{}. Undo takes it back.",
        title.unwrap_or("Other data"),
        in_words(&experiment.model),
        if adaptive { format!(", AdamW with a peak of {ADAMW_PEAK}") } else { String::new() }
    )
}

fn in_words(model: &Model) -> String {
    match model {
        Model::Mlp { hidden, .. } => {
            let sizes = hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(" and ");
            format!("a perceptron with {sizes} hidden units")
        }
        Model::Cnn { channels } => format!("{} convolutions", channels.len()),
        Model::Transformer { layers, width, .. } => {
            format!("a transformer of {layers} layers, {width} wide")
        }
        Model::Surface { .. } => "two weights".to_owned(),
    }
}

/// Attention hardly learns by plain gradients: runs that follow them get AdamW, and peaks for it. Whether any did.
fn suit_optimizers(experiment: &mut Experiment) -> bool {
    let text = experiment.data.source.shipped().is_some_and(DatasetInfo::is_text);
    let plain: Vec<usize> =
        (0..experiment.runs.len()).filter(|at| experiment.runs[*at].optimizer.kind.is_plain()).collect();
    if !text || plain.is_empty() {
        return false;
    }
    let peak = |at: &usize| experiment.runs[*at].lr.resolve(LENGTH).map_or(0.0, |curve| curve.range().1);
    let peak = plain.iter().map(peak).fold(0.0, f64::max);
    for at in plain {
        experiment.runs[at].optimizer = Optimizer::new(OptimizerKind::AdamW);
        // One factor for all: what was compared is compared still.
        if peak > 0.0 {
            Remedy::ScaleRate(ADAMW_PEAK / peak).apply(experiment, at);
        }
    }
    true
}

/// A name that says what the data was says what it is.
fn rename(experiment: &mut Experiment, before: &Source, title: Option<&str>) {
    let name = experiment.name.to_lowercase();
    let says_before = before.shipped().is_some_and(|info| {
        name.contains(&info.name.replace('_', " ")) || name.contains(&info.title.to_lowercase())
    });
    if says_before {
        title.unwrap_or("A surface").clone_into(&mut experiment.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::CATALOGUE;
    use crate::ui::document::first;

    #[test]
    fn every_set_gets_what_trains_on_it_in_seconds_and_a_sentence() {
        for info in &CATALOGUE {
            let mut experiment = first().unwrap();
            let said = choose(&mut experiment, Source::Shipped(info.name.into()));
            assert!(said.starts_with(info.title) && said.ends_with("Undo takes it back."), "{said}");
            let again = Experiment::parse(&experiment.to_toml(), "suited.toml").unwrap();
            assert_eq!(again, experiment, "{}", info.name);
            let BatchSize::Samples(batch) = experiment.data.batch_size else { panic!("{said}") };
            let per_epoch = (info.samples / batch).max(1) as u64;
            let guess = Clock { updates: 1000, updates_per_epoch: per_epoch };
            assert!(experiment.train.updates.whole_updates(guess) <= 3000, "{}", info.name);
        }
    }

    #[test]
    fn text_gets_adamw_a_length_and_another_name() {
        let mut experiment = first().unwrap();
        let ratio = |experiment: &Experiment| {
            let peak = |at: usize| experiment.runs[at].lr.resolve(LENGTH).unwrap().range().1;
            peak(0) / peak(1)
        };
        let before = ratio(&experiment);
        let said = choose(&mut experiment, Source::Shipped("shakespeare".into()));
        assert!(
            said.contains("transformer") && said.contains("AdamW") && said.contains("600 updates"),
            "{said}"
        );
        assert!(experiment.runs.iter().all(|run| run.optimizer.kind == OptimizerKind::AdamW));
        assert!((ratio(&experiment) - before).abs() < 1e-9);
        assert!(!experiment.name.to_lowercase().contains("mnist"), "{}", experiment.name);
    }
}

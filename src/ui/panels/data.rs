//! Which data, and how it is dealt out.

use std::path::{Path, PathBuf};

use eframe::egui::{Button, Context, Id, TextEdit, Ui};

use crate::data::{CATALOGUE, TableReport};
use crate::experiment::{BatchSize, Data, Experiment, Source};
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::view::Tab;
use crate::ui::widgets::{Amount, amount, check, choice, count, row};

use super::map::mapped;
use super::table_preview;

/// What the picker of data sets offers.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Shipped(usize),
    /// A table of one's own.
    Table,
    /// None: an analytic surface.
    Surface,
}

/// A table being named: its path and the column to predict, before both are there.
type Draft = (String, String);

/// Where the table being named is kept.
fn draft_id() -> Id {
    Id::unique("table draft")
}

/// Shows the form with a table on its way in: its column to predict is still to be chosen.
pub fn offer(ctx: &Context, studio: &mut Studio, path: &Path) {
    ctx.data_mut(|data| data.insert_temp::<Draft>(draft_id(), (path.display().to_string(), String::new())));
    studio.view.tab = Tab::Experiment;
}

/// `table`: what became of the experiment's table, once it is read. The other data that were chosen.
pub fn show(ui: &mut Ui, experiment: &mut Experiment, table: Option<&TableReport>) -> Option<Source> {
    let chosen = source(ui, experiment);
    if let (Source::File { label, .. }, Some(report)) = (&mut experiment.data.source, table) {
        table_preview::show(ui, report, label, &mut experiment.data.columns);
    }
    if experiment.data.source != Source::None {
        dealing(ui, &mut experiment.data);
    }
    chosen
}

fn source(ui: &mut Ui, experiment: &Experiment) -> Option<Source> {
    let mut other = None;
    let id = draft_id();
    let draft = ui.data(|data| data.get_temp::<Draft>(id));
    let now = match (&draft, &experiment.data.source) {
        (Some(_), _) | (None, Source::File { .. }) => Choice::Table,
        (None, Source::None) => Choice::Surface,
        (None, Source::Shipped(name)) => {
            Choice::Shipped(CATALOGUE.iter().position(|info| info.name == name).unwrap_or_default())
        }
    };
    let shipped = CATALOGUE.iter().enumerate().map(|(at, info)| (info.title, Choice::Shipped(at)));
    let own = [("A table of your own", Choice::Table), ("None: a surface", Choice::Surface)];
    let options: Vec<(&str, Choice)> = shipped.chain(own).collect();
    let mut chosen = now;
    if choice(ui, "Data", "What is learned.", &mut chosen, &options) {
        ui.data_mut(|data| data.remove::<Draft>(id));
        match chosen {
            Choice::Shipped(at) => {
                other = CATALOGUE.get(at).map(|info| Source::Shipped(info.name.to_owned()));
            }
            Choice::Table => {
                ui.data_mut(|data| data.insert_temp(id, Draft::default()));
            }
            Choice::Surface => other = Some(Source::None),
        }
    }
    match (&experiment.data.source, now) {
        (source, Choice::Table) => {
            let named = match source {
                Source::File { path, label } => (path.display().to_string(), label.clone()),
                Source::Shipped(_) | Source::None => Draft::default(),
            };
            let committed = matches!(source, Source::File { .. }).then(|| named.0.clone());
            other = table(ui, id, draft.unwrap_or(named), committed.as_deref()).or(other);
        }
        (Source::None, _) => {
            ui.label(theme::caption(ui, "Two weights on an analytic loss: a schedule steers a point."));
        }
        (source, _) => {
            ui.label(theme::caption(ui, source.shipped().map_or("", |info| info.about)));
        }
    }
    other
}

/// The fields that name a table; its source when both are filled and confirmed. `committed`: the file that is in use.
fn table(ui: &mut Ui, id: Id, mut draft: Draft, committed: Option<&str>) -> Option<Source> {
    let before = draft.clone();
    let field = |ui: &mut Ui, name: &str, help: &str, hint: &'static str, text: &mut String| {
        row(ui, name, help, |ui, label| {
            let width = ui.available_width();
            ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(width)).labelled_by(label);
        });
    };
    field(ui, "File", "A CSV file with a header line.", "table.csv", &mut draft.0);
    field(ui, "Predict", "The column to predict.", "column name", &mut draft.1);
    let path = draft.0.trim().to_owned();
    let is_new = committed.is_none_or(|committed| committed != path);
    if is_new
        && Path::new(&path).is_file()
        && let Some(label) = table_preview::pick(ui, &path)
    {
        draft.1 = label;
    }
    if draft != before {
        ui.data_mut(|data| data.insert_temp(id, draft.clone()));
    }
    let ready = !draft.0.trim().is_empty() && !draft.1.trim().is_empty();
    if ui.add_enabled(ready, Button::new("Use this table")).clicked() {
        ui.data_mut(|data| data.remove::<Draft>(id));
        let (path, label) = (PathBuf::from(draft.0.trim()), draft.1.trim().to_owned());
        return Some(Source::File { path, label });
    }
    None
}

fn dealing(ui: &mut Ui, data: &mut Data) {
    let mut all = data.batch_size == BatchSize::All;
    if let BatchSize::Samples(size) = &mut data.batch_size {
        let spec = Amount::whole("Batch size", "Samples in one update.", 1.0..=1024.0).logarithmic();
        mapped(ui, "data.batch_size", |ui| count(ui, &spec.limits(1.0..=1e6), size));
    }
    if check(ui, "Full batch", "Every update sees the whole training set.", &mut all) {
        data.batch_size = if all { BatchSize::All } else { BatchSize::Samples(64) };
    }
    let help = "PyTorch's loaders keep the samples that fill no batch, and the last update of an epoch is smaller then.";
    let mut keeps = !data.drop_last;
    if check(ui, "Keep the last batch", help, &mut keeps) {
        data.drop_last = !keeps;
    }
    let held_out = Amount::number("Held out", "The share of the samples kept for validation.", 0.0..=0.5);
    amount(ui, &held_out.limits(0.0..=0.95), &mut data.validation);
    let help = "The share of training labels replaced by random ones.";
    let spec = Amount::number("Label noise", help, 0.0..=1.0);
    mapped(ui, "data.label_noise", |ui| amount(ui, &spec, &mut data.label_noise));
    let mut limited = data.limit.is_some();
    if check(ui, "Fewer samples", "Only the first of the shuffled training samples.", &mut limited) {
        data.limit = limited.then_some(500);
    }
    if let Some(limit) = &mut data.limit {
        let spec = Amount::whole("Samples", "Training samples that are used.", 10.0..=10_000.0).logarithmic();
        count(ui, &spec.limits(1.0..=1e7), limit);
    }
}

//! The sweep panel: a sweep of the file or of a folder, its best trials, and each value at its own best.

mod isolation;
mod state;

use eframe::egui::{Label, ScrollArea, TextEdit, TextWrapMode, Ui};

use crate::experiment::vary::Base;
use crate::sweep::edges::at_the_edge;
use crate::sweep::front::best;
use crate::sweep::isolation::{isolate, plain};
use crate::sweep::{Status, Trial};
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, primary, prose, row, secondary, waiting};

use state::Loaded;
pub use state::State;

pub const PANEL: Panel = Panel {
    wide: true,
    poll: state::poll,
    is_waiting: state::is_waiting,
    ask: |studio| state::run(studio, || ()),
    ..Panel::new(
        "sweep",
        "Sweep",
        Question::Find,
        "One run under many other numbers and seeds: the best, and each value at its own best.",
        show,
    )
};

/// Trials in the list of the best.
const SHOWN: usize = 8;
/// What to write where there is no sweep.
const HOW: &str = "A sweep trains one run under many other numbers. Write which in the experiment's file, under [sweep] and [sweep.over], or open the folder of a sweep that is done.";

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ScrollArea::vertical().id_salt("sweep").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        begin(ui, studio);
        let state = studio.panels.of::<State>();
        if let Some(error) = &state.error {
            ui.colored_label(theme::tokens(ui).danger, format::sentence(error));
        }
        let Some(loaded) = state.loaded.take() else {
            prose(ui, HOW);
            return;
        };
        ui.add_space(metrics::S);
        let chosen = found(ui, studio, &loaded);
        if let Some(trial) =
            chosen.and_then(|chosen| loaded.trials.iter().find(|trial| trial.trial == chosen))
        {
            load(studio, &loaded, trial);
        }
        studio.panels.of::<State>().loaded = Some(loaded);
    });
}

/// What there is to run or to open.
fn begin(ui: &mut Ui, studio: &mut Studio) {
    let share = studio.panels.of::<State>().progress();
    if let Some(share) = share {
        if waiting(ui, "Sweeping", share) {
            studio.panels.of::<State>().stop();
        }
        return;
    }
    if studio.document.experiment().sweep.is_some() && ui.add(primary(ui, "Run the file's sweep")).clicked() {
        let ctx = ui.ctx().clone();
        state::run(studio, move || ctx.request_repaint());
    }
    ui.horizontal(|ui| {
        let state = studio.panels.of::<State>();
        let room = ui.available_width() - metrics::FIELD_VALUE;
        let field =
            TextEdit::singleline(&mut state.folder).hint_text("Folder of a sweep").desired_width(room);
        let entered =
            ui.add(field).lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
        if ui.add(secondary("Open")).clicked() || entered {
            state::open(studio);
        }
    });
}

/// What a sweep found; the trial that was chosen.
fn found(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded) -> Option<usize> {
    let Loaded { sweep, trials, .. } = loaded;
    let count = |status| trials.iter().filter(|trial| trial.status == status).count();
    let mut counts = format!("{} trials of “{}” from {}", trials.len(), sweep.run, loaded.source);
    for (status, name) in
        [(Status::Pruned, "pruned"), (Status::Diverged, "diverged"), (Status::Failed, "failed")]
    {
        if count(status) > 0 {
            counts += &format!(", {} {name}", count(status));
        }
    }
    ui.add(Label::new(theme::caption(ui, counts + ".")).wrap());
    if let Some(best) = best(trials, &sweep.objectives) {
        for edge in at_the_edge(sweep, best) {
            ui.colored_label(theme::tokens(ui).warning, format::sentence(&edge));
        }
    }
    if let Some(audit) = &loaded.audit {
        ui.add(Label::new(format::sentence(audit)).wrap());
    }
    ui.add_space(metrics::M);
    let isolated = isolated(ui, studio, loaded);
    ui.add_space(metrics::M);
    isolated.or(list(ui, loaded))
}

/// Each value of one axis at its own best.
fn isolated(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded) -> Option<usize> {
    let Loaded { sweep, trials, .. } = loaded;
    ui.label(theme::title(ui, "Each at its own best"));
    let state = studio.panels.of::<State>();
    let usual = || sweep.over.iter().find(|axis| axis.path == "lr.kind").or(sweep.over.first());
    let axis = sweep.over.iter().find(|axis| Some(&axis.path) == state.axis.as_ref()).or_else(usual)?;
    row(ui, "Compare", "The best over everything else is taken for each of its values.", |ui, _| {
        combo("isolated axis").selected_text(&axis.path).width(ui.available_width()).show_ui(ui, |ui| {
            for other in &sweep.over {
                if ui.selectable_label(other.path == axis.path, &other.path).clicked() {
                    state.axis = Some(other.path.clone());
                }
            }
        });
    });
    let rows = isolate(sweep, trials, &axis.path).filter(|rows| !rows.is_empty())?;
    let name = sweep.objectives.first().map(|objective| objective.name()).unwrap_or_default();
    let clicked = isolation::show(ui, &rows, &name.replace('_', " "));
    if rows.iter().any(|row| row.deviation().is_some()) {
        ui.label(theme::caption(ui, "Circles are seeds, the band is one deviation of them."));
    }
    clicked
}

/// The best trials.
fn list(ui: &mut Ui, loaded: &Loaded) -> Option<usize> {
    let objectives = &loaded.sweep.objectives;
    let mut ranked: Vec<&Trial> =
        loaded.trials.iter().filter(|trial| trial.badness(objectives).is_finite()).collect();
    ranked.sort_by(|a, b| a.badness(objectives).total_cmp(&b.badness(objectives)));
    ui.label(theme::title(ui, "Best trials"));
    let mut clicked = None;
    for trial in ranked.into_iter().take(SHOWN) {
        let value = trial.objectives.first().copied().flatten().unwrap_or(f64::NAN);
        let values: Vec<String> =
            trial.values.iter().map(|(path, value)| format!("{path} {}", short(value))).collect();
        let text = format!("{}   {}", format::significant(value, 4), values.join(", "));
        ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
        if ui.selectable_label(false, text).on_hover_text("Click: load this trial.").clicked() {
            clicked = Some(trial.trial);
        }
    }
    clicked
}

/// A value with no more digits than one reads.
fn short(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(number) => format::significant(*number, 3),
        toml::Value::String(text) => match text.strip_suffix('%').and_then(|number| number.parse().ok()) {
            Some(number) => format!("{}%", format::significant(number, 3)),
            None => text.clone(),
        },
        other => plain(other),
    }
}

/// Gives the swept run the values of a trial: the document's own run of that name, or a new one.
fn load(studio: &mut Studio, loaded: &Loaded, trial: &Trial) {
    let clock = studio.clock();
    let origin = studio.document.path().cloned().unwrap_or_default();
    let Some(base) = Base::new(&loaded.experiment, &loaded.sweep.run, &origin, clock) else { return };
    let values: Vec<(&str, &toml::Value)> =
        trial.values.iter().map(|(path, value)| (path.as_str(), value)).collect();
    let variant = match base.with(&values) {
        Ok(variant) => variant,
        Err(error) => return studio.toasts.failed(error.to_string()),
    };
    let Some(run) = variant.runs.into_iter().next() else { return };
    studio.document.settle();
    let id = studio.document.runs().find(|(_, other)| other.name == run.name).map(|(row, _)| row.id);
    let id = id.unwrap_or_else(|| studio.document.add(run.clone()));
    studio.document.edit(|experiment| {
        experiment.data = variant.data;
        experiment.model = variant.model;
        let replicas = experiment.train.replicas;
        experiment.train = crate::experiment::Train { replicas, ..variant.train };
    });
    studio.document.edit_run(id, |own| *own = run);
    studio.document.settle();
    studio.view.selected = id;
    studio.toasts.done(format!("Trial {} is loaded into “{}”.", trial.trial, loaded.sweep.run));
}

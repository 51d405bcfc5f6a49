//! The sweep panel: a sweep of the file or of a folder, views of its trials, and the trial that is pointed at.

mod brush;
mod card;
mod found;
mod state;
mod view;
mod views;

use eframe::egui::{Label, ScrollArea, TextEdit, TextWrapMode, Ui};

use crate::experiment::sweep::Search;
use crate::experiment::vary::Base;
use crate::sweep::Status;
use crate::sweep::edges::at_the_edge;
use crate::sweep::herd::listed;
use crate::sweep::ready::READY;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::plot::cloud::Touch;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{check, combo, primary, prose, row, secondary, waiting};

use found::{Found, Pointed, short};
use state::Loaded;
pub use state::{State, open_folder};
use view::Options;
use views::VIEWS;

pub const PANEL: Panel = Panel {
    wide: true,
    views: &views::TITLES,
    turn: |studio, view| studio.panels.of::<State>().view = view,
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
const HOW: &str = "A sweep trains one run under many other numbers. Ask one of the questions above of the selected run, write your own in the experiment's file, under [sweep] and [sweep.over], or open the folder of a sweep that is done.";

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
        let found = studio.panels.of::<State>().take_found(&loaded);
        if let Some(trial) = shown(ui, studio, &loaded, &found).and_then(|chosen| found.pointed(chosen)) {
            load(studio, &loaded, trial);
        }
        let state = studio.panels.of::<State>();
        state.give_back(found);
        state.loaded = Some(loaded);
    });
}

/// What there is to run or to open.
fn begin(ui: &mut Ui, studio: &mut Studio) {
    if let Some((what, share)) = studio.panels.of::<State>().progress() {
        if waiting(ui, what, share) {
            studio.panels.of::<State>().stop();
        }
        return;
    }
    let search = studio.document.experiment().sweep.as_ref().map(|sweep| sweep.search);
    let label =
        if search == Some(Search::Pbt) { "Breed the file's population" } else { "Run the file's sweep" };
    if search.is_some() && ui.add(primary(ui, label)).clicked() {
        let ctx = ui.ctx().clone();
        state::run(studio, move || ctx.request_repaint());
    }
    ui.horizontal_wrapped(|ui| {
        for ready in &READY {
            if ui.add(secondary(ready.title)).on_hover_text(ready.sentence).clicked() {
                let ctx = ui.ctx().clone();
                state::ask(studio, ready, move || ctx.request_repaint());
            }
        }
    });
    ui.horizontal(|ui| {
        let state = studio.panels.of::<State>();
        let room = ui.available_width() - metrics::FIELD_VALUE;
        let field =
            TextEdit::singleline(&mut state.folder).hint_text("Folder of a sweep").desired_width(room);
        let field = ui.add(field).accessible_name("Folder of a sweep");
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
        if ui.add(secondary("Open")).clicked() || entered {
            state::open(studio);
        }
    });
}

/// What a sweep found; the trial that is to be loaded.
fn shown(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded, found: &Found) -> Option<usize> {
    about(ui, loaded, found);
    keep(ui, studio, loaded);
    let state = studio.panels.of::<State>();
    if found.together.is_some() {
        let help = "The sweep varies a seed. Trials that differ in nothing else are one, with their mean.";
        check(ui, "Put seeds together", help, &mut state.together);
    }
    ui.add_space(metrics::S);
    // A population is bred for its winner's schedule, so that comes first.
    let is_population = found.sweep.search == Search::Pbt;
    let mut asked = None;
    if is_population {
        asked = pointed(ui, studio, loaded, found);
    }
    let state = studio.panels.of::<State>();
    row(ui, "View", "How the trials are looked at.", |ui, id| {
        let title = VIEWS[state.view.min(VIEWS.len() - 1)].title;
        let combo = combo("sweep view").selected_text(title).width(ui.available_width());
        let shown = combo.show_ui(ui, |ui| {
            for (at, view) in VIEWS.iter().enumerate() {
                ui.selectable_value(&mut state.view, at, view.title).on_hover_text(view.sentence);
            }
        });
        shown.response.labelled_by(id);
    });
    let view = VIEWS[state.view.min(VIEWS.len() - 1)];
    ui.add(Label::new(theme::caption(ui, view.sentence)).wrap());
    ui.add_space(metrics::XS);
    state.options.brushes.show(ui, found);
    let mut touch = (view.show)(ui, found, &mut state.options);
    ui.add_space(metrics::M);
    if !is_population {
        asked = pointed(ui, studio, loaded, found);
    }
    let options = &mut studio.panels.of::<State>().options;
    touch = touch.or(list(ui, found, options));
    if touch.over.is_some() && touch.over != options.marked {
        options.marked = touch.over;
        // The card above was drawn with the one before.
        ui.ctx().request_repaint();
    }
    touch.over.filter(|_| touch.pressed).or(asked)
}

/// The trial that was pointed at last, or the best one; it if it is to be loaded.
fn pointed(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded, found: &Found) -> Option<usize> {
    let marked = studio.panels.of::<State>().options.marked;
    let trial = marked.and_then(|marked| found.pointed(marked));
    let trial = trial.or_else(|| found.best().map(Pointed::Done))?;
    let asked = card::show(ui, studio, loaded, found, trial);
    ui.add_space(metrics::M);
    asked.then_some(trial.trial())
}

/// The way into the library, for a sweep that is in no folder yet.
fn keep(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded) {
    let state = studio.panels.of::<State>();
    if loaded.is_kept || loaded.trials.is_empty() || state.progress().is_some() {
        return;
    }
    let is_free = state.landing.is_none();
    let is_named = !studio.view.library.trim().is_empty();
    let button = ui.add_enabled(is_named && is_free, secondary("Keep in the library"));
    let help = "Write its trials into the library, as anneal sweep would.";
    let button = button.on_hover_text(help).on_disabled_hover_text("Name a library under Library first.");
    if button.clicked() {
        let ctx = ui.ctx().clone();
        state::keep(studio, loaded, move || ctx.request_repaint());
    }
}

/// How many trials there are and what there is to know of them.
fn about(ui: &mut Ui, loaded: &Loaded, found: &Found) {
    let count = |status| loaded.trials.iter().filter(|trial| trial.status == status).count();
    let (trials, noun) = (loaded.trials.len(), found.noun().to_lowercase());
    let mut counts = format!("{trials} {noun}s of “{}” from {}", loaded.sweep.run, loaded.source);
    for (status, name) in
        [(Status::Pruned, "pruned"), (Status::Diverged, "diverged"), (Status::Failed, "failed")]
    {
        if count(status) > 0 {
            counts += &format!(", {} {name}", count(status));
        }
    }
    ui.add(Label::new(theme::caption(ui, counts + ".")).wrap());
    if let Some(best) = found.best().filter(|best| best.lineage.is_none()) {
        for edge in at_the_edge(&found.sweep, best) {
            ui.colored_label(theme::tokens(ui).warning, format::sentence(&edge));
        }
    }
    if let Some(audit) = &loaded.audit {
        ui.add(Label::new(format::sentence(&audit.sentence())).wrap());
    }
    if let Some(verdict) = &loaded.verdict {
        ui.add(Label::new(format::sentence(verdict)).wrap());
    }
}

/// The best trials, of those within the brushes.
fn list(ui: &mut Ui, found: &Found, options: &Options) -> Touch {
    ui.label(theme::title(ui, format!("Best {}s", found.noun().to_lowercase())));
    let mut touch = Touch::default();
    let ranked = found.worst_first(1.0).into_iter().rev().filter(|(_, rank)| rank.is_some());
    let ranked = ranked.filter(|(trial, _)| options.brushes.hold(found, trial));
    for (trial, _) in ranked.take(SHOWN) {
        let value = found::value(trial).unwrap_or(f64::NAN);
        let values: Vec<String> =
            trial.values.iter().map(|(path, value)| format!("{path} {}", short(value))).collect();
        let whose = match trial.lineage {
            Some(_) => format!("member {}, began at ", trial.trial),
            None => String::new(),
        };
        let text = format!("{}   {whose}{}", format::significant(value, 4), values.join(", "));
        ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
        let response = ui.selectable_label(false, text).on_hover_text("Click: load this trial.");
        if response.hovered() || response.clicked() {
            touch = Touch { over: Some(trial.trial), pressed: response.clicked() };
        }
    }
    touch
}

/// Gives the swept run the values of a trial: the document's own run of that name, or a new one.
fn load(studio: &mut Studio, loaded: &Loaded, trial: Pointed<'_>) {
    let clock = studio.clock();
    let origin = studio.document.path().cloned().unwrap_or_default();
    let Some(base) = Base::new(&loaded.experiment, &loaded.sweep.run, &origin, clock) else { return };
    let values: Vec<(&str, &toml::Value)> =
        trial.values().iter().map(|(path, value)| (path.as_str(), value)).collect();
    let variant = match base.with(&values) {
        Ok(variant) => variant,
        Err(error) => return studio.toasts.failed(error.to_string()),
    };
    let Some(mut run) = variant.runs.into_iter().next() else { return };
    if let Some((lineage, _)) = trial.lineage() {
        let Some(rates) = card::along(loaded, lineage, clock) else { return };
        run.lr = listed(rates);
    }
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
    let what = if trial.lineage().is_some() { "The lineage of member" } else { "Trial" };
    studio.toasts.done(format!("{what} {} is loaded into “{}”.", trial.trial(), loaded.sweep.run));
}

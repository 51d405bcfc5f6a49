//! The forecast panel: a law fitted to three runs, what it expects of the others, and how far it missed.

mod arrivals;
mod record;
mod state;

use eframe::egui::{Label, ScrollArea, Ui};

use crate::forecast::{LEAST_RUNS, rank};
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, figures, primary, prose, secondary, waiting};

pub use state::State;

pub const PANEL: Panel = Panel {
    wide: true,
    poll: |studio, shown| {
        let is_busy = state::poll(studio, shown);
        arrivals::arrive(studio);
        is_busy
    },
    is_waiting: state::is_waiting,
    ask: |studio| state::begin(studio, || ()),
    ..Panel::new(
        "forecast",
        "Forecast",
        Question::Find,
        "A forecast of the loss that a schedule comes to, before it is trained, by a law fitted to three runs.",
        show,
    )
};

/// What there is to know before a fit.
const HOW: &str = "Three runs teach the law: a constant one, one that decays, and one that falls sharply. Those that the experiment does not have are trained beside it, which takes a second for a small model.";
/// What the columns of the table mean.
const COLUMNS: [(&str, &str); 5] = [
    (
        "Place",
        "By the forecast. Runs within each other's bands share a place: the law cannot tell them apart.",
    ),
    ("Forecast", "The validation loss that the law expects at the end."),
    ("±", "Half the band: what starts of the fit, seeds and the fit's own error leave open."),
    ("Measured", "The validation loss at the end, once the run is trained."),
    ("Miss", "Forecast minus measured. It goes to the record below."),
];

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ScrollArea::vertical().id_salt("forecast").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        begin(ui, studio);
        if studio.panels.of::<State>().ground.is_some() {
            ui.add_space(metrics::S);
            ground(ui, studio);
            ui.add_space(metrics::M);
            runs(ui, studio);
            ui.add_space(metrics::M);
            bend(ui, studio);
        }
        record::show(ui, studio);
    });
}

/// The fit, or how far it is.
fn begin(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    if let Some(share) = state.progress() {
        if waiting(ui, "Training and fitting", share) {
            state.stop();
        }
        return;
    }
    let (error, is_there) = (state.error.clone(), state.ground.is_some());
    let holds = state::holds(studio);
    if !is_there {
        prose(ui, HOW);
        ui.add_space(metrics::S);
    } else if !holds {
        let text = "The law was fitted to another optimizer, model or data than the selected run's.";
        ui.add(Label::new(text).wrap());
        ui.add_space(metrics::S);
    }
    let label = "Train three runs and fit";
    let pressed =
        if holds { ui.add(secondary("Fit again")).clicked() } else { ui.add(primary(ui, label)).clicked() };
    if pressed {
        let ctx = ui.ctx().clone();
        state::begin(studio, move || ctx.request_repaint());
    }
    if studio.shelf.guests().len() >= LEAST_RUNS {
        let help = "Three logged trainings, or more, of which one falls sharply: then the forecast is of the next one of theirs.";
        let label = "Fit to the recordings";
        if ui.add(secondary(label)).on_hover_text(help).clicked() {
            let ctx = ui.ctx().clone();
            state::begin_theirs(studio, move || ctx.request_repaint());
        }
    }
    if let Some(error) = error {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
    }
}

/// What the law was fitted to, and how well.
fn ground(ui: &mut Ui, studio: &mut Studio) {
    let Some(ground) = &studio.panels.of::<State>().ground else { return };
    let fit = &ground.fit;
    let mut text = format!(
        "Fitted to {} within {}; {} of {} starts agree",
        fit.runs.join(", "),
        format::metric(fit.error),
        fit.agree,
        fit.starts
    );
    text += &match fit.seeds {
        Some(deviation) => format!("; seeds differ by {} at the end.", format::metric(deviation)),
        None => ". With one seed the band does not know what seeds differ by.".to_owned(),
    };
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    if ground.is_theirs() {
        let text = "It speaks of the next of these trainings under our runs' schedules, laid over our updates. Give a run their peak.";
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
    for note in &ground.notes {
        ui.add(Label::new(theme::caption(ui, format::sentence(note))).wrap());
    }
}

/// What every run is expected to come to, and what it came to.
fn runs(ui: &mut Ui, studio: &mut Studio) {
    let guests: Vec<(RunId, String, usize)> = studio
        .shelf
        .guests()
        .iter()
        .map(|guest| (guest.row.id, guest.name.clone(), guest.row.slot))
        .collect();
    let state = studio.panels.of::<State>();
    let ends = state.ends.clone();
    let places = rank(&ends.iter().map(|(_, end)| *end).collect::<Vec<_>>());
    let arrived = |id: RunId| {
        let it = state.arrived.iter().find(|arrived| arrived.run == id)?;
        Some((it.measured, it.predicted - it.measured))
    };
    let cells: Vec<_> = ends.iter().map(|(id, _)| arrived(*id)).collect();
    let fitted = state.ground.as_ref().map(|ground| ground.fitted.clone()).unwrap_or_default();
    let mut rows = Vec::new();
    // Trainings of others that came after the fit, by the rates that they logged.
    for one in &state.arrived {
        let Some((_, name, slot)) = guests.iter().find(|(id, ..)| *id == one.run) else { continue };
        let (loss, band, measured) = (one.predicted, one.band, one.measured);
        let mut cells = vec!["–".to_owned()];
        cells.extend([loss, band, measured].map(format::metric));
        cells.push(signed(loss - measured));
        rows.push((loss, Figures { name: name.clone(), slot: Some(*slot), cells, note: None }));
    }
    for (((id, (loss, band)), place), arrived) in ends.iter().zip(&places).zip(cells) {
        let Some(run) = studio.document.run(*id) else { continue };
        let (measured, miss) = match arrived {
            Some((measured, miss)) => (format::metric(measured), signed(miss)),
            None if fitted.contains(run) => ("fitted".to_owned(), "–".to_owned()),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let figures = Figures {
            name: run.name.clone(),
            slot: Some(studio.slot(*id)),
            cells: vec![place.to_string(), format::metric(*loss), format::metric(*band), measured, miss],
            note: None,
        };
        rows.push((*loss, figures));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows: Vec<Figures> = rows.into_iter().map(|(_, figures)| figures).collect();
    ui.label(theme::title(ui, "What the runs come to"));
    if rows.is_empty() {
        prose(ui, "The law holds for none of the runs there are now.");
        return;
    }
    figures(ui, &COLUMNS, &rows);
    let others = studio.document.runs().filter(|(row, _)| ends.iter().all(|(id, _)| *id != row.id));
    let others: Vec<String> = others.map(|(_, run)| format!("\"{}\"", run.name)).collect();
    if !others.is_empty() {
        let why = "another optimizer, groups, batch or controller than the runs of the fit";
        prose(ui, &format!("Not forecast, for the law is not theirs ({why}): {}.", others.join(", ")));
    }
}

/// A miss.
fn signed(miss: f64) -> String {
    format!("{}{}", if miss < 0.0 { "−" } else { "+" }, format::metric(miss.abs()))
}

/// Gives the selected run the shape that the law expects most of.
fn bend(ui: &mut Ui, studio: &mut Studio) {
    if !state::holds(studio) {
        return;
    }
    if !ui.add(secondary("Bend to the forecast's best shape")).clicked() {
        ui.add(
            Label::new(theme::caption(ui, "Its peak and warmup stay. Train it to see what is true of it."))
                .wrap(),
        );
        return;
    }
    let Some(best) = state::best(studio) else { return };
    let selected = studio.view.selected;
    let now = studio.panels.of::<State>().ends.iter().find(|(id, _)| *id == selected).map(|(_, end)| *end);
    let (loss, band) = best.end;
    studio.document.settle();
    studio.set_schedule(best.schedule);
    studio.document.settle();
    let expected = format!("expected {} ± {}", format::metric(loss), format::metric(band));
    let gain = match now {
        Some((before, its)) if before - loss <= band.max(its) => "no better than before within the band",
        _ => "better than before by more than the band",
    };
    studio.toasts.done(format!("Bent: {expected}, {gain}."));
}

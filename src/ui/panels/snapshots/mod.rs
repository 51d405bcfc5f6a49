//! The snapshot workbench: what each snapshot of the selected run is worth, and what they are together.

mod barriers;
pub mod cooldowns;
mod disputed;
mod figures;
mod matrices;
mod merges;
mod plot;
mod workbench;

use eframe::egui::{Button, Label, ScrollArea, Ui};

use crate::analysis::ensemble::{Comparison, Reports};
use crate::engine::Snapshot;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::sheet::Sheet;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{check, run_chip, segmented};

pub const PANEL: Panel = Panel {
    wide: true,
    views: &TITLES,
    turn: |studio, view| studio.panels.of::<workbench::Bench>().view = view,
    poll: cooldowns::poll,
    ask: |studio| {
        if view(studio) == COOLDOWNS {
            cooldowns::begin(studio, || ());
        }
    },
    is_waiting: |studio| match view(studio) {
        COOLDOWNS => studio.panels.peek::<cooldowns::State>().is_some_and(cooldowns::State::is_busy),
        _ => workbench::is_comparing(studio),
    },
    ..Panel::new(
        "snapshots",
        "Snapshots",
        Question::LookInside,
        "What a run's snapshots are worth, alone and together.",
        show,
    )
};

/// What one does with snapshots.
const TITLES: [&str; 2] = ["Compare", "Cooldowns"];
const COOLDOWNS: usize = 1;

fn view(studio: &Studio) -> usize {
    studio.panels.peek::<workbench::Bench>().map_or(0, |bench| bench.view)
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let bench = studio.panels.of::<workbench::Bench>();
    let views = [
        (0, TITLES[0], "What they are worth, alone and together."),
        (COOLDOWNS, TITLES[COOLDOWNS], "Cooldowns of many shapes and lengths from one of them."),
    ];
    segmented(ui, &mut bench.view, &views);
    ui.add_space(metrics::S);
    whose(ui, studio);
    match view(studio) {
        COOLDOWNS => cooldowns::show(ui, studio),
        _ => compare(ui, studio),
    }
}

fn compare(ui: &mut Ui, studio: &mut Studio) {
    header(ui, studio);
    let Some(compared) = workbench::compared(studio, ui.ctx()) else {
        ui.label("The run's snapshots are being measured on the held-out samples.");
        return;
    };
    if compared.snapshots.is_empty() {
        ui.label("There are no snapshots yet: they are taken while the run trains.");
        return;
    }
    let comparison = match &compared.result {
        Ok(comparison) => comparison,
        Err(why) => {
            ui.add(Label::new("These snapshots cannot be compared.").wrap());
            ui.add(Label::new(theme::caption(ui, format::sentence(&why.to_string()))).wrap());
            return;
        }
    };
    ScrollArea::vertical().id_salt("snapshots").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        verdict(ui, comparison);
        plot::show(ui, studio, comparison);
        figures::together(ui, comparison);
        section(ui, "Snapshots", "Ticked ones are in the ensemble; the figures are of the held-out samples.");
        figures::snapshots(ui, studio, &compared.snapshots, comparison);
        if comparison.chosen.len() > 1 {
            section(
                ui,
                "Merging instead of decaying",
                "A mean of the ticked snapshots weighs their updates as a decay would: which one, and what it comes to.",
            );
            merges::show(ui, &compared.snapshots, comparison);
            section(
                ui,
                "How alike they are",
                "An ensemble gains by members that err differently: little correlation, much disagreement.",
            );
            matrices::show(ui, &compared.snapshots, comparison);
            section(
                ui,
                "Barriers",
                "The held-out loss on the straight line from each ticked snapshot to the next.",
            );
            barriers::show(ui, studio, comparison);
            disputed::show(ui, studio, comparison);
        }
        ui.add_space(metrics::M);
    });
}

/// Whose snapshots.
fn whose(ui: &mut Ui, studio: &Studio) {
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let name = studio.document.run(selected).map(|run| run.name.clone()).unwrap_or_default();
    ui.horizontal(|ui| {
        run_chip(ui, slot, metrics::CONTROL, false);
        ui.add(Label::new(name).truncate());
    });
}

/// What can be done with all of them.
fn header(ui: &mut Ui, studio: &mut Studio) {
    let snapshots = workbench::of_run(studio);
    ui.horizontal(|ui| {
        let mut tick = |ui: &mut Ui, label: &str, help: &str, which: &dyn Fn(&Snapshot) -> bool| {
            if ui.button(label).on_hover_text(help).clicked() {
                let ticks = snapshots.iter().filter(|snapshot| which(snapshot)).map(|one| one.id);
                workbench::tick(studio, ticks.collect());
            }
        };
        tick(ui, "All", "Tick every snapshot.", &|_| true);
        tick(ui, "None", "Tick none.", &|_| false);
        if ui.add(Button::new("Save table…")).on_hover_text("Write the figures as CSV.").clicked() {
            save(ui, studio);
        }
        let help = "Compare the snapshots that the studio takes on the way, too.";
        check(ui, "On the way too", help, &mut studio.panels.of::<workbench::Bench>().on_the_way);
    });
    ui.add_space(metrics::S);
}

/// Asks where to write the table.
fn save(ui: &Ui, studio: &mut Studio) {
    let compared = workbench::compared(studio, ui.ctx());
    let Some(comparison) = compared.as_ref().and_then(|compared| compared.result.as_ref().ok()) else {
        return;
    };
    let report = comparison.report.clone();
    let name = format!("{} snapshots", report.run);
    let experiment = studio.document.experiment().name.clone();
    let reports = Reports { experiment, update: studio.frame.status.update, lanes: vec![report] };
    studio.sheet = Some(Sheet::export(&name, "csv", reports.csv()));
}

/// Whether the ensemble helps, in a sentence.
fn verdict(ui: &mut Ui, comparison: &Comparison) {
    let text = match &comparison.report.verdict {
        Some(verdict) => verdict.as_str(),
        None => "Tick two snapshots or more to see what they are together.",
    };
    ui.add(Label::new(text).wrap());
    ui.add_space(metrics::S);
}

fn section(ui: &mut Ui, title: &str, sentence: &str) {
    ui.add_space(metrics::L);
    ui.label(theme::title(ui, title));
    ui.add(Label::new(theme::caption(ui, sentence)).wrap());
    ui.add_space(metrics::XS);
}

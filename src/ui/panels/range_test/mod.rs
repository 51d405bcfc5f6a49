//! The learning-rate range test of the selected run, what each tool reads off it, and the proof of one suggestion.

mod state;

use eframe::egui::{Align, Button, Label, Layout, RichText, ScrollArea, Sense, Ui, UiBuilder, vec2};

use crate::analysis::peak::with_peak;
use crate::analysis::proof::{Proof, Under, one_cycle};
use crate::analysis::range_test::{RangeTest, Spread, Start};
use crate::analysis::suggest::Rule;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::plot::{LIMIT_HELP, sweep};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, Figures, figures, primary, prose, secondary, segmented, waiting, whole};

pub use state::State;

/// Why not fastai's rule is the default; the figures are of a test of the rules.
const DEFAULT: &str = "It is a tenth of the stability limit, not fastai's valley: as the peak of one cycle it came within 0.01 of the best accuracy in 8 of 9 trials on three data sets, valley in none.";

pub const PANEL: Panel = Panel {
    ask: state::test,
    poll: state::poll,
    ..Panel::new(
        "range-test",
        "Range test",
        Question::Find,
        "Which peak a run bears, from a moment under a rising rate.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ScrollArea::vertical().id_salt("range test").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        settings(ui, studio);
        ui.add_space(metrics::S);
        let state = studio.panels.of::<State>();
        match (state.test.progress(), state.test.answer().cloned()) {
            (Some(share), _) => {
                if waiting(ui, "Sweeping while training rests", share) {
                    studio.panels.of::<State>().test.cancel();
                }
            }
            (None, Some(test)) => found(ui, studio, &test),
            (None, None) => nothing(ui, studio),
        }
        ui.add_space(metrics::M);
    });
}

fn settings(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    segmented(
        ui,
        &mut state.start,
        &[
            (
                Start::Fresh,
                "Fresh weights",
                "From weights as they were before the first update: for the peak.",
            ),
            (Start::Here, "From here", "From the run's present weights: what it would bear now."),
        ],
    );
    ui.add_space(metrics::XS);
    whole(
        ui,
        &Amount::whole("Seeds", "Sweeps side by side, each under a seed of its own.", 1.0..=8.0),
        &mut state.seeds,
    );
    let updates = Amount::whole("Updates", "The length of the sweep from 1e-7 to 10.", 50.0..=1000.0);
    whole(ui, &updates.logarithmic().limits(20.0..=100_000.0), &mut state.updates);
    ui.add_space(metrics::XS);
    let label =
        if studio.panels.of::<State>().test.answer().is_some() { "Test again" } else { "Run range test" };
    if ui.add(primary(ui, label)).on_hover_text("Training rests for the moment it takes.").clicked() {
        state::test(studio);
    }
}

fn nothing(ui: &mut Ui, studio: &mut Studio) {
    if let Some(error) = studio.panels.of::<State>().test.error() {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
        return;
    }
    prose(
        ui,
        "A range test trains the selected run for a moment under a rising learning rate. The loss shows where training begins to work and where it breaks.",
    );
}

fn found(ui: &mut Ui, studio: &mut Studio, test: &RangeTest) {
    if !state::is_current(studio) {
        let text =
            format!("This test is of “{}” before it changed, or of another run. Test again.", test.run);
        ui.add(Label::new(RichText::new(text).color(theme::tokens(ui).warning)).wrap());
    }
    let slot = studio.slot(studio.view.selected);
    let color = theme::tokens(ui).run(slot);
    let rule = studio.panels.of::<State>().rule.unwrap_or_else(|| recommended(test));
    let size = vec2(ui.available_width(), metrics::SWEEP);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let clicked = sweep(&mut ui.new_child(UiBuilder::new().max_rect(rect)), test, Some(rule), color);
    if let Some(clicked) = clicked {
        studio.panels.of::<State>().rule = Some(clicked);
    }
    ui.add_space(metrics::XS);
    if let Some(peak) = test.suggestion(rule) {
        ui.add(Label::new(conclusion(test, rule, peak)).wrap());
        ui.add_space(metrics::XS);
        use_as_peak(ui, studio, peak);
        ui.add_space(metrics::S);
    }
    suggestions(ui, studio, test, rule);
    untouched(ui, test);
    if let Some(peak) = test.suggestion(rule) {
        ui.add_space(metrics::S);
        as_one_cycle(ui, studio, peak);
        ui.add_space(metrics::M);
        proof(ui, studio, peak);
    }
    if recommended(test) == Rule::Edge {
        ui.add_space(metrics::M);
        ui.label(theme::title(ui, "Why this default"));
        prose(ui, DEFAULT);
    }
}

/// What the test comes to, in a sentence.
fn conclusion(test: &RangeTest, rule: Rule, peak: f64) -> String {
    let of_rule = test.suggestions.iter().find(|(other, _)| *other == rule).map(|(_, spread)| spread);
    let times = |spread: &Spread| {
        let seeds = spread.per_seed.iter().flatten().count();
        let decades = spread.decades.filter(|_| seeds > 1);
        decades
            .map(|decades| format!(", {seeds} seeds within ×{}", format::significant(10f64.powf(decades), 2)))
    };
    let apart = of_rule.and_then(times).unwrap_or_default();
    let limit = test.limit.median.map_or_else(
        || "training was stable up to the highest rate tried".to_owned(),
        |limit| format!("training breaks at {}", format::rate(limit)),
    );
    format!("A peak of {}{apart}: {limit}.", format::rate(peak))
}

/// The rule whose suggestion is the default.
fn recommended(test: &RangeTest) -> Rule {
    if test.suggestion(Rule::Edge).is_some() { Rule::Edge } else { Rule::Valley }
}

/// A line for each rule, to choose one, and one for the stability limit.
fn suggestions(ui: &mut Ui, studio: &mut Studio, test: &RangeTest, chosen: Rule) {
    head(ui);
    for (rule, spread) in &test.suggestions {
        let name = if *rule == recommended(test) {
            format!("{} (default)", rule.name())
        } else {
            rule.name().to_owned()
        };
        let enabled = spread.median.is_some();
        let response = ui
            .horizontal(|ui| {
                let response = ui
                    .add_enabled(enabled, Button::selectable(*rule == chosen, name))
                    .on_hover_text(rule.help())
                    .on_disabled_hover_text(
                        "No suggestion: the curve is too short or too broken for this rule.",
                    );
                numbers(ui, spread);
                response
            })
            .inner;
        if response.clicked() {
            studio.panels.of::<State>().rule = Some(*rule);
        }
    }
    ui.horizontal(|ui| {
        let limit = RichText::new("stability limit").color(theme::tokens(ui).danger);
        ui.add_space(metrics::XS);
        ui.label(limit).on_hover_text(LIMIT_HELP);
        numbers(ui, &test.limit);
    });
}

fn head(ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, "Rule"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let spread = ui.label(theme::caption(ui, "spread"));
            spread.on_hover_text("The highest over the lowest rate that a seed suggests.");
            ui.add_space(metrics::L);
            ui.label(theme::caption(ui, "rate")).on_hover_text("The median over the seeds.");
        });
    });
}

/// The median rate, and how far the seeds are apart.
fn numbers(ui: &mut Ui, spread: &Spread) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let cell = |ui: &mut Ui, text: String| {
            let size = vec2(metrics::COLUMN, metrics::L);
            ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_width(metrics::COLUMN);
                ui.label(theme::value(ui, text));
            });
        };
        let times = |decades: f64| format!("×{}", format::significant(10f64.powf(decades), 2));
        cell(ui, spread.decades.map_or_else(|| "–".to_owned(), times));
        cell(ui, spread.median.map_or_else(|| "–".to_owned(), format::rate));
    });
}

/// That the test left the training alone.
fn untouched(ui: &mut Ui, test: &RangeTest) {
    let Some(found) = test.untouched else { return };
    ui.add_space(metrics::XS);
    let help =
        "A fingerprint of all weights, optimizer buffers and update counts, before and after the test.";
    let (text, color) = if found.before == found.after {
        (format!("Training untouched: {:016x} before and after", found.before), theme::tokens(ui).muted)
    } else {
        (format!("Training changed: {:016x} → {:016x}", found.before, found.after), theme::tokens(ui).danger)
    };
    ui.label(RichText::new(text).font(theme::small()).color(color)).on_hover_text(help);
}

fn use_as_peak(ui: &mut Ui, studio: &mut Studio, peak: f64) {
    let clock = studio.clock();
    let id = studio.view.selected;
    let own = studio.document.run(id).and_then(|run| with_peak(&run.lr, clock, peak));
    let rate = format::rate(peak);
    let used = ui
        .add_enabled(own.is_some(), primary(ui, &format!("Use {rate} as peak")))
        .on_hover_text("Makes it the highest rate of the selected run's schedule. Undo takes it back.")
        .on_disabled_hover_text("This schedule cannot be scaled to that rate.");
    if let Some(lr) = own.filter(|_| used.clicked()) {
        studio.document.settle();
        studio.document.edit_run(id, |run| run.lr = lr);
    }
}

/// The whole schedule in place of its peak alone.
fn as_one_cycle(ui: &mut Ui, studio: &mut Studio, peak: f64) {
    let help = "Replaces the schedule by one cycle with this peak, which the default is made for.";
    if ui.add(secondary("As one cycle")).on_hover_text(help).clicked() {
        studio.document.settle();
        studio.document.edit_run(studio.view.selected, |run| run.lr = one_cycle(peak));
    }
}

fn proof(ui: &mut Ui, studio: &mut Studio, peak: f64) {
    ui.label(theme::title(ui, "Proof run"));
    ui.add(
        Label::new(theme::caption(
            ui,
            "Trains the peak to the end, beside a third and three times of it, under the same seeds.",
        ))
        .wrap(),
    );
    ui.add_space(metrics::XS);
    ui.horizontal(|ui| {
        segmented(
            ui,
            &mut studio.panels.of::<State>().under,
            &[
                (Under::OneCycle, "One cycle", "Under one cycle with the peak."),
                (Under::Own, "This schedule", "Under the run's own schedule with the peak."),
            ],
        );
        if ui.add(secondary("Prove")).clicked() {
            state::prove(studio, peak);
        }
    });
    ui.add_space(metrics::XS);
    let state = studio.panels.of::<State>();
    if let Some(share) = state.proof.progress() {
        if waiting(ui, "Training the three peaks", share) {
            state.proof.cancel();
        }
    } else if let Some(error) = state.proof.error() {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
    } else if let Some(proofs) = state.proof.answer() {
        proven(ui, proofs);
    }
}

fn proven(ui: &mut Ui, proofs: &[Proof]) {
    let accuracies = proofs.iter().flat_map(|proof| &proof.seeds).any(|seed| seed.val_accuracy.is_some());
    let mean =
        |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let row = |proof: &Proof| {
        let number = |value: Option<f64>, text: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), text);
        let loss = mean(proof.seeds.iter().filter_map(|seed| seed.val_loss.or(seed.train_loss)).collect());
        let accuracy = mean(proof.seeds.iter().filter_map(|seed| seed.val_accuracy).collect());
        let diverged = proof.seeds.iter().filter(|seed| seed.diverged_at.is_some()).count();
        let mut cells = vec![number(loss, format::metric)];
        if accuracies {
            cells.push(number(accuracy, format::percent));
        }
        cells.push(format!("{diverged} of {}", proof.seeds.len()));
        Figures { name: format!("peak {}", format::rate(proof.rate)), cells, ..Figures::default() }
    };
    let rows: Vec<Figures> = proofs.iter().map(row).collect();
    let mut columns =
        vec![("Loss", "The mean loss after the last update, on held-out samples where there are any.")];
    if accuracies {
        columns.push(("Accuracy", "The mean accuracy on held-out samples after the last update."));
    }
    columns.push(("Diverged", "Seeds whose loss became NaN or infinite."));
    figures(ui, &columns, &rows);
}

//! One drawn schedule under every target, side by side.

use eframe::egui::{Align, Label, Layout, Rect, RichText, Sense, Ui, UiBuilder, pos2, vec2};

use crate::export::{Badge, Checked, Summary, Target};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::state::{self, Page, State};
use super::{empty, meaning, share, which_form};

/// The columns of numbers, what they mean, and the share of the width they take.
const COLUMNS: [(&str, &str, f32); 4] = [
    ("First", "The rate of the first update.", 0.21),
    ("Peak @update", "The highest rate, and the update that first uses it.", 0.37),
    ("Last", "The rate of the last update.", 0.21),
    ("Off by", "The largest deviation from the drawn curve, as a share of its peak.", 0.21),
];

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    which_form::choose(ui, studio);
    let Some(answer) = state::truth(studio, ui.ctx()) else {
        ui.label(theme::caption(ui, "Predicting every update of this long run for all targets…"));
        return;
    };
    let rows = match &*answer {
        Ok(rows) => rows,
        Err(error) => {
            empty(ui, &error.to_string());
            return;
        }
    };
    let mut chosen = None;
    numbers(ui, COLUMNS.map(|(title, help, _)| (theme::caption(ui, title), help)));
    for (target, summary) in rows {
        if row(ui, target, summary) {
            chosen = Some(*target);
        }
    }
    ui.add_space(metrics::S);
    let unchecked = rows.iter().any(|(_, summary)| summary.checked == Checked::PredictedNotRun);
    let text = if unchecked {
        "Rates as each framework will really use them. Those of targets with a “?” are predicted, not run."
    } else {
        "Rates as each framework will really use them, checked by running exports there."
    };
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    if let Some(target) = chosen {
        let state = studio.panels.of::<State>();
        state.target = target;
        state.page = Page::Text;
    }
}

/// A target's two lines; `true` when it was clicked.
fn row(ui: &mut Ui, target: &Target, summary: &Summary) -> bool {
    let tokens = theme::tokens(ui);
    ui.add_space(metrics::XS);
    let clicked = ui
        .horizontal(|ui| {
            let mark = if summary.checked == Checked::Run { "" } else { " ?" };
            let name = Label::new(format!("{}{mark}", target.title)).sense(Sense::click());
            let help = format!("Show the text for {}.", target.framework);
            let clicked = ui.add(name).on_hover_text(help).clicked();
            let (why, color) = match &summary.badge {
                Badge::Native => (None, tokens.muted),
                Badge::Approximated { why } => (Some(why), tokens.warning),
                Badge::Table { why } => (Some(why), tokens.text),
            };
            let help = why.map_or_else(|| meaning(&summary.badge).to_owned(), |why| format::sentence(why));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(theme::caption(ui, summary.badge.word()).color(color)).on_hover_text(help);
            });
            clicked
        })
        .inner;
    let (peak, at) = summary.peak;
    let values = [
        format::rate(summary.first),
        format!("{} @{}", format::rate(peak), format::count(at)),
        format::rate(summary.last),
        share(&summary.deviation),
    ];
    numbers(
        ui,
        values.map(|value| (theme::value(ui, value).font(theme::small_number()).color(tokens.muted), "")),
    );
    clicked
}

/// A line of the four columns.
fn numbers(ui: &mut Ui, cells: [(RichText, &str); 4]) {
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), metrics::L), Sense::hover());
    let mut left = line.left();
    for ((text, help), (_, _, share)) in cells.into_iter().zip(COLUMNS) {
        let width = share * line.width();
        let rect = Rect::from_min_size(pos2(left, line.top()), vec2(width, line.height()));
        left += width;
        let layout = Layout::left_to_right(Align::Center);
        let label = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout)).label(text);
        if !help.is_empty() {
            label.on_hover_text(help);
        }
    }
}

//! The chosen runs: their curves over one another, in what they differ, and what people added.

use std::collections::BTreeMap;

use eframe::egui::{Color32, Key, Label, TextEdit, Ui, vec2};

use super::Wish;
use super::state::{Answer, Lane};
use super::table::picture;
use crate::library::LaneRecord;
use crate::ui::plot::{Curve, Scale, Small};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::secondary;

/// The colour of a chosen run: the seeds of one run share it.
fn colors<'a>(ui: &Ui, chosen: &'a [(Lane, LaneRecord)]) -> Vec<(&'a Lane, &'a LaneRecord, Color32)> {
    let runs = &theme::tokens(ui).runs;
    let mut families: BTreeMap<String, usize> = BTreeMap::new();
    let mut colored = Vec::new();
    for (lane, record) in chosen {
        let next = families.len();
        let slot = *families.entry(record.family()).or_insert(next);
        colored.push((lane, record, runs[slot % runs.len()]));
    }
    colored
}

pub fn show(ui: &mut Ui, answer: &Answer, tag: &mut String) -> Option<Wish> {
    if answer.chosen.is_empty() {
        ui.label(theme::caption(ui, "A click on runs compares them."));
        return None;
    }
    let colored = colors(ui, &answer.chosen);
    curves(ui, &colored);
    for (lane, record, color) in &colored {
        ui.horizontal(|ui| {
            picture(ui, &record.picture, vec2(metrics::SPARKLINE, metrics::M), *color);
            let differs: Vec<String> = answer
                .differs
                .iter()
                .filter_map(|name| Some(format!("{name} {}", record.settings.get(name)?)))
                .collect();
            let differs = if differs.is_empty() { record.schedule.clone() } else { differs.join(", ") };
            let text = format!("{} · seed {}: {differs}", record.run, record.seed);
            ui.add(Label::new(text).truncate())
                .on_hover_text(format!("{}\n{}", lane.folder, record.schedule));
        });
    }
    if answer.chosen.len() > 1 && answer.differs.is_empty() {
        ui.label(theme::caption(ui, "They differ in their seeds only."));
    }
    let (lane, ..) = colored.last()?;
    marks(ui, answer, lane, tag)
}

/// The validation losses of the chosen runs.
pub fn curves(ui: &mut Ui, colored: &[(&Lane, &LaneRecord, Color32)]) {
    let updates = colored.iter().map(|(_, record, _)| record.updates).max().unwrap_or(1);
    let curve = |(_, record, color): &(&Lane, &LaneRecord, Color32)| Curve {
        points: record
            .validations
            .iter()
            .map(|it| (it.updates as f64, it.loss.unwrap_or(f64::NAN)))
            .collect(),
        color: *color,
        width: metrics::CURVE * 0.75,
        dashed: false,
    };
    let plot = Small {
        name: "library losses",
        scale: Scale::Log,
        updates: updates as f64,
        curves: colored.iter().map(curve).collect(),
        include: None,
        titled: true,
    };
    plot.show(
        ui,
        |ui| {
            ui.label(theme::title(ui, "Validation loss"));
        },
        |_| (),
    );
}

/// As [`curves`], of everything that is chosen.
pub fn chosen_curves(ui: &mut Ui, answer: &Answer) {
    let colored = colors(ui, &answer.chosen);
    curves(ui, &colored);
}

/// What people added to the training of the run that was chosen last.
fn marks(ui: &mut Ui, answer: &Answer, lane: &Lane, tag: &mut String) -> Option<Wish> {
    let row = answer.rows.iter().find(|row| Lane::of(row) == *lane)?;
    let mut wish = None;
    ui.add_space(metrics::S);
    ui.horizontal_wrapped(|ui| {
        for known in &row.tags {
            if ui.add(secondary(&format!("{known} ×"))).on_hover_text("Take the tag away.").clicked() {
                wish = Some(Wish::Untag(row.folder.clone(), known.clone()));
            }
        }
        let field = TextEdit::singleline(tag).hint_text("Tag").desired_width(metrics::RUN_LOSS);
        let entered = ui.add(field).lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if entered && !tag.trim().is_empty() {
            wish = Some(Wish::Tag(row.folder.clone(), tag.clone()));
        }
        if ui.add(secondary("Open a copy")).on_hover_text("Open its experiment in the studio.").clicked() {
            wish = Some(Wish::Open(row.folder.clone()));
        }
    });
    if !row.note.is_empty() {
        ui.add(Label::new(theme::caption(ui, &row.note)).wrap());
    }
    wish
}

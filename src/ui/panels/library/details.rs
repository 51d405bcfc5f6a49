//! The runs that are compared: their curves over one another, in what they differ, and what people added.

use std::collections::BTreeMap;

use eframe::egui::{Color32, Grid, Key, Label, ScrollArea, TextEdit, Ui, vec2};

use super::Wish;
use super::answer::Answer;
use super::chosen::Lane;
use super::table::picture;
use crate::library::{Kind, LaneRecord, bands};
use crate::ui::format;
use crate::ui::plot::{Area, Curve, Scale, Small};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::secondary;

/// Settings in which runs differ, at most as many columns.
const MOST_SETTINGS: usize = 6;

/// Seeds of one run, in its colour.
struct Family<'a> {
    color: Color32,
    lanes: Vec<(&'a Lane, &'a LaneRecord)>,
}

fn families<'a>(ui: &Ui, compared: &'a [(Lane, LaneRecord)]) -> Vec<Family<'a>> {
    let runs = &theme::tokens(ui).runs;
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut families: Vec<Family<'_>> = Vec::new();
    for (lane, record) in compared {
        let place = *places.entry(&lane.family).or_insert(families.len());
        match families.get_mut(place) {
            Some(family) => family.lanes.push((lane, record)),
            None => {
                let color = runs[families.len() % runs.len()];
                families.push(Family { color, lanes: vec![(lane, record)] });
            }
        }
    }
    families
}

pub fn show(
    ui: &mut Ui,
    answer: &Answer,
    tag: &mut String,
    note: &mut Option<(String, String)>,
) -> Option<Wish> {
    if answer.compared.is_empty() {
        return None;
    }
    ui.set_max_width(ui.available_width() - metrics::S);
    let families = families(ui, &answer.compared);
    curves(ui, answer, &families);
    table(ui, answer, &families);
    if !answer.is_chosen {
        ui.label(theme::caption(ui, "The first runs of the list: a click on others compares those."));
        return None;
    }
    let (lane, _) = answer.compared.last()?;
    marks(ui, answer, lane, tag, note)
}

/// The validation losses: a line a run, its mean over the seeds, in the band from the least to the greatest.
fn curves(ui: &mut Ui, answer: &Answer, families: &[Family<'_>]) {
    let updates = answer.compared.iter().map(|(_, record)| record.updates).max().unwrap_or(1);
    let lanes = families.iter().enumerate();
    let lanes = lanes.flat_map(|(at, family)| family.lanes.iter().map(move |(_, record)| (at, *record)));
    let (mut curves, mut areas, mut seeds) = (Vec::new(), Vec::new(), 1);
    for (at, band, count) in bands(lanes) {
        let color = families.get(at).map_or(Color32::TRANSPARENT, |family| family.color);
        let points = |values: &[f64]| {
            band.updates
                .iter()
                .zip(values)
                .map(|(update, value)| (*update as f64, *value))
                .collect::<Vec<_>>()
        };
        if count > 1 {
            areas.push(Area { low: points(&band.least), high: points(&band.greatest), color });
        }
        seeds = seeds.max(count);
        let width = metrics::CURVE * 0.75;
        curves.push(Curve { points: points(&band.mean), color, width, dashed: false });
    }
    // A sweep's trial was looked at once, at its end; on the way there are training losses.
    let mut is_dashed = false;
    for family in families {
        let trial = family.lanes.iter().find(|(_, record)| !record.losses.is_empty());
        let Some((_, record)) = trial else { continue };
        let points = record.losses.iter().map(|(updates, loss)| (*updates as f64, *loss)).collect();
        curves.push(Curve { points, color: family.color, width: metrics::CURVE * 0.75, dashed: true });
        is_dashed = true;
    }
    let plot = Small {
        name: "library losses",
        scale: Scale::Log,
        updates: updates as f64,
        curves,
        areas,
        include: None,
        titled: true,
    };
    let title = match (seeds > 1, is_dashed) {
        (_, true) => "Validation loss; dashed: training loss of a sweep's trial",
        (true, false) => "Validation loss, mean and range of seeds",
        (false, false) => "Validation loss",
    };
    plot.show(
        ui,
        |ui| {
            ui.label(theme::title(ui, title));
        },
        |_| (),
    );
}

/// A line a run: its best loss and, where they differ, what it was given.
fn table(ui: &mut Ui, answer: &Answer, families: &[Family<'_>]) {
    let differs: Vec<&String> = answer.differs.iter().take(MOST_SETTINGS).collect();
    let scroll = ScrollArea::horizontal().id_salt("library differs").auto_shrink([false, true]);
    scroll.show(ui, |ui| {
        Grid::new("library compared")
            .num_columns(3 + differs.len())
            .spacing(vec2(metrics::M, metrics::XS))
            .show(ui, |ui| {
                for title in ["", "Run", "Best"] {
                    ui.label(theme::caption(ui, title));
                }
                for name in &differs {
                    ui.label(theme::caption(ui, short(name))).on_hover_text(*name);
                }
                ui.end_row();
                for family in families {
                    let Some((_, first)) = family.lanes.first() else { continue };
                    picture(ui, &first.picture, vec2(metrics::SPARKLINE, metrics::M), family.color);
                    let seeds = match family.lanes.len() {
                        1 => format!("seed {}", first.seed),
                        many => format!("{many} seeds"),
                    };
                    ui.label(format!("{} · {seeds}", first.run)).on_hover_text(&first.schedule);
                    let best: Vec<f64> =
                        family.lanes.iter().filter_map(|(_, lane)| lane.best_val_loss).collect();
                    let mean = best.iter().sum::<f64>() / best.len() as f64;
                    let text = if best.is_empty() { "–".to_owned() } else { format::metric(mean) };
                    ui.label(theme::value(ui, text));
                    for name in &differs {
                        let value = first.settings.get(*name).map_or("–", String::as_str);
                        ui.label(theme::value(ui, value));
                    }
                    ui.end_row();
                }
            });
    });
    let text = match answer.differs.len() {
        0 if answer.compared.len() > 1 => "They differ in their seeds only.".to_owned(),
        count if count > MOST_SETTINGS => {
            format!("They differ in {} more settings.", count - MOST_SETTINGS)
        }
        _ => return,
    };
    ui.label(theme::caption(ui, text));
}

/// The last two words of a dotted name.
fn short(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

/// What people added to the training of the run that was chosen last, and what can be done with it.
fn marks(
    ui: &mut Ui,
    answer: &Answer,
    lane: &Lane,
    tag: &mut String,
    note: &mut Option<(String, String)>,
) -> Option<Wish> {
    let row = answer.rows.iter().find(|row| row.folder == lane.folder)?;
    let mut wish = None;
    ui.add_space(metrics::S);
    ui.label(theme::title(ui, &row.experiment));
    ui.add(Label::new(theme::caption(ui, &row.folder)).truncate());
    ui.horizontal_wrapped(|ui| {
        for known in &row.tags {
            if ui.add(secondary(&format!("{known} ×"))).on_hover_text("Take the tag away.").clicked() {
                wish = Some(Wish::Untag(row.folder.clone(), known.clone()));
            }
        }
        let field = TextEdit::singleline(tag).hint_text("Tag").desired_width(metrics::RUN_LOSS);
        let field = ui.add(field).accessible_name("Tag");
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if entered && !tag.trim().is_empty() {
            wish = Some(Wish::Tag(row.folder.clone(), tag.clone()));
        }
    });
    let (of, text) = note.get_or_insert_with(|| (row.folder.clone(), row.note.clone()));
    if *of != row.folder {
        (*of, *text) = (row.folder.clone(), row.note.clone());
    }
    let field =
        TextEdit::multiline(text).hint_text("A note").desired_rows(2).desired_width(ui.available_width());
    if ui.add(field).accessible_name("Note").lost_focus() && text.trim() != row.note {
        wish = Some(Wish::Note(row.folder.clone(), text.clone()));
    }
    if row.kind == Kind::Training {
        ui.horizontal(|ui| {
            if ui.add(secondary("Open a copy")).on_hover_text("Open its experiment in the studio.").clicked()
            {
                wish = Some(Wish::Open(row.folder.clone()));
            }
            let help = "Go on from its newest checkpoint, and fork it from there.";
            if ui.add(secondary("Continue")).on_hover_text(help).clicked() {
                wish = Some(Wish::Continue(row.folder.clone()));
            }
            let help = "Open its experiment, and its schedule for other frameworks.";
            if ui.add(secondary("Export")).on_hover_text(help).clicked() {
                wish = Some(Wish::Export(row.folder.clone()));
            }
        });
    }
    if row.kind == Kind::Recording {
        let help = "Show it beside the runs, in their plots.";
        if ui.add(secondary("Show it here")).on_hover_text(help).clicked() {
            wish = Some(Wish::Show(row.folder.clone()));
        }
    }
    wish
}

//! Another future for a live run, by one press or by exact points.

use eframe::egui::{Button, Label, TextEdit, Ui, vec2};

use crate::api::change::Future;
use crate::schedule::Schedule;
use crate::schedule::kind::{Cosine, Kind};
use crate::train::ids::RunId;
use crate::ui::format;
use crate::ui::shelf::LiveView;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, row, secondary};

use super::state::{State, bend, planned};

/// A future by one press.
#[derive(Clone, Copy)]
enum Press {
    Halve,
    Double,
    Hold,
    Linear,
    Cosine,
}

const PRESSES: [(Press, &str, &str); 5] = [
    (Press::Halve, "Halve", "Half of what is planned, from now on."),
    (Press::Double, "Double", "Twice what is planned, from now on."),
    (Press::Hold, "Hold", "The rate of now until the end."),
    (Press::Linear, "Linear to 0", "A straight line from the rate of now to zero at the end."),
    (Press::Cosine, "Cosine to 0", "Half a cosine from the rate of now to zero at the end."),
];

pub fn show(ui: &mut Ui, studio: &mut Studio, run: RunId, live: &LiveView) {
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "Bend its rate"));
    ui.add(Label::new(theme::caption(ui, "Drag the rings on its dashed curve, or from now on:")).wrap());
    groups(ui, studio, live);
    let group = studio.panels.of::<State>().group.clone();
    let mut pressed = None;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(metrics::XS, metrics::XS);
        ui.horizontal_wrapped(|ui| {
            for (press, label, help) in PRESSES {
                let needs_end = matches!(press, Press::Linear | Press::Cosine);
                let button = Button::new(label).min_size(vec2(0.0, metrics::ICON_BUTTON));
                let response = ui.add_enabled(!needs_end || live.total.is_some(), button);
                let response = response.on_disabled_hover_text("The script does not say how long it trains.");
                if response.on_hover_text(help).clicked() {
                    pressed = Some((press, help));
                }
            }
        });
    });
    if let Some((press, help)) = pressed {
        press_one(studio, run, live, group.as_deref(), press, help);
    }
    points(ui, studio, run, group.clone());
    if live.is_bent {
        let help = "Its own scheduler goes on where it would be by now.";
        if ui.add(secondary("Give it back to its scheduler")).on_hover_text(help).clicked() {
            bend(studio, run, group, "given back", Future::Release);
        }
    }
    if let Some((low, high)) = live.bounds {
        let text = format!("Its script allows {} to {}.", format::rate(low), format::rate(high));
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
}

/// Which group is bent, where there are several.
fn groups(ui: &mut Ui, studio: &mut Studio, live: &LiveView) {
    if live.groups.len() < 2 {
        return;
    }
    let state = studio.panels.of::<State>();
    row(ui, "Group", "Parameter groups have rates of their own.", |ui, id| {
        let shown = state.group.clone().unwrap_or_else(|| "all".to_owned());
        let combo = combo("live group").selected_text(shown).width(ui.available_width());
        let chosen = combo.show_ui(ui, |ui| {
            if ui.selectable_label(state.group.is_none(), "all").clicked() {
                state.group = None;
            }
            for name in &live.groups {
                if ui.selectable_label(state.group.as_ref() == Some(name), name).clicked() {
                    state.group = Some(name.clone());
                }
            }
        });
        chosen.response.labelled_by(id);
    });
}

fn press_one(studio: &mut Studio, run: RunId, live: &LiveView, group: Option<&str>, press: Press, why: &str) {
    let why = why.trim_end_matches('.').to_lowercase();
    let factor = match press {
        Press::Halve => Some(0.5),
        Press::Double => Some(2.0),
        _ => None,
    };
    if let Some(factor) = factor {
        return bend(studio, run, group.map(str::to_owned), &why, Future::Factor(factor));
    }
    // Each group goes on from its own rate.
    let groups = live.groups.iter().filter(|name| group.is_none_or(|group| group == *name));
    for name in groups {
        let (now, end) = (live.update, live.total.unwrap_or(live.update + 1).max(live.update + 1));
        let Some(rate) = planned(studio, run, Some(name), now) else { continue };
        let future = match press {
            Press::Linear => Future::Points(vec![(now, rate), (end, 0.0)]),
            Press::Cosine => {
                let cosine = Cosine {
                    peak: rate,
                    floor: 0.0,
                    over: None,
                    after: crate::schedule::kind::After::Hold,
                    power: 1.0,
                };
                let schedule = Box::new(Schedule::from(Kind::Cosine(cosine)));
                Future::Schedule { schedule, absolute: false }
            }
            _ => Future::Points(vec![(now, rate)]),
        };
        bend(studio, run, Some(name.clone()), &why, future);
    }
}

/// Exact points, typed: an update and a rate a line.
fn points(ui: &mut Ui, studio: &mut Studio, run: RunId, group: Option<String>) {
    let state = studio.panels.of::<State>();
    ui.add_space(metrics::XS);
    let label = ui.label(theme::caption(ui, "Exact points: an update and a rate a line"));
    let field = TextEdit::multiline(&mut state.typed)
        .hint_text("500 3e-4\n10000 0")
        .desired_rows(2)
        .font(theme::number())
        .desired_width(ui.available_width());
    ui.add(field).labelled_by(label.id);
    if state.typed.trim().is_empty() {
        return;
    }
    match read(&state.typed) {
        Ok(points) => {
            if ui.add(secondary("Set these points")).clicked() {
                state.typed.clear();
                bend(studio, run, group, "exact points", Future::Points(points));
            }
        }
        Err(why) => {
            ui.add(Label::new(theme::caption(ui, why).color(theme::tokens(ui).danger)).wrap());
        }
    }
}

/// Reads an update and a rate a line.
fn read(text: &str) -> Result<Vec<(u64, f64)>, String> {
    let mut points: Vec<(u64, f64)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split([' ', ',', '\t', ':']).filter(|word| !word.is_empty());
        let update = words.next().and_then(|word| word.replace('_', "").parse().ok());
        let rate = words.next().and_then(format::parse).filter(|rate| *rate >= 0.0 && rate.is_finite());
        let (Some(update), Some(rate), None) = (update, rate, words.next()) else {
            return Err(format!("“{line}” is no update and rate, such as 500 3e-4."));
        };
        if points.last().is_some_and(|(last, _)| *last >= update) {
            return Err(format!("Update {update} is not after the one before."));
        }
        points.push((update, rate));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_as_people_type_them() {
        assert_eq!(read("500 3e-4\n\n10_000, 0"), Ok(vec![(500, 3e-4), (10_000, 0.0)]));
        assert!(read("500").is_err_and(|why| why.contains("500")));
        assert!(read("500 1\n500 2").is_err());
        assert!(read("500 -1").is_err());
    }
}

//! What the chosen framework really does when the run is resumed at an update, drawn against what is wished.

use eframe::egui::{Button, Color32, Label, RichText, Ui, vec2};

use crate::export::resume::{Resumed, Resumption};
use crate::ui::format;
use crate::ui::plot::{Curve, Scale, Small};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, amount, whole};

use super::state::{self, State, Wish};
use super::{choose, empty};

/// Below this share of the peak a deviation is rounding in single precision.
const ROUNDING: f64 = 1e-6;
/// The most points of a curve.
const POINTS: usize = 300;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    choose(ui, studio);
    let Some(wish) = wishes(ui, studio) else { return };
    ui.add_space(metrics::S);
    let Some(answer) = state::resume(studio, ui.ctx(), wish) else {
        ui.label(theme::caption(ui, "Predicting every update of this long run…"));
        return;
    };
    let resumption = match &*answer {
        Ok(resumption) => resumption,
        Err(error) => {
            empty(ui, &error.to_string());
            return;
        }
    };
    let selected = studio.view.selected;
    let slot = studio.document.runs().find(|(row, _)| row.id == selected).map_or(0, |(row, _)| row.slot);
    let color = theme::tokens(ui).run(slot);
    for way in &resumption.ways {
        show_way(ui, resumption, way, color);
    }
    let text =
        "Each was tried in the framework itself: a checkpoint, a new process, the rates from there on.";
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    ui.add_space(metrics::S);
    ui.label(theme::title(ui, "The code that does it right"));
    let button = Button::new("Copy").min_size(vec2(metrics::FIELD_VALUE, metrics::ICON_BUTTON));
    if ui.add(button).on_hover_text("Put this code on the clipboard.").clicked() {
        ui.ctx().copy_text(resumption.code.clone());
        studio.toasts.done(format!("Copied for {}.", resumption.target.title));
    }
    let code = RichText::new(resumption.code.trim_end()).font(theme::small_number());
    ui.add(Label::new(code).wrap().selectable(true));
}

/// The update of the seam and what changes there; `None` where the run has no inner update.
fn wishes(ui: &mut Ui, studio: &mut Studio) -> Option<Wish> {
    let clock = studio.clock();
    let peak = studio
        .document
        .run(studio.view.selected)
        .and_then(|run| run.lr.resolve(clock).ok())
        .map(|curve| (0..clock.updates.min(10_000)).map(|update| curve.at(update)).fold(0.0, f64::max))?;
    if clock.updates < 2 {
        empty(ui, "the run has one update: there is nothing to resume");
        return None;
    }
    let most = clock.updates as f64;
    let state = studio.panels.of::<State>();
    let mut wish = state.wish.unwrap_or(Wish {
        at: (clock.updates / 2 / clock.updates_per_epoch).max(1) * clock.updates_per_epoch,
        length: clock.updates,
        lr: None,
    });
    wish.at = wish.at.clamp(1, clock.updates - 1);
    let mut lr = wish.lr.unwrap_or(peak);
    let mut changed = whole(
        ui,
        &Amount::whole("Resume at", "The update that the resumed training makes first.", 1.0..=most - 1.0),
        &mut wish.at,
    );
    let length = Amount::whole("New length", "Updates of the whole run after the change.", 1.0..=4.0 * most);
    changed |= whole(ui, &length.limits(2.0..=1e7), &mut wish.length);
    if amount(ui, &Amount::rate("New peak", "The schedule's peak after the change."), &mut lr) {
        wish.lr = Some(lr);
        changed = true;
    }
    if changed {
        state.wish = Some(wish);
    }
    Some(wish)
}

fn show_way(ui: &mut Ui, resumption: &Resumption, way: &Resumed, color: Color32) {
    let tokens = theme::tokens(ui);
    let (verdict, ink) = if way.is_right(ROUNDING) {
        ("As wished".to_owned(), tokens.muted)
    } else if way.counts_anew {
        ("A new run".to_owned(), tokens.warning)
    } else {
        let off = format::significant(100.0 * way.deviation.of_peak, 2);
        (format!("Off by {off}% of the peak"), tokens.warning)
    };
    ui.label(RichText::new(verdict).color(ink));
    ui.add(Label::new(format::sentence(way.how)).wrap());
    let at = resumption.at as f64;
    let curve = |rates: &[f64], color, width, dashed| Curve {
        points: thinned(rates).map(|(update, rate)| (at + update as f64, rate)).collect(),
        color,
        width,
        dashed,
    };
    let shown = way.rates.len().min(resumption.wish.len());
    let curves = vec![
        curve(&resumption.wish, color, metrics::CURVE * 1.5, false),
        curve(&way.rates[..shown], tokens.text, metrics::CURVE_FAINT, true),
    ];
    let updates = at + resumption.wish.len() as f64;
    let plot = Small {
        name: way.how,
        scale: Scale::Linear,
        updates,
        curves,
        areas: Vec::new(),
        include: Some(0.0),
        titled: false,
    };
    plot.show(ui, |_| {}, |_| {});
    let words = format!("{}: {}.", way.seam, way.because);
    ui.add(Label::new(theme::caption(ui, format::sentence(&words))).wrap());
    ui.add_space(metrics::M);
}

/// Some of the rates, the first and the last among them.
fn thinned(rates: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    let every = rates.len().div_ceil(POINTS).max(1);
    let last = rates.len().saturating_sub(1);
    rates.iter().copied().enumerate().filter(move |(update, _)| {
        // The first updates have the seam.
        update.is_multiple_of(every) || *update < 4 || *update == last
    })
}

//! Sharpness against what the rate allows: the edge of stability as something one sees.

use eframe::egui::{RichText, Ui};

use crate::engine::Curvature;
use crate::ui::format;
use crate::ui::plot::{Curve, Scale, Small};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};

use super::{Seen, heading};

pub fn show(ui: &mut Ui, studio: &Studio, seen: &[Seen]) {
    let plain: Vec<&Seen> = seen.iter().filter(|run| !run.examined.adaptive).collect();
    if !plain.is_empty() {
        let how =
            "Solid: the largest curvature of the loss. Dashes: 2(1+m)/rate, where steps stop being stable.";
        heading(ui, "Sharpness", "Sharpness", how);
        draw(ui, studio, &plain, "Sharpness", |seen| Some(seen.sharpness), |seen| seen.limit);
    }
    let how = "Solid: 2 over the smallest step along the update that raises its batch's loss; a gap where every step does. Dashes: 2/rate.";
    heading(ui, "Critical sharpness", "Critical sharpness", how);
    let all: Vec<&Seen> = seen.iter().collect();
    draw(ui, studio, &all, "Critical sharpness", |seen| seen.critical, |seen| 2.0 / seen.rate);
}

fn draw(
    ui: &mut Ui,
    studio: &Studio,
    seen: &[&Seen],
    name: &str,
    value: impl Fn(&Curvature) -> Option<f64>,
    limit: impl Fn(&Curvature) -> f64,
) {
    let tokens = theme::tokens(ui);
    let mut curves = Vec::new();
    for run in seen {
        let trail = &run.examined.curvature;
        let limits = trail.iter().map(|seen| (seen.update as f64, limit(seen))).collect();
        curves.push(Curve {
            points: limits,
            color: tokens.ahead(run.color),
            width: metrics::CURVE * 0.75,
            dashed: true,
        });
        let height = |seen: &Curvature| value(seen).unwrap_or(f64::NAN);
        let values = trail.iter().map(|seen| (seen.update as f64, height(seen))).collect();
        curves.push(Curve { points: values, color: run.color, width: metrics::CURVE * 0.75, dashed: false });
    }
    let updates = studio.clock().updates as f64;
    let plot =
        Small { name, scale: Scale::Log, updates, curves, areas: Vec::new(), include: None, titled: true };
    plot.show(
        ui,
        |_| {},
        |ui| {
            for run in seen.iter().rev() {
                let newest = run.examined.curvature.last();
                if let Some((value, limit)) = newest.and_then(|seen| Some((value(seen)?, limit(seen)))) {
                    let share = format::significant(value / limit, 3);
                    // Two runs have room for no more than that.
                    let text = match seen.len() {
                        1 => format!("{} = {share} × limit", format::significant(value, 3)),
                        _ => format!("{share} × limit"),
                    };
                    ui.label(RichText::new(text).font(theme::small_number()).color(run.color));
                }
            }
        },
    );
}

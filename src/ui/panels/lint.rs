//! What lint says, where it can be mended.

use std::sync::Arc;

use eframe::egui::{Label, Role, Sense, Ui, Vec2, WidgetInfo, vec2};

use crate::lint::{Severity, Warning, lint};
use crate::schedule::Clock;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, paint_icon};

/// The most lines at once: the worst come first.
const MOST: usize = 3;

/// What lint said last, and of which state of the document.
#[derive(Default)]
struct State(Option<(u64, Clock, Arc<[Warning]>)>);

/// What lint says of the experiment as it is, the worst first.
pub fn warnings(studio: &mut Studio) -> Arc<[Warning]> {
    let (generation, clock) = (studio.document.generation(), studio.clock());
    let State(last) = studio.panels.of();
    match last {
        Some((of, length, warnings)) if *of == generation && *length == clock => Arc::clone(warnings),
        _ => {
            let warnings: Arc<[Warning]> = lint(studio.document.experiment(), Some(clock)).into();
            *last = Some((generation, clock, Arc::clone(&warnings)));
            warnings
        }
    }
}

/// The lines about the experiment, and none of its runs.
pub fn of_experiment(ui: &mut Ui, studio: &mut Studio) {
    for warning in warnings(studio).iter().filter(|warning| warning.run.is_none()).take(MOST) {
        line(ui, warning);
    }
}

/// The lines about the selected run.
pub fn of_run(ui: &mut Ui, studio: &mut Studio) {
    let id = studio.view.selected;
    let Some(name) = studio.document.run(id).map(|run| run.name.clone()) else { return };
    let warnings = warnings(studio);
    for warning in warnings.iter().filter(|warning| warning.run.as_ref() == Some(&name)).take(MOST) {
        line(ui, warning);
    }
}

/// One line, with its severity.
pub fn line(ui: &mut Ui, warning: &Warning) {
    let tokens = theme::tokens(ui);
    let (icon, color) = match warning.severity {
        Severity::Error => (Icon::Warning, tokens.danger),
        Severity::Warning => (Icon::Warning, tokens.warning),
        Severity::Hint => (Icon::Hint, tokens.muted),
    };
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(metrics::L), Sense::hover());
        let severity = warning.severity.name();
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, severity));
        paint_icon(ui.painter(), icon, rect.center(), color);
        response.on_hover_text(format!("Lint: {severity} {}", warning.code));
        ui.allocate_ui(vec2(ui.available_width(), metrics::L), |ui| {
            ui.add(Label::new(theme::caption(ui, format::sentence(&warning.message))).wrap());
        });
    });
}

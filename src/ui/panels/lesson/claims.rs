//! What a lesson claims: what our own run measured, and what training here says of it.

use eframe::egui::{Label, Ui};

use crate::jobs::Job;
use crate::lesson::{Checked, Lesson};
use crate::ui::format::significant;
use crate::ui::theme;
use crate::ui::widgets::{secondary, waiting};

use super::{SEEDS, Wish};

/// What the lesson claims, and what training here says of it; what is asked for.
pub(super) fn show(
    ui: &mut Ui,
    lesson: &Lesson,
    checking: Option<&Job<Result<Checked, String>>>,
    checked: Option<&Result<Checked, String>>,
) -> Option<Wish> {
    match checked {
        Some(Ok(checked)) => {
            for verdict in &checked.verdicts {
                let mark = if verdict.holds { "✓" } else { "×" };
                ui.add(Label::new(format!("{mark} {}", verdict.say)).wrap());
                let measured =
                    verdict.measured.iter().map(|(name, mean)| format!("{name} {}", significant(*mean, 3)));
                let measured = measured.collect::<Vec<_>>().join(", ");
                let text = format!("{measured}; in {} of {SEEDS} seeds", verdict.seeds);
                ui.add(Label::new(theme::caption(ui, text)).wrap());
            }
        }
        other => {
            for claim in &lesson.claim {
                ui.add(Label::new(format!("· {}", claim.say)).wrap());
                if let Some(measured) = lesson.measured(claim) {
                    ui.add(Label::new(theme::caption(ui, format!("Our own run: {measured}."))).wrap());
                }
            }
            if let Some(Err(error)) = other {
                ui.label(error);
            }
        }
    }
    if let Some(job) = checking {
        return waiting(ui, "Training the claims", job.progress().share()).then_some(Wish::Stop);
    }
    let asked = ui
        .add(secondary("Train the claims here"))
        .on_hover_text("Three seeds of each; some seconds.")
        .clicked();
    asked.then_some(Wish::Check)
}

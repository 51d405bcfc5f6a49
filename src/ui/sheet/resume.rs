//! Going on with a training that was saved to a folder.

use std::sync::Arc;

use eframe::egui::Ui;

use super::{Decision, buttons, path_row, trimmed};
use crate::train::checkpoint::{Continuation, Forget};
use crate::ui::format;
use crate::ui::theme;
use crate::ui::widgets::check;

/// The sheet: a folder, what was found in it, and what to lose on purpose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resume {
    pub path: String,
    pub error: Option<String>,
    pub found: Option<Arc<Continuation>>,
    pub forget: Forget,
}

impl Resume {
    pub(super) fn show(&mut self, ui: &mut Ui, busy: bool) -> Option<Decision> {
        ui.label(theme::title(ui, "Continue training"));
        let before = self.path.clone();
        let entered = path_row(ui, &mut self.path, "Folder of the training", "runs/today", busy);
        if self.path != before {
            (self.found, self.error) = (None, None);
        }
        let tokens = theme::tokens(ui);
        if let Some(error) = &self.error {
            ui.colored_label(tokens.danger, error.as_str());
        }
        let look = Decision::Open(trimmed(&self.path));
        let Some(found) = &self.found else {
            if self.error.is_none() {
                ui.label(theme::caption(ui, "A folder that “anneal train --out” wrote."));
            }
            let decided = buttons(ui, &[("Look", !self.path.trim().is_empty(), look)]);
            return entered.map(|decision| as_look(decision, &self.path)).or(decided);
        };
        let runs = found.checkpoint.experiment.runs.len();
        let lanes = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        let at = format::count(found.checkpoint.update());
        ui.label(format!("“{}”, {lanes}, after update {at}.", found.checkpoint.experiment.name));
        for reason in &found.refused {
            ui.colored_label(tokens.warning, format!("Not taken: {reason}. This is the good one before it."));
        }
        ui.label(theme::caption(ui, "What happens when part of the state is lost? Try it:"));
        let help = "The schedule and its controller start over, as in a script that saves the weights only.";
        check(ui, "Forget the scheduler's state", help, &mut self.forget.schedule);
        let help = "The optimizer's buffers are empty, and its updates are counted from 0.";
        check(ui, "Forget the momentum", help, &mut self.forget.momentum);
        let decided = buttons(ui, &[("Continue", true, Decision::Resume)]);
        entered.map(|decision| as_look(decision, &self.path)).or(decided)
    }
}

/// Entering a path means looking there.
fn as_look(decision: Decision, path: &str) -> Decision {
    match decision {
        Decision::Save(_) => Decision::Open(trimmed(path)),
        other => other,
    }
}

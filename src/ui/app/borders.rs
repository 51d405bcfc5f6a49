//! The borders of the panels at the sides by keyboard, and by name.

use eframe::egui::accesskit::{Action, ActionRequest, TreeId};
use eframe::egui::{Event, EventFilter, Id, Key, Ui};

use crate::ui::theme::{self, metrics};

/// A panel's border.
pub(super) struct Border {
    id: Id,
    name: &'static str,
    /// What makes the panel wider.
    wider: Key,
    narrower: Key,
}

impl Border {
    /// Of the panel of this name at the left.
    pub fn left(ui: &Ui, panel: &str, name: &'static str) -> Self {
        Self { id: id(ui, panel), name, wider: Key::ArrowRight, narrower: Key::ArrowLeft }
    }

    /// Of the panel of this name at the right.
    pub fn right(ui: &Ui, panel: &str, name: &'static str) -> Self {
        Self { id: id(ui, panel), name, wider: Key::ArrowLeft, narrower: Key::ArrowRight }
    }

    /// Before the panel is shown: arrow keys ask for what a screen reader would.
    pub fn keys(&self, ui: &Ui) {
        if !ui.memory(|memory| memory.has_focus(self.id)) {
            return;
        }
        ui.memory_mut(|memory| {
            let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            memory.set_focus_lock_filter(self.id, filter);
        });
        for (key, action) in [(self.wider, Action::Increment), (self.narrower, Action::Decrement)] {
            ui.input_mut(|input| {
                for _ in 0..input.num_presses(key) {
                    input.events.push(Event::AccessKitActionRequest(ActionRequest {
                        action,
                        target_tree: TreeId::ROOT,
                        target_node: self.id.accesskit_id(),
                        data: None,
                    }));
                }
            });
        }
    }

    /// After it: the border says its name, and shows that it has the focus.
    pub fn name(&self, ui: &Ui) {
        ui.ctx().accesskit_node_builder(self.id, |node| node.set_label(self.name));
        if ui.memory(|memory| memory.has_focus(self.id))
            && let Some(border) = ui.ctx().read_response(self.id)
        {
            let line = (metrics::HAIRLINE, theme::tokens(ui).text);
            ui.painter().vline(border.rect.center().x, border.rect.y_range(), line);
        }
    }
}

/// As egui calls the handle of a panel; a test of the keyboard would notice another name.
fn id(ui: &Ui, panel: &str) -> Id {
    ui.scope_id().with(panel).with("__resize")
}

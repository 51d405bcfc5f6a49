//! What the keyboard gave the focus to is brought into view.

use eframe::egui::accesskit::{Action, ActionRequest, TreeId};
use eframe::egui::{Context, Event, Memory};

use super::StudioApp;

impl StudioApp {
    /// Scrolls to what has just got the focus, wherever it is, as a screen reader would ask for it. The pointer only
    /// reaches what is in view.
    pub(super) fn follow_focus(&mut self, ctx: &Context) {
        let focused = ctx.memory(Memory::focused);
        if std::mem::replace(&mut self.focused, focused) == focused {
            return;
        }
        let by_pointer = ctx.input(|input| input.pointer.any_down() || input.pointer.any_released());
        let Some(id) = focused.filter(|_| !by_pointer) else { return };
        let hidden = |response: eframe::egui::Response| {
            // A border is no reason to scroll.
            !response.interact_rect.expand(1.0).contains_rect(response.rect)
        };
        if ctx.read_response(id).is_some_and(hidden) {
            let request = ActionRequest {
                action: Action::ScrollIntoView,
                target_tree: TreeId::ROOT,
                target_node: id.accesskit_id(),
                data: None,
            };
            ctx.input_mut(|input| input.events.push(Event::AccessKitActionRequest(request)));
        }
    }
}

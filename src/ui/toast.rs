//! Short messages about what was done, or could not be.

use eframe::egui::{Align2, Area, Frame as Card, Id, Label, Margin, Order, Stroke, Ui, vec2};

use super::theme::{self, metrics};
use super::widgets::{Icon, icon_button};

/// How long good news stays, in seconds. Bad news stays until it is dismissed or replaced.
const STAYS: f64 = 5.0;
/// The most messages at once.
const MOST: usize = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub text: String,
    pub is_error: bool,
    until: Option<f64>,
}

/// The messages on show, oldest first.
#[derive(Debug, Default)]
pub struct Toasts(Vec<Toast>);

impl Toasts {
    /// Something was done.
    pub fn done(&mut self, text: impl Into<String>) {
        self.put(text.into(), false);
    }

    /// Something could not be done; the text says what to do about it.
    pub fn failed(&mut self, text: impl Into<String>) {
        self.put(text.into(), true);
    }

    /// The messages on show.
    pub fn iter(&self) -> impl Iterator<Item = &Toast> {
        self.0.iter()
    }

    fn put(&mut self, text: String, is_error: bool) {
        self.0.retain(|toast| toast.text != text);
        self.0.push(Toast { text, is_error, until: None });
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }

    /// Shows the messages in the corner above the timeline.
    pub fn show(&mut self, ui: &Ui) {
        let now = ui.input(|input| input.time);
        for toast in &mut self.0 {
            let until = *toast.until.get_or_insert(now + STAYS);
            if !toast.is_error {
                ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64((until - now).max(0.05)));
            }
        }
        self.0.retain(|toast| toast.is_error || toast.until.is_none_or(|until| until > now));
        if self.0.is_empty() {
            return;
        }
        let offset = vec2(-metrics::L, -(metrics::TIMELINE + metrics::L));
        let mut dismissed = None;
        Area::new(Id::unique("messages")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, offset).show(
            ui.ctx(),
            |ui| {
                for (index, toast) in self.0.iter().enumerate() {
                    if card(ui, toast) {
                        dismissed = Some(index);
                    }
                    ui.add_space(metrics::XS);
                }
            },
        );
        if let Some(index) = dismissed {
            self.0.remove(index);
        }
    }
}

/// One message; `true` when it was dismissed.
fn card(ui: &mut Ui, toast: &Toast) -> bool {
    let tokens = theme::tokens(ui);
    let edge = if toast.is_error { tokens.danger } else { tokens.outline };
    Card::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(metrics::HAIRLINE, edge))
        .corner_radius(metrics::RADIUS_LARGE)
        .inner_margin(Margin {
            left: metrics::MARGIN_M,
            right: metrics::MARGIN_XS,
            top: metrics::MARGIN_XS,
            bottom: metrics::MARGIN_XS,
        })
        .show(ui, |ui| {
            ui.set_width(metrics::TOAST);
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.set_width(metrics::TOAST - metrics::ICON_BUTTON - metrics::S);
                    ui.add_space(metrics::XS);
                    ui.add(Label::new(&toast.text).wrap());
                });
                icon_button(ui, Icon::Close, "Dismiss message").clicked()
            })
            .inner
        })
        .inner
}

//! What can be done with a plot: a button in its title line, and the same under the right mouse button.

use eframe::egui::{Button, Popup, PopupCloseBehavior, RichText, Slider, Ui, vec2};

use crate::ui::action::Action;
use crate::ui::format;
use crate::ui::layout::Pane;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Icon, icon_button};
use crate::ui::wish::Wish;

use super::chart::Drawn;
use super::take::Take;
use super::x_axis::XAxis;

/// The half-lives that the slider offers, as shares of the run.
const HALF_LIVES: std::ops::RangeInclusive<f64> = 0.0005..=0.1;

/// What the menu sets, and what is asked for in it.
pub(super) struct Menu {
    pane: Pane,
    x_axis: XAxis,
    docked: bool,
    /// Whether and how far the curves are smoothed, where they can be.
    smoothing: Option<(bool, f64)>,
    updates: u64,
    asked: Vec<Action>,
    take: Option<Take>,
}

impl Menu {
    pub fn new(studio: &Studio, pane: Pane, smooths: bool) -> Self {
        let view = &studio.view;
        Self {
            pane,
            x_axis: view.x_axis,
            docked: view.docked,
            smoothing: smooths.then_some((view.smoothing, view.half_life)),
            updates: studio.clock().updates,
            asked: Vec::new(),
            take: None,
        }
    }

    /// The button in the title line.
    pub fn button(&mut self, ui: &mut Ui) {
        let more = icon_button(ui, Icon::More, &format!("More for the {}", self.pane.title().to_lowercase()));
        let stays = PopupCloseBehavior::CloseOnClickOutside;
        Popup::menu(&more).close_behavior(stays).show(|ui| self.entries(ui));
    }

    /// The same under the right mouse button, where nothing else is.
    pub fn under(&mut self, drawn: &Drawn) {
        let stays = PopupCloseBehavior::CloseOnClickOutside;
        Popup::context_menu(&drawn.response).close_behavior(stays).show(|ui| self.entries(ui));
    }

    fn entries(&mut self, ui: &mut Ui) {
        ui.set_width(metrics::MENU);
        for action in [Action::Mark, Action::Fit] {
            let about = action.about();
            let keys = RichText::new(about.keys(ui.ctx())).font(theme::small());
            let button = Button::new(about.label).shortcut_text(keys);
            if ui
                .add(button.min_size(vec2(ui.available_width(), metrics::CONTROL)))
                .on_hover_text(about.help)
                .clicked()
            {
                self.asked.push(action);
                ui.close();
            }
        }
        ui.separator();
        ui.label(theme::caption(ui, "Horizontal axis"));
        for axis in XAxis::ALL {
            let about = axis.about();
            ui.radio_value(&mut self.x_axis, axis, about.title).on_hover_text(about.help);
        }
        if let Some((on, half_life)) = &mut self.smoothing {
            ui.separator();
            ui.checkbox(on, "Smoothing").on_hover_text("A debiased moving average of the training loss.");
            ui.add_enabled_ui(*on, |ui| {
                let updates = *half_life * self.updates as f64;
                ui.label(theme::caption(
                    ui,
                    format!("Half-life: {} updates", format::significant(updates.max(2.0), 2)),
                ));
                let slider = Slider::new(half_life, HALF_LIVES).logarithmic(true).show_value(false);
                ui.add(slider).accessible_name("Half-life of smoothing");
            });
        }
        ui.separator();
        ui.checkbox(&mut self.docked, "Values below the plots")
            .on_hover_text("Values at the cursor stand in a strip below the plots, not beside the cursor.");
        ui.separator();
        for take in Take::ALL {
            let button = Button::new(take.label()).min_size(vec2(ui.available_width(), metrics::CONTROL));
            if ui.add(button).clicked() {
                self.take = Some(take);
                ui.close();
            }
        }
    }

    /// The switch in the title line was turned.
    pub fn smooth(&mut self, on: bool) {
        if let Some((smoothing, _)) = &mut self.smoothing {
            *smoothing = on;
        }
    }

    /// Puts what was set to use.
    pub fn apply(self, studio: &mut Studio) {
        let view = &mut studio.view;
        view.x_axis = self.x_axis;
        view.docked = self.docked;
        if let Some((on, half_life)) = self.smoothing {
            (view.smoothing, view.half_life) = (on, half_life);
        }
        self.asked.into_iter().for_each(|action| studio.ask(action));
        if let Some(take) = self.take {
            studio.wish(Wish::Take(self.pane, take));
        }
    }
}

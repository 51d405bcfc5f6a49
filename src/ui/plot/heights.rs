//! The heights of each plot that a box was drawn around, and such a box on its way.

use eframe::egui::Pos2;

use crate::ui::layout::Pane;

/// Heights by plot; without some a plot shows all there is in view.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heights([Option<(f64, f64)>; 3]);

impl Heights {
    pub fn of(&self, pane: Pane) -> Option<(f64, f64)> {
        self.0[pane as usize]
    }

    pub fn set(&mut self, pane: Pane, heights: Option<(f64, f64)>) {
        self.0[pane as usize] = heights;
    }
}

/// A box on its way: in which plot, and where it began.
#[derive(Clone, Copy, Debug)]
pub struct Boxed {
    pub pane: Pane,
    pub from: Pos2,
}

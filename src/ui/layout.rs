//! How the plots share the room between the panels.

use eframe::egui::{Rangef, Rect};
use egui_tiles::{Linear, LinearDir, Tile, Tiles, Tree};

/// A plot in the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Rate,
    Metric,
    Number,
}

impl Pane {
    pub const ALL: [Self; 3] = [Self::Rate, Self::Metric, Self::Number];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Rate => "Rate plot",
            Self::Metric => "Loss plot",
            Self::Number => "Lowest plot",
        }
    }
}

/// The plots, one above the other, at heights the user sets.
pub struct Layout {
    pub tree: Tree<Pane>,
    /// Where the plots are, across.
    pub across: Rangef,
    /// Where each plot is, with its title.
    pub places: [Rect; 3],
}

/// How the plots share the height at first.
const SHARES: [f32; 3] = [1.0, 1.35, 0.6];

impl Layout {
    /// The plots get the heights that they had at first.
    pub fn reset(&mut self) {
        let Self { tree, .. } = Self::default();
        self.tree = tree;
    }
}

impl Default for Layout {
    fn default() -> Self {
        let mut tiles = Tiles::default();
        let panes: Vec<_> = Pane::ALL.map(|pane| tiles.insert_pane(pane)).into();
        let mut column = Linear::new(LinearDir::Vertical, panes.clone());
        for (pane, share) in panes.into_iter().zip(SHARES) {
            column.shares.set_share(pane, share);
        }
        let root = tiles.insert_new(Tile::Container(column.into()));
        Self {
            tree: Tree::new(eframe::egui::Id::unique("plots"), root, tiles),
            across: Rangef::new(0.0, 600.0),
            places: [Rect::NOTHING; 3],
        }
    }
}

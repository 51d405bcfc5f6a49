//! How the experiment is looked at: nothing in here is saved or trained.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::protocol::{Guard, Speed};
use crate::notify::Ways;
use crate::telemetry::Column;
use crate::train::device::Choice;
use crate::train::ids::{Mode, RunId};
use crate::ui::handles::HandleId;
use crate::ui::plot::{Boxed, Heights, Scale, XAxis};

/// Which updates the plots show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Window {
    /// The whole run.
    #[default]
    Whole,
    /// From here to there.
    Fixed { from: f64, to: f64 },
    /// So many updates up to the playhead, and a little ahead.
    Follow { width: f64 },
}

impl Window {
    /// The share of the window that the plots leave free on either side, so that handles at the ends of the run
    /// can be seen and taken hold of.
    pub const ROOM: f64 = 0.012;
    /// The fewest updates that fill the plots.
    const NARROWEST: f64 = 8.0;

    /// The first and the last update in view.
    pub fn bounds(self, playhead: u64, updates: u64) -> (f64, f64) {
        let end = updates.max(1) as f64;
        match self {
            Self::Whole => (0.0, end),
            Self::Fixed { from, to } => (from, to),
            Self::Follow { width } => {
                let width = width.clamp(Self::NARROWEST, end);
                let to = (playhead as f64 + width * 0.2).min(end).max(width);
                (to - width, to)
            }
        }
    }

    /// From one update to another of a run, as near as the fewest updates and its ends allow.
    pub fn between(from: f64, to: f64, updates: u64) -> Self {
        let end = updates.max(1) as f64;
        let width = (to - from).clamp(Self::NARROWEST.min(end), end);
        if width >= end {
            return Self::Whole;
        }
        let from = from.clamp(0.0, end - width);
        Self::Fixed { from, to: from + width }
    }

    /// The window `shift` updates later and `zoom` times as narrow around `center`.
    #[must_use]
    pub fn moved(self, playhead: u64, updates: u64, shift: f64, zoom: f64, center: f64) -> Self {
        let end = updates.max(1) as f64;
        let (from, to) = self.bounds(playhead, updates);
        let width = ((to - from) / zoom.max(1e-6)).clamp(Self::NARROWEST.min(end), end);
        if width >= end {
            return Self::Whole;
        }
        let share = ((center - from) / (to - from)).clamp(0.0, 1.0);
        let from = center - share * width + shift;
        Self::between(from, from + width, updates)
    }
}

/// A window that follows the playhead of a run of this length.
pub fn following(updates: u64) -> Window {
    Window::Follow { width: (updates as f64 / 5.0).max(Window::NARROWEST) }
}

/// A side panel by its name, a row of [`super::panels::PANELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidePanel(pub &'static str);

/// What the inspector shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    #[default]
    Schedule,
    Optimizer,
    Experiment,
}

/// A handle on its way.
#[derive(Clone, Copy, Debug)]
pub struct Drag {
    pub id: HandleId,
    /// Where it was taken hold of.
    pub update: f64,
    pub rate: f64,
    /// The rate axis then: it holds still while the hand moves.
    pub axis: (f64, f64),
}

/// Updates a second at the start: a run takes some seconds, and one sees it learn.
pub const FIRST_SPEED: f64 = 120.0;

/// The half-life of smoothing at first, as a share of the run.
pub const HALF_LIFE: f64 = 1.0 / 200.0;

/// The speeds to choose from, in updates a second.
pub const SPEEDS: [(f64, &str); 5] = [
    (1.0, "1 update/s"),
    (10.0, "10 updates/s"),
    (FIRST_SPEED, "120 updates/s, as at the start"),
    (300.0, "300 updates/s"),
    (1000.0, "1,000 updates/s"),
];

/// A parameter group of a run, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotGroup {
    pub run: RunId,
    pub name: Arc<str>,
}

impl HotGroup {
    pub fn is(&self, run: RunId, name: &str) -> bool {
        self.run == run && *self.name == *name
    }
}

/// How one likes to look at curves, whatever they are of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Liking {
    pub rate_scale: Scale,
    pub loss_scale: Scale,
    pub smoothing: bool,
    pub half_life: f64,
    pub x_axis: XAxis,
}

/// The state of looking.
#[derive(Debug)]
pub struct View {
    pub selected: RunId,
    pub hidden: BTreeSet<RunId>,
    /// The run under the pointer, anywhere.
    pub hot: Option<RunId>,
    /// The parameter group under the pointer on the rate plot.
    pub hot_group: Option<HotGroup>,
    pub window: Window,
    /// The update that is read: under the pointer in any plot, or where the keys put the cursor.
    pub cursor: Option<f64>,
    /// Where the keys put it, in a plot that has the focus.
    pub keyed: Option<f64>,
    pub plot_has_focus: bool,
    pub rate_scale: Scale,
    pub loss_scale: Scale,
    pub number_scale: Scale,
    /// What the middle plot shows: the training loss stands for both losses.
    pub quantity: Column,
    /// What the lowest plot shows: momentum, weight decay or the batch.
    pub number: Column,
    /// Whether it shows how much updates count in place of that.
    pub counts: bool,
    pub smoothing: bool,
    /// The half-life of smoothing, as a share of the run.
    pub half_life: f64,
    /// What the axis below the plots counts.
    pub x_axis: XAxis,
    /// How one liked to look before a lesson set it for itself.
    pub liked: Option<Liking>,
    /// The heights that a box was drawn around, plot by plot; without one a plot shows all there is in view.
    pub heights: Heights,
    /// A box on its way.
    pub boxed: Option<Boxed>,
    /// The second cursor, which values are compared with.
    pub mark: Option<f64>,
    /// Whether values at the cursor stand below the plots, not beside the cursor.
    pub docked: bool,
    pub mode: Mode,
    pub speed: Speed,
    /// Where training was asked for.
    pub device: Choice,
    pub guard: Guard,
    pub tab: Tab,
    /// The side panel that was chosen, and whether it is unfolded.
    pub panel: Option<SidePanel>,
    pub panel_open: bool,
    pub drag: Option<Drag>,
    /// Whether the pointer draws the selected run's rate, and what it has drawn so far: updates and rates.
    pub pencil: bool,
    pub stroke: Vec<(f64, f64)>,
    /// The run being renamed, and the name so far.
    pub renaming: Option<(RunId, String)>,
    pub reduced_motion: bool,
    /// Whether only the plots are shown, large.
    pub presenting: bool,
    /// Whether a handle asks to be dragged: nobody has dragged one so far.
    pub hint: bool,
    /// Whether readings of the clock are left out, so that a picture is always the same.
    pub still: bool,
    /// The folder of the library; empty where none is named.
    pub library: String,
    /// How somebody is told of findings.
    pub notify: Ways,
}

impl View {
    pub fn new(selected: RunId) -> Self {
        Self {
            selected,
            hidden: BTreeSet::new(),
            hot: None,
            hot_group: None,
            window: Window::Whole,
            cursor: None,
            keyed: None,
            plot_has_focus: false,
            rate_scale: Scale::Linear,
            loss_scale: Scale::Log,
            number_scale: Scale::Linear,
            quantity: Column::TrainLoss,
            number: Column::Momentum,
            counts: false,
            smoothing: true,
            half_life: HALF_LIFE,
            x_axis: XAxis::Updates,
            liked: None,
            heights: Heights::default(),
            boxed: None,
            mark: None,
            docked: false,
            mode: Mode::Live,
            speed: Speed::Unlimited,
            device: Choice::Auto,
            guard: Guard::default(),
            tab: Tab::Schedule,
            panel: None,
            panel_open: true,
            drag: None,
            pencil: false,
            stroke: Vec::new(),
            renaming: None,
            reduced_motion: false,
            presenting: false,
            hint: false,
            still: false,
            library: std::env::var("ANNEAL_LIBRARY").unwrap_or_default(),
            notify: Ways::default(),
        }
    }

    /// This view of a document, looked at as one did at another.
    #[must_use]
    pub fn as_liked(self, before: Self) -> Self {
        let Self { mode, speed, device, guard, panel, panel_open, .. } = before;
        let Liking { rate_scale, loss_scale, smoothing, half_life, x_axis } = before.liking();
        let Self { number_scale, docked, .. } = before;
        let Self { reduced_motion, presenting, hint, still, library, notify, .. } = before;
        let work = Self { mode, speed, device, guard, panel, panel_open, ..self };
        let look =
            Self { rate_scale, loss_scale, number_scale, smoothing, half_life, x_axis, docked, ..work };
        Self { reduced_motion, presenting, hint, still, library, notify, ..look }
    }

    /// How one likes to look, also while a lesson has set it otherwise.
    pub fn liking(&self) -> Liking {
        let Self { rate_scale, loss_scale, smoothing, half_life, x_axis, .. } = *self;
        self.liked.unwrap_or(Liking { rate_scale, loss_scale, smoothing, half_life, x_axis })
    }

    /// Shows the whole run, at all heights.
    pub fn fit(&mut self) {
        self.window = Window::Whole;
        self.heights = Heights::default();
    }

    /// Shows a side panel.
    pub fn open(&mut self, panel: SidePanel) {
        self.panel = Some(panel);
        self.panel_open = true;
    }

    /// How strongly a run's curves are drawn: those of others fade while one is under the pointer.
    pub fn strength(&self, run: RunId) -> f32 {
        match self.hot {
            Some(hot) if hot != run => 0.3,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_center_and_stays_in_the_run() {
        let near = Window::Whole.moved(0, 1000, 0.0, 2.0, 250.0);
        assert_eq!(near, Window::Fixed { from: 125.0, to: 625.0 });
        assert_eq!(near.moved(0, 1000, 0.0, 0.5, 250.0), Window::Whole);
        let edge = near.moved(0, 1000, -1e9, 1.0, 300.0);
        assert_eq!(edge.bounds(0, 1000), (0.0, 500.0));
        let (from, to) = Window::Whole.moved(0, 1000, 0.0, 1e30, 500.0).bounds(0, 1000);
        assert!(to - from >= 8.0);
    }

    #[test]
    fn following_keeps_the_playhead_in_view() {
        for playhead in [0, 10, 500, 999, 1000] {
            let (from, to) = Window::Follow { width: 100.0 }.bounds(playhead, 1000);
            assert!((from..=to).contains(&(playhead as f64)), "{playhead}: {from} to {to}");
            assert!(to <= 1000.0 && from >= 0.0);
        }
    }
}

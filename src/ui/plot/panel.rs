//! The three plots and what connects them.

use eframe::egui::{Color32, Id, Popup, Rect, Role, Stroke, Style, Ui, WidgetInfo, WidgetText};
use egui_plot::{Line, PlotPoint, PlotPoints};
use egui_tiles::{Behavior, ResizeState, TileId, Tiles, Tree, UiResponse};

use crate::telemetry::Column;
use crate::train::ids::RunId;
use crate::ui::document::Row;
use crate::ui::layout::Pane;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::view::Window;

use super::chart::{Across, Drawn};
use super::drawn_curves::drawn_curves;
use super::keys::keys;
use super::navigate::navigate;
use super::thin::Grain;
use super::{expected, overlay, phases, readout, splitters};

/// Shows the plots in all the room there is.
pub fn show(ui: &mut Ui, studio: &mut Studio) {
    if studio.view.docked {
        readout::docked(ui, studio);
    }
    let area = ui.available_rect_before_wrap();
    studio.view.plot_has_focus = false;
    let mut tree = std::mem::replace(&mut studio.layout.tree, Tree::empty(Id::unique("plots")));
    let mut plots = Plots { studio, grain: Grain::default(), cursor: None, over: None, busy: false };
    tree.ui(&mut plots, ui);
    let Plots { cursor, over, busy, .. } = plots;
    studio.layout.tree = tree;
    splitters::show(ui, &mut studio.layout, area);
    if !studio.view.plot_has_focus {
        studio.view.keyed = None;
    }
    if studio.view.cursor != cursor {
        ui.ctx().request_repaint();
    }
    studio.view.cursor = cursor;
    if let (Some((x, rect)), Some(cursor)) = (over, cursor)
        && !busy
        && !studio.view.docked
        && studio.view.drag.is_none()
        && studio.view.boxed.is_none()
    {
        readout::at_cursor(ui, studio, area, rect, x, cursor);
    }
}

/// The plots while they are drawn.
pub(super) struct Plots<'a> {
    pub studio: &'a mut Studio,
    /// What a point of the screen stands for in the plot that is drawn now.
    pub grain: Grain,
    /// The update under the pointer.
    cursor: Option<f64>,
    /// Where the pointer is, and in which plot.
    over: Option<(f32, Rect)>,
    /// Whether the pointer holds a handle, or could.
    pub busy: bool,
}

impl Behavior<Pane> for Plots<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        if let Some(place) = self.studio.layout.places.get_mut(*pane as usize) {
            *place = ui.available_rect_before_wrap();
        }
        match pane {
            Pane::Rate => self.rate(ui),
            Pane::Metric => self.metric(ui),
            Pane::Number => self.number(ui),
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        match pane {
            Pane::Rate => "Learning rate",
            Pane::Metric => "Loss",
            Pane::Number => "Momentum",
        }
        .into()
    }

    fn gap_width(&self, _: &Style) -> f32 {
        metrics::XS
    }

    fn min_size(&self) -> f32 {
        metrics::PLOT_MIN
    }

    // The borders are widgets of our own, which have names and answer to keys.
    fn is_container_resizable(&self, _: &Tiles<Pane>, _: TileId) -> bool {
        false
    }

    fn resize_stroke(&self, _: &Style, _: ResizeState) -> Stroke {
        Stroke::NONE
    }
}

impl Plots<'_> {
    /// What is in view across, on the axis, with room for handles at the ends.
    pub fn across(&self) -> (f64, f64) {
        let view = &self.studio.view;
        let bounds = view.window.bounds(self.studio.frame.status.update, self.studio.extent());
        let (from, to) = self.studio.along.span(view.window, bounds);
        let room = (to - from) * Window::ROOM;
        (from - room, to + room)
    }

    /// The updates in view, of any run.
    pub fn window(&self) -> (f64, f64) {
        self.studio.along.updates(self.across())
    }

    /// What runs across all plots.
    pub fn updates(&self) -> Across {
        Across::Updates(self.studio.view.x_axis.unit(&self.studio.given()), self.studio.along.clone())
    }

    /// A line of a run, whose points have its updates across.
    pub fn line(&self, run: RunId, points: Vec<PlotPoint>, color: Color32, width: f32) -> Line<'static> {
        plain(self.grain.thin(self.studio.along.place(run, points)), color, width)
    }

    /// What every plot does with the pointer; `true` when it was double-clicked.
    pub fn point(&mut self, ui: &Ui, drawn: &Drawn, pane: Pane) -> bool {
        self.studio.layout.across = drawn.rect.x_range();
        self.say(ui, drawn, pane);
        let status = &self.studio.frame.status;
        let (playhead, updates) = (status.update, self.studio.extent());
        // A hand that draws does not pan.
        let draws = match pane {
            Pane::Rate => self.studio.view.pencil,
            Pane::Metric => expected::is_drawing(self.studio),
            Pane::Number => false,
        };
        if !draws {
            navigate(ui, drawn, pane, &mut self.studio.view, playhead, updates);
        }
        let covered = self.studio.sheet.is_some() || Popup::is_any_open(ui.ctx());
        if let Some(pointer) =
            drawn.response.hover_pos().filter(|_| drawn.response.contains_pointer() && !covered)
        {
            let at = drawn.value(pointer).x.round();
            self.cursor = Some(at.clamp(0.0, updates as f64));
            self.over = Some((pointer.x, drawn.rect));
        }
        let bends = draws && pane == Pane::Metric;
        keys(ui, drawn, pane, &mut self.studio.view, (playhead, updates), bends);
        if drawn.response.has_focus()
            && let Some(at) = self.studio.view.keyed.filter(|_| !covered)
        {
            self.cursor = Some(at);
            self.over = Some((drawn.x(at), drawn.rect));
        }
        drawn.response.double_clicked()
    }

    /// Tells a screen reader what one sees.
    fn say(&self, ui: &Ui, drawn: &Drawn, pane: Pane) {
        let studio = &*self.studio;
        let enabled = ui.is_enabled();
        // Asked outside of the closure, which runs while egui is locked.
        let read = studio.view.keyed.filter(|_| drawn.response.has_focus());
        drawn.response.widget_info(|| {
            let curves = drawn_curves(studio, pane, theme::tokens(ui));
            let more_is_better = pane != Pane::Metric || studio.view.quantity == Column::ValAccuracy;
            let words = read.map_or_else(|| curves.words(more_is_better), |update| curves.said_at(update));
            WidgetInfo {
                current_text_value: Some(words),
                ..WidgetInfo::labeled(Role::Figure, enabled, format!("{} plot", drawn.name))
            }
        });
    }

    /// Playhead, events and cursor, and a dot on each run's curve at the cursor.
    pub fn over_curves(&self, ui: &Ui, drawn: &Drawn, height: impl Fn(&Studio, Row, u64) -> Option<f64>) {
        let studio = &*self.studio;
        let here = drawn.response.contains_pointer();
        phases::bands(ui, drawn, studio);
        overlay::lines(ui, drawn, &studio.frame, &studio.view, here);
        let Some(cursor) = studio.view.cursor else { return };
        let tokens = theme::tokens(ui);
        for row in studio.shown() {
            if let Some(height) = height(studio, row, cursor as u64) {
                let at = drawn.along.beside(row.id, cursor);
                overlay::dot(ui, drawn, (at, height), studio.color(row, tokens));
            }
        }
    }
}

/// A line nobody hovers over: values are read at the cursor. Not drawn as a band of its extremes, which
/// would reach over the whole of a level stretch to the jump at its end.
pub fn plain(points: Vec<PlotPoint>, color: Color32, width: f32) -> Line<'static> {
    Line::new("", PlotPoints::Owned(points)).color(color).width(width).allow_hover(false).allow_band(false)
}

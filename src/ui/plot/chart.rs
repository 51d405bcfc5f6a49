//! One plot: its title, its axes and its grid. What is drawn in it is up to the caller.

use std::ops::RangeInclusive;

use eframe::egui::{
    Align, Align2, FontId, Layout, Pos2, Rect, Response, Sense, Ui, UiBuilder, Vec2, Vec2b, pos2, vec2,
};
use egui_plot::{AxisHints, GridMark, HPlacement, Plot, PlotPoint, PlotTransform, PlotUi};

use crate::ui::theme::{self, metrics};

use super::Scale;
use super::along::Along;
use super::scale::Tick;
use super::ticks::ticks;
use super::x_axis::Unit;

/// What runs across a plot.
#[derive(Clone, Debug)]
pub enum Across {
    /// Updates, counted in a unit, and where they stand.
    Updates(Unit, Along),
    /// Rates, by their decimal logarithm.
    Rates,
}

/// What a plot shows along its axes.
pub struct Chart<'a> {
    pub name: &'a str,
    pub scale: Scale,
    pub across: Across,
    /// Places of updates or heights of rates, from and to.
    pub x: (f64, f64),
    /// Heights, from and to.
    pub y: (f64, f64),
    /// Whether they are written below.
    pub x_labels: bool,
    /// Whether there is a line above for a title.
    pub titled: bool,
}

/// A plot as it was drawn.
pub struct Drawn {
    pub response: Response,
    pub transform: PlotTransform,
    pub rect: Rect,
    /// Where updates stand.
    pub along: Along,
    /// The plot's name.
    pub name: String,
}

impl Drawn {
    /// Where an update is on the screen, across.
    pub fn x(&self, update: f64) -> f32 {
        self.transform.position_from_point_x(self.along.at(update))
    }

    /// The update and the height at a place on the screen.
    pub fn value(&self, place: Pos2) -> PlotPoint {
        let point = self.transform.value_from_position(place);
        PlotPoint::new(self.along.update(point.x), point.y)
    }

    /// A point on the screen across, in what the axis counts.
    pub fn per_point(&self) -> f64 {
        self.transform.bounds().width() / f64::from(self.rect.width().max(1.0))
    }
}

impl Chart<'_> {
    /// Draws the plot into all the room there is, under a line with `title` on its left and `header` on its right.
    pub fn show(
        self,
        ui: &mut Ui,
        title: impl FnOnce(&mut Ui),
        header: impl FnOnce(&mut Ui),
        draw: impl FnOnce(&mut PlotUi<'_>),
    ) -> Drawn {
        let full = ui.available_rect_before_wrap();
        let height = if self.titled { metrics::PLOT_HEADER } else { metrics::XS };
        let line = Rect::from_min_size(full.min, vec2(full.width(), height));
        if self.titled {
            title_line(ui, line, title, header);
        }
        let body = Rect::from_min_max(pos2(full.left(), line.bottom()), full.max);
        let tokens = theme::tokens(ui);
        let y_ticks = self.y_ticks(body.height());
        let x_ticks = self.x_ticks(body.width() - metrics::AXIS_WIDTH);
        let hints = |axis: AxisHints<'static>, ticks: &[Tick]| {
            let ticks = ticks.to_vec();
            axis.formatter(move |mark, _| {
                let near = |tick: &&Tick| (tick.at - mark.value).abs() <= 1e-9 * mark.value.abs().max(1.0);
                ticks.iter().find(near).and_then(|tick| tick.label.clone()).unwrap_or_default()
            })
            .label_spacing(1.0..=2.0)
            .tick_label_color(tokens.muted)
            .tick_label_font(theme::small_number())
        };
        let y_axis = hints(AxisHints::new_y(), &y_ticks)
            .placement(HPlacement::Left)
            .min_thickness(metrics::AXIS_WIDTH);
        let x_axis = hints(AxisHints::new_x(), &x_ticks).min_thickness(metrics::L);
        let (x, y) = (self.x, self.y);
        let ui = &mut ui.new_child(UiBuilder::new().max_rect(body));
        let shown = Plot::new(self.name)
            // A low one keeps its axis: by itself it would grow over the edge.
            .min_size(Vec2::ZERO)
            .custom_x_axes(vec![x_axis])
            .custom_y_axes(vec![y_axis])
            .show_axes(Vec2b::new(self.x_labels, true))
            .x_grid_spacer(move |_| marks(&x_ticks, x))
            .y_grid_spacer(move |_| marks(&y_ticks, y))
            .grid_color(tokens.grid)
            .grid_fade(1.0)
            .grid_spacing(GRID_FADE)
            .show_background(false)
            .show_x(false)
            .show_y(false)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_axis_zoom_drag(false)
            .allow_double_click_reset(false)
            .sense(Sense::click_and_drag())
            .show(ui, |plot| {
                plot.set_plot_bounds_x(x.0..=x.1);
                plot.set_plot_bounds_y(y.0..=y.1);
                draw(plot);
            });
        let rect = *shown.transform.frame();
        let edge = ui.painter().round_to_pixel_center(rect.bottom());
        ui.painter().hline(rect.x_range(), edge, (metrics::HAIRLINE, tokens.outline));
        let name = self.name.to_owned();
        let enabled = ui.is_enabled();
        shown.response.widget_info(|| {
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Figure, enabled, format!("{name} plot"))
        });
        let along = match self.across {
            Across::Updates(_, along) => along,
            Across::Rates => Along::Evenly,
        };
        Drawn {
            response: shown.response,
            transform: shown.transform,
            rect,
            along,
            name: self.name.to_owned(),
        }
    }

    fn y_ticks(&self, height: f32) -> Vec<Tick> {
        let (low, high) = self.y;
        // As with the updates, a number at the very edge would be cut off.
        let edge = (high - low) * f64::from(metrics::S / height.max(metrics::S));
        let mut ticks = self.scale.ticks(self.y, (height / metrics::XL / 1.4) as usize);
        for tick in &mut ticks {
            tick.label.take_if(|_| !(low + edge..=high - edge).contains(&tick.at));
        }
        ticks
    }

    fn x_ticks(&self, width: f32) -> Vec<Tick> {
        if let Across::Updates(unit, along) = &self.across {
            return ticks(*unit, along, self.x, width);
        }
        let edge = self.x.1 - (self.x.1 - self.x.0) * f64::from(metrics::L / width.max(metrics::L));
        let mut ticks = Scale::Log.ticks(self.x, (width / metrics::GRID_STEP * 1.5) as usize);
        ticks.iter_mut().for_each(|tick| tick.label = tick.label.take().filter(|_| tick.at <= edge));
        ticks
    }
}

fn title_line(ui: &mut Ui, rect: Rect, title: impl FnOnce(&mut Ui), header: impl FnOnce(&mut Ui)) {
    let left = rect.left() + metrics::AXIS_WIDTH;
    let inner = Rect::from_min_max(pos2(left, rect.top()), rect.max - vec2(metrics::S, 0.0));
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)));
    title(ui);
    ui.with_layout(Layout::right_to_left(Align::Center), header);
}

/// Grid lines fade from plain to nothing as what they stand for narrows to these points.
const GRID_FADE: RangeInclusive<f32> = 0.0..=1000.0;

/// Lines with a label are plain, those between them faint.
fn marks(ticks: &[Tick], (low, high): (f64, f64)) -> Vec<GridMark> {
    let wide = (high - low) * f64::from(*GRID_FADE.end());
    let faint = (high - low) * 0.9;
    ticks
        .iter()
        .map(|tick| GridMark { value: tick.at, step_size: if tick.label.is_some() { wide } else { faint } })
        .collect()
}

/// Small text inside a plot's corner.
pub fn note(ui: &Ui, rect: Rect, align: Align2, text: &str, font: FontId) {
    let tokens = theme::tokens(ui);
    let place = align.pos_in_rect(&rect.shrink(metrics::S));
    ui.painter().text(place, align, text, font, tokens.muted);
}

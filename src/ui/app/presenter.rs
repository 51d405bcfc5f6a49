//! The presenter: the plots alone, as large as the screen allows.

use eframe::egui::{Context, ViewportCommand};

use crate::ui::action::Action;
use crate::ui::theme::metrics;

use super::StudioApp;

/// How things were before the presenter.
pub(super) struct Before {
    zoom: f32,
    fullscreen: bool,
}

impl StudioApp {
    /// Begins to present, or ends it.
    pub(super) fn present(&mut self, ctx: &Context) {
        match self.before.take() {
            Some(Before { zoom, fullscreen }) => {
                self.studio.view.presenting = false;
                ctx.set_zoom_factor(zoom);
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(fullscreen));
            }
            None => {
                let fullscreen = ctx.input(|input| input.viewport().fullscreen.unwrap_or_default());
                self.before = Some(Before { zoom: ctx.zoom_factor(), fullscreen });
                self.studio.view.presenting = true;
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(true));
                let keys = Action::Present.about().keys(ctx);
                self.studio.toasts.done(format!("{keys} or Escape ends the presentation."));
            }
        }
    }

    /// Makes everything as large as the window allows, which is known some frames after it fills the screen.
    pub(super) fn fit_presentation(&self, ctx: &Context) {
        if self.before.is_some() {
            let size = ctx.content_rect().size() * ctx.zoom_factor();
            let zoom = zoom_of(size.into());
            if (zoom - ctx.zoom_factor()).abs() > 0.01 {
                ctx.set_zoom_factor(zoom);
            }
        }
    }

    /// How large everything is when nobody presents.
    pub(super) fn usual_zoom(&self, ctx: &Context) -> f32 {
        self.before.as_ref().map_or(ctx.zoom_factor(), |before| before.zoom)
    }
}

/// How large everything is in a window of this size, in points at a zoom of 1.
fn zoom_of([width, height]: [f32; 2]) -> f32 {
    let [wanted_width, wanted_height] = metrics::PRESENTED;
    (width / wanted_width).min(height / wanted_height).clamp(1.0, 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lecture_hall_reads_small_and_large_screens() {
        assert!((1.15..1.3).contains(&zoom_of([1024.0, 640.0])));
        assert!((2.0..2.3).contains(&zoom_of([1920.0, 1080.0])));
        assert_eq!(zoom_of([3840.0, 2160.0]), 4.0);
        assert_eq!(zoom_of([400.0, 300.0]), 1.0);
    }
}

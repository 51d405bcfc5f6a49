//! Doing what was asked for by the name of a thing: a file, an example, a schedule, a setting.

use eframe::egui::Context;

use crate::ui::document::presets;
use crate::ui::examples::{EXAMPLES, Example};
use crate::ui::gallery::Gallery;
use crate::ui::palette::Palette;
use crate::ui::panels::{export, glossary};
use crate::ui::sheet::Then;
use crate::ui::wish::Wish;

use super::StudioApp;

impl StudioApp {
    /// Shows the palette while it is open.
    pub(super) fn show_palette(&mut self, ctx: &Context) {
        let Some(palette) = &mut self.palette else { return };
        if let Some(answer) = palette.show(ctx) {
            self.palette = None;
            if let Some(wish) = answer {
                self.studio.wish(wish);
            }
        }
    }

    /// Shows the gallery while it is open.
    pub(super) fn show_gallery(&mut self, ctx: &Context) {
        let Some(gallery) = &mut self.gallery else { return };
        if let Some(answer) = gallery.show(ctx) {
            self.gallery = None;
            if let Some(at) = answer {
                self.studio.wish(Wish::Example(at));
            }
        }
    }

    pub(super) fn open_gallery(&mut self) {
        self.studio.sheet = None;
        self.palette = None;
        self.gallery = Some(Gallery::default());
    }

    pub(super) fn open_palette(&mut self, ctx: &Context) {
        self.studio.sheet = None;
        self.palette = Some(Palette::new(ctx, &self.studio));
    }

    /// Does what was wished for in this frame.
    pub(super) fn fulfil(&mut self, ctx: &Context) {
        for wish in self.studio.take_wishes() {
            self.fulfil_one(ctx, wish);
            ctx.request_repaint();
        }
    }

    fn fulfil_one(&mut self, ctx: &Context, wish: Wish) {
        let studio = &mut self.studio;
        match wish {
            Wish::Do(action) => studio.ask(action),
            Wish::Open(path) => self.open_any(ctx, &path),
            Wish::Example(at) => match EXAMPLES.get(at).map(Example::experiment) {
                Some(Ok(experiment)) => self.unless_unsaved(ctx, Then::Example(Box::new(experiment))),
                Some(Err(error)) => studio.toasts.failed(error.to_string()),
                None => {}
            },
            Wish::Lesson(at) => self.begin_shipped(ctx, at),
            Wish::Schedule(at) => {
                let clock = studio.clock();
                if let Some(preset) = presets().get(at) {
                    studio.document.edit_run(studio.view.selected, |run| preset.apply(run, clock));
                    studio.document.settle();
                }
            }
            Wish::Panel(panel) => studio.view.open(panel),
            Wish::Export(target) => export::open(studio, target),
            Wish::Term(term) => glossary::look_up(studio, term),
            Wish::Select(id) => studio.view.selected = id,
            Wish::Speed(speed) => studio.view.speed = speed,
            Wish::RateAxis(scale) => studio.view.rate_scale = scale,
            Wish::LossAxis(scale) => studio.view.loss_scale = scale,
            Wish::NumberAxis(scale) => studio.view.number_scale = scale,
            Wish::Quantity(column) => studio.view.quantity = column,
            Wish::Smoothing(on) => studio.view.smoothing = on,
            Wish::HalfLife(share) => (studio.view.smoothing, studio.view.half_life) = (true, share),
            Wish::Number(column) => studio.view.number = column,
            Wish::Docked(below) => studio.view.docked = below,
            Wish::Device(device) => studio.view.device = device,
            Wish::Policy(policy) => studio.view.guard.policy = policy,
            Wish::XAxis(axis) => studio.view.x_axis = axis,
            Wish::Take(pane, take) => self.take(ctx, pane, take),
            Wish::Zoom(zoom) => ctx.set_zoom_factor(zoom),
        }
    }
}

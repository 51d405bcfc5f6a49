//! The window or a plot of it as a picture, and a plot's curves as a drawing or a table.

use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{Color32, ColorImage, Context, Rect};
use image::{ImageFormat, RgbaImage};

use crate::ui::document::Row;
use crate::ui::layout::Pane;
use crate::ui::page::page;
use crate::ui::plot::{Take, WHOLE, drawn_curves, svg};
use crate::ui::sheet::Sheet;
use crate::ui::theme;

use super::StudioApp;

/// Frames until a menu that asked for a picture is out of it.
const SETTLED: u8 = 3;

/// Pictures of the window on their way.
#[derive(Default)]
pub(super) struct Pictures {
    wanted: Option<Wanted>,
    arrived: Arc<Mutex<Option<Arc<ColorImage>>>>,
}

/// A picture that was asked for.
struct Wanted {
    /// What of the window: all of it without one.
    area: Option<Rect>,
    /// The name of the file it is to become; without one it goes to the clipboard.
    file: Option<String>,
    /// Frames until it is taken.
    frames: u8,
}

impl StudioApp {
    /// Asks for a picture of the window, which comes some frames later.
    pub(super) fn copy_picture(&mut self, ctx: &Context) {
        self.pictures.wanted = Some(Wanted { area: None, file: None, frames: SETTLED });
        ctx.request_repaint();
    }

    /// Asks where to write the training as a page.
    pub(super) fn save_page(&mut self) {
        let document = &self.studio.document;
        let experiment = document.experiment();
        let rows: Vec<Row> = document.runs().map(|(row, _)| row).collect();
        let mut made = String::new();
        self.trainer.read(&mut |shared| made = page(experiment, &rows, shared));
        self.studio.sheet = Some(Sheet::made("Save page", &experiment.name, "html", made.into_bytes()));
    }

    /// Makes of a plot what was asked for.
    pub(super) fn take(&mut self, ctx: &Context, pane: Pane, take: Take) {
        let tokens = theme::of(&ctx.style_of(ctx.theme()).visuals);
        let curves = drawn_curves(&self.studio, pane, tokens);
        let name = format!("{} {}", self.studio.document.experiment().name, curves.title);
        match take {
            Take::SaveSvg => self.save_made(&name, "svg", svg(&curves, tokens, WHOLE).into_bytes()),
            Take::SaveCsv => self.save_made(&name, "csv", curves.csv().into_bytes()),
            Take::CopyValues => {
                ctx.copy_text(curves.csv());
                self.studio.toasts.done(format!("Copied the values of the {}.", pane.title().to_lowercase()));
            }
            Take::SavePng | Take::CopyPicture => {
                let area = self.studio.layout.places.get(pane as usize).copied();
                let file = (take == Take::SavePng).then_some(name);
                self.pictures.wanted = Some(Wanted { area, file, frames: SETTLED });
                ctx.request_repaint();
            }
        }
    }

    fn save_made(&mut self, name: &str, extension: &str, content: Vec<u8>) {
        self.studio.sheet = Some(Sheet::made("Save plot", name, extension, content));
    }

    /// Takes a picture once everything is in its place, and takes in one that has come.
    pub(super) fn pictures(&mut self, ctx: &Context) {
        let pictures = &mut self.pictures;
        let arrived = pictures.arrived.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(image) = arrived
            && let Some(wanted) = pictures.wanted.take()
        {
            self.hand_out(ctx, &image, wanted);
            return;
        }
        let Some(wanted) = pictures.wanted.as_mut().filter(|wanted| wanted.frames > 0) else { return };
        wanted.frames -= 1;
        if wanted.frames == 0 {
            let (place, wake) = (Arc::clone(&pictures.arrived), ctx.clone());
            ctx.request_screenshot(move |image| {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(image);
                wake.request_repaint();
            });
        }
        ctx.request_repaint();
    }

    fn hand_out(&mut self, ctx: &Context, image: &ColorImage, wanted: Wanted) {
        let part = wanted.area.map(|area| image.region(&area, Some(ctx.pixels_per_point())));
        let part = part.as_ref().unwrap_or(image);
        let Some(name) = wanted.file else {
            ctx.copy_image(part.clone());
            let what = if wanted.area.is_some() { "plot" } else { "window" };
            self.studio.toasts.done(format!("Copied a picture of the {what}."));
            return;
        };
        match png(part) {
            Ok(content) => self.save_made(&name, "png", content),
            Err(error) => self.studio.toasts.failed(format!("There is no picture: {error}.")),
        }
    }
}

/// A picture as a file.
fn png(picture: &ColorImage) -> Result<Vec<u8>, String> {
    let [width, height] = picture.size;
    let pixels = picture.pixels.iter().flat_map(Color32::to_array).collect();
    let picture = RgbaImage::from_raw(width as u32, height as u32, pixels).ok_or("its size is wrong")?;
    let mut content = Vec::new();
    picture.write_to(&mut Cursor::new(&mut content), ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(content)
}

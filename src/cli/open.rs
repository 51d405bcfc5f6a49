//! `anneal [FILE]`: the studio, or training without one where there is no display.

use std::path::Path;
use std::sync::Arc;

use eframe::egui::ViewportBuilder;

use super::{Failure, first, read, train};
use crate::engine::Options;
use crate::engine::protocol::Speed;
use crate::experiment::Experiment;
use crate::train::checkpoint::{Continuation, Forget};
use crate::ui::theme::metrics;
use crate::ui::{Document, StudioApp};

/// Updates a second at the start: a run takes some seconds, and one sees it learn.
const FIRST_SPEED: f64 = 120.0;

pub fn run(file: Option<&Path>) -> Result<(), Failure> {
    if let Some(folder) = file.filter(|file| file.is_dir()) {
        return go_on(folder);
    }
    let experiment = match file {
        Some(file) => read(file)?,
        None => first()?,
    };
    if !has_display() {
        return without_display(&experiment, "there is no display", &train::Order::default());
    }
    match studio(Document::new(experiment.clone(), file.map(Path::to_owned)), None) {
        Ok(()) => Ok(()),
        Err(error) => without_display(&experiment, &error.to_string(), &train::Order::default()),
    }
}

/// Opens the studio on a training's folder, where it goes on.
fn go_on(folder: &Path) -> Result<(), Failure> {
    let saved = Arc::new(Continuation::read(folder).map_err(anyhow::Error::from)?);
    let experiment = saved.checkpoint.experiment.clone();
    let order = train::Order { resume: Some(folder.to_owned()), ..Default::default() };
    if !has_display() {
        return without_display(&experiment, "there is no display", &order);
    }
    match studio(Document::new(experiment.clone(), None), Some(saved)) {
        Ok(()) => Ok(()),
        Err(error) => without_display(&experiment, &error.to_string(), &order),
    }
}

fn studio(document: Document, saved: Option<Arc<Continuation>>) -> eframe::Result {
    let mut viewport = ViewportBuilder::default()
        .with_title("Anneal Studio")
        .with_app_id("anneal-studio")
        .with_inner_size(metrics::WINDOW)
        .with_min_inner_size(metrics::WINDOW_MIN);
    if let Some(icon) = crate::ui::icon() {
        viewport = viewport.with_icon(icon);
    }
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    let options = Options { speed: Speed::Limited(FIRST_SPEED), ..Options::default() };
    eframe::run_native(
        "Anneal Studio",
        native,
        Box::new(move |cc| {
            let mut app = StudioApp::new(cc, document, options)?;
            if let Some(saved) = saved {
                app.resume(saved, Forget::default());
            }
            Ok(Box::new(app))
        }),
    )
}

/// Whether windows can be opened here, as far as one can know without trying.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[expect(clippy::print_stderr, reason = "why there is no window")]
fn without_display(experiment: &Experiment, why: &str, order: &train::Order) -> Result<(), Failure> {
    eprintln!("anneal: no studio ({why}); training \"{}\" here instead", experiment.name);
    train::train(experiment, order)
}

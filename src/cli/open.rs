//! `anneal [FILE]`: the studio, or training without one where there is no display.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use eframe::egui::ViewportBuilder;

use super::sinks::SinkArgs;
use super::{Failure, diagnose, first, output, read, train};
use crate::engine::Options;
use crate::engine::protocol::Speed;
use crate::experiment::{Experiment, is_line};
use crate::files::Places;
use crate::recording::Recorder;
use crate::train::checkpoint::{Continuation, Forget};
use crate::train::device::Choice;
use crate::train::ids::Mode;
use crate::ui::keeper::{Keeper, Preferences};
use crate::ui::theme::metrics;
use crate::ui::view::FIRST_SPEED;
use crate::ui::{Document, StudioApp, is_recording, is_saved_training};

pub fn run(file: Option<&Path>, live: bool) -> Result<(), Failure> {
    if let Some(line) = file.and_then(Path::to_str).filter(|text| is_line(text)) {
        let read = Experiment::from_line(line).map_err(|error| anyhow!("the line cannot be opened: {error}"));
        return open(read.map_err(Failure::BadFile)?, None, live);
    }
    if let Some(folder) = file.filter(|file| is_saved_training(file)) {
        return go_on(folder, live);
    }
    if let Some(path) = file.filter(|file| is_recording(file)) {
        return beside(path, live);
    }
    let experiment = match file {
        Some(file) => read(file)?,
        None => first()?,
    };
    open(experiment, file, live)
}

/// Opens the studio on an experiment; without a display, trains it.
fn open(experiment: Experiment, file: Option<&Path>, live: bool) -> Result<(), Failure> {
    let order = order();
    if !has_display() {
        return without_display(&experiment, "there is no display", &order);
    }
    let beside = Beside { live, ..Beside::default() };
    match studio(Document::new(experiment.clone(), file.map(Path::to_owned)), beside) {
        Ok(()) => Ok(()),
        Err(error) => without_display(&experiment, &error.to_string(), &order),
    }
}

/// Opens the studio with a recording beside the experiment that opens when none is named; without a display, says
/// what it holds.
fn beside(path: &Path, live: bool) -> Result<(), Failure> {
    // What cannot be read is said before a window opens.
    Recorder::open(path).map_err(|error| Failure::BadFile(error.into()))?;
    let opened = if has_display() {
        let beside = Beside { live, recording: Some(path.to_owned()), saved: None };
        studio(Document::new(first()?, None), beside).map_err(|error| error.to_string())
    } else {
        Err("there is no display".to_owned())
    };
    opened.or_else(|why| {
        output::say(format!("anneal: no studio ({why}); this is what {} holds", path.display()));
        diagnose::run(path, false)
    })
}

/// Opens the studio on a training's folder, where it goes on.
fn go_on(folder: &Path, live: bool) -> Result<(), Failure> {
    let saved = Arc::new(Continuation::read(folder).map_err(anyhow::Error::from)?);
    let experiment = saved.checkpoint.experiment.clone();
    let order = train::Order { resume: Some(folder.to_owned()), ..order() };
    if !has_display() {
        return without_display(&experiment, "there is no display", &order);
    }
    let beside = Beside { live, saved: Some(saved), recording: None };
    match studio(Document::new(experiment.clone(), None), beside) {
        Ok(()) => Ok(()),
        Err(error) => without_display(&experiment, &error.to_string(), &order),
    }
}

/// What the studio opens with beside the document.
#[derive(Default)]
struct Beside {
    /// A saved training that goes on.
    saved: Option<Arc<Continuation>>,
    recording: Option<PathBuf>,
    /// Whether programs are let in.
    live: bool,
}

fn studio(document: Document, beside: Beside) -> eframe::Result {
    let Beside { saved, recording, live } = beside;
    let opens_by_itself = document.path().is_none() && saved.is_none() && recording.is_none();
    let places = Places::of_user();
    let config = places.as_ref().map(|places| places.config.as_path());
    // What is wrong with them is said once the studio is there.
    let preferences = config.and_then(|config| Preferences::open(config).ok()).unwrap_or_default();
    let mut viewport = ViewportBuilder::default()
        .with_title("Anneal Studio")
        .with_app_id("anneal-studio")
        .with_inner_size(preferences.window_size())
        .with_maximized(preferences.maximized)
        .with_min_inner_size(metrics::WINDOW_MIN);
    if let Some(icon) = crate::ui::icon() {
        viewport = viewport.with_icon(icon);
    }
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    // What opens by itself answers the first drag with whole runs.
    let mode = if opens_by_itself { Mode::Instant } else { Mode::Live };
    let options = Options { speed: Speed::Limited(FIRST_SPEED), mode, ..Options::default() };
    eframe::run_native(
        "Anneal Studio",
        native,
        Box::new(move |cc| {
            let mut app = StudioApp::new(cc, document, options)?;
            if let Some(places) = places {
                let wake = cc.egui_ctx.clone();
                app.keep(&cc.egui_ctx, Keeper::start(&places, move || wake.request_repaint())?);
            }
            if let Some(saved) = saved {
                app.resume(saved, Forget::default());
            }
            if let Some(path) = recording {
                app.open_recording(&cc.egui_ctx, &path);
            }
            if live {
                app.let_programs_in(&cc.egui_ctx);
            }
            Ok(Box::new(app))
        }),
    )
}

/// How to train where there is no studio.
fn order() -> train::Order {
    let threads = crate::machine::cores();
    train::Order {
        out: None,
        resume: None,
        source: None,
        device: Choice::default(),
        threads,
        no_baseline: false,
        bounds: None,
        sinks: SinkArgs::default(),
    }
}

/// Whether windows can be opened here, as far as one can know without trying.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn without_display(experiment: &Experiment, why: &str, order: &train::Order) -> Result<(), Failure> {
    output::say(format!("anneal: no studio ({why}); training \"{}\" here instead", experiment.name));
    train::train(experiment, order)
}

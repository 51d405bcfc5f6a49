//! `anneal [FILE]`: the studio, or training without one where there is no display.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use eframe::egui::ViewportBuilder;

use super::import::{self, ImportArgs};
use super::sinks::SinkArgs;
use super::{Failure, diagnose, first, lesson, output, read, train};
use crate::engine::Options;
use crate::engine::protocol::Speed;
use crate::experiment::{Experiment, is_line};
use crate::files::{self, Places};
use crate::import::{Options as ImportOptions, import_file};
use crate::recording::Recorder;
use crate::sweep::journal;
use crate::train::checkpoint::{Continuation, Forget};
use crate::train::device::Choice;
use crate::train::ids::Mode;
use crate::ui::keeper::{Keeper, Preferences};
use crate::ui::theme::metrics;
use crate::ui::view::FIRST_SPEED;
use crate::ui::{Document, FileKind, StudioApp};

/// A file that holds a line is not longer than this, in bytes.
const MAX_LINE: u64 = 512 << 10;

pub fn run(file: Option<&Path>, live: bool) -> Result<(), Failure> {
    if let Some(line) = file.and_then(Path::to_str).filter(|text| is_line(text)) {
        let read = Experiment::from_line(line).map_err(|error| anyhow!("the line cannot be opened: {error}"));
        return open(read.map_err(Failure::BadFile)?, None, live);
    }
    let Some(path) = file else { return open(first()?, None, live) };
    match FileKind::of(path) {
        FileKind::Line => {
            let line = files::read(path, MAX_LINE).map_err(|error| Failure::BadFile(error.into()))?;
            run(Some(String::from_utf8_lossy(&line).trim().as_ref()), live)
        }
        FileKind::Experiment => open(read(path)?, Some(path), live),
        FileKind::Lesson => {
            let begun = lesson::open(&path.to_string_lossy())?;
            begun.experiment().map_err(|error| Failure::BadFile(error.into()))?;
            let shown = format!("this is what {} asks", path.display());
            beside(path, live, &shown, || Ok(output::print(&lesson::text(&begun))?))
        }
        FileKind::Training => go_on(path, live),
        FileKind::Recording => {
            // What cannot be read is said before a window opens.
            Recorder::open(path).map_err(|error| Failure::BadFile(error.into()))?;
            let shown = format!("this is what {} holds", path.display());
            beside(path, live, &shown, || diagnose::run(path, false))
        }
        FileKind::Sweep => {
            let opened = journal::open(path).map_err(|error| Failure::BadFile(error.into()))?;
            let (name, count) = (opened.experiment.name, opened.trials.len());
            let shown = format!("{} holds {count} trials of \"{name}\"", path.display());
            beside(path, live, &shown, || Ok(()))
        }
        FileKind::Script => {
            import_file(path, &ImportOptions::default())
                .map_err(|error| Failure::BadFile(anyhow!("{}: {error}", path.display())))?;
            let shown = format!("{} as an experiment", path.display());
            beside(path, live, &shown, || import::run(&ImportArgs::of(path)))
        }
        FileKind::Table => {
            let how = "it is a table of samples: name it in an experiment, as [data] path, with the column to predict \
                       as label";
            let refused = Failure::BadFile(anyhow!("{}: {how}", path.display()));
            beside(path, live, "a table needs an experiment", || Err(refused))
        }
    }
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

/// Opens the studio with something beside the experiment that opens when none is named; without a display, does
/// what can be done without one.
fn beside(
    path: &Path,
    live: bool,
    shown: &str,
    without: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let opened = if has_display() {
        let beside = Beside { live, opened: Some(path.to_owned()), saved: None };
        studio(Document::new(first()?, None), beside).map_err(|error| error.to_string())
    } else {
        Err("there is no display".to_owned())
    };
    opened.or_else(|why| {
        output::say(format!("anneal: no studio ({why}); {shown}"));
        without()
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
    let beside = Beside { live, saved: Some(saved), opened: None };
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
    /// What is opened beside the document, or into it.
    opened: Option<PathBuf>,
    /// Whether programs are let in.
    live: bool,
}

fn studio(document: Document, beside: Beside) -> eframe::Result {
    let Beside { saved, opened, live } = beside;
    let opens_by_itself = document.path().is_none() && saved.is_none() && opened.is_none();
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
            if let Some(path) = opened {
                app.open_any(&cc.egui_ctx, &path);
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

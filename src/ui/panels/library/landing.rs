//! Putting what is in the studio into the library: our own training, recordings, and runs that are followed live.

use std::path::PathBuf;
use std::time::Instant;

use eframe::egui::Ui;

use crate::engine::protocol::State as Standing;
use crate::jobs::Job;
use crate::library::{Index, adopt};
use crate::ui::format;
use crate::ui::landing::keep;
use crate::ui::panels::live;
use crate::ui::studio::Studio;
use crate::ui::widgets::{check, secondary};

use super::state::State;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let logs: Vec<PathBuf> = studio
        .shelf
        .guests()
        .iter()
        .filter(|guest| guest.live.is_none())
        .map(|guest| guest.path.clone())
        .collect();
    let has_live = live::hub(studio).is_some();
    let trains = studio.viewer.is_some() && studio.frame.status.update > 0;
    let is_free = studio.panels.of::<State>().landing.is_none();
    ui.horizontal(|ui| {
        let help = "Write the training that is open, as far as it came, into the library.";
        let button = ui.add_enabled(trains && is_free, secondary("Keep this training"));
        if button.on_hover_text(help).on_disabled_hover_text("Nothing has been trained yet.").clicked() {
            keep_ours(ui, studio);
        }
        if !logs.is_empty() {
            let text = format!("Keep recordings ({})", logs.len());
            let button = ui.add_enabled(is_free, secondary(&text));
            if button.on_hover_text("Copy the open logs of other programs into the library.").clicked() {
                keep_logs(ui, studio, logs);
            }
        }
        if has_live {
            let state = studio.panels.of::<State>();
            let help = "Trainings of other programs land in the library while they are followed.";
            check(ui, "Live runs", help, &mut state.keeps_live);
        }
    });
}

fn keep_ours(ui: &Ui, studio: &mut Studio) {
    let Some(viewer) = studio.viewer.clone() else { return };
    let revision = studio.document.revision();
    let ended = studio.frame.status.state == Standing::Finished;
    let library = studio.panels.of::<State>().library();
    start(ui, studio, move || {
        let place = keep(&library, &revision, &viewer, ended).map_err(|error| error.to_string())?;
        Ok(format!("In the library as {}", place.display()))
    });
}

fn keep_logs(ui: &Ui, studio: &mut Studio, mut logs: Vec<PathBuf>) {
    let library = studio.panels.of::<State>().library();
    // The runs of one log are guests each.
    logs.sort();
    logs.dedup();
    start(ui, studio, move || {
        for log in &logs {
            let place = adopt(&library, log).map_err(|error| error.to_string())?;
            let added = Index::open(&library).and_then(|mut index| index.add(&place));
            added.map_err(|error| error.to_string())?;
        }
        Ok(match logs.as_slice() {
            [log] => format!("{} is in the library", log.display()),
            logs => format!("{} logs are in the library", logs.len()),
        })
    });
}

fn start(ui: &Ui, studio: &mut Studio, work: impl FnOnce() -> Result<String, String> + Send + 'static) {
    let ctx = ui.ctx().clone();
    match Job::spawn("landing", move || ctx.request_repaint(), move |_| work()) {
        Ok(job) => studio.panels.of::<State>().landing = Some(job),
        Err(error) => studio.toasts.failed(format!("Not kept: there is no thread for it: {error}")),
    }
}

/// Takes in what has come, and keeps live runs where that is wanted.
pub fn poll(studio: &mut Studio, on_screen: bool) -> bool {
    let hub = live::hub(studio);
    let state = studio.panels.of::<State>();
    let before = state.answers.poll(|| Err("the index stopped without an answer".to_owned()));
    if before.as_ref().is_some_and(Result::is_ok) {
        // Of a hundred thousand runs it would take a frame of its own to be given back. Without a thread it does.
        let _ = Job::spawn("library", || (), move |_| drop(before));
    }
    let mut said = Vec::new();
    if let Some(landed) = state.landing.as_ref().and_then(Job::poll) {
        state.landing = None;
        said.push(landed.unwrap_or_else(|lost| Err(lost.to_string())));
    }
    let library = state.library();
    if let Some(hub) = hub.filter(|_| state.keeps_live && !library.as_os_str().is_empty()) {
        let landed = state.follower.tick(&library, &hub, Instant::now());
        said.extend(landed.map(|it| it.map(|place| format!("A live run is in the library as {place}"))));
    }
    if said.iter().any(Result::is_ok) {
        state.ask_again();
    }
    let is_busy = on_screen && state.answers.is_pending() || state.landing.is_some();
    for one in said {
        match one {
            Ok(text) => studio.toasts.done(text),
            Err(why) => studio.toasts.failed(format!("Not kept: {}", format::sentence(&why))),
        }
    }
    is_busy
}

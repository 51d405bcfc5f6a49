//! Trainings in scripts of one's own: the switch that lets them in, and what can be done with one.

mod bending;
mod numbers;
mod shadow;
mod state;

use eframe::egui::{Align, Button, Label, Layout, Response, RichText, ScrollArea, Ui, vec2};

use crate::api::live::LiveState;
use crate::train::ids::RunId;
use crate::ui::adopted::adopt;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::shelf::LiveView;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{check, prose, row, run_chip, secondary};

pub use state::{Draft, State, bend, chosen, hub, made_since, planned, start, start_at};

pub const PANEL: Panel = Panel {
    poll: state::poll,
    ..Panel::new(
        state::NAME.0,
        "Live training",
        Question::LookInside,
        "A training in a script of your own, drawn while it runs: bend its learning rate from here.",
        show,
    )
};

/// What to write into the script.
const HOW: &str = "from anneal_studio import Live\nlive = Live(optimizer,\n            scheduler=scheduler,\n            total=10_000)\n# at each update:\nlive.step(loss=loss)\noptimizer.step()";

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    ScrollArea::vertical().id_salt("live").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        switch(ui, studio);
        ui.add_space(metrics::S);
        let Some((run, live)) = chosen(studio) else {
            nobody(ui, studio);
            return;
        };
        let live = live.clone();
        list(ui, studio, run);
        about(ui, studio, run, &live);
        if live.has_future() {
            bending::show(ui, studio, run, &live);
            numbers::show(ui, studio, run, &live);
        }
        shadow::show(ui, studio, run);
        findings(ui, studio, run, &live);
        changes(ui, &live);
        take(ui, studio, run);
    });
}

/// The server, and where it is.
fn switch(ui: &mut Ui, studio: &mut Studio) {
    let state = studio.panels.of::<State>();
    let mut on = state.serving.is_some();
    let help = "Programs of yours on this machine, and nobody else, can then join and change runs:\n\
                they need the token in a file that only you can read.";
    if check(ui, "Let my programs in", help, &mut on) {
        if on {
            let ctx = ui.ctx().clone();
            start(studio, &ctx);
        } else {
            state.serving = None;
        }
    }
    let state = studio.panels.of::<State>();
    if let Some(error) = &state.error {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(error));
    }
    let Some(serving) = &state.serving else { return };
    let url = serving.server.url();
    place(ui, "Address", &url, &url, "The API's address");
    if let Some(path) = serving.server.door() {
        let path = path.display().to_string();
        place(ui, "Token in", &path, serving.server.token(), "The token");
    }
}

/// A line that can be copied.
fn place(ui: &mut Ui, label: &str, shown: &str, copied: &str, what: &str) {
    row(ui, label, "", |ui, _| {
        // The button first: the text has what room is left.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let button = ui.small_button("Copy").on_hover_text(format!("{what}, to the clipboard"));
            if button.clicked() {
                ui.ctx().copy_text(copied.to_owned());
            }
            ui.add(Label::new(theme::value(ui, shown)).truncate()).on_hover_text(shown);
        });
    });
}

/// What to do where no training has joined.
fn nobody(ui: &mut Ui, studio: &mut Studio) {
    let is_on = studio.panels.of::<State>().serving.is_some();
    prose(
        ui,
        if is_on {
            "No training has joined yet. In the script:"
        } else {
            "A script that trains joins with two lines; its schedule is drawn ahead, and a drag changes it there."
        },
    );
    ui.add_space(metrics::XS);
    ui.add(Label::new(RichText::new(HOW).font(theme::number())).wrap());
}

/// The live runs, where there are several.
fn list(ui: &mut Ui, studio: &mut Studio, run: RunId) {
    let live = studio.shelf.guests().iter().filter(|guest| guest.live.is_some());
    let all: Vec<(RunId, usize, String)> =
        live.map(|guest| (guest.row.id, guest.row.slot, guest.name.clone())).collect();
    for (id, slot, name) in all {
        ui.horizontal(|ui| {
            run_chip(ui, slot, metrics::CONTROL, false);
            if ui.selectable_label(id == run, &name).clicked() {
                let state = studio.panels.of::<State>();
                state.chosen = Some(id);
                state.group = None;
            }
        });
    }
}

/// Where the run stands, and how fast a change gets there.
fn about(ui: &mut Ui, studio: &mut Studio, run: RunId, live: &LiveView) {
    let of = live.total.map_or_else(String::new, |total| format!(" of {}", format::count(total)));
    let speed = live.speed.filter(|_| live.state == LiveState::Training);
    let speed = speed.map_or_else(String::new, |speed| format!(", {} updates/s", format::speed(speed)));
    let name = if live.framework.is_empty() { String::new() } else { format!(" · {}", live.framework) };
    let text = format!("{} · update {}{of}{speed}{name}", words(live), format::count(live.update));
    let text = RichText::new(text);
    let text =
        if live.state == LiveState::Disconnected { text.color(theme::tokens(ui).danger) } else { text };
    ui.add(Label::new(text).wrap());
    speed_of_changes(ui, live);
    ui.add_space(metrics::XS);
    orders(ui, studio, live);
    let notes = studio.shelf.guest(run).map(|guest| guest.notes.clone()).unwrap_or_default();
    for note in notes {
        ui.add(Label::new(theme::caption(ui, format::sentence(&note))).wrap());
    }
}

/// How fast a change is in effect, as numbers.
fn speed_of_changes(ui: &mut Ui, live: &LiveView) {
    let late = match live.late {
        0 => String::new(),
        1 => "; 1 came later than promised".to_owned(),
        many => format!("; {many} came later than promised"),
    };
    let Some(latency) = &live.latency else {
        let text = format!("How fast a change is in effect is measured with the first one{late}.");
        ui.add(Label::new(theme::caption(ui, text)).wrap());
        return;
    };
    let help = "From a drag here to the update in the other process that used it: the medians of all changes so far.";
    row(ui, "In effect after", help, |ui, _| {
        let updates =
            latency.updates.map(|updates| format!(" · {} updates", format::significant(updates, 2)));
        let text =
            format!("{} ms{}", format::significant(1000.0 * latency.seconds, 2), updates.unwrap_or_default());
        ui.label(theme::value(ui, &text));
    });
    let of = if latency.changes == 1 {
        "1 change".to_owned()
    } else {
        format!("{} changes", format::count(latency.changes as u64))
    };
    ui.add(Label::new(theme::caption(ui, format!("Median of {of}{late}."))).wrap());
}

/// What can be asked of its process at once.
fn orders(ui: &mut Ui, studio: &mut Studio, live: &LiveView) {
    let obeys = |word: &str| live.can.iter().any(|can| can == word);
    let over = live.state.is_over();
    let (pause, pauses) = if live.pause { ("Resume", "resume") } else { ("Pause", "pause") };
    let stop = if live.stop && !over { "Stopping" } else { "Stop" };
    let asks = "The script does not look at this request.";
    let buttons = [
        (pause, pauses, obeys("pause"), "Asks the script to rest, or to go on.", asks),
        ("Step", "step", obeys("step") && live.pause, "One update, while it is paused.", "Pause it first."),
        (stop, "stop", obeys("stop") && !live.stop, "Asks the script to end its training.", asks),
        (
            "Snapshot",
            "snapshot",
            obeys("snapshot"),
            "Calls the script's on_snapshot: it saves a checkpoint.",
            "Give Live an on_snapshot that saves a checkpoint.",
        ),
        (
            "Fork",
            "fork",
            obeys("fork"),
            "Calls the script's on_fork: it starts another training from here.",
            "Give Live an on_fork that starts another training.",
        ),
    ];
    let mut asked = None;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(metrics::XS, metrics::XS);
        ui.horizontal_wrapped(|ui| {
            for (label, verb, can, help, hint) in buttons {
                let button = Button::new(label).min_size(vec2(0.0, metrics::ICON_BUTTON));
                let response = ui.add_enabled(can && !over, button).on_disabled_hover_text(hint);
                if response.on_hover_text(help).clicked() {
                    asked = Some(verb);
                }
            }
        });
    });
    if let Some(verb) = asked {
        state::order(studio, &live.id, verb);
    }
}

/// What it does, in words.
pub fn words(live: &LiveView) -> String {
    match live.state {
        LiveState::Training if live.silent > SILENT => format!("silent for {:.0} s", live.silent),
        LiveState::Disconnected => "disconnected, waiting for it to come again".to_owned(),
        state => state.name().to_owned(),
    }
}

/// Seconds without a word after which a training is said to be silent.
const SILENT: f64 = 10.0;

/// What goes wrong, each with what helps most often.
fn findings(ui: &mut Ui, studio: &mut Studio, run: RunId, live: &LiveView) {
    let found =
        studio.shelf.guest(run).map(|guest| std::sync::Arc::clone(&guest.findings)).unwrap_or_default();
    if found.is_empty() {
        return;
    }
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "What goes wrong"));
    for (at, one) in found.iter().enumerate() {
        let color = super::diagnosis::color(one.kind.severity(), theme::tokens(ui));
        ui.label(
            RichText::new(format!("● {} at update {}", one.kind.name(), format::count(one.update)))
                .color(color),
        );
        ui.add(Label::new(theme::caption(ui, &one.sentence)).wrap());
        let helps = live.has_future() && at + 1 == found.len();
        if helps && ui.add(secondary("Halve its rate from now on")).clicked() {
            let why = format!("halved because of: {}", one.kind.name());
            bend(studio, run, None, &why, crate::api::change::Future::Factor(0.5));
        }
    }
}

/// What was changed and asked for, by whom, and when it took effect.
fn changes(ui: &mut Ui, live: &LiveView) {
    if !live.asked.is_empty() {
        ui.add_space(metrics::M);
        ui.label(theme::title(ui, "Asked for"));
    }
    for asked in &live.asked {
        let became = match (&asked.refused, asked.update) {
            (Some(why), _) => format!("not done: {why}"),
            (None, Some(update)) => format!("done after {} updates", format::count(update)),
            (None, None) => "on its way".to_owned(),
        };
        ui.add(Label::new(format!("{} · {became}", asked.what)).wrap());
    }
    if live.changes.is_empty() {
        return;
    }
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "Changes"));
    for made in &live.changes {
        let effect = match (&made.refused, made.applied) {
            (Some(reason), _) => format!("refused by the script: {reason}"),
            (None, Some(applied)) if made.late => {
                format!("from {} on, late: promised for {}", format::count(applied), format::count(made.from))
            }
            (None, Some(applied)) => format!("from {} on", format::count(applied)),
            (None, None) if made.soon => "on its way".to_owned(),
            (None, None) => format!("promised for {}", format::count(made.from)),
        };
        let why = if made.why.is_empty() { "a new future" } else { &made.why };
        ui.add(Label::new(format!("{}. {why}", made.revision)).wrap());
        ui.add(Label::new(theme::caption(ui, format!("{effect} · by {}", made.by))).wrap());
    }
}

/// What was done in the end, for the next training.
fn take(ui: &mut Ui, studio: &mut Studio, run: RunId) -> Option<Response> {
    let has_rate = studio.shelf.guest(run)?.with(|recording| recording.rate().is_some())?;
    ui.add_space(metrics::M);
    let help = "Adds a run of ours with the rate that it was really given: export it for the next training.";
    let response =
        ui.add_enabled(has_rate, secondary("Take what was done as a schedule")).on_hover_text(help);
    if response.clicked() {
        adopt(studio, run, crate::import::RateAs::Points);
    }
    Some(response)
}

//! What the detectors find, told to somebody who looks elsewhere: by the desktop and by a webhook.

use crate::notify::{Found, Notifier, Programs, Watch};
use crate::ui::format;
use crate::ui::studio::Studio;

/// What is kept of notifications.
#[derive(Default)]
pub struct State {
    notifier: Option<Notifier>,
    watch: Watch,
    /// Whether there is no thread for it, which is said once.
    failed: bool,
}

/// Tells what is new, and says what could not be told. Nothing is waited for.
pub fn poll(studio: &mut Studio, _: bool) -> bool {
    let mut ways = studio.view.notify.clone();
    ways.webhook =
        ways.webhook.map(|address| address.trim().to_owned()).filter(|address| !address.is_empty());
    let wanted = ways.desktop || ways.webhook.is_some();
    let experiment = studio.document.experiment().name.clone();
    let found = studio.frame.lanes.iter().flat_map(|lane| {
        let run = studio.document.run(lane.id.run);
        run.into_iter().flat_map(|run| {
            lane.findings.iter().map(|finding| (u64::from(lane.id.run.0), run.name.as_str(), finding))
        })
    });
    let found = found.map(|(run, name, finding)| Found { experiment: &experiment, run, name, finding });
    let found: Vec<Found<'_>> = found.collect();
    let state = studio.panels.of::<State>();
    // What was there before somebody asked to be told is no news.
    let notes = state.watch.new_among(found);
    if !wanted || state.failed {
        return false;
    }
    if state.notifier.is_none() {
        match Notifier::start(Programs::default()) {
            Ok(notifier) => state.notifier = Some(notifier),
            Err(error) => {
                state.failed = true;
                studio.toasts.failed(format!("Nobody is notified: there is no thread for it: {error}"));
                return false;
            }
        }
    }
    let Some(notifier) = &mut state.notifier else { return false };
    notes.into_iter().for_each(|note| notifier.tell(note, &ways));
    for problem in notifier.problems() {
        studio.toasts.failed(format!("Not notified: {}", format::sentence(&problem)));
    }
    false
}

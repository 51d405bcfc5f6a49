//! A run of ours with the rate that another program's training had.

use crate::import::{RateAs, rate_of};
use crate::train::ids::RunId;

use super::studio::Studio;

/// Adds a run of ours with a guest's rate, its lengths as shares of the run.
pub fn adopt(studio: &mut Studio, id: RunId, way: RateAs) {
    let Some(guest) = studio.shelf.guest(id) else { return };
    let taken = guest.with(|recording| rate_of(&guest.name, recording, way));
    let Some(selected) = studio.document.run(studio.view.selected) else { return };
    match taken {
        Some(Ok(imported)) => {
            let added = imported.run(&selected.optimizer);
            let run = studio.document.add(added);
            studio.view.selected = run;
            let name = studio.document.run(run).map(|run| run.name.clone()).unwrap_or_default();
            let fit = imported.fit.map_or_else(String::new, |fit| format!(": {fit}"));
            studio.toasts.done(format!("Added “{name}”{fit}."));
        }
        Some(Err(error)) => studio.toasts.failed(error.to_string()),
        None => {}
    }
}

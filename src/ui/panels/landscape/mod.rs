//! The loss around the runs, as a surface to turn or a map, and where the runs go on it.

mod axes;
mod colors;
mod picture;
mod standing;
mod state;

use std::sync::Arc;

use eframe::egui::{Align, Label, Layout, Ui};

use crate::data::Prepared;
use crate::engine::protocol::SurveyRequest;
use crate::engine::{Ground, Landscape};
use crate::experiment::{Loss, Model, SurfaceFunction};
use crate::train::ids::{LaneId, SnapshotId};
use crate::ui::format;
use crate::ui::panel::{Panel, Question, Request};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{choice, combo, segmented};

use state::PlaneChoice;
pub use state::State;

/// What is asked of the engine for the panel as it is now.
fn survey(studio: &Studio) -> Option<SurveyRequest> {
    studio.frame.prepared.as_ref()?;
    let (plane, between) =
        studio.panels.peek().map_or_else(Default::default, |state: &State| (state.plane, state.between));
    Some(match (&studio.document.experiment().model, plane) {
        (Model::Surface { .. }, _) => SurveyRequest::Weights,
        (_, PlaneChoice::Trajectory) => SurveyRequest::Trajectory,
        (_, PlaneChoice::Between) => {
            let [from, to] = between?;
            SurveyRequest::Between(from, to)
        }
        (_, PlaneChoice::Random) => SurveyRequest::Random(LaneId { run: studio.view.selected, replica: 0 }),
    })
}

/// Whether the landscape of the weights as they are now is still on its way.
fn is_waiting(studio: &Studio) -> bool {
    let Some(request) = survey(studio) else { return true };
    let Some(landscape) = studio.frame.landscape.as_ref().filter(|found| found.request == request) else {
        return true;
    };
    let updates = studio.frame.lanes.iter().map(|lane| lane.update).sum::<u64>();
    match &landscape.ground {
        Ok(ground) => {
            let renewed = request == SurveyRequest::Weights || ground.moment.updates == updates;
            !(ground.complete && renewed)
        }
        Err(_) => false,
    }
}

pub const PANEL: Panel = Panel {
    wide: true,
    request: |studio| Request { survey: survey(studio), ..Request::default() },
    is_waiting,
    ..Panel::new(
        "landscape",
        "Landscape",
        Question::LookInside,
        "The loss landscape around the weights, and where the runs go on it.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    controls(ui, studio);
    ui.add_space(metrics::S);
    let request = survey(studio);
    if studio.panels.of::<State>().plane == PlaneChoice::Between && request != Some(SurveyRequest::Weights) {
        ends(ui, studio);
    }
    let found = studio.frame.landscape.clone().filter(|found| Some(&found.request) == request.as_ref());
    match found {
        None => {
            ui.label("The loss around the weights is being surveyed.");
        }
        Some(Landscape { ground: Err(why), .. }) => {
            ui.add(Label::new("There is no such landscape.").wrap());
            ui.add(Label::new(theme::caption(ui, format::sentence(&why.to_string()))).wrap());
        }
        Some(Landscape { ground: Ok(ground), ways, .. }) => {
            picture::show(ui, studio, &ground, &ways);
            notes(ui, &ground);
            standing::show(ui, studio, &ground, &ways);
        }
    }
}

/// How it is looked at, and which plane.
fn controls(ui: &mut Ui, studio: &mut Studio) {
    ui.horizontal(|ui| {
        segmented(
            ui,
            &mut studio.panels.of::<State>().flat,
            &[
                (false, "Surface", "The loss as height. Drag to turn it, scroll to come nearer."),
                (true, "Map", "The loss from straight above, with contour lines."),
            ],
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Model::Surface { function, .. } = studio.document.experiment().model {
                ui.label(theme::caption(ui, formula(function)));
            } else {
                plane(ui, &mut studio.panels.of::<State>().plane);
            }
        });
    });
}

fn plane(ui: &mut Ui, chosen: &mut PlaneChoice) {
    let response = combo("plane")
        .selected_text(chosen.about().0)
        .show_ui(ui, |ui| {
            for plane in PlaneChoice::ALL {
                let (name, help) = plane.about();
                ui.selectable_value(chosen, plane, name).on_hover_text(help);
            }
        })
        .response;
    let (name, help) = chosen.about();
    response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(eframe::egui::Role::ComboBox, true, format!("Plane: {name}"))
    });
    response.on_hover_text(help);
}

/// The two snapshots the plane goes through.
fn ends(ui: &mut Ui, studio: &mut Studio) {
    let names: Vec<(String, SnapshotId)> = studio
        .frame
        .snapshots
        .iter()
        .filter_map(|snapshot| {
            let name = studio.lane_name(snapshot.lane())?;
            Some((format!("{name}, update {}", format::count(snapshot.update())), snapshot.id))
        })
        .collect();
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
    let there = |id: &SnapshotId| names.iter().any(|(_, known)| known == id);
    let between = studio.panels.of::<State>().between;
    let mut chosen = between.filter(|ends| ends.iter().all(there)).unwrap_or([first.1, last.1]);
    let options: Vec<(&str, SnapshotId)> = names.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    choice(ui, "From", "The snapshot at 0 of the first direction.", &mut chosen[0], &options);
    choice(ui, "To", "The snapshot at 1 of the first direction.", &mut chosen[1], &options);
    studio.panels.of::<State>().between = Some(chosen);
    ui.add_space(metrics::S);
}

fn formula(function: SurfaceFunction) -> &'static str {
    match function {
        SurfaceFunction::Quadratic => "Quadratic: x²/2 + 25 y²/2",
        SurfaceFunction::Rosenbrock => "Rosenbrock: (1 − x)² + 100 (y − x²)²",
        SurfaceFunction::Beale => "Beale's function",
        SurfaceFunction::Himmelblau => "Himmelblau: (x² + y − 11)² + (x + y² − 7)²",
        SurfaceFunction::Saddle => "Saddle: x²/2 + (y² − 1)²/4",
    }
}

/// What the heights are measured in.
fn unit(studio: &Studio) -> &'static str {
    let experiment = studio.document.experiment();
    let numbers = studio.frame.prepared.as_deref().is_some_and(Prepared::is_regression);
    match (&experiment.model, Loss::of(experiment.train.loss, numbers)) {
        (Model::Surface { .. }, _) => "f(x, y)",
        (_, Loss::CrossEntropy) => "training loss, nats",
        (_, Loss::Mse) => "training loss, half the squared error",
    }
}

/// What the picture stands on.
fn notes(ui: &mut Ui, ground: &Arc<Ground>) {
    let points = format!("{} × {} points", ground.grid.columns, ground.grid.rows);
    let grid = if ground.complete { points } else { format!("{points}, getting finer") };
    let text = match (&ground.request, ground.explained) {
        (SurveyRequest::Weights, _) => format!("{grid}."),
        (SurveyRequest::Random(_), _) => format!(
            "{grid}, {} training samples. A step of 1 changes every filter by as much as it weighs; only the selected run lies in this plane.",
            format::count(ground.samples as u64)
        ),
        (SurveyRequest::Between(..), _) => format!(
            "{grid}, {} training samples. The two snapshots are at 0 and 1 of the first direction; other weights are drawn where they are nearest to the plane.",
            format::count(ground.samples as u64)
        ),
        (SurveyRequest::Trajectory, explained) => {
            let share = explained.map_or(0.0, |[x, y]| x + y);
            format!(
                "{grid}, {} training samples. The plane holds {} of how the runs' weights differ; they are drawn where they are nearest to it.",
                format::count(ground.samples as u64),
                format::percent(share)
            )
        }
    };
    ui.add(Label::new(theme::caption(ui, text)).wrap());
}

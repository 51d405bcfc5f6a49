//! Clients and workers: how each of them does, and how far they are from each other.

use eframe::egui::{Color32, ScrollArea, Ui};

use crate::experiment::Team;
use crate::ui::format;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::team_frame::{COLUMNS, TeamFrame};
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Figures, Heat, figures, prose};

pub const PANEL: Panel = Panel::new(
    "clients-and-workers",
    "Clients and workers",
    Question::LookInside,
    "The loss of every client or worker, and their client drift: how far apart they are, and by what angle.",
    show,
);

/// The height of a member's line.
const LINE: f32 = 14.0;

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(team) = &studio.document.experiment().team else {
        prose(
            ui,
            "Each run trains alone. Federated averaging and data parallel training are chosen under Experiment, \
             “Trained by”.",
        );
        return;
    };
    let (all, _) = team.members();
    let who = if matches!(team, Team::Federated(_)) { "client" } else { "worker" };
    ScrollArea::vertical().id_salt("members").auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - metrics::S);
        let mut rows = Vec::new();
        for (row, run) in studio.document.runs().filter(|(row, _)| studio.is_shown(row.id)) {
            let Some(team) = studio.frame.lane(row.id).and_then(|lane| lane.team.as_ref()) else { continue };
            let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), format::metric);
            let cells = vec![text(team.spread), text(team.drift), text(team.cosine)];
            rows.push(Figures { name: run.name.clone(), slot: Some(row.slot), cells, note: None });
            ui.label(theme::title(ui, &run.name));
            losses(ui, team, studio.color(row, theme::tokens(ui)));
            ui.add_space(metrics::S);
        }
        if rows.is_empty() {
            prose(ui, "Nothing was measured yet.");
            return;
        }
        let shown = all.min(crate::telemetry::MOST_MEMBERS);
        let first =
            if shown < all { format!(" Of {all} the first {shown} are shown.") } else { String::new() };
        ui.label(theme::caption(
            ui,
            format!(
                "A line a {who}, from the first update to now: the stronger, the higher its loss.{first}"
            ),
        ));
        ui.add_space(metrics::S);
        figures(
            ui,
            &[
                ("spread", "The standard deviation of their losses."),
                ("drift", "How far they were from their mean at the last average."),
                ("cosine", "The mean cosine between the way of each and that of their mean: 1 is one way."),
            ],
            &rows,
        );
    });
}

/// The losses of members as lines of a heat map, on a logarithmic scale.
fn losses(ui: &mut Ui, team: &TeamFrame, color: Color32) {
    let all = team.members.iter().flat_map(|member| member.losses.iter().flatten());
    let (least, most) = all.fold((f64::INFINITY, 0.0_f64), |(least, most), loss| {
        (if *loss > 0.0 { least.min(*loss) } else { least }, most.max(*loss))
    });
    let ground = theme::tokens(ui).ground;
    let at = |column: usize, row: usize| *team.members.get(row)?.losses.get(column)?;
    let strength = |loss: f64| {
        let place = (loss.max(least) / least).ln() / (most / least).ln();
        if place.is_finite() { 0.12 + 0.88 * place as f32 } else { 1.0 }
    };
    let heat = Heat {
        name: "Losses of members",
        columns: COLUMNS,
        rows: team.members.len(),
        row: LINE,
        label: &|row| team.members.get(row).map_or_else(String::new, |member| member.name.clone()),
        color: &|column, row| {
            at(column, row).map_or(ground, |loss| ground.lerp_to_gamma(color, strength(loss)))
        },
        chosen: None,
    };
    let (response, cell) = heat.show(ui);
    if let Some((column, row)) = cell
        && let Some(member) = team.members.get(row)
    {
        let loss = at(column, row)
            .map_or_else(|| "no part".to_owned(), |loss| format!("loss {}", format::metric(loss)));
        let way = member.way.map_or_else(String::new, |way| format!("\nlast way {}", format::metric(way)));
        let update = format::count((column as f64 * team.width) as u64);
        response.on_hover_text_at_pointer(format!("{}, around update {update}\n{loss}{way}", member.name));
    }
}

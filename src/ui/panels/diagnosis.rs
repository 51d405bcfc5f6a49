//! What goes wrong, how it shows, what mostly causes it, and what may help.

use eframe::egui::{CollapsingHeader, Color32, Label, RichText, ScrollArea, Sense, TextEdit, Ui, vec2};

use crate::analysis::detect::Policy;
use crate::analysis::detect::{Evidence, Finding, Kind, Remedy, Severity};
use crate::analysis::siblings::{self, Behind};
use crate::notify::Ways;
use crate::train::ids::{Mode, RunId};
use crate::ui::document::Row;
use crate::ui::format;
use crate::ui::notices;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, Tokens, metrics};
use crate::ui::widgets::{check, prose, run_chip, segmented};

use super::range_test;

/// The longest time limit that can be set, in minutes.
const LONGEST: f64 = 100_000.0;

/// A run's finding, over its replicas.
struct Found {
    finding: Finding,
    replicas: usize,
}

pub const PANEL: Panel = Panel {
    poll: notices::poll,
    ..Panel::new(
        "diagnosis",
        "Diagnosis",
        Question::LookInside,
        "Divergence, overfitting and what else goes wrong in a run, and what may help.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    policy(ui, studio);
    ui.add_space(metrics::S);
    let runs: Vec<(Row, String, Vec<Found>)> = studio
        .document
        .runs()
        .map(|(row, run)| (row, run.name.clone(), found(studio, row.id)))
        .filter(|(.., found)| !found.is_empty())
        .collect();
    ScrollArea::vertical().id_salt("diagnosis").auto_shrink([false, false]).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - metrics::S);
        let behind = behind(studio);
        if runs.is_empty() && behind.is_empty() {
            healthy(ui, studio);
        }
        for (row, best, behind) in behind {
            stalls(ui, studio, row, best, behind);
        }
        for (row, name, found) in runs {
            heading(ui, studio, row, &name);
            for found in found {
                finding(ui, studio, row.id, &found);
            }
            ui.add_space(metrics::M);
        }
    });
}

/// What can happen by itself, its name, and what it means.
pub const POLICIES: [(Policy, &str, &str); 3] = [
    (Policy::Warn, "Warn", "Findings are told; training goes on."),
    (Policy::Pause, "Pause", "Training pauses at an error."),
    (
        Policy::RollBack,
        "Roll back",
        "At an error the run goes back to its last good checkpoint, and on at half the rate.",
    ),
];

/// What happens by itself when something goes wrong.
fn policy(ui: &mut Ui, studio: &mut Studio) {
    let guard = &mut studio.view.guard;
    segmented(ui, &mut guard.policy, &POLICIES);
    ui.horizontal(|ui| {
        let mut limited = guard.time_limit.is_some();
        if ui.checkbox(&mut limited, "Time limit").changed() {
            guard.time_limit = limited.then_some(600.0);
        }
        if let Some(seconds) = &mut guard.time_limit {
            let mut minutes = *seconds / 60.0;
            let field = eframe::egui::DragValue::new(&mut minutes).range(0.01..=LONGEST).speed(0.1);
            if ui.add(field).accessible_name("Time limit in minutes").changed() {
                *seconds = minutes * 60.0;
            }
            ui.label(theme::caption(ui, "minutes of training"));
        }
    });
    told(ui, &mut studio.view.notify);
}

/// Who is told when something is found.
fn told(ui: &mut Ui, ways: &mut Ways) {
    ui.horizontal(|ui| {
        let help = "Each finding of a run once, as a message of the desktop (by notify-send).";
        check(ui, "Tell the desktop", help, &mut ways.desktop);
        let mut on = ways.webhook.is_some();
        let help = "Each finding of a run once, as JSON to an address of yours (by curl).";
        if check(ui, "Tell a webhook", help, &mut on) {
            ways.webhook = on.then(String::new);
        }
    });
    if let Some(address) = &mut ways.webhook {
        let field = TextEdit::singleline(address).hint_text("https://…").desired_width(ui.available_width());
        ui.add(field.password(true)).accessible_name("Address of the webhook");
        ui.label(theme::caption(ui, "It is kept with the preferences, and may hold a secret."));
    }
}

/// A run's findings, the worst first, those of its replicas as one.
fn found(studio: &Studio, run: RunId) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    for finding in studio.frame.lanes.iter().filter(|lane| lane.id.run == run).flat_map(|l| l.findings.iter())
    {
        match all.iter_mut().find(|known| known.finding.kind == finding.kind) {
            Some(known) => known.replicas += 1,
            None => all.push(Found { finding: finding.clone(), replicas: 1 }),
        }
    }
    all.sort_by_key(|found| (std::cmp::Reverse(found.finding.kind.severity()), found.finding.first));
    all
}

/// The worst that was found in any replica of a run.
pub fn worst(studio: &Studio, run: RunId) -> Option<Severity> {
    let lanes = studio.frame.lanes.iter().filter(|lane| lane.id.run == run);
    let found = lanes.flat_map(|lane| lane.findings.iter()).map(|finding| finding.kind.severity()).max();
    let stalls = || behind(studio).iter().any(|(row, ..)| row.id == run).then_some(Severity::Warning);
    found.or_else(stalls)
}

/// What a severity is shown in.
pub fn color(severity: Severity, tokens: &Tokens) -> Color32 {
    match severity {
        Severity::Error => tokens.danger,
        Severity::Warning => tokens.warning,
        Severity::Notice => tokens.muted,
    }
}

fn heading(ui: &mut Ui, studio: &mut Studio, row: Row, name: &str) {
    ui.horizontal(|ui| {
        run_chip(ui, row.slot, metrics::CONTROL, false);
        let text = RichText::new(name).font(theme::medium());
        if ui.add(Label::new(text).truncate().sense(Sense::click())).clicked() {
            studio.view.selected = row.id;
        }
    });
}

fn finding(ui: &mut Ui, studio: &mut Studio, run: RunId, found: &Found) {
    let finding = &found.finding;
    let severity = finding.kind.severity();
    ui.horizontal(|ui| {
        let tokens = theme::tokens(ui);
        let (dot, response) = ui.allocate_exact_size(vec2(metrics::CHIP, metrics::CONTROL), Sense::hover());
        ui.painter().circle_filled(dot.center(), metrics::MARKER, color(severity, tokens));
        response.on_hover_text(match severity {
            Severity::Error => "This training will come to nothing.",
            Severity::Warning => "This costs quality or time.",
            Severity::Notice => "Worth knowing.",
        });
        ui.label(theme::title(ui, finding.kind.name()));
    });
    ui.horizontal(|ui| {
        ui.add_space(metrics::CHIP + metrics::S);
        ui.vertical(|ui| {
            ui.label(theme::caption(ui, when(finding, found.replicas, studio)));
            for evidence in &finding.evidence {
                shown(ui, evidence);
            }
            prose(ui, finding.kind.cause());
            runbook(ui, run, finding.kind);
            ui.add_space(metrics::XS);
            ui.horizontal_wrapped(|ui| {
                let (experiment, clock) = (studio.document.experiment(), studio.clock());
                let at = studio.document.runs().position(|(row, _)| row.id == run).unwrap_or(usize::MAX);
                let is_new = |remedy: &&Remedy| !remedy.is_in_place(experiment, at, clock);
                let offered: Vec<&Remedy> = finding.remedies.iter().filter(is_new).collect();
                for remedy in offered {
                    button(ui, studio, run, finding, remedy);
                }
            });
        });
    });
    ui.add_space(metrics::S);
}

/// The runbook's section, a click away.
fn runbook(ui: &mut Ui, run: RunId, kind: Kind) {
    let header = CollapsingHeader::new(theme::caption(ui, "What to do")).id_salt((run, kind));
    header.show(ui, |ui| {
        for paragraph in kind.runbook() {
            ui.add(Label::new(theme::caption(ui, paragraph)).wrap());
        }
        ui.label(theme::caption(ui, kind.runbook_link()));
    });
}

/// The runs that are behind their best sibling once half of the run is over, each with that sibling.
fn behind(studio: &Studio) -> Vec<(Row, Row, Behind)> {
    let updates = studio.clock().updates;
    let rows: Vec<Row> = studio.document.runs().map(|(row, _)| row).collect();
    let Some(chance) = studio.frame.status.chance_loss else { return Vec::new() };
    let loss = |row: &Row| {
        let lane = studio.frame.lane(row.id)?;
        let judged = 2 * lane.update >= updates && lane.update > 0 && lane.diverged_at.is_none();
        Some(studio.frame.spread(row.id, |lane| lane.now.loss)?.mean).filter(|_| judged)
    };
    let losses: Vec<Option<f64>> = rows.iter().map(loss).collect();
    let of = |at: usize| rows.get(at).copied();
    let found = siblings::behind(&losses, chance).into_iter();
    found.filter_map(|behind| Some((of(behind.run)?, of(behind.best)?, behind))).collect()
}

/// A run that is behind, and what to do.
fn stalls(ui: &mut Ui, studio: &mut Studio, row: Row, best: Row, behind: Behind) {
    let name = |row: Row| studio.document.run(row.id).map_or_else(String::new, |run| run.name.clone());
    let (name, best) = (name(row), name(best));
    heading(ui, studio, row, &name);
    let number = |value: f64| format::significant(value, 3);
    let text = format!(
        "Behind its siblings: its loss is {}, and that of “{best}” {} on the same model and data. Its rate or its \
         optimizer's numbers are what differs: a range test finds a peak it bears.",
        number(behind.loss),
        number(behind.least)
    );
    prose(ui, &text);
    if ui.button("Open range test").on_hover_text("Of this run.").clicked() {
        studio.view.selected = row.id;
        studio.view.open(range_test::PANEL.name);
    }
    ui.add_space(metrics::M);
}

/// When it was seen, how often, and in how many replicas.
fn when(finding: &Finding, replicas: usize, studio: &Studio) -> String {
    let mut text = if finding.first == finding.last {
        format!("At update {}", format::count(finding.first))
    } else {
        format!("From update {} to {}", format::count(finding.first), format::count(finding.last))
    };
    if finding.count > 1 {
        text += &format!(", counted {} times", format::count(finding.count));
    }
    let all = studio.document.experiment().train.replicas;
    if all > 1 {
        text += &format!(", in {replicas} of {all} replicas");
    }
    text
}

/// A measured number, and what it is compared with.
fn shown(ui: &mut Ui, evidence: &Evidence) {
    let number = |value: f64| format::significant(value, 3);
    let text = format!(
        "Update {}: {} {} against {} of {}",
        format::count(evidence.update),
        evidence.what,
        number(evidence.value),
        evidence.against_what,
        number(evidence.against)
    );
    ui.add(Label::new(RichText::new(text).font(theme::small()).color(theme::tokens(ui).text)).wrap());
}

/// One click edits the document, as one step that can be taken back.
fn button(ui: &mut Ui, studio: &mut Studio, run: RunId, finding: &Finding, remedy: &Remedy) {
    let anew = anew(finding.kind, remedy);
    let help = if *remedy == Remedy::ResumeSchedule {
        "The run trains from scratch under its schedule."
    } else if anew || studio.view.mode == Mode::Instant {
        "Edits the experiment; the run trains from scratch with it."
    } else {
        "Edits the experiment, from the next update on."
    };
    if ui.button(remedy.label()).on_hover_text(help).clicked() {
        studio.remedy(run, remedy, anew);
    }
}

/// Whether a remedy helps only a run that begins anew: what is broken stays broken, and what is over stays over.
fn anew(kind: Kind, remedy: &Remedy) -> bool {
    matches!(kind, Kind::Divergence | Kind::StuckAtChance)
        || matches!(remedy, Remedy::Warmup(_) | Remedy::ResumeSchedule)
}

/// Nothing is wrong: what was looked for.
fn healthy(ui: &mut Ui, studio: &Studio) {
    let trained = studio.frame.lanes.iter().any(|lane| lane.update > 0);
    ui.label(if trained { "Nothing found so far." } else { "Nothing to look at before the first update." });
    prose(ui, "Every update is looked at for what most often goes wrong, except during warmup:");
    ui.add_space(metrics::XS);
    for kind in Kind::ALL {
        ui.label(theme::caption(ui, kind.name())).on_hover_text(kind.cause());
    }
}

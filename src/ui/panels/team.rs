//! Who trains the runs together: clients, workers, or each run alone.

use eframe::egui::Ui;

use crate::experiment::team::{Fault, FaultKind, Federated, Parallel, Server, ServerKind, Team, conflict};
use crate::experiment::{Experiment, Source};
use crate::schedule::kind::{Constant, Kind};
use crate::schedule::{Clock, Span};
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice, count, whole};

use super::schedule::{Units, span_row};

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Alone,
    Clients,
    Workers,
}

pub fn show(ui: &mut Ui, experiment: &mut Experiment, clock: Clock) {
    if experiment.data.source == Source::None || experiment.model.reads_text() {
        return;
    }
    let now = match &experiment.team {
        None => Who::Alone,
        Some(Team::Federated(_)) => Who::Clients,
        Some(Team::Parallel(_)) => Who::Workers,
    };
    let mut chosen = now;
    let options = [
        ("Each run alone", Who::Alone),
        ("Federated clients", Who::Clients),
        ("Parallel workers", Who::Workers),
    ];
    let help = "Clients have data of their own and are averaged; workers share the data and their gradients.";
    if choice(ui, "Trained by", help, &mut chosen, &options) && chosen != now {
        experiment.team = match chosen {
            Who::Alone => None,
            Who::Clients => Some(Team::Federated(Box::new(clients()))),
            Who::Workers => Some(Team::Parallel(Parallel { workers: 4, every: 1, fault: None })),
        };
    }
    let needs = conflict(&experiment.data, &experiment.model, &experiment.train);
    match (&mut experiment.team, needs) {
        (Some(_), Some(needs)) => {
            ui.colored_label(theme::tokens(ui).warning, format!("Clients and workers take {needs}."));
        }
        (Some(Team::Federated(it)), None) => federated(ui, it, clock),
        (Some(Team::Parallel(it)), None) => parallel(ui, it),
        (None, _) => {}
    }
}

/// Ten clients that differ.
fn clients() -> Federated {
    let server = Server::new(ServerKind::Sgd, Kind::Constant(Constant { peak: 1.0 }).into());
    Federated { clients: 10, share: 1.0, local: Span::Updates(10.0), skew: Some(0.5), prox: 0.0, server }
}

fn federated(ui: &mut Ui, it: &mut Federated, clock: Clock) {
    count(
        ui,
        &Amount::whole("Clients", "Each has samples of its own.", 2.0..=64.0).limits(1.0..=1024.0),
        &mut it.clients,
    );
    let spec = Amount::number("A round has", "The share of the clients in every round.", 0.0..=1.0);
    amount(ui, &spec.limits(1e-3..=1.0), &mut it.share);
    let mut local = Some(it.local);
    if span_row(
        ui,
        "Local updates",
        "Updates of a client between two averages.",
        &mut local,
        Units::Absolute,
        clock,
    ) && let Some(local) = local
    {
        it.local = local;
    }
    let mut skewed = it.skew.is_some();
    if check(ui, "Skewed", "Classes are dealt out unevenly, by a Dirichlet distribution.", &mut skewed) {
        it.skew = skewed.then_some(0.5);
    }
    if let Some(skew) = &mut it.skew {
        let spec = Amount::number("Concentration", "The smaller, the more clients differ.", 0.05..=10.0);
        amount(ui, &spec.logarithmic().limits(1e-3..=1e6), skew);
    }
    let spec = Amount::number(
        "Pull",
        "How strongly a client is held near the round\u{2019}s first weights (FedProx).",
        0.0..=1.0,
    );
    amount(ui, &spec.limits(0.0..=1e6), &mut it.prox);
    let kinds = [
        ("Average (SGD)", ServerKind::Sgd),
        ("Adagrad", ServerKind::Adagrad),
        ("Adam", ServerKind::Adam),
        ("Yogi", ServerKind::Yogi),
    ];
    let mut kind = it.server.optimizer;
    if choice(ui, "Server", "What it does with the mean change of a round.", &mut kind, &kinds) {
        it.server = Server::new(kind, it.server.lr.clone());
    }
    if let Kind::Constant(Constant { peak }) = &mut it.server.lr.kind {
        amount(ui, &Amount::rate("Server rate", "1 is plain averaging."), peak);
    }
}

fn parallel(ui: &mut Ui, it: &mut Parallel) {
    count(
        ui,
        &Amount::whole("Workers", "Each sees other samples.", 2.0..=16.0).limits(1.0..=1024.0),
        &mut it.workers,
    );
    let help = "1 averages gradients at every update; more averages weights (local SGD).";
    whole(ui, &Amount::whole("Average every", help, 1.0..=64.0).limits(1.0..=1e9), &mut it.every);
    let mut kind = it.fault.map(|fault| match fault.kind {
        FaultKind::LrFactor(_) => FaultKind::LrFactor(1.5),
        other => other,
    });
    let before = kind;
    let kinds = [
        ("None", None),
        ("Another rate", Some(FaultKind::LrFactor(1.5))),
        ("Stale", Some(FaultKind::Stale)),
        ("Dropped", Some(FaultKind::Dropped)),
        ("Another seed", Some(FaultKind::OtherSeed)),
    ];
    if choice(ui, "Fault", "What one worker does otherwise.", &mut kind, &kinds) && kind != before {
        it.fault = kind.map(|kind| Fault { worker: it.workers.saturating_sub(1), kind });
    }
    let last = it.workers.saturating_sub(1);
    if let Some(fault) = &mut it.fault {
        fault.worker = fault.worker.min(last);
        if let FaultKind::LrFactor(factor) = &mut fault.kind {
            amount(
                ui,
                &Amount::number("Its rate times", "1 is that of the others.", 0.0..=4.0).limits(0.0..=1e6),
                factor,
            );
        }
    }
}

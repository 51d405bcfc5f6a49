//! Federated clients and data-parallel workers as a person would write them.

use super::{Table, float, named, schedule, span, text};
use crate::experiment::team::{Fault, FaultKind, Federated, Parallel, Server, ServerKind, Team};
use crate::schedule::Span;
use crate::schedule::kind::{Constant, Kind};

/// The section's header and fields.
pub(super) fn section(team: &Team) -> (&'static str, Table) {
    match team {
        Team::Federated(it) => ("[federated]", federated(it)),
        Team::Parallel(it) => ("[parallel]", parallel(it)),
    }
}

fn federated(it: &Federated) -> Table {
    let mut table = Table::default();
    table.add("clients", it.clients);
    table.add_unless(&1.0, "share", &it.share, float);
    table.add_unless(&Span::Updates(1.0), "local", &it.local, span);
    if let Some(skew) = &it.skew {
        table.add("skew", float(skew));
    }
    table.add_unless(&0.0, "prox", &it.prox, float);
    if it.server != Server::new(ServerKind::Sgd, crate::experiment::read_team::constant(1.0)) {
        table.add("server", server(&it.server).inline());
    }
    table
}

fn server(it: &Server) -> Table {
    let (momentum, beta2, tau) = it.optimizer.defaults();
    let mut table = Table::default();
    table.add("optimizer", named(&ServerKind::ALL, &it.optimizer));
    match &it.lr.kind {
        Kind::Constant(Constant { peak }) if it.lr == crate::experiment::read_team::constant(*peak) => {
            table.add("lr", float(peak));
        }
        _ => table.add("lr", schedule(&it.lr, None).inline()),
    }
    table.add_unless(&momentum, "momentum", &it.momentum, float);
    table.add_unless(&beta2, "beta2", &it.beta2, float);
    table.add_unless(&tau, "tau", &it.tau, float);
    table
}

fn parallel(it: &Parallel) -> Table {
    let mut table = Table::default();
    table.add("workers", it.workers);
    table.add_unless(&1, "sync", &it.every, |every| text(&format!("every {every}")));
    if let Some(it) = &it.fault {
        table.add("fault", fault(it));
    }
    table
}

fn fault(it: &Fault) -> String {
    let what = match it.kind {
        FaultKind::LrFactor(factor) => format!("lr_factor = {}", float(&factor)),
        FaultKind::Stale => "stale = true".to_owned(),
        FaultKind::Dropped => "dropped = true".to_owned(),
        FaultKind::OtherSeed => "other_seed = true".to_owned(),
    };
    format!("{{ worker = {}, {what} }}", it.worker)
}

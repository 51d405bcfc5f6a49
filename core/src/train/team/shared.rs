//! What the teams of all lanes share, and what a checkpoint keeps of one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Prepared, deal_out};
use crate::experiment::{Experiment, Team as Spec};
use crate::schedule::{Clock, Curve};
use crate::telemetry::{GroupNames, MOST_MEMBERS, member_name};
use crate::train::{Misfit, TrainError};

/// What the teams of all lanes share.
#[derive(Debug)]
pub struct Shared {
    pub(super) spec: Spec,
    /// The training samples of each client; of workers, none.
    pub(super) clients: Vec<Vec<u32>>,
    /// Updates of a round.
    pub(super) round: u64,
    /// The server's rate.
    pub(super) lr: Option<Curve>,
    /// What the columns of the first members are called.
    pub(in crate::train) names: GroupNames,
}

/// What the columns of the first members of a team are called.
pub(in crate::train) fn member_names(spec: &Spec) -> GroupNames {
    let is_client = matches!(spec, Spec::Federated(_));
    let first = spec.members().0.min(MOST_MEMBERS);
    (0..first).map(|member| member_name(is_client, member).into()).collect()
}

impl Shared {
    /// # Errors
    /// When the server's schedule cannot be resolved, or there are more clients than samples.
    pub fn new(
        experiment: &Experiment,
        prepared: &Prepared,
        clock: Clock,
    ) -> Result<Option<Arc<Self>>, TrainError> {
        let (Some(spec), Prepared::Samples { train, .. }) = (&experiment.team, prepared) else {
            return Ok(None);
        };
        let named = |error| TrainError::Schedule { run: "the server".to_owned(), error };
        if let Spec::Federated(it) = spec
            && it.clients > train.len()
        {
            return Err(Misfit::Clients { clients: it.clients, samples: train.len() }.into());
        }
        let (clients, round, lr) = match spec {
            Spec::Federated(it) => (
                deal_out(train, it.clients, it.skew, experiment.train.seed),
                it.local.whole_updates(clock),
                Some(it.server.lr.resolve(clock).map_err(named)?),
            ),
            Spec::Parallel(it) => (Vec::new(), it.every, None),
        };
        Ok(Some(Arc::new(Self { spec: spec.clone(), clients, round, lr, names: member_names(spec) })))
    }

    /// Members that train at the same time.
    pub fn at_once(&self) -> usize {
        self.spec.members().1
    }

    /// The training samples of a client.
    pub fn samples(&self, client: usize) -> &[u32] {
        self.clients.get(client).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What a checkpoint keeps of a team beside its numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TeamState {
    pub(super) members: Vec<u32>,
    pub(super) dealt: Vec<u64>,
    /// The bits of what each member's rule remembers.
    pub(super) scalars: Vec<Vec<u64>>,
    /// Buffers of each member.
    pub(super) buffers: usize,
}

//! Whether a policy lets an experiment be trained.

use std::collections::BTreeSet;

use super::{Checked, Fault, History, Policy, Role, Signatures};

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the change log is damaged: {0}")]
    History(Fault),
    #[error("the file is not the newest version that its change log knows")]
    NotRecorded,
    #[error("nobody that the policy knows has signed this version as its author")]
    NoAuthor,
    #[error("{} of {needed} approvals of this version: {}", by.len(), named(by))]
    Approvals { by: BTreeSet<String>, needed: usize },
    #[error("the signature of \"{by}\" is not good: {why}")]
    Signature { by: String, why: String },
    #[error("run \"{run}\": the rate {rate} of update {update} is outside {min} to {max}")]
    Rate { run: String, update: u64, rate: String, min: String, max: String },
    #[error(
        "run \"{run}\" has a controller, whose rates cannot be known beforehand; `controllers = true` allows it"
    )]
    Controller { run: String },
}

fn named(by: &BTreeSet<String>) -> String {
    let names: Vec<&str> = by.iter().map(String::as_str).collect();
    if names.is_empty() { "none that counts".to_owned() } else { names.join(", ") }
}

/// Everything that a policy has against a file's record: its change log, its author, its approvals. Rates are held
/// against the policy by whoever knows the run's length.
pub fn judge(bytes: &[u8], history: &History, signatures: &Signatures, policy: &Policy) -> Vec<Refusal> {
    let needs_record = policy.author || policy.approvals.needed > 0;
    let mut refusals: Vec<Refusal> = history.faults.iter().cloned().map(Refusal::History).collect();
    if (needs_record || history.exists()) && !history.is_of(bytes) {
        refusals.push(Refusal::NotRecorded);
    }
    let mut authors = BTreeSet::new();
    let mut approvals = BTreeSet::new();
    for signature in &signatures.all {
        let refused = |why: String| Refusal::Signature { by: signature.by().to_owned(), why };
        match signature.check(bytes, history) {
            Checked::OfAnotherVersion { .. } => {}
            Checked::Bad => refusals.push(refused("it was altered, or made with another key".to_owned())),
            Checked::History(fault) => refusals.push(refused(fault.to_string())),
            Checked::Good => match (policy.holder(signature.key()), signature.role()) {
                (Some(name), Role::Author) => {
                    authors.insert(name.to_owned());
                }
                (Some(name), Role::Approval) => {
                    approvals.insert(name.to_owned());
                }
                // Anybody may sign; it counts for nothing.
                (None, _) => {}
            },
        }
    }
    refusals.extend(
        signatures.unread.iter().map(|line| Refusal::Signature {
            by: format!("line {line}"),
            why: "it cannot be read".to_owned(),
        }),
    );
    if policy.author && authors.is_empty() {
        refusals.push(Refusal::NoAuthor);
    }
    let counts =
        |name: &String| policy.approves(name) && (policy.approvals.author_counts || !authors.contains(name));
    let by: BTreeSet<String> = approvals.into_iter().filter(counts).collect();
    if by.len() < policy.approvals.needed {
        refusals.push(Refusal::Approvals { by, needed: policy.approvals.needed });
    }
    refusals
}

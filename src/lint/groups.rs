//! Parameter groups that never learn.

use super::{Severity, Subject, Warning};
use crate::experiment::{Group, GroupRate};

pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let run = subject.run;
    let mut warnings = Vec::new();
    // Whether a group is frozen for the whole run, and whether its rate is 0 throughout.
    let never = |group: &Group| {
        let is_frozen = subject.knows_curve()
            && group
                .freeze
                .and_then(|span| subject.time.updates(span))
                .is_some_and(|updates| updates >= subject.time.total());
        let has_no_rate = match &group.lr {
            GroupRate::Factor(factor) => *factor == 0.0,
            GroupRate::Schedule(own) => {
                subject.knows_curve()
                    && own.resolve(subject.time.clock).is_ok_and(|curve| curve.range().1 == 0.0)
            }
        };
        (is_frozen, has_no_rate)
    };
    for (at, group) in run.groups.iter().enumerate() {
        let name = group.name();
        match never(group) {
            (true, _) => warnings.push(Warning::new(
                Severity::Warning,
                "group-never-thaws",
                format!("the group \"{name}\" is frozen for the whole run"),
            )),
            // Frozen weights take no part in the norm of the gradient; those of rate 0 do.
            (_, true) => warnings.push(
                Warning::new(
                    Severity::Warning,
                    "group-of-rate-zero",
                    format!(
                        "the rate of the group \"{name}\" is 0 throughout: its gradient still counts for clipping; \
                         freeze it instead"
                    ),
                )
                .set(format!("group[{at}].freeze"), "\"100%\""),
            ),
            _ => {}
        }
    }
    let each = run.group_of_each(&subject.experiment.model.parameters());
    let groups = each.iter().map(|group| group.and_then(|at| run.groups.get(at)));
    let is_idle = |group: Option<&Group>| group.is_some_and(|group| never(group) != (false, false));
    if !run.groups.is_empty() && groups.clone().all(is_idle) {
        let message = "every parameter is frozen or at rate 0 for the whole run: nothing is trained";
        warnings.push(Warning::new(Severity::Error, "nothing-thaws", message));
    }
    warnings
}

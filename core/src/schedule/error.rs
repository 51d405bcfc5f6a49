//! What is wrong with a schedule, in words that say how to mend it.

/// Why a schedule cannot be: which field, what it holds, and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {found}; allowed is {allowed}")]
pub struct ScheduleError {
    /// The field's path as in an experiment file, such as `warmup.over` or `parts[1].gamma`.
    pub field: String,
    pub found: String,
    pub allowed: String,
}

impl ScheduleError {
    pub(super) fn new(
        field: impl Into<String>,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), found: found.into(), allowed: allowed.into() }
    }
}

//! Telemetry: what every update of every run measured, for a run of any length.
//!
//! The engine appends [`Row`]s to a [`Store`]; panels ask a [`Series`] for as many [`Bucket`]s as
//! they have pixels. A series keeps every sample while it fits its share of memory; after that the
//! oldest detail goes first, evenly over the whole history: values become summaries of a few
//! updates, with their exact extremes, so a spike is never lost. Values that are not finite are
//! kept and counted, and stay out of every minimum, maximum and mean.
//!
//! Positions are updates; there are no times in here.

mod column;
mod event;
mod group;
pub mod metrics;
mod positions;
mod pyramid;
mod series;
mod smooth;
mod store;
mod summary;
mod value;

pub use column::{Column, Role, Row, Validation};
pub use event::{Event, EventKind};
pub use group::{
    GroupColumn, GroupNames, GroupRow, MOST_GROUPS, MOST_MEMBERS, MOST_PHASES, OfMember, is_member,
    member_name, phase_name, phase_of,
};
pub use series::{Bucket, Precision, Sample, Series};
pub use smooth::Smoother;
pub use store::Store;

/// Pushes, growing by an eighth: doubling would waste up to half of a memory budget.
fn push_tight<T>(vec: &mut Vec<T>, item: T) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact((vec.len() / 8).max(1));
    }
    vec.push(item);
}

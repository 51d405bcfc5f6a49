//! The weights to begin with, as a person would write them.

use super::{Table, named, text};
use crate::experiment::start::{Head, Start};

/// A path alone where nothing else is said.
pub(super) fn field(start: &Start) -> String {
    let path = text(&start.path.to_string_lossy());
    if start.run.is_none() && start.head == Head::Fitting {
        return path;
    }
    let mut table = Table::default();
    table.add("path", path);
    if let Some(run) = &start.run {
        table.add("run", text(run));
    }
    table.add_unless(&Head::Fitting, "head", &start.head, |it| named(&Head::ALL, it));
    table.inline()
}

//! Views of what a sweep found. A view is a file with its row, and the row's line in [`VIEWS`].

mod curves;
mod front;
mod history;
mod importance;
mod isolation;
mod parallel;
mod ranks;
mod slices;

pub use curves::{points, validated};

use super::view::View;

/// Every view, in the order they are offered.
pub const VIEWS: [View; 8] = [
    isolation::VIEW,
    parallel::VIEW,
    slices::VIEW,
    ranks::VIEW,
    importance::VIEW,
    curves::VIEW,
    history::VIEW,
    front::VIEW,
];

/// Their titles.
pub const TITLES: [&str; VIEWS.len()] = {
    let mut titles = [""; VIEWS.len()];
    let mut at = 0;
    while at < VIEWS.len() {
        titles[at] = VIEWS[at].title;
        at += 1;
    }
    titles
};

//! Snapshots as places to go to: which there are, and going back, forward, and aside.

use crate::engine::Snapshot;
use crate::engine::protocol::Command;
use crate::train::checkpoint::Forget;
use crate::train::ids::{RunId, SnapshotId};

use super::studio::Studio;

/// The snapshots of all lanes after the same update, on the same way.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub update: u64,
    /// Whether it is on the way that was left by going back.
    pub left: bool,
    pub snapshots: &'a [Snapshot],
}

impl Place<'_> {
    /// What to name it by when going there.
    pub fn id(&self) -> Option<SnapshotId> {
        self.snapshots.first().map(|snapshot| snapshot.id)
    }
}

/// The places of a list of snapshots, in its order: by update, and then those on the way before those that are not.
pub fn places(snapshots: &[Snapshot]) -> impl Iterator<Item = Place<'_>> {
    let same = |a: &Snapshot, b: &Snapshot| (a.update(), a.left) == (b.update(), b.left);
    snapshots.chunk_by(same).filter_map(|snapshots| {
        let first = snapshots.first()?;
        Some(Place { update: first.update(), left: first.left, snapshots })
    })
}

impl Studio {
    /// Takes all runs to a snapshot.
    pub fn travel(&mut self, to: SnapshotId, forget: Forget) {
        self.tell(Command::Travel(to, forget));
    }

    /// Takes all runs to the next place, forward or back.
    pub fn step(&mut self, forward: bool) {
        let now = self.frame.status.update;
        let list = std::sync::Arc::clone(&self.frame.snapshots);
        let next = if forward {
            places(&list).find(|place| place.left && place.update > now)
        } else {
            places(&list).filter(|place| !place.left && place.update < now).last()
        };
        match next.and_then(|place| place.id()) {
            Some(id) => self.travel(id, Forget::default()),
            None if forward => self.toasts.done("Nothing lies ahead: no one has been there yet."),
            None => self.toasts.done("This is the first snapshot."),
        }
    }

    /// Adds a fork of a run that parts from it after `at` updates, and selects it.
    pub fn fork(&mut self, id: RunId, at: u64) {
        if let Some(fork) = self.document.fork(id, at) {
            self.view.selected = fork;
        }
    }
}

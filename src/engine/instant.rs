//! Instant mode: after an edit the edited runs train anew from update 0, a sweep, and the curves on screen
//! change when there is something whole to see.
//!
//! A hand on a handle edits at every frame. If each edit cut off the sweep before, nothing would ever be whole, so
//! a short sweep is carried through before the newest edit takes its turn. And while it lasts the curves
//! that are whole stay on screen, lest they flicker; those of a long sweep redraw from the left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LaneView, Shared};
use crate::train::ids::{LaneId, Revision};

/// For how long a sweep keeps the newest edit waiting.
const CARRIED: Duration = Duration::from_millis(250);
/// For how long the whole curves from before a sweep stay on screen.
const HIDDEN: Duration = Duration::from_millis(100);
/// Edits that follow each other faster belong to one gesture.
const GESTURE: Duration = Duration::from_millis(300);

/// What Instant mode holds back.
pub(super) struct InstantMode {
    began: Instant,
    /// When the newest edit was put in effect.
    edited: Option<Instant>,
    /// The newest edit that waits for its turn.
    waiting: Option<Arc<Revision>>,
    /// The lanes that train anew and are not shown yet.
    coming: BTreeMap<LaneId, Coming>,
}

struct Coming {
    view: LaneView,
    /// Whether the curve on screen is from before the gesture, which makes it the ghost.
    begins_gesture: bool,
}

impl InstantMode {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), edited: None, waiting: None, coming: BTreeMap::new() }
    }

    /// A new sweep begins; returns whether a gesture begins with it.
    pub(super) fn begin(&mut self) -> bool {
        let now = Instant::now();
        self.began = now;
        self.edited.replace(now).is_none_or(|edited| now.duration_since(edited) >= GESTURE)
    }

    /// Shows a lane from its beginning: at once, or where a whole curve is on screen, when there is something to
    /// see in its stead.
    pub(super) fn renew(
        &mut self,
        shared: &mut Shared,
        id: LaneId,
        view: LaneView,
        begins: bool,
        whole: u64,
    ) {
        let unseen = self.coming.remove(&id);
        let is_whole = shared.lanes.get(&id).is_some_and(|shown| shown.store.updates() >= whole);
        if is_whole {
            let begins_gesture = begins || unseen.is_some_and(|coming| coming.begins_gesture);
            self.coming.insert(id, Coming { view, begins_gesture });
        } else {
            let ghost = shared.lanes.remove(&id).and_then(|shown| shown.ghost);
            shared.lanes.insert(id, LaneView { ghost, ..view });
        }
    }

    /// The view that a lane's measurements go to.
    pub(super) fn view<'a>(&'a mut self, shared: &'a mut Shared, id: LaneId) -> Option<&'a mut LaneView> {
        match self.coming.get_mut(&id) {
            Some(coming) => Some(&mut coming.view),
            None => shared.lanes.get_mut(&id),
        }
    }

    /// Takes an edit that has come, in Instant mode and while training plays: it waits for its turn while a sweep is
    /// young, and otherwise comes back.
    pub(super) fn delay(&mut self, revision: Arc<Revision>) -> Option<Arc<Revision>> {
        self.waiting = None;
        if self.began.elapsed() < CARRIED {
            self.waiting = Some(revision);
            return None;
        }
        Some(revision)
    }

    /// The edit that waits, if its turn has come.
    pub(super) fn due_edit(&mut self, playing: bool) -> Option<Arc<Revision>> {
        let is_due = !playing || self.began.elapsed() >= CARRIED;
        if is_due { self.waiting.take() } else { None }
    }

    /// The edit that waits, whether or not its turn has come.
    pub(super) fn take_waiting(&mut self) -> Option<Arc<Revision>> {
        self.waiting.take()
    }

    pub(super) fn forget(&mut self, id: LaneId) {
        self.coming.remove(&id);
    }

    pub(super) fn forget_all(&mut self) {
        self.coming.clear();
    }

    /// Whether what is shown is from before the sweep.
    pub(super) fn is_hidden(&self) -> bool {
        !self.coming.is_empty()
    }

    /// Puts the lanes that train anew on screen when training has ended, or after a while as far as they are.
    pub(super) fn reveal(&mut self, shared: &mut Shared, ended: bool) {
        if ended || self.began.elapsed() >= HIDDEN {
            self.reveal_all(shared);
        }
    }

    pub(super) fn reveal_all(&mut self, shared: &mut Shared) {
        for (id, Coming { mut view, begins_gesture }) in std::mem::take(&mut self.coming) {
            view.ghost = shared.lanes.remove(&id).map(|shown| match shown.ghost {
                Some(ghost) if !begins_gesture => ghost,
                _ => shown.store,
            });
            shared.lanes.insert(id, view);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Track;
    use crate::telemetry::{Row, Store};
    use crate::train::ids::RunId;

    const WHOLE: u64 = 3;
    const LANE: LaneId = LaneId { run: RunId(0), replica: 0 };

    /// A lane after so many updates at this rate.
    fn lane(updates: u64, lr: f64) -> LaneView {
        let mut store = Store::new(1 << 20);
        let row = |update| Row { update, lr, ..Row::default() };
        store.append(&(0..updates).map(row).collect::<Vec<_>>());
        LaneView {
            store,
            ghost: None,
            update: updates,
            diverged_at: None,
            failed: None,
            stopped: None,
            control: None,
            findings: Arc::default(),
            track: Track::default(),
        }
    }

    /// The rate of the curve on screen and of its ghost.
    fn shown(shared: &Shared) -> (f64, Option<f64>) {
        let rate = |store: &Store| store.series(crate::telemetry::Column::Lr).at(0).unwrap().value;
        let view = &shared.lanes[&LANE];
        (rate(&view.store), view.ghost.as_ref().map(rate))
    }

    /// A sweep at a rate, whole from the beginning.
    fn sweep(sweep: &mut InstantMode, shared: &mut Shared, lr: f64) {
        let begins = sweep.begin();
        sweep.renew(shared, LANE, lane(0, lr), begins, WHOLE);
        *sweep.view(shared, LANE).unwrap() = lane(WHOLE, lr);
    }

    #[test]
    fn a_whole_curve_stays_on_screen_until_the_sweep_has_ended() {
        let (mut sweeps, mut shared) = (InstantMode::new(), Shared::default());
        shared.lanes.insert(LANE, lane(WHOLE, 0.1));
        sweep(&mut sweeps, &mut shared, 0.2);
        assert_eq!(shown(&shared), (0.1, None));
        assert!(sweeps.is_hidden());
        sweeps.reveal(&mut shared, true);
        assert_eq!(shown(&shared), (0.2, Some(0.1)));
        assert!(!sweeps.is_hidden());
    }

    #[test]
    fn the_ghost_of_a_gesture_is_what_was_there_before_it() {
        let (mut sweeps, mut shared) = (InstantMode::new(), Shared::default());
        shared.lanes.insert(LANE, lane(WHOLE, 0.1));
        for lr in [0.2, 0.3, 0.4] {
            sweep(&mut sweeps, &mut shared, lr);
            sweeps.reveal(&mut shared, true);
        }
        assert_eq!(shown(&shared), (0.4, Some(0.1)));
        // A hand that rested and moves again begins another gesture.
        sweeps.edited = sweeps.edited.and_then(|edited| edited.checked_sub(GESTURE));
        sweep(&mut sweeps, &mut shared, 0.5);
        sweeps.reveal(&mut shared, true);
        assert_eq!(shown(&shared), (0.5, Some(0.4)));
    }

    #[test]
    fn a_sweep_that_was_cut_off_leaves_no_trace() {
        let (mut sweeps, mut shared) = (InstantMode::new(), Shared::default());
        shared.lanes.insert(LANE, lane(WHOLE, 0.1));
        for lr in [0.2, 0.3] {
            let begins = sweeps.begin();
            sweeps.renew(&mut shared, LANE, lane(1, lr), begins, WHOLE);
        }
        assert_eq!(shown(&shared), (0.1, None));
        sweeps.reveal_all(&mut shared);
        assert_eq!(shown(&shared), (0.3, Some(0.1)));
        // What is not whole gives way at once, and its ghost stays.
        sweeps.renew(&mut shared, LANE, lane(1, 0.4), false, WHOLE);
        assert_eq!(shown(&shared), (0.4, Some(0.1)));
    }
}

//! What happened along the way: edits, restarts, cuts, failures.

/// Something that happened at an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The first update it concerns.
    pub update: u64,
    /// The lane it happened to; `None` when it concerns them all.
    pub lane: Option<usize>,
    pub kind: EventKind,
    /// One line for people.
    pub message: String,
    /// How many edits the experiment had seen.
    pub generation: u64,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    Edit,
    Restart,
    /// Training went on from a saved state.
    Resume,
    /// The run parted from the one it was forked from.
    Fork,
    CycleEnd,
    Diverged,
    PlateauCut,
    Failed,
    Snapshot,
    Note,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Edit,
        Self::Restart,
        Self::Resume,
        Self::Fork,
        Self::CycleEnd,
        Self::Diverged,
        Self::PlateauCut,
        Self::Failed,
        Self::Snapshot,
        Self::Note,
    ];

    /// The name in `events.jsonl`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Restart => "restart",
            Self::Resume => "resume",
            Self::Fork => "fork",
            Self::CycleEnd => "cycle_end",
            Self::Diverged => "diverged",
            Self::PlateauCut => "plateau_cut",
            Self::Failed => "failed",
            Self::Snapshot => "snapshot",
            Self::Note => "note",
        }
    }
}

/// The events kept, oldest first, and how many found no room.
#[derive(Clone, Debug, Default)]
pub(super) struct EventLog {
    events: Vec<Event>,
    dropped: u64,
}

impl EventLog {
    /// More are counted, not kept: a storm of events says no more than its beginning.
    pub const MAX_EVENTS: usize = 4096;
    /// Longer messages are cut, in bytes.
    pub const MAX_MESSAGE: usize = 500;

    pub fn push(&mut self, mut event: Event) {
        if self.events.len() >= Self::MAX_EVENTS {
            self.dropped += 1;
            return;
        }
        if event.message.len() > Self::MAX_MESSAGE {
            let end = event.message.floor_char_boundary(Self::MAX_MESSAGE);
            event.message.truncate(end);
            event.message.push('…');
        }
        event.message.shrink_to_fit();
        self.events.push(event);
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets what happened to the lane at and after the update; what concerns all lanes stays.
    pub fn truncate(&mut self, lane: usize, update: u64) {
        self.events.retain(|event| event.lane != Some(lane) || event.update < update);
    }

    pub fn bytes(&self) -> usize {
        let messages: usize = self.events.iter().map(|e| e.message.capacity()).sum();
        self.events.capacity() * size_of::<Event>() + messages
    }
}

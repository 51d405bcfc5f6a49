//! What happened along the way: edits, restarts, changes of the rate, failures.

/// Something that happened at an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The first update it concerns.
    pub update: u64,
    pub kind: EventKind,
    /// One line for people.
    pub message: String,
    /// How many edits the experiment had seen.
    pub generation: u64,
}

impl Event {
    /// What is said of a run that diverged.
    pub const DIVERGED: &str = "the loss became NaN or infinite: the run has diverged";
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
    Diverged,
    /// A controller changed the rate, down or up.
    RateChange,
    Failed,
    /// Something goes wrong.
    Finding,
    /// The run went back to an earlier update.
    RollBack,
    /// Early stopping ended the run.
    Stopped,
    /// A gradient in 16 bits overflowed and its update was left out, or the loss scale grew.
    LossScale,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Edit,
        Self::Restart,
        Self::Resume,
        Self::Fork,
        Self::Diverged,
        Self::RateChange,
        Self::Failed,
        Self::Finding,
        Self::RollBack,
        Self::Stopped,
        Self::LossScale,
    ];

    /// The name in `events.jsonl`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Restart => "restart",
            Self::Resume => "resume",
            Self::Fork => "fork",
            Self::Diverged => "diverged",
            Self::RateChange => "rate_change",
            Self::Failed => "failed",
            Self::Finding => "finding",
            Self::RollBack => "roll_back",
            Self::Stopped => "stopped",
            Self::LossScale => "loss_scale",
        }
    }
}

/// The events kept, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct EventLog {
    events: Vec<Event>,
}

impl EventLog {
    /// More are not kept, which the last one says: a storm of events says no more than its beginning.
    pub const MAX_EVENTS: usize = 4096;
    /// Longer messages are cut, in bytes.
    pub const MAX_MESSAGE: usize = 500;

    pub fn push(&mut self, mut event: Event) {
        if self.events.len() >= Self::MAX_EVENTS {
            return;
        }
        if self.events.len() + 1 == Self::MAX_EVENTS {
            event.message = format!("{} events are kept: what happens from here on is not", Self::MAX_EVENTS);
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

    /// Forgets what happened at and after the update.
    pub fn truncate(&mut self, update: u64) {
        self.events.retain(|event| event.update < update);
    }

    pub fn bytes(&self) -> usize {
        let messages: usize = self.events.iter().map(|e| e.message.capacity()).sum();
        self.events.capacity() * size_of::<Event>() + messages
    }
}

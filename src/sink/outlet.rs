//! A sink on a thread of its own, behind a bounded queue.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::{Message, Sink};

/// Messages that may wait. With chunks of 256 updates that is some megabytes a sink.
const WAITING: usize = 256;

/// The training's end of a sink.
pub struct Outlet {
    name: &'static str,
    to: Option<SyncSender<Arc<Message>>>,
    thread: Option<JoinHandle<()>>,
    lost: Lost,
}

/// Updates that a sink had no room for, and why it stopped if it did.
#[derive(Clone, Default)]
pub(super) struct Lost {
    updates: Arc<AtomicU64>,
    problem: Arc<Mutex<Option<String>>>,
}

impl Outlet {
    /// Starts the sink's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut sink: impl Sink) -> io::Result<Self> {
        let name = sink.name();
        let (to, from) = sync_channel::<Arc<Message>>(WAITING);
        let lost = Lost::default();
        let problem = Arc::clone(&lost.problem);
        let work = move || {
            for message in from {
                if let Err(error) = sink.take(&message) {
                    *problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                    return;
                }
            }
        };
        let thread = Builder::new().name(format!("sink {name}")).spawn(work)?;
        Ok(Self { name, to: Some(to), thread: Some(thread), lost })
    }

    /// Gives the sink a message if it has room.
    pub(super) fn offer(&self, message: &Arc<Message>) {
        let Some(to) = &self.to else { return };
        let full = to.try_send(Arc::clone(message)).is_err();
        if let (true, Message::Rows { rows, .. }) = (full, &**message) {
            self.lost.updates.fetch_add(rows.len() as u64, Ordering::Relaxed);
        }
    }

    /// Waits for the sink, and says what it lost.
    pub(super) fn end(mut self, end: &Arc<Message>) -> Option<String> {
        if let Some(to) = self.to.take() {
            // The one message that may wait for room: training is over.
            if let Err(TrySendError::Full(end)) = to.try_send(Arc::clone(end)) {
                let _ = to.send(end);
            }
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Some(format!("{} broke off: its thread panicked", self.name));
        }
        let problem = self.lost.problem.lock().unwrap_or_else(PoisonError::into_inner).take();
        let updates = self.lost.updates.load(Ordering::Relaxed);
        match (problem, updates) {
            (Some(problem), 0) => Some(format!("{} broke off: {problem}", self.name)),
            (Some(problem), lost) => {
                Some(format!("{} broke off: {problem}; {lost} updates are missing there", self.name))
            }
            (None, 0) => None,
            (None, lost) => Some(format!("{} was too slow: {lost} updates are missing there", self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::telemetry::Row;

    /// Takes a message each time it is let.
    struct Held(Receiver<()>, Arc<AtomicU64>);

    impl Sink for Held {
        fn name(&self) -> &'static str {
            "held"
        }

        fn take(&mut self, message: &Message) -> io::Result<()> {
            let _ = self.0.recv();
            if let Message::Rows { rows, .. } = message {
                self.1.fetch_add(rows.len() as u64, Ordering::Relaxed);
            }
            Ok(())
        }
    }

    fn rows(count: usize) -> Arc<Message> {
        Arc::new(Message::Rows { lane: 0, rows: vec![Row::default(); count], events: Vec::new() })
    }

    #[test]
    fn a_sink_that_takes_nothing_is_not_waited_for_and_what_it_lost_is_said() {
        let (let_go, held) = sync_channel(0);
        let taken = Arc::new(AtomicU64::new(0));
        let outlet = Outlet::start(Held(held, Arc::clone(&taken))).unwrap();
        let offered = 2 * WAITING as u64;
        (0..offered).for_each(|_| outlet.offer(&rows(3)));
        // From now on it is let take everything.
        drop(let_go);
        let said = outlet.end(&Arc::new(Message::End { failed: Vec::new() })).unwrap();
        let lost = 3 * offered - taken.load(Ordering::Relaxed);
        assert!(lost > 0);
        assert_eq!(said, format!("held was too slow: {lost} updates are missing there"));
    }

    struct Dead;

    impl Sink for Dead {
        fn name(&self) -> &'static str {
            "dead"
        }

        fn take(&mut self, _: &Message) -> io::Result<()> {
            Err(io::Error::other("no room"))
        }
    }

    #[test]
    fn a_sink_that_died_takes_nothing_more_and_says_why() {
        let outlet = Outlet::start(Dead).unwrap();
        (0..1000).for_each(|_| outlet.offer(&rows(1)));
        let said = outlet.end(&Arc::new(Message::End { failed: Vec::new() })).unwrap();
        assert!(said.starts_with("dead broke off: no room"), "{said}");
    }
}

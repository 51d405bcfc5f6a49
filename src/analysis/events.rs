//! `events.jsonl`: what happened to the runs of a training, a line each.

use std::io::{self, Write};

use serde::Serialize;

use crate::telemetry::Event;

#[derive(Serialize)]
struct EventLine<'a> {
    update: u64,
    run: &'a str,
    replica: u32,
    kind: &'static str,
    message: &'a str,
}

/// Writes what happened to a run's replica as a line of `events.jsonl`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_event(mut to: impl Write, run: &str, replica: u32, event: &Event) -> io::Result<()> {
    let (kind, message) = (event.kind.name(), event.message.as_str());
    let line = EventLine { update: event.update, run, replica, kind, message };
    serde_json::to_writer(&mut to, &line)?;
    to.write_all(b"\n")
}

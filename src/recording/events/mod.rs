//! TensorBoard's event files: framed records ([`record`]) of a few protocol buffer messages ([`message`]).

mod message;
mod record;

use std::collections::BTreeMap;

use super::build::{Builder, Slot};
use super::evidence::Evidence;
use super::head::Head;
use super::series::Tick;
use message::Scalar;
pub(crate) use record::framed;
use record::{Next, next};

/// The kinds of value that are no single number are counted under so many tags apart.
const MAX_TAGS: usize = 4096;

pub(super) fn claim(head: &Head) -> Option<Evidence> {
    record::is_event_file(head.bytes())
        .then(|| Evidence::new(98, "a first record with a right checksum that names the version of the file"))
}

/// Reads the records of one file.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    slots: BTreeMap<String, Option<Slot>>,
    run: Option<usize>,
    /// Records read.
    records: u64,
    damaged: bool,
}

impl EventReader {
    /// Takes in the records that are whole; returns the bytes they take.
    pub fn bytes(&mut self, chunk: &[u8], to: &mut Builder) -> usize {
        let mut at = 0;
        while !self.damaged {
            match next(&chunk[at..]) {
                Next::Record { data, length } => {
                    self.record(data, to);
                    self.records += 1;
                    at += length;
                }
                Next::Short => break,
                Next::Damaged(why) => {
                    self.damaged = true;
                    let records = self.records;
                    to.left_out().note(format!(
                        "the event file is damaged after {records} records ({why}): the rest was left out"
                    ));
                }
            }
        }
        if self.damaged { chunk.len() } else { at }
    }

    fn record(&mut self, data: &[u8], to: &mut Builder) {
        let Some(event) = message::Event::read(data) else {
            to.left_out().count("records that are no event");
            return;
        };
        for value in event.values {
            let number = match value.scalar {
                Scalar::Number(number) => number,
                Scalar::Other(kind) => {
                    to.left_out().count(&format!("values that are {kind}, not numbers"));
                    continue;
                }
            };
            let Some(step) = event.step else {
                to.left_out().count("values at a step below 0");
                continue;
            };
            if self.run.is_none() {
                self.run = to.run("", Tick::Update);
            }
            let slot = match self.slots.get(value.tag) {
                Some(slot) => *slot,
                None if self.slots.len() < MAX_TAGS => {
                    let slot = self.run.and_then(|run| to.slot(run, value.tag));
                    self.slots.insert(value.tag.to_owned(), slot);
                    slot
                }
                None => None,
            };
            match slot {
                Some(slot) => to.push(slot, step, number),
                None => to.left_out().count("values of tags for which there is no room"),
            }
        }
    }
}

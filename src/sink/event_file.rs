//! TensorBoard's event files: framed records of protocol buffers, as far as scalars and hyperparameters need them.
//!
//! `Event` and `Summary` are TensorFlow's `event.proto` and `summary.proto`; the contents of the `hparams` plugin are
//! TensorBoard's `plugins/hparams/plugin_data.proto` and `api.proto`.

use std::io::{self, Write};

use super::Setting;
use crate::recording::framed;

/// What every event file begins with.
const VERSION: &str = "brain.Event:2";

/// Writes events.
pub(super) struct EventFile<W> {
    to: W,
    event: Vec<u8>,
    summary: Vec<u8>,
    value: Vec<u8>,
}

/// How a training ended, as the plugin's `Status`.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Success = 1,
    Failure = 2,
}

impl<W: Write> EventFile<W> {
    /// A new file, which gets its version.
    pub fn new(to: W, wall_time: f64) -> io::Result<Self> {
        let mut file = Self { to, event: Vec::new(), summary: Vec::new(), value: Vec::new() };
        let mut event = Vec::new();
        double(&mut event, 1, wall_time);
        bytes(&mut event, 3, VERSION.as_bytes());
        file.to.write_all(&framed(&event))?;
        Ok(file)
    }

    /// The scalars of one step, all in one event.
    pub fn scalars<'a>(
        &mut self,
        wall_time: f64,
        step: u64,
        values: impl IntoIterator<Item = (&'a str, f32)>,
    ) -> io::Result<()> {
        self.summary.clear();
        for (tag, scalar) in values {
            self.value.clear();
            bytes(&mut self.value, 1, tag.as_bytes());
            key(&mut self.value, 2, 5);
            self.value.extend_from_slice(&scalar.to_le_bytes());
            bytes(&mut self.summary, 1, &self.value);
        }
        self.write(wall_time, step)
    }

    /// What the run was given, for the `hparams` plugin, with the scalars it is judged by.
    pub fn hparams(
        &mut self,
        wall_time: f64,
        settings: &[(String, Setting)],
        metrics: &[&str],
    ) -> io::Result<()> {
        let mut experiment = Vec::new();
        for (name, setting) in settings {
            let mut info = Vec::new();
            bytes(&mut info, 1, name.as_bytes());
            key(&mut info, 4, 0);
            varint(
                &mut info,
                match setting {
                    Setting::Text(_) => 1,
                    Setting::Flag(_) => 2,
                    Setting::Number(_) => 3,
                },
            );
            bytes(&mut experiment, 4, &info);
        }
        for tag in metrics {
            let mut name = Vec::new();
            bytes(&mut name, 2, tag.as_bytes());
            let mut info = Vec::new();
            bytes(&mut info, 1, &name);
            bytes(&mut experiment, 5, &info);
        }
        let mut start = Vec::new();
        for (name, setting) in settings {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, name.as_bytes());
            bytes(&mut entry, 2, &setting_value(setting));
            bytes(&mut start, 1, &entry);
        }
        double(&mut start, 5, wall_time);
        self.plugin(wall_time, "_hparams_/experiment", 2, &experiment)?;
        self.plugin(wall_time, "_hparams_/session_start_info", 3, &start)
    }

    /// That the training ended, for the same plugin.
    pub fn end(&mut self, wall_time: f64, ending: Ending) -> io::Result<()> {
        let mut info = Vec::new();
        key(&mut info, 1, 0);
        varint(&mut info, ending as u64);
        double(&mut info, 2, wall_time);
        self.plugin(wall_time, "_hparams_/session_end_info", 4, &info)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn plugin(&mut self, wall_time: f64, tag: &str, field: u64, content: &[u8]) -> io::Result<()> {
        let mut data = Vec::new();
        bytes(&mut data, field, content);
        let mut plugin = Vec::new();
        bytes(&mut plugin, 1, b"hparams");
        bytes(&mut plugin, 2, &data);
        let mut metadata = Vec::new();
        bytes(&mut metadata, 1, &plugin);
        self.value.clear();
        bytes(&mut self.value, 1, tag.as_bytes());
        bytes(&mut self.value, 9, &metadata);
        self.summary.clear();
        bytes(&mut self.summary, 1, &self.value);
        self.write(wall_time, 0)
    }

    fn write(&mut self, wall_time: f64, step: u64) -> io::Result<()> {
        self.event.clear();
        double(&mut self.event, 1, wall_time);
        key(&mut self.event, 2, 0);
        varint(&mut self.event, step);
        bytes(&mut self.event, 5, &self.summary);
        self.to.write_all(&framed(&self.event))
    }
}

/// A `google.protobuf.Value`.
fn setting_value(setting: &Setting) -> Vec<u8> {
    let mut value = Vec::new();
    match setting {
        Setting::Number(number) => double(&mut value, 2, *number),
        Setting::Text(text) => bytes(&mut value, 3, text.as_bytes()),
        Setting::Flag(flag) => {
            key(&mut value, 4, 0);
            varint(&mut value, u64::from(*flag));
        }
    }
    value
}

fn key(to: &mut Vec<u8>, field: u64, wire: u64) {
    varint(to, field << 3 | wire);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn double(to: &mut Vec<u8>, field: u64, value: f64) {
    key(to, field, 1);
    to.extend_from_slice(&value.to_le_bytes());
}

fn bytes(to: &mut Vec<u8>, field: u64, content: &[u8]) {
    key(to, field, 2);
    varint(to, content.len() as u64);
    to.extend_from_slice(content);
}

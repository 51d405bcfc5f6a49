//! Recordings: what other programs wrote down of their trainings, as named series.
//!
//! A [`dialect::Dialect`] claims a file by what only it has (scored, with the evidence in words); its reader hands
//! every number to a [`Builder`], which keeps each series within a fixed memory and counts what it left out.
//! [`Recorder`] opens a file or a folder and follows it while it grows. The room knows telemetry only: how
//! recordings are drawn, diagnosed or turned into schedules is for the rooms above.

mod build;
mod clock;
pub mod dialect;
mod error;
mod events;
mod evidence;
mod folder;
mod growing;
mod head;
mod json;
mod left_out;
mod lines;
mod number;
mod progress;
mod recorder;
mod role;
mod rows;
mod series;
mod source;
mod table;
mod text;
mod trainer_output;

pub use build::Builder;
pub use dialect::{Claim, claim};
pub use error::RecordingError;
pub(crate) use events::framed;
pub use growing::{Growing, RATE_OF};
pub use head::Head;
pub use left_out::LeftOut;
pub use progress::Progress;
pub use recorder::{Recorder, is_claimed, read_from, read_text};
pub use role::Role;
pub use series::{Log, Named, Recording, Tick};

//! A bar while a table is read that takes a while.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::reading;

/// How often the bar is drawn anew.
const EVERY: Duration = Duration::from_millis(100);
/// The parts that it has.
const PARTS: u64 = 1000;

/// Does work that may read a table, with a bar on stderr meanwhile. A bar that nobody sees is not drawn.
pub fn shown<T>(work: impl FnOnce() -> T) -> T {
    let (ended, waits) = sync_channel::<()>(1);
    let watch = move || {
        let mut bar: Option<ProgressBar> = None;
        while waits.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let Some(share) = reading::share() else { continue };
            let bar = bar.get_or_insert_with(|| {
                let style =
                    ProgressStyle::with_template("{bar:32} {percent} % of the table read, {eta} left");
                ProgressBar::new(PARTS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            });
            bar.set_position((f64::from(share) * PARTS as f64) as u64);
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    };
    // Without a thread the work is done without a bar.
    let watching = thread::Builder::new().name("loading bar".into()).spawn(watch);
    let done = work();
    drop(ended);
    if let Ok(watching) = watching {
        let _ = watching.join();
    }
    done
}

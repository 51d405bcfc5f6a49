//! Writing beside the interface: the newest text of each file, at most once in a while, whole or not at all.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::files;

/// Between two writings: with the time they take, less than two seconds of edits are lost in a crash.
const PAUSE: Duration = Duration::from_secs(1);

/// Makes a file's text when it is time to write it.
type Text = Box<dyn FnOnce() -> io::Result<String> + Send>;

/// A thread that writes files.
pub struct Saver {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
    handed: u64,
}

struct Desk {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    /// What was handed in up to this number is on the disk.
    written: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    /// One text a file: a newer one takes the place of one that was not written yet.
    files: BTreeMap<PathBuf, Text>,
    newest: u64,
    ends: bool,
    problems: Vec<String>,
}

impl Saver {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let desk =
            Arc::new(Desk { waiting: Mutex::default(), bell: Condvar::new(), written: AtomicU64::new(0) });
        let of_thread = Arc::clone(&desk);
        let thread = Builder::new().name("keeper".into()).spawn(move || of_thread.write_on(&wake))?;
        Ok(Self { desk, thread: Some(thread), handed: 0 })
    }

    /// Has a file written soon, its text made on the saver's thread. Answers the number under which it is handed in.
    pub fn put(&mut self, path: PathBuf, text: impl FnOnce() -> io::Result<String> + Send + 'static) -> u64 {
        self.handed += 1;
        let mut waiting = self.desk.look();
        waiting.files.insert(path, Box::new(text));
        waiting.newest = self.handed;
        drop(waiting);
        self.desk.bell.notify_one();
        self.handed
    }

    /// What was handed in up to this number is on the disk.
    pub fn written(&self) -> u64 {
        self.desk.written.load(Ordering::Acquire)
    }

    /// What could not be written, and why.
    pub fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.look().problems)
    }

    /// Writes what waits, and ends.
    pub fn finish(&mut self) {
        self.desk.look().ends = true;
        self.desk.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has lost what it was writing; the file it would have replaced is whole.
            let _ = thread.join();
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Desk {
    fn look(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_on(&self, wake: &dyn Fn()) {
        let mut last: Option<Instant> = None;
        let mut failing: BTreeMap<PathBuf, String> = BTreeMap::new();
        loop {
            let mut waiting = self.look();
            loop {
                let rest = rest(last.map(|last| last.elapsed()));
                if waiting.ends || !waiting.files.is_empty() && rest.is_zero() {
                    break;
                }
                waiting = if waiting.files.is_empty() {
                    self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner)
                } else {
                    self.bell.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner).0
                };
            }
            let (files, newest, ends) = (std::mem::take(&mut waiting.files), waiting.newest, waiting.ends);
            drop(waiting);
            let mut news = Vec::new();
            for (path, text) in files {
                match write(&path, text) {
                    Ok(()) => {
                        failing.remove(&path);
                    }
                    Err(error) => {
                        let text = format!("{} cannot be written: {error}.", path.display());
                        if failing.insert(path, text.clone()).as_ref() != Some(&text) {
                            news.push(text);
                        }
                    }
                }
            }
            if failing.is_empty() {
                self.written.store(newest, Ordering::Release);
            }
            if !news.is_empty() {
                self.look().problems.extend(news);
                wake();
            }
            if ends {
                return;
            }
            last = Some(Instant::now());
        }
    }
}

fn write(path: &Path, text: Text) -> io::Result<()> {
    let text = text()?;
    if let Some(folder) = path.parent() {
        files::private_folder(folder)?;
    }
    files::replace(path, |file| file.write_all(text.as_bytes()))
}

/// How long to wait before writing, so long after the last time.
fn rest(since: Option<Duration>) -> Duration {
    since.map_or(Duration::ZERO, |since| PAUSE.saturating_sub(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_text_is_written_at_once_and_later_ones_after_a_pause() {
        assert_eq!(rest(None), Duration::ZERO);
        assert_eq!(rest(Some(Duration::from_millis(300))), PAUSE - Duration::from_millis(300));
        assert_eq!(rest(Some(PAUSE * 2)), Duration::ZERO);
        assert!(PAUSE < Duration::from_secs(2));
    }

    #[test]
    fn the_newest_text_of_each_file_is_on_the_disk_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("below").join(name);
        let mut saver = Saver::start(|| ()).unwrap();
        for number in 0..100 {
            saver.put(path("a"), move || Ok(number.to_string()));
        }
        let last = saver.put(path("b"), || Ok("b".into()));
        saver.finish();
        let text = |name| String::from_utf8(files::read(&path(name), 100).unwrap()).unwrap();
        assert_eq!((text("a"), text("b")), ("99".to_owned(), "b".to_owned()));
        assert_eq!(saver.written(), last);
    }

    #[test]
    fn what_cannot_be_written_is_said_once_and_is_not_taken_for_written() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        files::private_folder(&taken).unwrap();
        let (told, heard) = std::sync::mpsc::sync_channel(8);
        let mut saver = Saver::start(move || told.send(()).unwrap()).unwrap();
        saver.put(taken.clone(), || Ok(String::new()));
        heard.recv().unwrap();
        assert_eq!(saver.problems().len(), 1);
        saver.put(taken, || Ok(String::new()));
        saver.finish();
        assert_eq!((saver.problems().len(), saver.written()), (0, 0));
    }
}

//! Trainings of other programs, written down while they are followed: whatever becomes of either side, at most a
//! minute of them is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::api::Hub;
use crate::api::hub::lock;
use crate::api::live::{Live, LiveState};
use crate::jobs::Job;
use crate::library::{Followed, Index, LibraryError, keep_at, new_place};
use crate::recording::Recording;

/// Between two times that a training under way is written down.
const OFTEN: Duration = Duration::from_secs(60);
/// Between two looks at whether something is on the disk.
const LOOK: Duration = Duration::from_millis(5);

/// What is known of a live run that is kept.
struct Written {
    place: PathBuf,
    /// The rows that it had then, and whether it was over.
    had: (u64, bool),
    at: Instant,
    /// When it was first seen.
    since: Instant,
}

/// What of a live run is written, copied so that nothing waits for the disk.
struct Copied {
    name: String,
    program: String,
    settings: BTreeMap<String, String>,
    recording: Recording,
    finished: bool,
    latencies: Vec<u64>,
    /// How long it has been followed.
    seconds: Option<f64>,
}

/// Keeps live runs in a library.
#[derive(Default)]
pub struct Follower {
    written: BTreeMap<String, Written>,
    writing: Option<(String, Job<Result<PathBuf, String>>)>,
    /// Whether nothing comes after this: what is new is written at once.
    is_last: bool,
}

impl Follower {
    /// Writes down what is new, one run at a time on a thread; to be called now and then. Returns what is to be said:
    /// a run that has landed, or why it could not.
    pub fn tick(&mut self, library: &Path, hub: &Hub, now: Instant) -> Option<Result<String, String>> {
        let said = self.landed();
        if self.writing.is_some() {
            return said;
        }
        for shared in hub.live() {
            let live = lock(&shared);
            let over = live.state(now).is_over() || live.state(now) == LiveState::Disconnected;
            let had = (live.have, over);
            let known = self.written.get(&live.id);
            let waited = |it: &Written| over || self.is_last || now.duration_since(it.at) > OFTEN;
            let is_due = known.is_none_or(|it| it.had != had && waited(it));
            if live.have == 0 || !is_due {
                continue;
            }
            let since = known.map_or(now, |it| it.since);
            let (id, copied) = (live.id.clone(), copied(&live, now, since));
            drop(live);
            let (library, place) = (library.to_owned(), known.map(|it| it.place.clone()));
            let work = move |_: &_| write(&library, place, &copied).map_err(|error| error.to_string());
            let job = Job::spawn("keep live", || (), work);
            let at = now;
            match job {
                Ok(job) => {
                    let place = known.map(|it| it.place.clone()).unwrap_or_default();
                    self.written.insert(id.clone(), Written { place, had, at, since });
                    self.writing = Some((id, job));
                }
                Err(error) => return Some(Err(format!("no thread to keep a live run: {error}"))),
            }
            break;
        }
        said
    }

    /// Writes down everything that is new and waits until it is on the disk; what is to be said.
    pub fn finish(&mut self, library: &Path, hub: &Hub) -> Vec<Result<String, String>> {
        let mut said = Vec::new();
        self.is_last = true;
        loop {
            let landed = self.tick(library, hub, Instant::now());
            let failed = landed.as_ref().is_some_and(Result::is_err);
            said.extend(landed);
            if self.writing.is_none() || failed {
                break;
            }
            std::thread::sleep(LOOK);
        }
        self.is_last = false;
        said
    }

    fn landed(&mut self) -> Option<Result<String, String>> {
        let done = self.writing.as_ref()?.1.poll()?;
        let (id, _) = self.writing.take()?;
        let place = match done {
            Ok(Ok(place)) => place,
            Ok(Err(why)) => return Some(Err(why)),
            Err(lost) => return Some(Err(lost.to_string())),
        };
        let written = self.written.get_mut(&id)?;
        let is_new = written.place != place;
        written.place.clone_from(&place);
        is_new.then(|| Ok(place.display().to_string()))
    }
}

fn copied(live: &Live, now: Instant, since: Instant) -> Copied {
    let about = &live.about;
    let mut settings = BTreeMap::new();
    for group in &about.groups {
        settings.insert(format!("groups.{}.lr", group.name), group.lr.to_string());
    }
    if let Some(total) = about.total {
        settings.insert("train.updates".to_owned(), total.to_string());
    }
    let taken = live.changes.iter().filter_map(|made| Some(made.applied?.saturating_sub(made.from)));
    Copied {
        name: about.name.clone(),
        program: about.framework.clone(),
        settings,
        recording: live.recording.recording().clone(),
        finished: live.state(now).is_over(),
        latencies: taken.collect(),
        seconds: Some(now.duration_since(since).as_secs_f64()).filter(|seconds| *seconds > 0.0),
    }
}

fn write(library: &Path, place: Option<PathBuf>, copied: &Copied) -> Result<PathBuf, LibraryError> {
    let place = match place.filter(|place| !place.as_os_str().is_empty()) {
        Some(place) => place,
        None => new_place(library, &copied.name)?,
    };
    let followed = Followed {
        name: &copied.name,
        program: &copied.program,
        settings: copied.settings.clone(),
        recording: &copied.recording,
        finished: copied.finished,
        latencies: copied.latencies.clone(),
        seconds: copied.seconds,
    };
    keep_at(&place, &followed)?;
    Index::open(library)?.add(&place)?;
    Ok(place)
}

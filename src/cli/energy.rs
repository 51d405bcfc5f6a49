//! What the processor's packages use while something runs, where the machine tells (Intel's and AMD's RAPL).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::files;

/// Where Linux shows the counters.
const COUNTERS: &str = "/sys/class/powercap";
const LONGEST: u64 = 4096;

/// Between two looks; a counter takes minutes to come around.
const LOOK: Duration = Duration::from_secs(5);

/// A counter of microjoules that begins again from 0 at its end.
struct Counter {
    file: PathBuf,
    end: u64,
    last: u64,
}

/// The energy since it was made.
pub(super) struct Energy {
    counters: Vec<Counter>,
    microjoules: u64,
    looked: Instant,
}

impl Energy {
    pub fn begin() -> Self {
        Self::below(Path::new(COUNTERS))
    }

    fn below(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        // `intel-rapl:0` is a package; `intel-rapl:0:1` is a part of it.
        let is_package = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("intel-rapl:") && name.matches(':').count() == 1
        };
        let counter = |path: PathBuf| {
            let file = path.join("energy_uj");
            Some(Counter { last: number(&file)?, end: number(&path.join("max_energy_range_uj"))?, file })
        };
        let packages = entries.map(|entry| entry.path()).filter(is_package);
        Self { counters: packages.filter_map(counter).collect(), microjoules: 0, looked: Instant::now() }
    }

    /// To be called now and then, so that no counter comes around unseen.
    pub fn look(&mut self) {
        if !self.counters.is_empty() && self.looked.elapsed() > LOOK {
            self.count();
        }
    }

    fn count(&mut self) {
        self.looked = Instant::now();
        for counter in &mut self.counters {
            let Some(now) = number(&counter.file) else { continue };
            let around = if now < counter.last { counter.end } else { 0 };
            self.microjoules += (now + around).saturating_sub(counter.last);
            counter.last = now;
        }
    }

    /// Joules since the beginning; nothing where the machine does not tell.
    pub fn joules(mut self) -> Option<f64> {
        self.count();
        (!self.counters.is_empty()).then_some(self.microjoules as f64 / 1e6)
    }
}

fn number(file: &Path) -> Option<u64> {
    String::from_utf8(files::read(file, LONGEST).ok()?).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_added_up_once_and_a_counter_may_begin_again() {
        let place = tempfile::tempdir().unwrap();
        let put = |name: &str, value: u64| {
            let folder = place.path().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("energy_uj"), format!("{value}\n")).unwrap();
            std::fs::write(folder.join("max_energy_range_uj"), "10000000\n").unwrap();
        };
        put("intel-rapl:0", 1_000_000);
        put("intel-rapl:1", 9_000_000);
        put("intel-rapl:0:0", 0);
        put("dtpm", 0);
        let energy = Energy::below(place.path());
        put("intel-rapl:0", 3_500_000);
        put("intel-rapl:1", 1_000_000);
        put("intel-rapl:0:0", 777_000_000);
        assert_eq!(energy.joules(), Some(2.5 + 2.0));
    }

    #[test]
    fn a_machine_that_tells_nothing_has_no_joules() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(Energy::below(place.path()).joules(), None);
        assert_eq!(Energy::below(&place.path().join("nowhere")).joules(), None);
    }
}

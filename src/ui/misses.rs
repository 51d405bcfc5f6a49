//! How far forecasts missed the runs that came: a record that is kept between starts.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kept_toml;

/// Older ones than so many make room.
const MOST: usize = 500;

/// A run that arrived, and the first forecast that was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    /// The experiment's name; nothing of trainings of other programs.
    pub experiment: String,
    pub run: String,
    /// The loss that was forecast for its end, and half the band.
    pub predicted: f64,
    pub band: f64,
    /// The loss it came to.
    pub measured: f64,
}

impl Miss {
    /// Forecast minus measured.
    pub fn by(&self) -> f64 {
        self.predicted - self.measured
    }

    fn is_of(&self, other: &Self) -> bool {
        self.experiment == other.experiment && self.run == other.run && self.measured == other.measured
    }
}

/// All misses so far, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Misses {
    miss: Vec<Miss>,
}

impl Misses {
    pub fn path(state: &Path) -> PathBuf {
        state.join("forecasts.toml")
    }

    /// Those that were kept; none where there is no such file.
    ///
    /// # Errors
    /// When there is a file and it holds no misses: what is wrong with it, for people to read.
    pub fn open(state: &Path) -> Result<Self, String> {
        kept_toml::read(&Self::path(state), "misses of forecasts")
    }

    pub fn to_toml(&self) -> String {
        // Texts and numbers always have a text.
        toml::to_string(self).unwrap_or_default()
    }

    pub fn all(&self) -> &[Miss] {
        &self.miss
    }

    /// Notes that a run arrived. Its first forecast counts: a second is made with the answer in sight.
    pub fn note(&mut self, miss: Miss) {
        let is_number = miss.predicted.is_finite() && miss.measured.is_finite();
        if !is_number || self.miss.iter().any(|known| known.is_of(&miss)) {
            return;
        }
        self.miss.push(miss);
        let over = self.miss.len().saturating_sub(MOST);
        self.miss.drain(..over);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.miss.clear();
    }

    /// The mean of how far they were off, and how many came within their bands; nothing where there are none.
    pub fn sum(&self) -> Option<(f64, usize)> {
        let count = self.miss.len();
        let off: f64 = self.miss.iter().map(|miss| miss.by().abs()).sum();
        let within = self.miss.iter().filter(|miss| miss.by().abs() <= miss.band).count();
        (count > 0).then(|| (off / count as f64, within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miss(run: &str, predicted: f64, measured: f64) -> Miss {
        Miss { experiment: "digits".into(), run: run.into(), predicted, band: 0.02, measured }
    }

    #[test]
    fn misses_come_back_after_another_start_and_a_broken_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Misses::open(folder.path()), Ok(Misses::default()));
        let mut misses = Misses::default();
        misses.note(miss("cosine", 0.31, 0.3));
        misses.note(miss("wsd, \"long\"", 0.25, 0.3));
        std::fs::write(Misses::path(folder.path()), misses.to_toml()).unwrap();
        assert_eq!(Misses::open(folder.path()), Ok(misses));
        std::fs::write(Misses::path(folder.path()), "miss = 3").unwrap();
        assert!(Misses::open(folder.path()).unwrap_err().contains("forecasts.toml"));
    }

    #[test]
    fn the_first_forecast_of_a_run_counts_and_what_is_no_number_does_not() {
        let mut misses = Misses::default();
        misses.note(miss("cosine", 0.31, 0.3));
        misses.note(miss("cosine", 0.3, 0.3));
        misses.note(miss("cosine", f64::NAN, 0.2));
        misses.note(miss("cosine", 0.25, 0.2));
        let predicted: Vec<f64> = misses.all().iter().map(|miss| miss.predicted).collect();
        assert_eq!(predicted, [0.31, 0.25]);
        let (off, within) = misses.sum().unwrap();
        assert!((off - 0.03).abs() < 1e-12);
        assert_eq!(within, 1);
        for at in 0..2 * MOST {
            misses.note(miss("other", 0.1, at as f64));
        }
        assert_eq!(misses.all().len(), MOST);
    }
}

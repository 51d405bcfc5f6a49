//! Keeping what looks at a training from slowing it down.

/// Lets probes take at most a share of the time that training takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    share: f64,
    training: f64,
    probing: f64,
    last: f64,
}

impl Pace {
    /// At most this share of the training time, such as 0.1.
    pub fn new(share: f64) -> Self {
        Self { share, training: 0.0, probing: 0.0, last: 0.0 }
    }

    /// So many seconds were spent training.
    pub fn trained(&mut self, seconds: f64) {
        self.training += seconds;
    }

    /// So many seconds were spent probing.
    pub fn probed(&mut self, seconds: f64) {
        self.probing += seconds;
        self.last = seconds;
    }

    /// Whether another probe, as long as the last, would stay within the share. The first is always due.
    pub fn due(&self) -> bool {
        self.probing == 0.0 || self.probing + self.last <= self.share * self.training
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_stay_within_their_share() {
        let mut pace = Pace::new(0.1);
        let (mut trained, mut probed) = (0.0, 0.0);
        for _ in 0..10_000 {
            pace.trained(0.01);
            trained += 0.01;
            if pace.due() {
                pace.probed(0.05);
                probed += 0.05;
            }
        }
        assert!(probed <= 0.1 * trained && probed > 0.095 * trained, "{probed} of {trained}");
    }
}

//! What the axis below the plots counts: a row each, and what is written below it.

use serde::{Deserialize, Serialize};

/// A unit of the axis below the plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XAxis {
    #[default]
    Updates,
    Epochs,
    Samples,
    Seconds,
    /// Updates, with powers of ten at equal distances.
    Log,
    /// The sum of the rates so far.
    Rates,
}

/// What is known of an update.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub updates_per_epoch: u64,
    pub samples_per_update: f64,
    /// In the mean so far.
    pub seconds_per_update: Option<f64>,
}

/// A row of the table.
pub struct About {
    pub title: &'static str,
    /// What is written before the first number.
    pub unit: &'static str,
    pub help: &'static str,
    /// So many of it are in an update; nothing where nobody knows.
    per_update: fn(&Given) -> Option<f64>,
}

impl XAxis {
    pub const ALL: [Self; 6] =
        [Self::Updates, Self::Log, Self::Epochs, Self::Samples, Self::Seconds, Self::Rates];

    /// In lessons.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Updates => "updates",
            Self::Epochs => "epochs",
            Self::Samples => "samples",
            Self::Seconds => "seconds",
            Self::Log => "log",
            Self::Rates => "rates",
        }
    }

    pub const fn about(self) -> About {
        match self {
            Self::Updates => About {
                title: "Updates",
                unit: "update",
                help: "Changes of the weights.",
                per_update: |_| Some(1.0),
            },
            Self::Epochs => About {
                title: "Epochs",
                unit: "epoch",
                help: "Passes over the training set.",
                per_update: |given| Some(1.0 / given.updates_per_epoch.max(1) as f64),
            },
            Self::Samples => About {
                title: "Samples",
                unit: "sample",
                help: "Samples seen, at the experiment's batch; a run with a batch on a schedule sees others.",
                per_update: |given| Some(given.samples_per_update),
            },
            Self::Seconds => About {
                title: "Seconds",
                unit: "second",
                help: "Seconds of training of all runs together, at the mean pace so far.",
                per_update: |given| given.seconds_per_update,
            },
            Self::Log => About {
                title: "Updates, logarithmic",
                unit: "update",
                help: "Powers of ten at equal distances: the first updates get as much room as all others.",
                per_update: |_| Some(1.0),
            },
            Self::Rates => About {
                title: "Sum of rates",
                unit: "sum of rates",
                help: "How far each run has gone: its rates so far, summed. Curves of different peaks line up \
                       over it until noise parts them; handles and what happened go by the selected run.",
                per_update: |_| Some(1.0),
            },
        }
    }

    /// The unit's name and how many of it are in an update; updates where nobody knows.
    pub fn unit(self, given: &Given) -> Unit {
        let about = self.about();
        match (about.per_update)(given).filter(|per_update| *per_update > 0.0 && per_update.is_finite()) {
            Some(per_update) => Unit { name: about.unit, per_update },
            None => Unit::UPDATE,
        }
    }
}

/// What is written below a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    pub name: &'static str,
    pub per_update: f64,
}

impl Unit {
    pub const UPDATE: Self = Self { name: "update", per_update: 1.0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_counts_what_is_known_and_updates_where_nothing_is() {
        let given = Given { updates_per_epoch: 50, samples_per_update: 64.0, seconds_per_update: None };
        let per = |axis: XAxis| axis.unit(&given).per_update;
        assert_eq!((per(XAxis::Updates), per(XAxis::Epochs), per(XAxis::Samples)), (1.0, 0.02, 64.0));
        assert_eq!(XAxis::Seconds.unit(&given), Unit::UPDATE);
        assert_eq!(XAxis::Log.unit(&given), Unit::UPDATE);
        let timed = Given { seconds_per_update: Some(0.25), ..given };
        assert_eq!(XAxis::Seconds.unit(&timed), Unit { name: "second", per_update: 0.25 });
    }
}

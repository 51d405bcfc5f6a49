//! What is set for a student to see: the panel, the plot, its axes, and the stretch of the run.

use serde::Deserialize;

use crate::experiment::nearest;
use crate::schedule::{Clock, Span};
use crate::telemetry::{Column, Role};

/// The longest half-life of smoothing, as a share of the run.
const SMOOTHEST: f64 = 0.2;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    pub say: String,
    /// The panel at the right, by its name; none when not given.
    pub panel: Option<String>,
    /// Whether the rate has a logarithmic axis.
    #[serde(default)]
    pub log_rate: bool,
    /// Whether losses have one, as they do when not given.
    #[serde(default = "yes")]
    pub log_loss: bool,
    /// What the middle plot shows, by its column's name; the losses when not given.
    pub plot: Option<String>,
    /// What the axis below the plots counts; updates when not given.
    pub axis: Option<String>,
    /// The half-life of smoothing as a share of the run, such as "1%", or "0%" for none; the studio's own when not given.
    pub smoothing: Option<String>,
    /// The stretch that is shown once the runs are through; the whole run when not given.
    pub from: Option<String>,
    pub to: Option<String>,
}

fn yes() -> bool {
    true
}

/// The names of what there is to show things in, which whoever shows a lesson knows.
#[derive(Clone, Debug)]
pub struct Stage {
    pub panels: Vec<&'static str>,
    pub axes: Vec<&'static str>,
}

impl Look {
    /// What the middle plot shows, where it is another quantity than the losses.
    pub fn column(&self) -> Option<Column> {
        let name = self.plot.as_deref()?;
        plotted().find(|column| column.name() == name)
    }

    /// The half-life of smoothing as a share of the run, where one is asked for; 0 for none.
    pub fn half_life(&self) -> Option<f64> {
        match Span::parse_position(self.smoothing.as_deref()?) {
            Ok(Span::Percent(percent)) => Some(percent / 100.0),
            _ => None,
        }
    }

    /// The first and the last update to be seen, where that is not the whole run.
    pub fn stretch(&self, clock: Clock) -> Option<(f64, f64)> {
        let place = |text: &Option<String>, otherwise: f64| {
            let place = text.as_deref().and_then(|text| Span::parse_position(text).ok());
            place.map_or(otherwise, |place| place.updates(clock))
        };
        let end = clock.updates as f64;
        let (from, to) = (place(&self.from, 0.0), place(&self.to, end).min(end));
        (from < to && (from > 0.0 || to < end)).then_some((from, to))
    }

    /// What is wrong, with the field it is wrong with.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if let Some(plot) = &self.plot
            && self.column().is_none()
        {
            let names: Vec<&str> = plotted().map(Column::name).collect();
            return Some(("plot", unknown("look.plot", plot, &names)));
        }
        if let Some(smoothing) = &self.smoothing
            && self.half_life().is_none_or(|share| share > SMOOTHEST)
        {
            let most = 100.0 * SMOOTHEST;
            let what =
                format!("`look.smoothing` is \"{smoothing}\", not a share of the run from 0% to {most}%");
            return Some(("smoothing", what));
        }
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            if let Some(Err(error)) = text.as_deref().map(Span::parse_position) {
                return Some((field, format!("`look.{field}`: {error}")));
            }
        }
        None
    }

    /// What there is no such thing as where the lesson is shown, with the field that names it.
    pub(super) fn missing(&self, stage: &Stage) -> Option<(&'static str, String)> {
        let named = [
            ("panel", "look.panel", &self.panel, &stage.panels),
            ("axis", "look.axis", &self.axis, &stage.axes),
        ];
        named.into_iter().find_map(|(field, path, name, known)| {
            let name = name.as_deref().filter(|name| !known.contains(name))?;
            Some((field, unknown(path, name, known)))
        })
    }
}

/// The columns that the middle plot can show.
fn plotted() -> impl Iterator<Item = Column> {
    Column::ALL.into_iter().filter(|column| column.role() == Role::Measure)
}

/// That a field names what is not there, with what was probably meant and what there is.
fn unknown(field: &str, name: &str, known: &[&'static str]) -> String {
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
    format!("`{field}` is \"{name}\"{meant}; there are: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(fields: &str) -> Look {
        toml::from_str(&format!("say = \"here\"\n{fields}")).unwrap()
    }

    #[test]
    fn a_stretch_is_counted_in_updates_and_ends_with_the_run() {
        let clock = Clock { updates: 1000, updates_per_epoch: 50 };
        assert_eq!(look("").stretch(clock), None);
        assert_eq!(look("from = \"75%\"").stretch(clock), Some((750.0, 1000.0)));
        assert_eq!(look("from = \"2ep\"\nto = \"300\"").stretch(clock), Some((100.0, 300.0)));
        assert_eq!(look("from = \"75%\"\nto = \"10%\"").stretch(clock), None);
        assert_eq!(look("to = \"2000\"").stretch(clock), None);
    }

    #[test]
    fn what_cannot_be_set_is_said_with_its_field() {
        assert_eq!(look("smoothing = \"1%\"\nplot = \"val_accuracy\"").fault(), None);
        assert_eq!(look("smoothing = \"1%\"").half_life(), Some(0.01));
        for (fields, field, part) in [
            ("smoothing = \"30%\"", "smoothing", "not a share of the run from 0% to 20%"),
            ("smoothing = \"12\"", "smoothing", "is \"12\""),
            ("plot = \"val_acuracy\"", "plot", "did you mean `val_accuracy`?"),
            ("to = \"soon\"", "to", "`look.to`: `soon`"),
        ] {
            let (at, what) = look(fields).fault().unwrap();
            assert!(at == field && what.contains(part), "{fields}: {what}");
        }
        let stage = Stage { panels: vec!["results", "batch-helper"], axes: vec!["epochs"] };
        assert_eq!(look("panel = \"results\"\naxis = \"epochs\"").missing(&stage), None);
        let (field, what) = look("panel = \"result\"").missing(&stage).unwrap();
        assert_eq!(
            (field, what.as_str()),
            (
                "panel",
                "`look.panel` is \"result\" (did you mean `results`?); there are: results, batch-helper"
            )
        );
        assert_eq!(look("axis = \"hours\"").missing(&stage).unwrap().0, "axis");
    }
}

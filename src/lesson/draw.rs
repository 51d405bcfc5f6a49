//! The curve that a student draws before anything is shown, and how far off it was.

use toml::Value;

use crate::telemetry::Column;

/// What is to be drawn: a quantity of a run over its updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    pub run: String,
    pub of: Drawable,
    /// The heights that there is to draw between.
    pub from: f64,
    pub to: f64,
}

/// The quantities that can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawable {
    TrainLoss,
    ValLoss,
    ValAccuracy,
}

impl Drawable {
    /// By the names they have in a file.
    const ALL: [(&str, Self); 3] =
        [("train_loss", Self::TrainLoss), ("val_loss", Self::ValLoss), ("val_accuracy", Self::ValAccuracy)];

    /// What the plot that it is drawn into shows: both losses are in one.
    pub const fn column(self) -> Column {
        match self {
            Self::TrainLoss | Self::ValLoss => Column::TrainLoss,
            Self::ValAccuracy => Column::ValAccuracy,
        }
    }

    /// In a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TrainLoss => "training loss",
            Self::ValLoss => "validation loss",
            Self::ValAccuracy => "validation accuracy",
        }
    }
}

impl Draw {
    /// Reads `predict.draw`, for a run of these.
    ///
    /// # Errors
    /// When it is none: what is wrong, in a sentence.
    pub(super) fn read(draw: &Value, runs: &[&str]) -> Result<Self, String> {
        let known = ["run", "of", "from", "to"];
        let Value::Table(table) = draw else {
            let example = "{ run = \"cosine\", of = \"val_accuracy\", from = 0, to = 1 }";
            return Err(format!("`predict.draw` is {draw}, not a table such as {example}"));
        };
        if let Some(other) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("`predict.draw` has no `{other}`; it has: {}", known.join(", ")));
        }
        let text = |key: &str| match table.get(key) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(other) => Err(format!("`predict.draw.{key}` is {other}, not a text")),
            None => Err(format!("`predict.draw.{key}` is missing")),
        };
        let number = |key: &str| match table.get(key) {
            Some(Value::Float(number)) if number.is_finite() => Ok(*number),
            Some(Value::Integer(number)) => Ok(*number as f64),
            Some(other) => Err(format!("`predict.draw.{key}` is {other}, not a number")),
            None => Err(format!("`predict.draw.{key}` is missing")),
        };
        let run = text("run")?;
        if !runs.contains(&run) {
            return Err(format!("`predict.draw.run` is \"{run}\"; the runs are: {}", runs.join(", ")));
        }
        let asked = text("of")?;
        let Some((_, of)) = Drawable::ALL.into_iter().find(|(name, _)| *name == asked) else {
            let names = Drawable::ALL.map(|(name, _)| name).join(", ");
            return Err(format!("`predict.draw.of` is \"{asked}\"; it is one of: {names}"));
        };
        let (from, to) = (number("from")?, number("to")?);
        if from >= to {
            return Err(format!("`predict.draw.from` is {from}, which is not below `to`, {to}"));
        }
        if from < 0.0 {
            return Err(format!("`predict.draw.from` is {from}; losses and accuracies are not below 0"));
        }
        Ok(Self { run: run.to_owned(), of, from, to })
    }
}

/// How far a drawn curve was off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Miss {
    /// In the mean over what was drawn and trained.
    pub mean: f64,
    /// Where it was off most, and by how much.
    pub most: f64,
    pub most_at: f64,
    /// By how much its end lay above what was measured.
    pub end: f64,
}

impl Miss {
    /// Of a drawn curve against a measured one, both updates and values from left to right; nothing where they have no
    /// update in common.
    pub fn of(drawn: &[(f64, f64)], measured: &[(f64, f64)]) -> Option<Self> {
        let (first, last) = (drawn.first()?.0, drawn.last()?.0);
        let within = measured.iter().filter(|(at, value)| (first..=last).contains(at) && value.is_finite());
        let misses: Vec<(f64, f64)> = within.map(|(at, value)| (*at, height(drawn, *at) - value)).collect();
        let most = misses.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        let mean = misses.iter().map(|(_, miss)| miss.abs()).sum::<f64>() / misses.len() as f64;
        Some(Self { mean, most: most.1.abs(), most_at: most.0, end: misses.last()?.1 })
    }
}

/// The height of a drawn curve at an update within it, straight between its points.
fn height(drawn: &[(f64, f64)], at: f64) -> f64 {
    let after = drawn.partition_point(|point| point.0 < at).min(drawn.len() - 1);
    let (from, to) = (drawn[after.saturating_sub(1)], drawn[after]);
    if to.0 <= from.0 {
        to.1
    } else {
        from.1 + (to.1 - from.1) * ((at - from.0) / (to.0 - from.0)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_the_mean_the_most_and_the_end() {
        let drawn = [(0.0, 1.0), (100.0, 0.0)];
        let measured = [(0.0, 1.0), (50.0, 0.25), (100.0, 0.5), (150.0, 9.0)];
        let miss = Miss::of(&drawn, &measured).unwrap();
        assert_eq!(miss, Miss { mean: 0.25, most: 0.5, most_at: 100.0, end: -0.5 });
        assert_eq!(Miss::of(&drawn, &[(200.0, 1.0)]), None, "nothing in common");
        assert_eq!(Miss::of(&[], &measured), None);
        assert_eq!(Miss::of(&drawn, &[(50.0, f64::NAN)]), None);
        assert_eq!(Miss::of(&[(50.0, 1.0)], &measured).map(|miss| miss.mean), Some(0.75), "a single point");
    }
}

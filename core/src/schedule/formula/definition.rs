//! A formula with the values of its constants.

use super::{Formula, FormulaError, Term, Variables};

/// What a schedule's table has beside the constants of its formula, which therefore cannot be called so.
const RESERVED: [&str; 7] = ["kind", "value", "for", "tick", "warmup", "cooldown", "clamp"];

/// A formula and a number for each of its constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    formula: Formula,
    /// In the order of the formula's names.
    values: Vec<f64>,
}

/// What people call the highest rate.
const PEAKS: [&str; 7] = ["peak", "max_lr", "lr_max", "learning_rate", "lr", "base_lr", "initial_lr"];

impl Definition {
    /// A formula whose constants can stand in a schedule's table.
    ///
    /// # Errors
    /// When the text is no formula, or one of its constants is called like a field that every schedule has.
    pub fn formula_of(text: &str) -> Result<Formula, FormulaError> {
        let formula = Formula::parse(text)?;
        let taken = formula.constants().into_iter().find(|name| RESERVED.contains(name));
        match taken {
            Some(name) => Err(FormulaError {
                at: place_of(text, name),
                found: format!("a constant called `{name}`"),
                allowed: format!(
                    "another name than those of a schedule's own fields, {}",
                    RESERVED.join(", ")
                ),
            }),
            None => Ok(formula),
        }
    }

    /// The formula with these constants.
    ///
    /// # Errors
    /// The first name that has no value.
    pub fn new(formula: Formula, value_of: impl Fn(&str) -> Option<f64>) -> Result<Self, String> {
        let values =
            formula.constants().into_iter().map(|name| value_of(name).ok_or_else(|| name.to_owned()));
        let values = values.collect::<Result<_, _>>()?;
        Ok(Self { formula, values })
    }

    /// What a text and these constants say. A constant that is not among them is 1.
    ///
    /// # Errors
    /// As [`Definition::formula_of`].
    pub fn parse(text: &str, constants: &[(&str, f64)]) -> Result<Self, FormulaError> {
        let formula = Self::formula_of(text)?;
        let given = |name: &str| constants.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let values = formula.constants().into_iter().map(|name| given(name).unwrap_or(1.0)).collect();
        Ok(Self { formula, values })
    }

    /// The same constants under another text.
    ///
    /// # Errors
    /// As [`Definition::formula_of`]. A constant that is new is 1.
    pub fn rewritten(&self, text: &str) -> Result<Self, FormulaError> {
        Self::parse(text, &self.constants().collect::<Vec<_>>())
    }

    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// The names of the constants and their values, in the order they first stand in the formula.
    pub fn constants(&self) -> impl Iterator<Item = (&str, f64)> {
        self.formula.constants().into_iter().zip(self.values.iter().copied())
    }

    /// The values alone, in the same order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The value of the constant of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.constants().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The constant that is the highest rate, by its name, where there is one.
    pub fn peak(&self) -> Option<(&str, f64)> {
        PEAKS.into_iter().find_map(|peak| self.constants().find(|(name, _)| *name == peak))
    }

    /// Sets a constant; `false` where the formula has none of this name.
    pub fn set(&mut self, name: &str, value: f64) -> bool {
        let at = self.formula.constants().iter().position(|known| *known == name);
        match at.and_then(|at| self.values.get_mut(at)) {
            Some(held) => {
                *held = value;
                true
            }
            None => false,
        }
    }

    /// The formula's value, which may be NaN or infinite.
    pub fn at(&self, variables: Variables) -> f64 {
        self.formula.value(variables, &self.values)
    }

    /// The formula with all values so many times as high: by its highest rate, where that is a factor of it.
    ///
    /// `None` where it would be too long.
    #[must_use]
    pub fn scaled(&self, by: f64) -> Option<Self> {
        let mut scaled = self.clone();
        if let Some((name, peak)) = self.peak()
            && scaled.set(name, peak * by)
        {
            let total = 1000.0;
            let is_factor = [0.0, 1.0, 10.0, 100.0, 500.0, 999.0].into_iter().all(|t| {
                let at = Variables { t, total };
                (scaled.at(at) - by * self.at(at)).abs() <= 1e-12 * scaled.at(at).abs()
            });
            if is_factor {
                return Some(scaled);
            }
        }
        self.rewritten(&format!("{by:?} * ({})", self.formula)).ok()
    }

    /// The formula over a run so many times as long: what it does at a tick it does that much later.
    ///
    /// `None` where it would be too long.
    #[must_use]
    pub fn stretched(&self, by: f64) -> Option<Self> {
        let term = self.formula.root().mapped(&|leaf| match leaf {
            Term::Tick | Term::Total => leaf.clone() / by,
            other => other.clone(),
        });
        let names: Vec<String> = self.formula.constants().into_iter().map(str::to_owned).collect();
        let formula = Formula::of(&term, &names).ok()?;
        Self::new(formula, |name| self.get(name)).ok()
    }
}

/// Where a name first stands in a text, in characters.
fn place_of(text: &str, name: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let place = text.match_indices(name).find(|(at, _)| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    place.map_or(0, |(at, _)| text.get(..at).unwrap_or_default().chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_every_schedule_is_no_constants_name() {
        let error = Definition::formula_of("peak * my_warmup / warmup").unwrap_err();
        assert_eq!((error.at, error.found.as_str()), (19, "a constant called `warmup`"));
    }

    #[test]
    fn a_formula_is_scaled_and_stretched() {
        let at = |definition: &Definition, t, total| definition.at(Variables { t, total });
        for text in ["peak * (1 - t / total)", "0.1 + (peak - 0.1) * (1 - t / total)", "2 if t < 5 else peak"]
        {
            let definition = Definition::parse(text, &[("peak", 0.5)]).unwrap();
            let (scaled, stretched) = (definition.scaled(3.0).unwrap(), definition.stretched(2.0).unwrap());
            for t in [0.0, 3.0, 7.0] {
                let value = at(&definition, t, 10.0);
                assert!((at(&scaled, t, 10.0) - 3.0 * value).abs() < 1e-12, "{text}: {scaled:?}");
                assert!((at(&stretched, 2.0 * t, 20.0) - value).abs() < 1e-12, "{text}: {stretched:?}");
            }
        }
    }
}

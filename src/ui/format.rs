//! Numbers as the interface writes and reads them.

use crate::schedule::Kind;

pub use crate::numbers::{count, round_to, significant};

/// What a kind of schedule is, as prose: its documentation without code's marks and line breaks.
pub fn about_kind(name: &str) -> String {
    let lines: Vec<&str> = Kind::about(name).lines().map(str::trim).collect();
    lines.join(" ").replace('`', "")
}

/// Three significant digits: `0.1`, `0.0316`, `2.5e-4`.
pub fn rate(value: f64) -> String {
    significant(value, 3)
}

/// Four significant digits: `2.303`, `0.03125`, `1.2e5`.
pub fn metric(value: f64) -> String {
    significant(value, 4)
}

/// A share of one, as percent: `97.2%`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}%", share * 100.0) } else { significant(share, 3) }
}

/// A speed: two significant digits are all it is steady to.
pub fn speed(per_second: f64) -> String {
    if !per_second.is_finite() || per_second < 0.0 {
        return "0".to_owned();
    }
    if per_second < 10.0 {
        return format!("{per_second:.1}");
    }
    let step = 10f64.powf(per_second.log10().floor() - 1.0);
    count(((per_second / step).round() * step) as u64)
}

/// A length of time, as long as it is worth knowing: `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.max(0.0).round() as u64 } else { u64::MAX };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..360_000 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => "days".to_owned(),
    }
}

/// A message as a sentence: with a capital, and a full stop.
pub fn sentence(text: &str) -> String {
    let mut text = text.trim().to_owned();
    // Names such as `timm` and options such as `--lr` keep their spelling.
    let first = text.split([' ', ',']).next().unwrap_or_default();
    let is_word = first.chars().all(|c| c.is_ascii_lowercase()) && !NAMES.contains(&first);
    if is_word && let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// What is written small wherever it stands.
const NAMES: [&str; 7] = ["axolotl", "burn", "candle", "fastai", "optax", "timm", "torchtitan"];

/// A number as people type it: `0.001`, `1e-3`, `1E-3`, `12,400`.
pub fn parse(text: &str) -> Option<f64> {
    let text: String = text.trim().chars().filter(|c| !matches!(c, ',' | ' ' | '_')).collect();
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(rate(0.1), "0.1");
        assert_eq!(rate(0.031_622_8), "0.0316");
        assert_eq!(rate(0.000_25), "2.5e-4");
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(123_456.0), "1.23e5");
        assert_eq!(metric(2.253_456), "2.253");
        assert_eq!(metric(f64::NAN), "NaN");
        assert_eq!(speed(12_431.0), "12,000");
        assert_eq!(percent(0.9715), "97.2%");
        assert_eq!(parse(" 1E-3 "), Some(0.001));
        assert_eq!(parse("12,400"), Some(12_400.0));
        assert_eq!(parse("inf"), None);
    }

    #[test]
    fn times_are_said_in_two_units_at_most() {
        let said = [11.6, 200.0, 7500.0, f64::INFINITY, -1.0].map(duration);
        assert_eq!(said, ["12 s", "3 min 20 s", "2 h 5 min", "days", "0 s"]);
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("the warmup is longer"), "The warmup is longer.");
        assert_eq!(sentence("a rate"), "A rate.");
        assert_eq!(sentence("timm starts late"), "timm starts late.");
        assert_eq!(sentence("pct_start is 1"), "pct_start is 1.");
        assert_eq!(sentence("Done."), "Done.");
    }
}

//! Prometheus' text format, version 0.0.4: families of samples with labels.

use std::fmt::Write as _;

/// Characters of a label's value at most.
const LONGEST_LABEL: usize = 120;
/// What the text is served as.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page under construction.
#[derive(Default)]
pub(crate) struct Text {
    page: String,
}

impl Text {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.page, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let value = match value {
            value if value.is_nan() => "NaN".to_owned(),
            f64::INFINITY => "+Inf".to_owned(),
            f64::NEG_INFINITY => "-Inf".to_owned(),
            value => value.to_string(),
        };
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.page, "{name}{braces} {value}");
    }

    pub fn into_page(self) -> String {
        self.page
    }
}

/// Labels as they stand between the braces.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let short: String = value.chars().take(LONGEST_LABEL).collect();
        let escaped = short.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{escaped}\"")
    };
    pairs.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_values_written_as_the_format_wants_them() {
        let mut text = Text::default();
        text.family("a_total", "counter", "Counts.");
        text.sample("a_total", &labels(&[("run", "a \"b\"\\\n")]), f64::INFINITY);
        text.sample("a_total", "", 0.1);
        let page = text.into_page();
        assert_eq!(
            page,
            "# HELP a_total Counts.\n# TYPE a_total counter\na_total{run=\"a \\\"b\\\"\\\\\\n\"} +Inf\na_total 0.1\n"
        );
        assert_eq!(labels(&[("run", &"x".repeat(500))]).len(), 120 + "run=\"\"".len());
    }
}

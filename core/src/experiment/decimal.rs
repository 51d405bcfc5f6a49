//! Numbers as the experiment file spells them.

/// The shortest decimal that reads back as the same number, as a TOML float: `0.05`, `1e-4`.
pub(super) fn number(value: f64) -> String {
    let plain = format!("{value:?}");
    let scientific = format!("{value:e}");
    let is_middling = (1e-2..1e4).contains(&value.abs());
    if !is_middling && scientific.len() < plain.len() { scientific } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact() {
        for (value, shown) in [
            (0.1, "0.1"),
            (0.05, "0.05"),
            (1e-4, "1e-4"),
            (5e-4, "5e-4"),
            (0.999, "0.999"),
            (1.0 / 3.0, "0.3333333333333333"),
            (0.0, "0.0"),
            (25.0, "25.0"),
            (1e4, "1e4"),
            (12345.0, "12345.0"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(value), shown);
            assert_eq!(shown.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
        }
    }
}

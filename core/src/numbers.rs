//! Numbers for people: digits, thousands, round steps along an axis.

/// Thousands set apart: `12,400`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with so many significant digits, without trailing zeros; far from 1 in scientific notation. Digits before
/// the point are all shown.
pub fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-3..5).contains(&exponent) {
        let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(mantissa))
}

/// `value` rounded to so many significant digits, for numbers set by hand.
pub fn round_to(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value)
}

/// Round numbers between two: multiples of 1, 2 or 5 times a power of ten, about `room` of them and at most `most`.
pub fn round_steps((low, high): (f64, f64), room: f64, most: i64) -> Vec<f64> {
    let rough = (high - low) / room.max(1.0);
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    let step = factor * power;
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last.min(first.saturating_add(most))).map(|index| index as f64 * step).collect()
}

/// What a noun ends with after this count.
pub fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_rounded_and_thousands_set_apart() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(round_to(0.123_456, 3), 0.123);
        assert_eq!(significant(0.000_25, 3), "2.5e-4");
        assert_eq!(significant(-1234.4, 2), "-1234");
        assert_eq!([0, 1, 2].map(plural), ["s", "", "s"]);
    }

    #[test]
    fn steps_are_round_and_bounded() {
        assert_eq!(round_steps((0.0, 10.0), 5.0, 20), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(round_steps((-1.0, 1.0), 4.0, 20), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert!(round_steps((1.0, 1.0), 4.0, 20).is_empty());
        assert!(round_steps((f64::NAN, 1.0), 4.0, 20).is_empty());
    }
}

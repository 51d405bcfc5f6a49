//! Numbers as logs write them.

/// A number: decimal, with an exponent, infinite or not a number (`nan`, `NaN`, `Infinity`, `-inf`), in any case.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    match text.first()? {
        b'0'..=b'9' | b'-' | b'+' | b'.' | b'n' | b'N' | b'i' | b'I' => {
            std::str::from_utf8(text).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// A number that may stand for a tick: whole (or next to it), at least 0, and exact in a float.
pub(super) fn tick(value: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let whole = value.round();
    ((0.0..=LARGEST).contains(&whole) && (value - whole).abs() < 1e-6).then_some(whole as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_is_none() {
        assert_eq!(parse(b" 1.5E-04"), Some(1.5e-4));
        assert_eq!(parse(b"-inf"), Some(f64::NEG_INFINITY));
        assert!(parse(b"NaN").is_some_and(f64::is_nan));
        assert!(parse(b"nan").is_some_and(f64::is_nan));
        for none in [&b""[..], b"none", b"1 2", b"cuda:0", b"0x10", b"1e", b"--"] {
            assert_eq!(parse(none), None, "{}", String::from_utf8_lossy(none));
        }
        assert_eq!(tick(3.0), Some(3));
        assert_eq!(tick(3.5), None);
        assert_eq!(tick(-1.0), None);
        assert_eq!(tick(f64::NAN), None);
    }
}

//! Numbers and words as other languages read them.

/// The shortest decimal that reads back as the same number, as Python, JSON and Rust write a float.
pub fn float(value: f64) -> String {
    format!("{value:?}")
}

/// A float for YAML 1.1, whose readers take `3e-4` for text: with a dot, and a sign in the exponent.
pub fn yaml(value: f64) -> String {
    let shown = float(value);
    match shown.split_once('e') {
        Some((digits, exponent)) => {
            let dot = if digits.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{digits}{dot}e{sign}{exponent}")
        }
        None => shown,
    }
}

/// Words within double quotes, as Python, JSON and YAML read them.
pub fn quoted(words: &str) -> String {
    let mut shown = String::from("\"");
    for c in words.chars() {
        match c {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            c if c.is_control() => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

/// Words that fit a comment on one line, also where two more characters than controls end it, as in YAML.
pub fn line(words: &str) -> String {
    words.chars().map(|c| if c.is_control() || "\u{2028}\u{2029}".contains(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_floats_have_a_dot() {
        for (value, shown) in
            [(3e-4, "0.0003"), (1e-5, "1.0e-5"), (2.5e-7, "2.5e-7"), (1e16, "1.0e+16"), (1.0, "1.0")]
        {
            assert_eq!(yaml(value), shown);
        }
    }
}

//! Names and the numbers that stand behind them in a printed line.

/// Something in a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    /// `loss: 2.3`, `loss 2.3`, `loss=2.3`
    Number(&'a str, f64),
    /// `iteration 10/ 1000`, or without a name
    Part { name: &'a str, done: u64, total: u64 },
}

/// The longest name.
const MAX_NAME: usize = 60;

/// Hands over what stands in a line, from left to right.
pub(super) fn scan<'a>(line: &'a str, mut each: impl FnMut(Found<'a>)) {
    let bytes = line.as_bytes();
    let mut name: Option<(usize, usize)> = None;
    // Whether a colon or an equals sign followed the name.
    let mut parted = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let begins = is_number(bytes, at);
        if begins || parted && is_no_number(bytes, at) {
            let (end, value) = if begins { number(line, at, parted) } else { word_number(line, at) };
            let next = bytes.get(end).copied().unwrap_or_default();
            // How far a progress bar is: `10%|`.
            if next == b'%' && bytes.get(end + 1) == Some(&b'|') {
                (name, parted, at) = (None, false, end + 2);
                continue;
            }
            // The hours of a time.
            if next == b':' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                at = end;
                while bytes
                    .get(at)
                    .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b','))
                {
                    at += 1;
                }
                (name, parted) = (None, false);
                continue;
            }
            let called = name.take().and_then(|(from, to)| line.get(from..to)).unwrap_or_default();
            parted = false;
            if let Some(after) = date(line, end) {
                at = after;
                continue;
            }
            if let Some((after, total)) = total(line, end)
                && value >= 0.0
                && value.fract() == 0.0
            {
                if called.len() <= MAX_NAME {
                    each(Found::Part { name: called, done: value as u64, total });
                }
                at = after;
                continue;
            }
            // `main.py:207` says where a line was printed.
            if !called.is_empty() && called.len() <= MAX_NAME && !called.ends_with(".py") {
                each(Found::Number(called, value));
            }
            // A unit, or a rate: `25ms`, `3.1%`, `890/s`.
            at = end;
            while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'%' | b'/'))
            {
                at += 1;
            }
        } else if byte.is_ascii_alphabetic() || byte == b'_' {
            let from = at;
            while bytes.get(at).is_some_and(|byte| is_in_word(*byte)) {
                at += 1;
            }
            name = match name {
                Some((start, _)) if !parted => Some((start, at)),
                _ => Some((from, at)),
            };
            parted = false;
        } else {
            match byte {
                b' ' | b'\t' | b'"' | b'\'' => {}
                b':' | b'=' => parted = name.is_some(),
                b'(' => match (name, unit(bytes, at)) {
                    (Some((from, _)), Some(end)) if !parted => {
                        name = Some((from, end));
                        at = end;
                        continue;
                    }
                    _ => (name, parted) = (None, false),
                },
                b'[' if name.is_some() && digit_follows(bytes, at + 1) => {}
                _ => (name, parted) = (None, false),
            }
            at += 1;
        }
    }
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'-' | b'@' | b'#')
}

/// Whether a number starts here: a digit, or a sign or point before one.
fn is_number(bytes: &[u8], at: usize) -> bool {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    match bytes.get(at) {
        Some(b'0'..=b'9') => true,
        Some(b'.') => digit(at + 1),
        Some(b'-' | b'+') => digit(at + 1) || bytes.get(at + 1) == Some(&b'.') && digit(at + 2),
        _ => false,
    }
}

/// Whether `nan` or `inf` stands here as a word.
fn is_no_number(bytes: &[u8], at: usize) -> bool {
    let at = at + usize::from(bytes.get(at) == Some(&b'-'));
    let word = bytes.get(at..at + 3).unwrap_or_default();
    (word.eq_ignore_ascii_case(b"nan") || word.eq_ignore_ascii_case(b"inf"))
        && !bytes.get(at + 3).is_some_and(|byte| is_in_word(*byte))
}

/// The end of the number that starts here, and its value; `grouped`: its thousands may be parted by commas, as in
/// `tps: 6,200`.
fn number(line: &str, from: usize, grouped: bool) -> (usize, f64) {
    let bytes = line.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let first = from + usize::from(matches!(bytes.get(from), Some(b'-' | b'+')));
    let mut end = digits(first);
    let short = (1..=3).contains(&(end - first)) && bytes.get(first) != Some(&b'0');
    let mut groups = false;
    while grouped && short && bytes.get(end) == Some(&b',') && digits(end + 1) == end + 4 {
        (end, groups) = (end + 4, true);
    }
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    let text = line.get(from..end).unwrap_or_default();
    let value = if groups { text.replace(',', "").parse() } else { text.parse() };
    (end, value.unwrap_or(f64::NAN))
}

/// Where a date ends whose year was read: of `2023/01/05` or `2023-01-05` what stands behind the 2023.
fn date(line: &str, at: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    let part = |at: usize| {
        let digits = bytes.get(at + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (matches!(bytes.get(at), Some(b'/' | b'-')) && digits > 0).then_some(at + 1 + digits)
    };
    part(part(at)?)
}

fn word_number(line: &str, from: usize) -> (usize, f64) {
    let end = from + 3 + usize::from(line.as_bytes().get(from) == Some(&b'-'));
    (end, line.get(from..end).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN))
}

/// Of `10/ 1000` what stands behind the 10: where it ends, and the 1000.
fn total(line: &str, at: usize) -> Option<(usize, u64)> {
    let bytes = line.as_bytes();
    let skip = |mut at: usize| {
        while bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        at
    };
    let slash = skip(at);
    if bytes.get(slash) != Some(&b'/') {
        return None;
    }
    let from = skip(slash + 1);
    let mut end = from;
    while bytes.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    Some((end, line.get(from..end)?.parse().ok()?))
}

/// The end of a unit in brackets: `(ms)`, `(train)`.
fn unit(bytes: &[u8], at: usize) -> Option<usize> {
    let inside = bytes.get(at + 1..)?;
    let length = inside.iter().position(|byte| *byte == b')')?;
    let is_unit = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'%' | b'/' | b'_');
    (length > 0 && length <= 12 && inside[..length].iter().all(is_unit)).then_some(at + length + 2)
}

fn digit_follows(bytes: &[u8], mut at: usize) -> bool {
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    bytes.get(at).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(line: &str) -> Vec<Found<'_>> {
        let mut all = Vec::new();
        scan(line, |found| all.push(found));
        all
    }

    #[test]
    fn a_line_of_megatron() {
        let line = " [2024-01-01 00:00:07] iteration        1/     100 | consumed samples:           16 | elapsed time \
                    per iteration (ms): 1234.5 | learning rate: 1.500E-05 | lm loss: 1.077E+01 | grad norm: nan |";
        assert_eq!(
            found(line)[..5],
            [
                Found::Part { name: "iteration", done: 1, total: 100 },
                Found::Number("consumed samples", 16.0),
                Found::Number("elapsed time per iteration (ms)", 1234.5),
                Found::Number("learning rate", 1.5e-5),
                Found::Number("lm loss", 10.77),
            ]
        );
        assert!(matches!(found(line)[5], Found::Number("grad norm", nan) if nan.is_nan()));
    }

    #[test]
    fn lines_of_other_programs() {
        assert_eq!(
            found("iter 10: loss 3.25, time 25.1ms, mfu -100.00%"),
            [
                Found::Number("iter", 10.0),
                Found::Number("loss", 3.25),
                Found::Number("time", 25.1),
                Found::Number("mfu", -100.0)
            ]
        );
        assert_eq!(
            found("Epoch [1][50/7330]\tlr: 1.978e-03, eta: 0:10:00, loss: 1.5"),
            [
                Found::Number("Epoch", 1.0),
                Found::Part { name: "", done: 50, total: 7330 },
                Found::Number("lr", 1.978e-3),
                Found::Number("loss", 1.5)
            ]
        );
        assert_eq!(
            found("2024 | INFO | train_inner | epoch 001:     10 / 1000 loss=12.5, lr=1.2e-06"),
            [
                Found::Number("epoch", 1.0),
                Found::Part { name: "", done: 10, total: 1000 },
                Found::Number("loss", 12.5),
                Found::Number("lr", 1.2e-6)
            ]
        );
        assert_eq!(
            found("Train: 0 [  50/1251 (  4%)]  Loss: 6.9 (6.8)  890.2/s  LR: 1.000e-06"),
            [
                Found::Number("Train", 0.0),
                Found::Part { name: "", done: 50, total: 1251 },
                Found::Number("Loss", 6.9),
                Found::Number("LR", 1e-6)
            ]
        );
    }

    #[test]
    fn dates_bars_and_places_in_source_are_no_numbers_of_the_training() {
        assert_eq!(
            found(
                "2023/01/05 12:00:00 - mmengine - INFO - Epoch(train)  [1][  50/7330]  lr: 1.9820e-03  loss: 2.125"
            ),
            [
                Found::Number("Epoch(train)", 1.0),
                Found::Part { name: "", done: 50, total: 7330 },
                Found::Number("lr", 1.982e-3),
                Found::Number("loss", 2.125)
            ]
        );
        assert_eq!(
            found(
                "[2021-03-05 11:01:02 swin] (main.py 207): INFO Train: [0/300][10/1251]\tlr 0.000051\tloss 6.9 (6.9)"
            ),
            [
                Found::Part { name: "INFO Train", done: 0, total: 300 },
                Found::Part { name: "", done: 10, total: 1251 },
                Found::Number("lr", 5.1e-5),
                Found::Number("loss", 6.9)
            ]
        );
        assert_eq!(
            found("Steps:   0%|          | 2/1000 [00:06<1:50:00,  3.01s/it, lr=2e-7, step_loss=0.223]"),
            [
                Found::Part { name: "", done: 2, total: 1000 },
                Found::Number("lr", 2e-7),
                Found::Number("step_loss", 0.223)
            ]
        );
        assert_eq!(
            found("step: 10  loss: 10.5  tps: 16,200  x=1,5"),
            [
                Found::Number("step", 10.0),
                Found::Number("loss", 10.5),
                Found::Number("tps", 16200.0),
                Found::Number("x", 1.0)
            ]
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic_or_hang(line: String) {
            scan(&line, |_| {});
        }

        #[test]
        fn no_line_of_its_own_characters_does_either(line in "[a-z0-9 :=/\\[\\]().,%|'\"+-]{0,80}") {
            scan(&line, |_| {});
        }
    }
}

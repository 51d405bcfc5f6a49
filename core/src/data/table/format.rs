//! How people write numbers and dates into cells.

/// What a comma in a column's numbers is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Comma {
    /// Parts thousands: `1,234.5`.
    #[default]
    Thousands,
    /// Parts the whole from its fraction: `1234,5`.
    Decimal,
}

/// What was passed over in a column's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    pub currency: bool,
    pub percent: bool,
    pub thousands: bool,
    pub decimal_comma: bool,
}

/// Words for a value that is not there, in capitals or not.
const MISSING: [&str; 20] = [
    "", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "null", "none", "nil", "?", "-", "--", "—", "–",
    ".", "missing", "(null)", "\\n",
];

/// Signs of currencies, before a number or behind it.
const CURRENCIES: [&str; 12] = ["$", "€", "£", "¥", "₹", "₩", "₽", "USD", "EUR", "GBP", "CHF", "US$"];

/// Whether a cell says that its value is missing.
pub(super) fn is_missing(cell: &str) -> bool {
    cell.len() <= 7 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// What the commas of these cells are; `in_text` where commas part the cells of the file too.
pub(super) fn comma<'a>(cells: impl Iterator<Item = &'a str>, in_text: bool) -> Comma {
    let (mut decimal, mut thousands, mut either) = (0, 0, 0);
    for cell in cells {
        let Some(comma) = cell.rfind(',') else { continue };
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let behind = digits(&cell[comma + 1..]);
        let before = &cell[..comma];
        match () {
            () if behind == 0 || !before.ends_with(|c: char| c.is_ascii_digit()) => {}
            () if before.contains('.') => decimal += 1,
            () if cell[comma..].contains('.') || before.contains(',') => thousands += 1,
            () if behind != 3 || before.trim_start_matches(['-', '+']) == "0" => decimal += 1,
            () => either += 1,
        }
    }
    let decimal = decimal > 0 && thousands == 0 || decimal + thousands == 0 && either > 0 && !in_text;
    if decimal { Comma::Decimal } else { Comma::Thousands }
}

/// A number, whatever stands around it; infinite where it is beyond `f32`, or says so.
pub(super) fn number(cell: &str, comma: Comma, signs: &mut Signs) -> Option<f32> {
    match cell.as_bytes().first()? {
        b'0'..=b'9' | b'-' | b'+' | b'.' => {
            if let Ok(number) = cell.parse::<f32>() {
                return Some(number);
            }
        }
        b'i' | b'I' => return cell.parse().ok(),
        b'n' | b'N' => return None,
        _ => {}
    }
    decorated(cell, comma, signs)
}

fn decorated(cell: &str, comma: Comma, signs: &mut Signs) -> Option<f32> {
    let mut found = *signs;
    let (negative, rest) = match cell.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, cell.strip_prefix('+').unwrap_or(cell)),
    };
    let mut body = rest;
    if let Some(before) = body.strip_suffix('%') {
        (found.percent, body) = (true, before.trim_end());
    }
    for sign in CURRENCIES {
        let bare = body.strip_prefix(sign).or_else(|| body.strip_suffix(sign));
        if let Some(bare) = bare {
            (found.currency, body) = (true, bare.trim());
            break;
        }
    }
    let (negative, body) = match body.strip_prefix('-') {
        Some(rest) if found.currency && !negative => (true, rest),
        _ => (negative, body),
    };
    let (decimal, group) = match comma {
        Comma::Thousands => ('.', ','),
        Comma::Decimal => (',', '.'),
    };
    let (whole, fraction) = match body.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (body, None),
    };
    let plain = digits(whole, group, &mut found)?;
    let number = match fraction {
        Some(fraction) => {
            found.decimal_comma |= decimal == ',';
            let (digits, exponent) = fraction.split_once(['e', 'E']).unwrap_or((fraction, "0"));
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) || exponent.parse::<i32>().is_err() {
                return None;
            }
            format!("{plain}.{digits}0e{exponent}").parse::<f32>().ok()?
        }
        None => plain.parse::<f32>().ok()?,
    };
    *signs = found;
    Some(if negative { -number } else { number })
}

/// The digits of a whole number whose thousands may be parted: each group but the first has three.
fn digits(whole: &str, group: char, signs: &mut Signs) -> Option<String> {
    let is_group = |c: char| c == group || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’' | '_');
    let mut parts = whole.split(is_group);
    let first = parts.next()?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(first) {
        return None;
    }
    let mut plain = first.to_owned();
    for part in parts {
        if part.len() != 3 || !is_digits(part) || first.len() > 3 {
            return None;
        }
        signs.thousands = true;
        plain.push_str(part);
    }
    Some(plain)
}

/// The days from 1970-01-01 to a date with its year first, or with points between (day first); a time of the day is
/// a fraction of it.
pub(super) fn days(cell: &str) -> Option<f32> {
    let (date, time) = match cell.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (cell, None),
    };
    let parts = |by: char| -> Option<[&str; 3]> { date.split(by).collect::<Vec<_>>().try_into().ok() };
    let [year, month, day] = parts('-')
        .or_else(|| parts('/').filter(|[year, ..]| year.len() == 4))
        .or_else(|| parts('.').map(|[day, month, year]| [year, month, day]))?;
    let number = |text: &str, most: usize| {
        (!text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i64>().ok())
            .flatten()
    };
    let (year, month, day) =
        (number(year, 4).filter(|_| year.len() == 4)?, number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let whole = days_from_civil(year, month, day);
    Some((whole as f64 + time.map_or(Some(0.0), share_of_day)?) as f32)
}

/// Whether a cell is a date whose day and month cannot be told apart, or that is written in another way.
pub(super) fn is_unclear_date(cell: &str) -> bool {
    let parts: Vec<&str> = cell.split(['/', '-']).collect();
    let is = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    matches!(parts.as_slice(), [a, b, year] if is(a, &[1, 2]) && is(b, &[1, 2]) && is(&year[..year.len().min(4)], &[2, 4]))
}

/// The days from 1970-01-01 in the Gregorian calendar: whole eras of 400 years, and years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `13:45`, `13:45:30`, `13:45:30.5`, with a zone behind it that is passed over.
fn share_of_day(time: &str) -> Option<f64> {
    let end = time.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(time.len());
    let mut share = 0.0;
    for (part, unit) in time.get(..end)?.splitn(3, ':').zip([24.0, 1440.0, 86_400.0]) {
        share += part.parse::<f64>().ok()? / unit;
    }
    Some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let mut signs = Signs::default();
        let mut read = |cell: &str| number(cell, Comma::Thousands, &mut signs);
        assert_eq!(read("$1,063.00"), Some(1063.0));
        assert_eq!(read("-$12"), Some(-12.0));
        assert_eq!(read("$-12"), Some(-12.0));
        assert_eq!(read("12.5 %"), Some(12.5));
        assert_eq!(read("1 234 567"), Some(1_234_567.0));
        assert_eq!(read("1'234.5"), Some(1234.5));
        assert_eq!(read("3e-4"), Some(3e-4));
        for none in
            ["$1,1015.00", "$1,-120.00", "12,34", "1,23,456", "C85", "", "$", "%", "1 2", "1.2.3", "4 GB"]
        {
            assert_eq!(read(none), None, "{none}");
        }
        let mut read = |cell: &str| number(cell, Comma::Decimal, &mut signs);
        assert_eq!(read("0,3807"), Some(0.3807));
        assert_eq!(read("1.234,5"), Some(1234.5));
        assert_eq!(read("12,7 €"), Some(12.7));
        assert_eq!(read("-1,5e-3"), Some(-1.5e-3));
        assert_eq!(signs, Signs { currency: true, percent: true, thousands: true, decimal_comma: true });
    }

    #[test]
    fn a_comma_is_what_the_column_says() {
        let comma = |cells: &[&str], in_text| comma(cells.iter().copied(), in_text);
        assert_eq!(comma(&["12,7", "13,0"], false), Comma::Decimal);
        assert_eq!(comma(&["1,234", "12"], true), Comma::Thousands);
        assert_eq!(comma(&["1,234", "12"], false), Comma::Decimal);
        assert_eq!(comma(&["0,123"], true), Comma::Decimal);
        assert_eq!(comma(&["1,234,567", "1,5"], false), Comma::Thousands);
        assert_eq!(comma(&["1.234,5"], true), Comma::Decimal);
        assert_eq!(comma(&["a, b", ",", "x"], true), Comma::Thousands);
    }

    #[test]
    fn dates_are_days() {
        assert_eq!(days("1970-01-01"), Some(0.0));
        assert_eq!(days("2000-03-01"), Some(11_017.0));
        assert_eq!(days("2024-02-29T12:00:00Z"), Some(19_782.5));
        assert_eq!(days("29.02.2024"), Some(19_782.0));
        assert_eq!(days("2024/02/29 06:00"), Some(19_782.25));
        for none in ["2024-13-01", "1/2/2024", "2024", "a-b-c", "", "24-01-01", "2024-1-1-1"] {
            assert_eq!(days(none), None, "{none}");
        }
        assert!(is_unclear_date("1/2/2024") && is_unclear_date("01/02/24") && !is_unclear_date("1/2"));
        assert!(!is_unclear_date("a/b/c") && !is_unclear_date("//"));
    }
}

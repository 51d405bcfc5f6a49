//! Names that are too long lose their middle: runs differ by how they begin and how they end.

use eframe::egui::{Color32, FontId, Ui};

/// The text, or as much of its beginning and its end as fits into so many points.
pub fn elided(ui: &Ui, text: &str, font: &FontId, width: f32) -> String {
    let painter = ui.painter();
    let is_fit = |text: &str| {
        painter.layout_no_wrap(text.to_owned(), font.clone(), Color32::PLACEHOLDER).size().x <= width
    };
    if is_fit(text) { text.to_owned() } else { cut(text, is_fit) }
}

/// The longest text without its middle that fits; never less than one letter on either side.
fn cut(text: &str, is_fit: impl Fn(&str) -> bool) -> String {
    let letters: Vec<char> = text.chars().collect();
    let kept = |count: usize| -> String {
        let end = count / 2;
        let head = letters.iter().take(count - end);
        let tail = letters.iter().skip(letters.len() - end);
        head.chain([&'…']).chain(tail).collect()
    };
    let (mut fits, mut too_many) = (2.min(letters.len()), letters.len());
    while fits + 1 < too_many {
        let middle = usize::midpoint(fits, too_many);
        if is_fit(&kept(middle)) { fits = middle } else { too_many = middle }
    }
    kept(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_goes_and_both_ends_stay() {
        let cut = |text: &str, most: usize| cut(text, |text| text.chars().count() <= most);
        assert_eq!(cut("warmup + cosine, fork at 400", 15), "warmup … at 400");
        assert_eq!(cut("äöü日本語éè", 5), "äö…éè");
        assert_eq!(cut("abcdef", 0), "a…f");
    }
}

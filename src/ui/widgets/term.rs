//! Words of the trade: the pointer on one shows what it means.

use eframe::egui::epaint::TextShape;
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Context, CursorIcon, Id, Label, Response, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use crate::analysis::glossary::{TERMS, Term};
use crate::ui::theme::{self, metrics};

/// A term of the glossary as a caption, faintly underlined, and the punctuation after it, which no line may
/// begin with. The term may be a plural.
fn term(ui: &mut Ui, text: &str, punctuation: &str) -> Response {
    let tokens = theme::tokens(ui);
    let format = TextFormat {
        font_id: theme::small(),
        color: tokens.muted,
        underline: Stroke::new(metrics::HAIRLINE, tokens.faint),
        ..TextFormat::default()
    };
    let plain = TextFormat { underline: Stroke::NONE, ..format.clone() };
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    if !punctuation.is_empty() {
        job.append(punctuation, 0.0, plain);
    }
    // Whole on one line: a term over two would be two stops of Tab.
    explained(ui, Label::new(job).extend(), text)
}

/// A label that says what its term means: a link to the glossary, with the pointer and with the keyboard.
pub fn explained(ui: &mut Ui, label: Label, text: &str) -> Response {
    let Some(term) = TERMS.iter().find(|term| mention(text, term) == Some(text)) else {
        return ui.add(label);
    };
    // A widget of its own: to sense clicks on what was a label in the same frame takes the focus away.
    let (place, galley, response) = label.selectable(false).sense(Sense::click()).layout_in_ui(ui);
    let enabled = ui.is_enabled();
    let name = if galley.text().starts_with(text) { text } else { galley.text() };
    response.widget_info(|| WidgetInfo::labeled(Role::Link, enabled, name));
    let ink = theme::tokens(ui).text;
    let line = if response.has_focus() { Stroke::new(metrics::HAIRLINE, ink) } else { Stroke::NONE };
    ui.painter().add(TextShape::new(place, galley, ink).with_underline(line));
    let response = response.on_hover_cursor(CursorIcon::Help).on_hover_ui(|ui| {
        ui.label(theme::title(ui, term.name));
        ui.add(Label::new(term.meaning).wrap());
        ui.label(theme::caption(ui, "A click opens the glossary."));
    });
    if response.clicked() {
        response.ctx.data_mut(|data| data.insert_temp(Id::unique("looked up"), term.name));
    }
    response
}

/// The term that was clicked since the last call.
pub fn looked_up(ctx: &Context) -> Option<&'static str> {
    ctx.data_mut(|data| data.remove_temp(Id::unique("looked up")))
}

/// A caption in which the first mention of every term of the glossary shows what it means.
pub fn prose(ui: &mut Ui, text: &str) {
    ui.scope(|ui| {
        // Lines as high as their text: words of a line would otherwise stand at different heights.
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(0.0, metrics::XS / 2.0);
            for part in parts(text) {
                match part {
                    Part::Plain(text) => {
                        ui.label(theme::caption(ui, text));
                    }
                    Part::Term(text, punctuation) => {
                        term(ui, text, punctuation);
                    }
                }
            }
        });
    });
}

#[derive(Debug, PartialEq)]
enum Part<'a> {
    Plain(&'a str),
    /// A term, and the punctuation after it.
    Term(&'a str, &'a str),
}

/// The text cut at the first mention of each term, the longest term first where several begin.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let begins = text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
        // A look at the first letter spares most comparisons, of which a frame would have tens of thousands.
        let first = |text: &str| text.as_bytes().first().map(u8::to_ascii_lowercase);
        let terms = if begins { TERMS } else { &[] };
        let found = terms
            .iter()
            .filter(|term| first(term.name) == first(rest) && !told.contains(&term.name))
            .filter_map(|term| Some((mention(rest, term)?, term)))
            .max_by_key(|(mention, _)| mention.len());
        match found {
            Some((mention, term)) => {
                if plain < at {
                    parts.push(Part::Plain(&text[plain..at]));
                }
                told.push(term.name);
                at += mention.len();
                let after = &text[at..];
                let length = after.find(|next: char| next.is_whitespace() || next.is_alphanumeric());
                let punctuation = &after[..length.unwrap_or(after.len())];
                parts.push(Part::Term(mention, punctuation));
                at += punctuation.len();
                plain = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if plain < text.len() {
        parts.push(Part::Plain(&text[plain..]));
    }
    parts
}

/// The term at the beginning of a text, with the `s` of a plural.
fn mention<'a>(text: &'a str, term: &Term) -> Option<&'a str> {
    let ends = |at: &usize| text[*at..].chars().next().is_none_or(|next| !next.is_alphanumeric());
    let length = term.name.len();
    let same = text.get(..length).is_some_and(|start| start.eq_ignore_ascii_case(term.name));
    let plural = text.get(length..).is_some_and(|rest| rest.starts_with('s')).then_some(length + 1);
    let end = [Some(length), plural].into_iter().flatten().find(|end| same && ends(end))?;
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The terms in a text, as they stand there, and their names.
    fn words(text: &str) -> Vec<(&str, &'static str)> {
        let term = |part| match part {
            Part::Term(text, _) => {
                TERMS.iter().find(|term| mention(text, term) == Some(text)).map(|term| (text, term.name))
            }
            Part::Plain(_) => None,
        };
        parts(text).into_iter().filter_map(term).collect()
    }

    #[test]
    fn terms_are_found_whole_once_and_the_longest_first() {
        assert_eq!(
            words("Gradient norms, and the update-to-weight ratio of every update."),
            [
                ("Gradient norms", "Gradient norm"),
                ("update-to-weight ratio", "Update-to-weight ratio"),
                ("update", "Update")
            ]
        );
        assert_eq!(words("sharpness, Sharpness"), [("sharpness", "Sharpness")]);
        assert_eq!(words("seeded peaking adamant"), []);
        assert_eq!(words("Schrödinger's ∇ peak"), [("peak", "Peak")]);
    }

    #[test]
    fn every_side_panel_says_what_it_is_with_a_term_that_leads_to_the_glossary() {
        for panel in crate::ui::panels::PANELS {
            assert!(!words(panel.sentence).is_empty(), "{}: {}", panel.title, panel.sentence);
        }
    }

    #[test]
    fn nothing_of_a_text_is_lost() {
        for text in ["", "a peak", "peak", "∇ over η: no term", "Peak peak peaks", "peak. (Peak)…"] {
            let pieces = parts(text).into_iter().flat_map(|part| match part {
                Part::Plain(text) => [text, ""],
                Part::Term(text, punctuation) => [text, punctuation],
            });
            assert_eq!(pieces.collect::<String>(), text);
        }
    }

    #[test]
    fn no_line_begins_with_punctuation() {
        let found = parts("The peak, (sharpness) and more.");
        let plain = Part::Plain;
        let expected = [
            plain("The "),
            Part::Term("peak", ","),
            plain(" ("),
            Part::Term("sharpness", ")"),
            plain(" and more."),
        ];
        assert_eq!(found, expected);
    }
}

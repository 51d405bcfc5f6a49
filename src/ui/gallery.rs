//! The gallery: every example with a picture of its own runs and a sentence, those that go wrong with the reason.

use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align2, Context, Frame as Card, Id, Margin, Modal, Rect, Response, Role, ScrollArea, Sense, Stroke,
    StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::examples::{EXAMPLES, Example};
use super::theme::{self, metrics};
use super::thumbnails;
use super::widgets::segmented;

/// Which examples are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Which {
    #[default]
    All,
    ToLearnFrom,
    GoesWrong,
}

/// The gallery while it is open.
#[derive(Default)]
pub struct Gallery {
    text: String,
    which: Which,
    /// Whether the field has had the focus.
    begun: bool,
}

impl Gallery {
    /// Shows it. Answers which example was chosen, or `Some(None)` when it is to close.
    pub fn show(&mut self, ctx: &Context) -> Option<Option<usize>> {
        let tokens = theme::of(&ctx.style_of(ctx.theme()).visuals);
        let card = Card::new()
            .fill(tokens.panel)
            .stroke(Stroke::new(metrics::HAIRLINE, tokens.outline))
            .corner_radius(metrics::RADIUS_LARGE)
            .inner_margin(Margin::same(metrics::MARGIN_L));
        let room = ctx.content_rect().size() - Vec2::splat(4.0 * metrics::XL);
        let size = vec2(room.x.min(metrics::GALLERY[0]), room.y.min(metrics::GALLERY[1]));
        let modal =
            Modal::new(Id::unique("gallery")).frame(card).backdrop_color(tokens.scrim).show(ctx, |ui| {
                ui.set_min_size(size);
                ui.set_max_size(size);
                ui.spacing_mut().item_spacing = Vec2::splat(metrics::S);
                self.head(ui);
                self.cards(ui)
            });
        match modal.inner {
            Some(at) => Some(Some(at)),
            None if modal.should_close() => Some(None),
            None => None,
        }
    }

    fn head(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.label(theme::title(ui, "Gallery"));
            ui.add_space(metrics::M);
            segmented(
                ui,
                &mut self.which,
                &[
                    (Which::All, "All", "Every example."),
                    (Which::ToLearnFrom, "To learn from", "Experiments that show what a schedule does."),
                    (Which::GoesWrong, "Goes wrong", "Experiments that show how not to do it, and why."),
                ],
            );
            ui.add_space(metrics::M);
            let field = TextEdit::singleline(&mut self.text)
                .hint_text("Search")
                .desired_width(ui.available_width())
                .margin(Margin::symmetric(metrics::MARGIN_S, metrics::MARGIN_XS + 2));
            let response = ui.add(field).accessible_name("Search the gallery");
            if !std::mem::replace(&mut self.begun, true) {
                response.request_focus();
            }
        });
        ui.add_space(metrics::XS);
    }

    fn is_found(&self, example: &Example) -> bool {
        let fits = match self.which {
            Which::All => true,
            Which::ToLearnFrom => !example.goes_wrong,
            Which::GoesWrong => example.goes_wrong,
        };
        let text = format!("{} {} {}", example.name, example.title(), example.sentence()).to_lowercase();
        fits && self.text.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// The example that was clicked.
    fn cards(&self, ui: &mut Ui) -> Option<usize> {
        let found: Vec<(usize, &Example)> =
            EXAMPLES.iter().enumerate().filter(|(_, example)| self.is_found(example)).collect();
        if found.is_empty() {
            ui.label(theme::caption(ui, "No example speaks of that. Escape closes."));
            ui.allocate_space(ui.available_size());
            return None;
        }
        let mut clicked = None;
        ScrollArea::vertical().id_salt("gallery").auto_shrink([false, false]).show(ui, |ui| {
            // Room for the bar on the right, which floats.
            let width = ui.available_width() - metrics::M;
            let columns = ((width + metrics::M) / (metrics::EXAMPLE[0] + metrics::M)).floor().max(1.0);
            let card_width = (width - (columns - 1.0) * metrics::M) / columns;
            ui.spacing_mut().item_spacing = Vec2::splat(metrics::M);
            for row in found.chunks(columns as usize) {
                ui.horizontal(|ui| {
                    for (at, example) in row {
                        if card(ui, example, card_width).clicked() {
                            clicked = Some(*at);
                        }
                    }
                });
            }
        });
        clicked
    }
}

fn card(ui: &mut Ui, example: &Example, width: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, metrics::EXAMPLE[1]), Sense::click());
    let kind = if example.goes_wrong { "goes wrong" } else { "to learn from" };
    let label = format!("{} ({kind})", example.title());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let tokens = theme::tokens(ui);
    let lit = response.hovered() || response.has_focus();
    let edge = if lit { tokens.text } else { tokens.hairline };
    let fill = if lit { tokens.hover } else { tokens.ground };
    ui.painter().rect(rect, metrics::RADIUS_LARGE, fill, (metrics::HAIRLINE, edge), StrokeKind::Inside);
    let inner = rect.shrink(metrics::M);
    let picture = Rect::from_min_max(inner.min, pos2(inner.right(), inner.top() + metrics::EXAMPLE_PICTURE));
    thumbnails::paint(ui.painter(), picture, thumbnails::of(example.name), tokens);
    let painter = ui.painter().with_clip_rect(inner);
    let mut top = picture.bottom() + metrics::S;
    let wrapped = |text: String, font, color, rows| {
        let mut job = LayoutJob::simple(text, font, color, inner.width());
        job.wrap.max_rows = rows;
        painter.layout_job(job)
    };
    if example.goes_wrong {
        let reason = example.finding.map_or("Goes wrong", |kind| kind.name());
        let said =
            painter.text(pos2(inner.left(), top), Align2::LEFT_TOP, reason, theme::small(), tokens.warning);
        top = said.bottom() + metrics::XS / 2.0;
    }
    let title = wrapped(sentence_case(example.title()), theme::medium(), tokens.text, 2);
    let below = top + title.size().y + metrics::XS;
    painter.galley(pos2(inner.left(), top), title, tokens.text);
    let rows = ((inner.bottom() - below) / (metrics::TEXT_SMALL * 1.35)).floor().max(1.0) as usize;
    let sentence = wrapped(example.sentence(), theme::small(), tokens.muted, rows);
    painter.galley(pos2(inner.left(), below), sentence, tokens.muted);
    response.on_hover_text(example.sentence())
}

/// With a capital, as a title is.
fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, which: Which) -> Vec<&'static str> {
        let gallery = Gallery { text: text.into(), which, begun: true };
        EXAMPLES.iter().filter(|example| gallery.is_found(example)).map(|example| example.name).collect()
    }

    #[test]
    fn examples_are_found_by_any_of_their_words_and_by_whether_they_go_wrong() {
        assert_eq!(found("", Which::All).len(), EXAMPLES.len());
        assert_eq!(found("Plateau patience", Which::All), ["thrashing-plateau"]);
        assert!(found("", Which::GoesWrong).contains(&"diverges"));
        assert!(!found("", Which::ToLearnFrom).contains(&"diverges"));
        assert!(found("xyzzy", Which::All).is_empty());
    }

    #[test]
    fn every_example_has_a_picture_of_its_runs() {
        for example in EXAMPLES {
            let runs = thumbnails::of(example.name);
            assert_eq!(runs.len(), example.experiment().unwrap().runs.len(), "{}", example.name);
            assert!(runs.iter().all(|run| run.rates.len() == thumbnails::POINTS), "{}", example.name);
        }
    }
}

//! The command palette: everything that can be asked for, found by a few letters of its name.

use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align, Align2, Button, Context, Frame as Card, Id, Key, Label, Layout, Margin, Modal, Modifiers, Role,
    ScrollArea, Stroke, TextEdit, Ui, WidgetInfo, vec2,
};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::action::Action;
use super::document::presets;
use super::examples::EXAMPLES;
use super::layout::Pane;
use super::panels::PANELS;
use super::panels::diagnosis::POLICIES;
use super::plot::{Scale, Take, XAxis};
use super::studio::Studio;
use super::theme::{self, metrics};
use super::view::{HALF_LIFE, SPEEDS};
use super::wish::Wish;
use crate::analysis::glossary::TERMS;
use crate::engine::protocol::Speed;
use crate::export::Target;
use crate::lesson;
use crate::telemetry::{Column, Role as ColumnRole};
use crate::train::device::Choice;

/// The most entries that are listed.
const MOST: usize = 100;
/// What a title that was written out counts for more.
const MEANT: u32 = 10_000;
/// Half-lives of smoothing that are offered, as shares of the run.
const HALF_LIVES: [(f64, &str); 4] = [(0.001, "0.1 %"), (HALF_LIFE, "0.5 %"), (0.02, "2 %"), (0.1, "10 %")];
/// The sizes of everything that are offered.
const ZOOMS: [f32; 6] = [0.8, 1.0, 1.25, 1.5, 2.0, 3.0];

/// Something to find.
struct Entry {
    title: String,
    /// What sort of thing it is.
    kind: &'static str,
    /// What it does or shows, in a sentence.
    help: String,
    keys: String,
    wish: Wish,
}

/// The palette while it is open.
pub struct Palette {
    text: String,
    entries: Vec<Entry>,
    /// The entries that match, best first.
    found: Vec<usize>,
    /// The entry that Enter takes.
    at: usize,
    matcher: Matcher,
}

impl Palette {
    /// With everything that can be asked for now.
    pub fn new(ctx: &Context, studio: &Studio) -> Self {
        let entries = entries(ctx, studio);
        let found = (0..entries.len()).take(MOST).collect();
        Self { text: String::new(), entries, found, at: 0, matcher: Matcher::new(Config::DEFAULT) }
    }

    /// Shows it. Answers what was chosen, or `Some(None)` when it is to close.
    pub fn show(&mut self, ctx: &Context) -> Option<Option<Wish>> {
        let tokens = theme::of(&ctx.style_of(ctx.theme()).visuals);
        let card = Card::new()
            .fill(tokens.raised)
            .stroke(Stroke::new(metrics::HAIRLINE, tokens.outline))
            .corner_radius(metrics::RADIUS_LARGE)
            .inner_margin(Margin::same(metrics::MARGIN_S));
        let key = |key| ctx.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
        let down = key(Key::ArrowDown) as isize - key(Key::ArrowUp) as isize;
        let entered = key(Key::Enter) > 0;
        if !self.found.is_empty() {
            self.at = (self.at as isize + down).rem_euclid(self.found.len() as isize) as usize;
        }
        let id = Id::unique("command palette");
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, metrics::TOP_BAR));
        let modal = Modal::new(id).area(area).frame(card).backdrop_color(tokens.scrim).show(ctx, |ui| {
            ui.set_width(metrics::PALETTE);
            self.field(ui);
            self.list(ui, down != 0)
        });
        let taken = entered.then(|| self.found.get(self.at).copied()).flatten().or(modal.inner);
        match taken.and_then(|at| self.entries.get(at)) {
            Some(entry) => Some(Some(entry.wish.clone())),
            None if modal.should_close() => Some(None),
            None => None,
        }
    }

    fn field(&mut self, ui: &mut Ui) {
        let field = TextEdit::singleline(&mut self.text)
            .hint_text("Find an action, schedule, panel, export, example, lesson, term or setting")
            .desired_width(ui.available_width())
            .margin(Margin::symmetric(metrics::MARGIN_S, metrics::MARGIN_XS + 2));
        let response = ui.add(field).accessible_name("Find anything");
        response.request_focus();
        if response.changed() {
            self.search();
        }
        ui.add_space(metrics::XS);
    }

    fn search(&mut self) {
        self.at = 0;
        let pattern = Pattern::parse(&self.text, CaseMatching::Ignore, Normalization::Smart);
        let mut letters = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let of = |text: &str, letters: &mut Vec<char>, matcher: &mut Matcher| {
                pattern.score(Utf32Str::new(text, letters), matcher)
            };
            // A name counts for more than the sort of thing it names.
            let name = of(&entry.title, &mut letters, &mut self.matcher).map(|score| 2 * score);
            let whole = format!("{} {}", entry.kind, entry.title);
            // What was written out is meant, with or without the sort of thing it is.
            let written = self.text.trim().to_lowercase();
            let is_meant = [&entry.title, &whole].into_iter().any(|name| name.to_lowercase() == written);
            // So is a sort of thing that was named first.
            let is_named = written.strip_prefix(entry.kind).is_some_and(|rest| rest.starts_with(' '));
            let meant = MEANT * (2 * u32::from(is_meant) + u32::from(is_named));
            if let Some(score) = name.max(of(&whole, &mut letters, &mut self.matcher)) {
                scored.push((score + meant, at));
            }
        }
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.found = scored.into_iter().map(|(_, at)| at).take(MOST).collect();
    }

    /// The matches; the entry that was clicked.
    fn list(&self, ui: &mut Ui, moved: bool) -> Option<usize> {
        if self.found.is_empty() {
            ui.label(theme::caption(ui, "Nothing is called that. Escape closes."));
            return None;
        }
        let mut clicked = None;
        let room = (ui.ctx().content_rect().height() - 3.0 * metrics::TOP_BAR).min(metrics::PALETTE_LIST);
        ScrollArea::vertical().max_height(room).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (place, at) in self.found.iter().enumerate() {
                let Some(entry) = self.entries.get(*at) else { continue };
                let chosen = place == self.at;
                let response = row(ui, entry, chosen);
                if chosen && moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(*at);
                }
            }
        });
        if let Some(entry) = self.found.get(self.at).and_then(|at| self.entries.get(*at)) {
            ui.add_space(metrics::XS);
            ui.add(Label::new(theme::caption(ui, &entry.help)).truncate());
        }
        clicked
    }
}

fn row(ui: &mut Ui, entry: &Entry, chosen: bool) -> eframe::egui::Response {
    let tokens = theme::tokens(ui);
    let width = ui.available_width();
    let mut text = LayoutJob::simple_singleline(entry.title.clone(), theme::body(), tokens.text);
    text.wrap.max_width = width - metrics::FIELD_LABEL - metrics::COLUMN;
    text.wrap.max_rows = 1;
    let response = ui.add(Button::selectable(chosen, text).min_size(vec2(width, metrics::CONTROL)));
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &entry.title));
    let end = response.rect.shrink2(vec2(metrics::S, 0.0));
    let side = ui
        .new_child(eframe::egui::UiBuilder::new().max_rect(end).layout(Layout::right_to_left(Align::Center)));
    let painter = side.painter();
    let about = if entry.keys.is_empty() { entry.kind.to_owned() } else { entry.keys.clone() };
    painter.text(end.right_center(), Align2::RIGHT_CENTER, about, theme::small(), tokens.muted);
    response
}

/// Everything there is to ask for, in the order it is listed while nothing is typed.
fn entries(ctx: &Context, studio: &Studio) -> Vec<Entry> {
    let entry =
        |kind, title: String, help: String, wish| Entry { title, kind, help, keys: String::new(), wish };
    let mut all: Vec<Entry> = Vec::new();
    for action in Action::ALL.into_iter().filter(|action| *action != Action::ShowPalette) {
        let about = action.about();
        let keys = about.keys(ctx);
        let (title, help) = (about.label.to_owned(), about.help.to_owned());
        all.push(Entry { keys, ..entry("action", title, help, Wish::Do(action)) });
    }
    for (row, run) in studio.document.runs() {
        let help = format!("Select “{}”: its handles and its numbers are shown.", run.name);
        all.push(entry("run", run.name.clone(), help, Wish::Select(row.id)));
    }
    for (at, preset) in presets().iter().enumerate() {
        let help = format!("{} The selected run gets it, at its present peak.", preset.about);
        all.push(entry("schedule", preset.name.to_owned(), help, Wish::Schedule(at)));
    }
    for panel in PANELS {
        all.push(entry("panel", panel.title.to_owned(), panel.sentence.to_owned(), Wish::Panel(panel.name)));
    }
    for target in Target::ALL {
        let help = format!("The selected run's schedule and optimizer for {}.", target.framework);
        all.push(entry("export", format!("Export to {}", target.title), help, Wish::Export(target)));
    }
    for (at, example) in EXAMPLES.iter().enumerate() {
        all.push(entry("example", example.title().to_owned(), example.sentence(), Wish::Example(at)));
    }
    for (at, shipped) in lesson::SHIPPED.iter().enumerate() {
        if let Ok(lesson) = shipped.read() {
            all.push(entry("lesson", lesson.title, lesson.question, Wish::Lesson(at)));
        }
    }
    settings(&mut all, &entry);
    for path in &studio.recent {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        all.push(entry("recent file", name, path.display().to_string(), Wish::Open(path.clone())));
    }
    for term in TERMS {
        all.push(entry("term", term.name.to_owned(), term.meaning.to_owned(), Wish::Term(term.name)));
    }
    all
}

fn settings(all: &mut Vec<Entry>, entry: &dyn Fn(&'static str, String, String, Wish) -> Entry) {
    let mut add = |title: String, help: &str, wish| all.push(entry("setting", title, help.to_owned(), wish));
    let speed = "How fast the playhead moves in Live mode.";
    add("Speed: full".into(), speed, Wish::Speed(Speed::Unlimited));
    for (number, name) in SPEEDS {
        add(format!("Speed: {name}"), speed, Wish::Speed(Speed::Limited(number)));
    }
    for (name, scale) in [("linear", Scale::Linear), ("logarithmic", Scale::Log)] {
        add(format!("Rate axis: {name}"), "The axis of the learning rate.", Wish::RateAxis(scale));
        add(format!("Loss axis: {name}"), "The axis of losses and norms.", Wish::LossAxis(scale));
        add(
            format!("Axis of the lowest plot: {name}"),
            "Momentum, decay or the batch.",
            Wish::NumberAxis(scale),
        );
    }
    for column in Column::ALL.into_iter().filter(|column| column.role() == ColumnRole::Measure) {
        let help = "What the middle plot shows.";
        add(format!("Plot: {}", column.short().to_lowercase()), help, Wish::Quantity(column));
    }
    for column in Column::ALL.into_iter().filter(|column| column.role() == ColumnRole::Setting) {
        let title = format!("Lowest plot: {}", column.short().to_lowercase());
        add(title, "What the lowest plot shows.", Wish::Number(column));
    }
    add("Smoothing: on".into(), "A moving average over the training loss.", Wish::Smoothing(true));
    add("Smoothing: off".into(), "The training loss as it was measured.", Wish::Smoothing(false));
    for (half_life, name) in HALF_LIVES {
        let help = "How far a smoothed loss looks back: its half-life, as a share of the run.";
        add(format!("Smoothing over {name} of the run"), help, Wish::HalfLife(half_life));
    }
    for (docked, name) in [(true, "below the plots"), (false, "beside the cursor")] {
        let help = "Where the values at the cursor stand.";
        add(format!("Values: {name}"), help, Wish::Docked(docked));
    }
    for axis in XAxis::ALL {
        let title = format!("Horizontal axis: {}", axis.about().title.to_lowercase());
        add(title, axis.about().help, Wish::XAxis(axis));
    }
    for pane in Pane::ALL {
        for take in Take::ALL {
            let title = format!("{}: {}", pane.title(), take.label().to_lowercase());
            add(title, "Of what the plot shows now.", Wish::Take(pane, take));
        }
    }
    for device in Choice::ALL.into_iter().filter(|device| device.lacking().is_none()) {
        let (name, help) = device.about();
        add(format!("Device: {}", name.to_lowercase()), help, Wish::Device(device));
    }
    for (policy, name, help) in POLICIES {
        add(format!("When something goes wrong: {}", name.to_lowercase()), help, Wish::Policy(policy));
    }
    for zoom in ZOOMS {
        add(
            format!("Size of everything: {:.0} %", 100.0 * zoom),
            "Text, lines and buttons.",
            Wish::Zoom(zoom),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::document::{Document, first};

    fn palette() -> Palette {
        let studio = Studio::new(Document::new(first().unwrap(), None));
        Palette::new(&Context::default(), &studio)
    }

    fn found(palette: &mut Palette, text: &str) -> Vec<String> {
        palette.text = text.to_owned();
        palette.search();
        palette.found.iter().map(|at| palette.entries[*at].title.clone()).collect()
    }

    #[test]
    fn everything_is_found_by_its_own_name() {
        let mut palette = palette();
        let all: Vec<(String, Wish)> =
            palette.entries.iter().map(|entry| (entry.title.clone(), entry.wish.clone())).collect();
        for (title, wish) in all {
            found(&mut palette, &title);
            let there = palette.found.iter().take(8).any(|at| palette.entries[*at].wish == wish);
            assert!(
                there,
                "{title} finds {:?}",
                found(&mut palette, &title).iter().take(8).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_few_letters_suffice_and_the_sort_of_thing_may_be_named() {
        let mut palette = palette();
        assert_eq!(found(&mut palette, "onecy").first().map(String::as_str), Some("One cycle"));
        assert_eq!(found(&mut palette, "schedule cos").first().map(String::as_str), Some("Cosine"));
        assert_eq!(
            found(&mut palette, "hugging").first().map(String::as_str),
            Some("Export to Hugging Face (Python)")
        );
        assert_eq!(found(&mut palette, "panel gloss").first().map(String::as_str), Some("Glossary"));
        assert_eq!(found(&mut palette, "lesson batch").first().map(String::as_str), Some("Batch and rate"));
        assert!(found(&mut palette, "zzqx").is_empty());
        assert_eq!(found(&mut palette, "").len(), palette.entries.len().min(MOST));
    }
}

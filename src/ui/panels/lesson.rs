//! Lessons: predict, drag, look, and only then read why; the claims can be trained here.

mod handout;

use std::sync::Arc;

use eframe::egui::{Context, Label, ScrollArea, TextEdit, Ui};

use crate::engine::protocol::Command;
use crate::jobs::{Answers, Job};
use crate::lesson::{Checked, Draw, Drawable, Lesson, Miss, SHIPPED, check};
use crate::telemetry::Column;
use crate::ui::document::Document;
use crate::ui::format::{count, significant};
use crate::ui::panel::{Panel, Question};
use crate::ui::panels;
use crate::ui::plot::{Expected, Scale};
use crate::ui::progress::{Answer, Progress};
use crate::ui::sheet::{Sheet, Then};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{primary, secondary, waiting};

pub const PANEL: Panel = Panel {
    poll: |studio, _| {
        Expected::compare(studio);
        studio.panels.of::<Class>().listen()
    },
    ..Panel::new(
        "lesson",
        "Lesson",
        Question::Understand,
        "Questions about peak, warmup and decay: predict, drag one thing, see what training says.",
        show,
    )
};

/// Seeds under which claims are trained here.
const SEEDS: usize = 3;

/// What the panel keeps.
#[derive(Default)]
struct Class {
    open: Option<Open>,
}

/// The lesson on show.
struct Open {
    at: usize,
    lesson: Lesson,
    /// The choice that was predicted.
    predicted: Option<usize>,
    checking: Option<Job<Result<Checked, String>>>,
    checked: Option<Result<Checked, String>>,
}

impl Class {
    /// Takes in the claims that were trained; whether they still are.
    fn listen(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        let answer = open.checking.as_ref().and_then(Job::poll);
        if let Some(answer) = answer {
            open.checking = None;
            open.checked = Some(answer.unwrap_or_else(|lost| Err(lost.to_string())));
        }
        open.checking.is_some()
    }
}

/// What a click in the panel asks for.
enum Wish {
    Begin(usize),
    List,
    /// The drawn curve goes, to be drawn again.
    Erase,
    Handout,
    SaveAnswers,
    Predict(usize),
    Select,
    Panel,
    Check,
    Stop,
}

/// What became of the curve to be drawn.
enum Curve {
    Unasked,
    /// It may be drawn; whether something is.
    Open(bool),
    /// How far it was off, in a sentence, where anything of it was trained.
    Drawn(Option<String>),
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let curve = curve(studio);
    let off = studio.panels.peek::<Expected>().and_then(|expected| expected.miss).map(|miss| miss.mean);
    let Studio { panels, progress, .. } = studio;
    let class = panels.of::<Class>();
    let scroll = ScrollArea::vertical().id_salt("lesson").auto_shrink([false, false]);
    let wish = scroll.show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        match &class.open {
            Some(open) => {
                let name = SHIPPED.get(open.at).map_or("", |shipped| shipped.name);
                let mut answer = progress.answer_mut(name);
                if let Some(answer) = answer.as_mut().filter(|answer| !answer.drawn.is_empty()) {
                    answer.off = off.or(answer.off);
                }
                lesson(ui, open, &curve, answer)
            }
            None => list(ui, progress),
        }
    });
    if let Some(wish) = wish.inner {
        act(ui.ctx(), studio, wish);
    }
}

/// Opens the lesson of this row of [`SHIPPED`].
pub fn begin_at(studio: &mut Studio, at: usize) {
    let Some(shipped) = SHIPPED.get(at) else { return };
    match shipped.read().and_then(|lesson| Ok((lesson.experiment()?, lesson))) {
        Ok((experiment, lesson)) => {
            // Who has answered looks at it once more.
            let answer = studio.progress.answer(shipped.name);
            let predicted = answer.map(|answer| answer.predicted);
            let points = answer.map(|answer| answer.drawn.clone()).unwrap_or_default();
            let asked = lesson.predict.drawn.clone();
            *studio.panels.of::<Expected>() =
                Expected::new(&experiment.name, asked, predicted.is_none(), points);
            let class = studio.panels.of::<Class>();
            class.open = Some(Open { at, lesson, predicted, checking: None, checked: None });
            begin(studio, Document::new(experiment, None));
            studio.view.open(PANEL.name);
        }
        Err(error) => studio.toasts.failed(error.to_string()),
    }
}

/// Shows a lesson whose experiment is the document already, with the right prediction made.
pub(crate) fn show_answered(studio: &mut Studio, at: usize) {
    let Some((shipped, lesson)) = SHIPPED.get(at).and_then(|shipped| Some((shipped, shipped.read().ok()?)))
    else {
        return;
    };
    let predicted = lesson.predict.choice.iter().position(|choice| choice.right);
    let points = lesson.predict.drawn.as_ref().map(sketch).unwrap_or_default();
    studio.progress.predict(shipped.name, predicted.unwrap_or_default(), points.clone());
    if let Some(asked) = lesson.predict.drawn.clone() {
        studio.view.quantity = asked.of.column();
        let expected = Expected::new(&studio.document.experiment().name, Some(asked), false, points);
        *studio.panels.of::<Expected>() = expected;
    }
    studio.panels.of::<Class>().open = Some(Open { at, lesson, predicted, checking: None, checked: None });
    studio.view.open(PANEL.name);
}

/// Shows the handles of the run of this name.
fn select(studio: &mut Studio, run: &str) {
    if let Some(id) = studio.document.runs().find(|(_, other)| other.name == run).map(|(row, _)| row.id) {
        studio.view.selected = id;
    }
}

/// A curve as somebody might draw it, for pictures.
fn sketch(draw: &Draw) -> Vec<(f64, f64)> {
    let climbs = draw.of == Drawable::ValAccuracy;
    let height = |share: f64| {
        let far = 0.9 * (1.0 - (-4.0 * share).exp());
        draw.from + (draw.to - draw.from) * if climbs { far } else { 1.0 - far }
    };
    (0..=20).map(|at| f64::from(at) / 20.0).map(|share| (share, height(share))).collect()
}

/// What is to be said of the curve that the lesson on show asks for. Its quantity is in view first, and while it may be
/// drawn.
fn curve(studio: &mut Studio) -> Curve {
    let Studio { panels, document, view, .. } = studio;
    let expected = panels.of::<Expected>();
    let Some(asked) = &expected.asked else { return Curve::Unasked };
    if (expected.is_open || expected.is_new) && document.runs().any(|(_, run)| run.name == asked.run) {
        view.quantity = asked.of.column();
        expected.is_new = false;
    }
    if expected.is_open {
        return Curve::Open(expected.points.len() > 1);
    }
    if expected.points.len() < 2 {
        return Curve::Unasked;
    }
    Curve::Drawn(expected.miss.as_ref().map(off_by))
}

/// How far a drawn curve was off, in a sentence.
fn off_by(miss: &Miss) -> String {
    let digits = |value: f64| significant(value, 2);
    let end = if miss.end > 0.0 { "too high" } else { "too low" };
    format!(
        "Your curve was off by {} in the mean and by {} at most, near update {}; its end lies {} {end}.",
        digits(miss.mean),
        digits(miss.most),
        count(miss.most_at.max(0.0) as u64),
        digits(miss.end.abs())
    )
}

fn act(ctx: &Context, studio: &mut Studio, wish: Wish) {
    match wish {
        Wish::List => *studio.panels.of::<Expected>() = Expected::default(),
        Wish::Erase => studio.panels.of::<Expected>().points.clear(),
        Wish::Predict(_) => studio.panels.of::<Expected>().is_open = false,
        _ => {}
    }
    let drawn = studio.panels.of::<Expected>().points.clone();
    let class = studio.panels.of::<Class>();
    match (wish, &mut class.open) {
        (Wish::Begin(at), _) => begin_at(studio, at),
        (Wish::List, open) => *open = None,
        (Wish::Erase, _) => {}
        (Wish::Predict(choice), Some(open)) => {
            open.predicted = Some(choice);
            let asked = open.lesson.predict.drawn.as_ref().filter(|_| drawn.len() > 1);
            let drawn_in = asked.map(|asked| asked.of.column());
            if let Some(shipped) = SHIPPED.get(open.at) {
                studio.progress.predict(shipped.name, choice, drawn);
            }
            // What there is to see is in view, and what there is to drag has handles.
            let run = open.lesson.drag.run.clone();
            let log = open.lesson.look.log_rate;
            studio.view.rate_scale = if log { Scale::Log } else { Scale::Linear };
            studio.view.quantity = drawn_in.or(open.lesson.look.column()).unwrap_or(Column::TrainLoss);
            studio.view.fit();
            select(studio, &run);
            studio.tell(Command::Play);
        }
        (Wish::Select, Some(open)) => {
            let run = open.lesson.drag.run.clone();
            select(studio, &run);
        }
        (Wish::Panel, Some(open)) => {
            if let Some(panel) = open.lesson.look.panel.as_deref().and_then(panels::named) {
                studio.view.open(panel);
            }
        }
        (Wish::Check, Some(open)) => {
            let lesson = open.lesson.clone();
            let ctx = ctx.clone();
            let work = move |answers: &Answers<_>| {
                let report = |done, total| Ok(answers.progress().report(done, total)?);
                let pool = crate::train::pool(None).map_err(|error| error.to_string())?;
                check(&lesson, SEEDS, &Arc::new(pool), report).map_err(|error| error.to_string())
            };
            match Job::spawn("lesson", move || ctx.request_repaint(), work) {
                Ok(job) => (open.checking, open.checked) = (Some(job), None),
                Err(error) => {
                    studio.toasts.failed(format!("There is no thread to train the claims: {error}"));
                }
            }
        }
        (Wish::Stop, Some(open)) => open.checking = None,
        (Wish::Handout, Some(open)) => {
            let checked = open.checked.as_ref().and_then(|checked| checked.as_ref().ok());
            let (lesson, checked, at) = (open.lesson.clone(), checked.cloned(), open.at);
            let name = SHIPPED.get(at).map_or("", |shipped| shipped.name);
            let miss = studio.panels.peek::<Expected>().and_then(|expected| expected.miss);
            let off = miss.filter(|_| lesson.predict.drawn.is_some()).as_ref().map(off_by);
            let page = handout::page(studio, &lesson, studio.progress.answer(name), off, checked.as_ref());
            studio.sheet = Some(Sheet::made("Save handout", &lesson.title, "html", page.into_bytes()));
        }
        (Wish::SaveAnswers, _) => {
            let report = studio.progress.report();
            studio.sheet = Some(Sheet::made("Save answers", "lesson answers", "toml", report.into_bytes()));
        }
        (Wish::Predict(_) | Wish::Select | Wish::Panel | Wish::Check | Wish::Stop | Wish::Handout, None) => {}
    }
}

/// Puts the lesson's experiment in place of the one there is, which is asked about where it is not saved. It waits for
/// the prediction.
fn begin(studio: &mut Studio, document: Document) {
    if studio.document.is_dirty() {
        studio.sheet = Some(Sheet::Unsaved { then: Then::Begin(Box::new(document.experiment().clone())) });
        return;
    }
    studio.replace(document);
    studio.view.open(PANEL.name);
    studio.tell(Command::Pause);
}

fn list(ui: &mut Ui, progress: &Progress) -> Option<Wish> {
    let mut wish = None;
    ui.label(theme::caption(ui, "Each opens an experiment of its own and asks before it shows."));
    if !progress.is_empty() {
        let done = SHIPPED.iter().filter(|shipped| progress.answer(shipped.name).is_some()).count();
        ui.horizontal(|ui| {
            ui.label(format!("{done} of {} answered", SHIPPED.len()));
            let help =
                "What was asked, what you predicted and noted, and what training says, as a file to hand in.";
            if ui.add(secondary("Save answers…")).on_hover_text(help).clicked() {
                wish = Some(Wish::SaveAnswers);
            }
        });
    }
    ui.add_space(metrics::S);
    for (at, shipped) in SHIPPED.iter().enumerate() {
        let Ok(lesson) = shipped.read() else { continue };
        let answer = progress.answer(shipped.name);
        let mark = match answer.map(|answer| lesson.predict.choice.get(answer.predicted)) {
            Some(Some(choice)) if choice.right => "  ✓ as predicted",
            Some(_) => "  ✓",
            None => "",
        };
        if ui.link(format!("{}  {}{mark}", at + 1, lesson.title)).clicked() {
            wish = Some(Wish::Begin(at));
        }
        ui.add(Label::new(theme::caption(ui, lesson.question)).wrap());
        ui.add_space(metrics::S);
    }
    wish
}

fn lesson(ui: &mut Ui, open: &Open, curve: &Curve, answer: Option<&mut Answer>) -> Option<Wish> {
    let Open { at, lesson, predicted, checking, checked } = open;
    let mut wish = None;
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, format!("Lesson {} of {}", at + 1, SHIPPED.len())));
        if ui.link("All lessons").clicked() {
            wish = Some(Wish::List);
        }
    });
    ui.label(theme::title(ui, &lesson.title));
    ui.add(Label::new(&lesson.question).wrap());

    step(ui, "1  Predict");
    ui.add(Label::new(&lesson.predict.ask).wrap());
    match curve {
        Curve::Unasked => {}
        Curve::Open(drawn) => {
            let asked = lesson.predict.drawn.as_ref();
            let what = asked.map_or_else(String::new, |asked| {
                format!(
                    "Draw the {} that you expect of “{}” into the middle plot, by hand or with arrow keys, then choose.",
                    asked.of.words(),
                    asked.run
                )
            });
            ui.add(Label::new(theme::caption(ui, what)).wrap());
            if *drawn && ui.add(secondary("Draw again")).clicked() {
                wish = Some(Wish::Erase);
            }
        }
        Curve::Drawn(off) => {
            let text = off.as_deref().unwrap_or("Your curve is dotted in the middle plot.");
            ui.add(Label::new(text).wrap());
        }
    }
    for (choice, said) in lesson.predict.choice.iter().enumerate() {
        let chosen = *predicted == Some(choice);
        let verdict = match predicted {
            Some(_) if said.right => "  ✓ what training says",
            Some(_) if chosen => "  your prediction",
            _ => "",
        };
        let radio =
            ui.add_enabled_ui(predicted.is_none(), |ui| ui.radio(chosen, format!("{}{verdict}", said.say)));
        if radio.inner.clicked() {
            wish = Some(Wish::Predict(choice));
        }
    }
    if predicted.is_none() {
        ui.label(theme::caption(ui, "Training waits for your prediction."));
        return wish;
    }

    step(ui, "2  Drag");
    ui.add(Label::new(&lesson.drag.say).wrap());
    if ui.add(secondary(&format!("Select {}", lesson.drag.run))).clicked() {
        wish = Some(Wish::Select);
    }

    step(ui, "3  Look");
    ui.add(Label::new(&lesson.look.say).wrap());
    let panel = lesson.look.panel.as_deref().and_then(panels::named).map(panels::find);
    if let Some(panel) = panel
        && ui.add(secondary(&format!("Open {}", panel.title.to_lowercase()))).clicked()
    {
        wish = Some(Wish::Panel);
    }

    if let Some(answer) = answer {
        let note =
            TextEdit::multiline(&mut answer.note).hint_text("What did you see? It goes into the handout.");
        ui.add(note.desired_rows(2).desired_width(ui.available_width())).accessible_name("What you saw");
        if let Some(Ok(checked)) = checked {
            let held = checked.verdicts.iter().filter(|verdict| verdict.holds).count();
            answer.held = Some((held, checked.verdicts.len()));
        }
    }

    step(ui, "4  Why");
    ui.add(Label::new(&lesson.why.say).wrap());
    ui.add(Label::new(theme::caption(ui, format!("Source: {}.", lesson.why.source))).wrap());
    ui.add_space(metrics::S);
    wish = claims(ui, lesson, checking.as_ref(), checked.as_ref()).or(wish);

    step(ui, "5  Now break it");
    ui.add(Label::new(&lesson.try_to_break).wrap());
    ui.add_space(metrics::S);
    let help = "One page with your prediction, your curves and what training says, to print or to hand in.";
    if ui.add(secondary("Save handout…")).on_hover_text(help).clicked() {
        wish = Some(Wish::Handout);
    }
    if at + 1 < SHIPPED.len() {
        ui.add_space(metrics::S);
        let next = primary(ui, "Next lesson");
        if ui.add(next).clicked() {
            wish = Some(Wish::Begin(at + 1));
        }
    }
    wish
}

fn step(ui: &mut Ui, title: &str) {
    ui.add_space(metrics::S);
    panels::rule(ui);
    ui.label(theme::title(ui, title));
}

/// What the lesson claims, and what training here says of it; what is asked for.
fn claims(
    ui: &mut Ui,
    lesson: &Lesson,
    checking: Option<&Job<Result<Checked, String>>>,
    checked: Option<&Result<Checked, String>>,
) -> Option<Wish> {
    match checked {
        Some(Ok(checked)) => {
            for verdict in &checked.verdicts {
                let mark = if verdict.holds { "✓" } else { "×" };
                ui.add(Label::new(format!("{mark} {}", verdict.say)).wrap());
                let measured =
                    verdict.measured.iter().map(|(name, mean)| format!("{name} {}", significant(*mean, 3)));
                let measured = measured.collect::<Vec<_>>().join(", ");
                let text = format!("{measured}; in {} of {SEEDS} seeds", verdict.seeds);
                ui.add(Label::new(theme::caption(ui, text)).wrap());
            }
        }
        other => {
            for claim in &lesson.claim {
                ui.add(Label::new(format!("· {}", claim.say)).wrap());
            }
            if let Some(Err(error)) = other {
                ui.label(error);
            }
        }
    }
    if let Some(job) = checking {
        return waiting(ui, "Training the claims", job.progress().share()).then_some(Wish::Stop);
    }
    let asked = ui
        .add(secondary("Train the claims here"))
        .on_hover_text("Three seeds of each; some seconds.")
        .clicked();
    asked.then_some(Wish::Check)
}

//! Lessons: predict, drag, look, and only then read why; the claims can be trained here.

mod begin;
mod claims;
mod handout;

use std::sync::Arc;

use eframe::egui::{Context, Label, ScrollArea, TextEdit, Ui};

use crate::engine::protocol::Command;
use crate::jobs::{Answers, Job};
use crate::lesson::{Checked, Lesson, Miss, SHIPPED, check};
use crate::ui::action::Action;
use crate::ui::format::{count, significant};
use crate::ui::panel::{Panel, Question};
use crate::ui::panels;
use crate::ui::plot::Expected;
use crate::ui::progress::{Answer, Progress};
use crate::ui::sheet::Sheet;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{primary, secondary};
use crate::ui::wish::Wish as Asked;

pub use begin::{begin, show_answered, stage};

pub const PANEL: Panel = Panel {
    poll: |studio, _| {
        Expected::compare(studio);
        begin::zoom(studio);
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
    lesson: Lesson,
    /// The name of its experiment: another one that is opened in its place is no longer the lesson's.
    experiment: String,
    /// The choice that was predicted.
    predicted: Option<usize>,
    /// Whether the stretch to look at was shown.
    zoomed: bool,
    checking: Option<Job<Result<Checked, String>>>,
    checked: Option<Result<Checked, String>>,
}

impl Open {
    fn new(lesson: Lesson, experiment: &str, predicted: Option<usize>) -> Self {
        let experiment = experiment.to_owned();
        Self { lesson, experiment, predicted, zoomed: false, checking: None, checked: None }
    }

    /// Its row among the shipped ones.
    fn shipped(&self) -> Option<usize> {
        SHIPPED.iter().position(|shipped| shipped.name == self.lesson.name)
    }
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
    /// A lesson's file.
    OpenFile,
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
                let mut answer = progress.answer_mut(&open.lesson.name);
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

/// Whether a lesson is on show whose experiment is in view.
pub fn is_under_way(studio: &Studio) -> bool {
    let open = studio.panels.peek::<Class>().and_then(|class| class.open.as_ref());
    open.is_some_and(|open| open.experiment == studio.document.experiment().name)
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
        (Wish::Begin(at), _) => studio.wish(Asked::Lesson(at)),
        (Wish::OpenFile, _) => studio.ask(Action::Open),
        (Wish::List, open) => *open = None,
        (Wish::Erase, _) => {}
        (Wish::Predict(choice), Some(open)) => {
            open.predicted = Some(choice);
            studio.progress.predict(&open.lesson, choice, drawn);
            begin::look(studio);
            studio.tell(Command::Play);
        }
        (Wish::Select, Some(open)) => {
            let run = open.lesson.drag.run.clone();
            begin::select(studio, &run);
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
            let (lesson, checked) = (open.lesson.clone(), checked.cloned());
            let miss = studio.panels.peek::<Expected>().and_then(|expected| expected.miss);
            let off = miss.filter(|_| lesson.predict.drawn.is_some()).as_ref().map(off_by);
            let page =
                handout::page(studio, &lesson, studio.progress.answer(&lesson.name), off, checked.as_ref());
            studio.sheet = Some(Sheet::made("Save handout", &lesson.title, "html", page.into_bytes()));
        }
        (Wish::SaveAnswers, _) => {
            let report = studio.progress.report();
            studio.sheet = Some(Sheet::made("Save answers", "lesson answers", "toml", report.into_bytes()));
        }
        (Wish::Predict(_) | Wish::Select | Wish::Panel | Wish::Check | Wish::Stop | Wish::Handout, None) => {}
    }
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
    let help = "A lesson is a file that anybody can write: opened, dropped on the window, or `anneal FILE`.";
    if ui.add(secondary("Open a lesson…")).on_hover_text(help).clicked() {
        wish = Some(Wish::OpenFile);
    }
    wish
}

fn lesson(ui: &mut Ui, open: &Open, curve: &Curve, answer: Option<&mut Answer>) -> Option<Wish> {
    let Open { lesson, predicted, checking, checked, .. } = open;
    let at = open.shipped();
    let mut wish = None;
    ui.horizontal(|ui| {
        let place = |at: usize| format!("Lesson {} of {}", at + 1, SHIPPED.len());
        ui.label(theme::caption(ui, at.map_or_else(|| "A lesson of your own".to_owned(), place)));
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
    wish = claims::show(ui, lesson, checking.as_ref(), checked.as_ref()).or(wish);

    step(ui, "5  Now break it");
    ui.add(Label::new(&lesson.try_to_break).wrap());
    ui.add_space(metrics::S);
    let help = "One page with your prediction, your curves and what training says, to print or to hand in.";
    if ui.add(secondary("Save handout…")).on_hover_text(help).clicked() {
        wish = Some(Wish::Handout);
    }
    if let Some(next) = at.map(|at| at + 1).filter(|next| *next < SHIPPED.len()) {
        ui.add_space(metrics::S);
        let button = primary(ui, "Next lesson");
        if ui.add(button).clicked() {
            wish = Some(Wish::Begin(next));
        }
    }
    wish
}

fn step(ui: &mut Ui, title: &str) {
    ui.add_space(metrics::S);
    panels::rule(ui);
    ui.label(theme::title(ui, title));
}

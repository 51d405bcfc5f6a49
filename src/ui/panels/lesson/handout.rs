//! A lesson as one page to print: the question, the student's prediction and curves, and what training says.

use std::fmt::Write as _;

use crate::analysis::chart::escaped;
use crate::lesson::{Checked, Lesson};
use crate::ui::format;
use crate::ui::layout::Pane;
use crate::ui::plot::{HALF, drawn_curves, svg};
use crate::ui::progress::Answer;
use crate::ui::studio::Studio;
use crate::ui::theme::LIGHT;

const STYLE: &str = "\
@page { size: A4; margin: 14mm }
body { font: 10.5pt/1.4 Inter, system-ui, sans-serif; color: #1b1d21; background: #fff; max-width: 182mm; margin: 0 auto }
h1 { font-size: 17pt; margin: 0 0 2mm } h2 { font-size: 11pt; margin: 4mm 0 1mm }
p, ul, table { margin: 0 0 2mm } ul { padding-left: 5mm } li { margin: 0 }
.question { font-size: 12pt } .note { border-left: 1mm solid #c9cdd3; padding-left: 3mm; white-space: pre-wrap }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 4mm } .plots svg { width: 100%; height: auto }
.source, .small { color: #595f69; font-size: 9pt } table { border-collapse: collapse } td, th { text-align: left; padding: 0 5mm 0.5mm 0 }
";

/// The page, of what the studio shows now.
pub(super) fn page(
    studio: &Studio,
    lesson: &Lesson,
    answer: Option<&Answer>,
    off: Option<String>,
    checked: Option<&Checked>,
) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"question\">{question}</p>\n",
        title = escaped(&lesson.title),
        question = escaped(&lesson.question)
    );
    prediction(&mut page, lesson, answer);
    if let Some(off) = off {
        let _ = writeln!(page, "<p>{} It is the dashed curve below.</p>", escaped(&off));
    }
    let _ = writeln!(page, "<h2>What was tried</h2>\n<p>{}</p>", escaped(&lesson.drag.say));
    page += "<div class=\"plots\">\n";
    for pane in [Pane::Rate, Pane::Metric] {
        page += &svg(&drawn_curves(studio, pane, &LIGHT), &LIGHT, HALF);
    }
    page += "</div>\n";
    results(&mut page, studio);
    let _ = writeln!(page, "<h2>What to look at</h2>\n<p>{}</p>", escaped(&lesson.look.say));
    if let Some(note) = answer.map(|answer| answer.note.trim()).filter(|note| !note.is_empty()) {
        let _ = writeln!(page, "<h2>What I saw</h2>\n<p class=\"note\">{}</p>", escaped(note));
    }
    let _ = writeln!(
        page,
        "<h2>Why</h2>\n<p>{}</p>\n<p class=\"source\">Source: {}.</p>",
        escaped(&lesson.why.say),
        escaped(&lesson.why.source)
    );
    claims(&mut page, lesson, checked);
    let _ = writeln!(page, "<h2>Now break it</h2>\n<p>{}</p>\n</body></html>", escaped(&lesson.try_to_break));
    page
}

fn prediction(page: &mut String, lesson: &Lesson, answer: Option<&Answer>) {
    let _ = writeln!(page, "<h2>{}</h2>\n<ul>", escaped(&lesson.predict.ask));
    for (at, choice) in lesson.predict.choice.iter().enumerate() {
        let mine = if answer.is_some_and(|answer| answer.predicted == at) {
            " <b>– my prediction</b>"
        } else {
            ""
        };
        let right = if choice.right { " <b>– what training says</b>" } else { "" };
        let _ = writeln!(page, "<li>{}{mine}{right}</li>", escaped(&choice.say));
    }
    page.push_str("</ul>\n");
}

/// What each run came to.
fn results(page: &mut String, studio: &Studio) {
    page.push_str("<table><tr><th>Run</th><th>Updates</th><th>Validation loss</th><th>Accuracy</th></tr>\n");
    for (row, run) in studio.document.runs() {
        let of = |number: Option<f64>, text: fn(f64) -> String| number.map_or_else(|| "–".to_owned(), text);
        let mean = studio.frame.mean_values(row.id, |lane| lane.now).unwrap_or_default();
        let updates = studio.frame.lane(row.id).map_or(0, |lane| lane.update);
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&run.name),
            format::count(updates),
            of(mean.val_loss, format::metric),
            of(mean.val_accuracy, format::percent)
        );
    }
    page.push_str("</table>\n");
}

/// The claims, with what was trained for them where it was.
fn claims(page: &mut String, lesson: &Lesson, checked: Option<&Checked>) {
    page.push_str("<h2>Claims</h2>\n<ul>\n");
    match checked {
        Some(checked) => {
            for verdict in &checked.verdicts {
                let measured: Vec<String> = verdict
                    .measured
                    .iter()
                    .map(|(name, mean)| format!("{name} {}", format::significant(*mean, 3)))
                    .collect();
                let _ = writeln!(
                    page,
                    "<li>{} {} <span class=\"small\">({})</span></li>",
                    if verdict.holds { "Holds here:" } else { "Does not hold here:" },
                    escaped(&verdict.say),
                    escaped(&measured.join(", "))
                );
            }
        }
        None => {
            for claim in &lesson.claim {
                let measured = lesson.measured(claim).map_or_else(String::new, |measured| {
                    format!(" <span class=\"small\">(our own run: {})</span>", escaped(&measured))
                });
                let _ = writeln!(page, "<li>{}{measured}</li>", escaped(&claim.say));
            }
        }
    }
    page.push_str("</ul>\n");
}

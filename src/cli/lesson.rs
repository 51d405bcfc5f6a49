//! `anneal lesson`: the lessons, and whether their claims hold here.

use std::sync::Arc;

use super::{Failure, output};
use crate::analysis::statistics::{deviation, mean};
use crate::lesson::{self, Checked, Lesson, LessonError};
use crate::ui::panels::lesson::stage;

/// What `anneal lesson` is asked.
#[derive(clap::Args)]
pub(super) struct LessonArgs {
    /// A lesson's name, or a lesson's file.
    name: Option<String>,
    /// A line a lesson: its name and its title.
    #[arg(long)]
    list: bool,
    /// Train the lesson, or all of them, and say whether its claims hold; exit 1 where one fails.
    #[arg(long, conflicts_with = "list")]
    check: bool,
    /// Seeds to check under.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    seeds: u8,
    /// Training threads; all cores when not given.
    #[arg(long)]
    threads: Option<usize>,
}

pub(super) fn run(args: &LessonArgs) -> Result<(), Failure> {
    if args.list || args.name.is_none() && !args.check {
        return Ok(output::print(&list()?)?);
    }
    let asked: Vec<(String, Lesson)> = match &args.name {
        Some(name) => vec![(name.clone(), open(name)?)],
        None => lesson::SHIPPED
            .iter()
            .map(|shipped| Ok((shipped.name.to_owned(), open(shipped.name)?)))
            .collect::<Result<_, Failure>>()?,
    };
    if !args.check {
        for (_, lesson) in &asked {
            output::print(&text(lesson))?;
        }
        return Ok(());
    }
    let threads = super::threads_of(args.threads);
    let pool = Arc::new(crate::train::pool(Some(threads))?);
    let mut failed = 0;
    for (name, lesson) in &asked {
        let checked =
            lesson::check(lesson, args.seeds.into(), &pool, |_, _| Ok(())).map_err(anyhow::Error::from)?;
        output::print(&line(name, &checked, args.seeds.into()))?;
        failed += usize::from(!checked.holds());
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow::anyhow!("one lesson does not hold here"))),
        failed => Err(Failure::Failed(anyhow::anyhow!("{failed} lessons do not hold here"))),
    }
}

/// A lesson that cannot be read is a bad file.
pub(super) fn open(name: &str) -> Result<Lesson, Failure> {
    lesson::open(name, &stage()).map_err(|error: LessonError| Failure::BadFile(error.into()))
}

fn list() -> Result<String, Failure> {
    let line = |shipped: &lesson::Shipped| Ok(format!("{}\t{}\n", shipped.name, open(shipped.name)?.title));
    lesson::SHIPPED.iter().map(line).collect()
}

/// One line: whether all claims hold, and what was measured; of a lesson that fails, for the claims that do not.
fn line(name: &str, checked: &Checked, seeds: usize) -> String {
    let claims = checked.verdicts.len();
    if checked.holds() {
        let fewest = checked.verdicts.iter().map(|verdict| verdict.seeds).min().unwrap_or(0);
        let measured = told(checked, checked.measured.keys());
        return format!(
            "holds\t{name}\t{claims} of {claims} claims, each in at least {fewest} of {seeds} seeds\t{measured}\n"
        );
    }
    let held = checked.verdicts.iter().filter(|verdict| verdict.holds).count();
    let broken = checked.verdicts.iter().filter(|verdict| !verdict.holds).map(|verdict| {
        let measured = told(checked, verdict.measured.iter().map(|(name, _)| name));
        format!("not so, in {} of {seeds} seeds: {} ({measured})", verdict.seeds, verdict.say)
    });
    let broken = broken.collect::<Vec<_>>().join("; ");
    format!("FAILS\t{name}\t{held} of {claims} claims; {broken}\n")
}

/// Means of measures and how they vary over the seeds.
fn told<'a>(checked: &Checked, names: impl Iterator<Item = &'a String>) -> String {
    let measured = names.map(|name| {
        let values = &checked.measured[name];
        let [mean, spread] = [mean(values), deviation(values)].map(|value| value.unwrap_or(f64::NAN));
        format!("{name} {mean:.4} ± {spread:.4}")
    });
    measured.collect::<Vec<_>>().join(", ")
}

/// A lesson to be read in a terminal.
pub(super) fn text(lesson: &Lesson) -> String {
    let mut text = format!("{}\n\n{}\n\nPredict: {}\n", lesson.title, lesson.question, lesson.predict.ask);
    for choice in &lesson.predict.choice {
        text += &format!("  ( ) {}\n", choice.say);
    }
    if let Some(draw) = &lesson.predict.drawn {
        let (of, run) = (draw.of.words(), &draw.run);
        text +=
            &format!("  Draw: the {of} of {run} that you expect, between {} and {}\n", draw.from, draw.to);
    }
    text += &format!("\nDrag: {}\nLook: {}\n", lesson.drag.say, lesson.look.say);
    text += &format!("\nWhy: {} [{}]\n\nClaims:\n", lesson.why.say, lesson.why.source);
    for claim in &lesson.claim {
        text += &format!("  - {}\n", claim.say);
        if let Some(measured) = lesson.measured(claim) {
            text += &format!("    our own run: {measured}\n");
        }
    }
    text + &format!("\nNow break it: {}\n", lesson.try_to_break)
}

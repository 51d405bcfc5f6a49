//! `anneal screenshot`: the real studio, rendered off screen.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{Failure, lesson, read};
use crate::files;
use crate::recording::Recorder;
use crate::train::task;
use crate::ui::offscreen::screenshot::{self, Over, Shot};

/// What `anneal screenshot` is given.
#[derive(Args)]
pub struct Arguments {
    #[arg(required_unless_present = "lesson")]
    pub file: Option<PathBuf>,
    #[arg(long)]
    pub out: PathBuf,
    /// Width and height in pixels, such as 1600x1000.
    #[arg(long, value_parser = size, default_value = "1600x1000")]
    pub size: (u32, u32),
    /// Updates trained before the picture; the whole run when not given.
    #[arg(long)]
    pub updates: Option<u64>,
    /// The panel to show at the right; with a slash one of its views, such as sweep/slices.
    #[arg(long)]
    pub panel: Option<String>,
    /// Another program's log, or a folder of logs, beside the experiment's runs.
    #[arg(long)]
    pub recording: Vec<PathBuf>,
    /// What lies over the studio, or takes its place.
    #[arg(long, value_enum)]
    pub over: Option<OverChoice>,
    /// A lesson, shipped or a file of your own, in place of an experiment, as it is once its prediction was made.
    #[arg(long, conflicts_with_all = ["file", "panel"])]
    pub lesson: Option<String>,
    /// The theme.
    #[arg(long, value_enum, default_value_t)]
    pub theme: ThemeChoice,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub enum ThemeChoice {
    #[default]
    Dark,
    Light,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum OverChoice {
    Gallery,
    Palette,
    Presenter,
    Keys,
}

impl From<OverChoice> for Over {
    fn from(choice: OverChoice) -> Self {
        match choice {
            OverChoice::Gallery => Self::Gallery,
            OverChoice::Palette => Self::Palette,
            OverChoice::Presenter => Self::Presenter,
            OverChoice::Keys => Self::Keys,
        }
    }
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    let (experiment, lesson) = match (&args.file, &args.lesson) {
        (Some(file), _) => (read(file)?, None),
        (None, Some(name)) => {
            let opened = lesson::open(name)?;
            (opened.experiment().map_err(|error| Failure::BadFile(error.into()))?, Some(opened))
        }
        (None, None) => return Err(Failure::Failed(anyhow::anyhow!("there is nothing to show"))),
    };
    // Bad data are said before anything is drawn.
    task::prepare(&experiment)?;
    for path in &args.recording {
        Recorder::open(path).map_err(|error| Failure::BadFile(error.into()))?;
    }
    let shot = Shot {
        updates: args.updates,
        size: args.size,
        dark: matches!(args.theme, ThemeChoice::Dark),
        panel: args.panel.clone(),
        recordings: args.recording.clone(),
        over: args.over.map(Into::into),
        lesson,
    };
    let image = screenshot::render(experiment, &shot)?;
    let mut png = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)?;
    let there = || format!("cannot write {}", args.out.display());
    files::replace(&args.out, |file| std::io::Write::write_all(file, &png)).with_context(there)?;
    Ok(())
}

/// `1600x1000` as two numbers.
///
/// # Errors
/// When it is written otherwise, or asks for no pixels or far too many.
pub fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parsed {
        Some((width, height)) if (64..=8192).contains(&width) && (64..=8192).contains(&height) => {
            Ok((width, height))
        }
        Some(_) => Err("each side may have 64 to 8192 pixels".into()),
        None => Err("write width and height in pixels, such as 1600x1000".into()),
    }
}

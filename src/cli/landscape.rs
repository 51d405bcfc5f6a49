//! `anneal landscape`: the loss around a training's runs, as a picture.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, anyhow};
use clap::Args;

use super::{Failure, output, train};
use crate::experiment::Model;
use crate::files;
use crate::gpu::{DrawnBy, picture};
use crate::landscape::heights::CLIPPED;
use crate::landscape::survey::{SAMPLES, SIDE};
use crate::landscape::{Axes, Camera, Colormap, Heights, Ink, Objective, Scale, Scene, Trail, View, survey};
use crate::random::{Stream, rng};
use crate::train::cohort::Cohort;
use crate::ui::theme::{DARK, Tokens};

/// What `anneal landscape` is given.
#[derive(Args)]
pub struct Arguments {
    /// The folder that `anneal train --out` wrote.
    pub folder: PathBuf,
    #[arg(long)]
    pub out: PathBuf,
    /// Width and height in pixels.
    #[arg(long, value_parser = super::screenshot::size, default_value = "1200x800")]
    pub size: (u32, u32),
    /// A map from above instead of a surface.
    #[arg(long)]
    pub flat: bool,
}

/// Draws the loss over the plane in which the runs' weights differ most: from where each run began, over
/// its snapshots, to where it stands.
pub fn run(args: &Arguments) -> Result<(), Failure> {
    let Arguments { folder, out, size, flat } = args;
    let checkpoint = train::newest(folder)?;
    let pool = Arc::new(crate::train::pool(Some(crate::machine::cores()))?);
    let cohort = Cohort::new(Arc::new(checkpoint.revision()), Arc::clone(&pool))?;
    let task = cohort.task();
    let width = task.model.width();
    let beginnings: Vec<Vec<f32>> = cohort.rows().to_vec2()?;
    let mut runs = Vec::new();
    for saved in checkpoint.lanes.iter().filter(|saved| saved.id.replica == 0) {
        let lane = cohort.lanes().iter().position(|lane| lane.id == saved.id);
        let mut rows: Vec<Vec<f32>> = Vec::new();
        rows.extend(lane.and_then(|lane| beginnings.get(lane)).map(|row| row[..width].to_vec()));
        rows.extend(
            saved
                .kept
                .iter()
                .flat_map(|kept| kept.snapshots.iter().map(|snapshot| snapshot.weights.to_vec())),
        );
        rows.push(saved.row[..width].to_vec());
        runs.push(rows);
    }
    let mut directions = rng(task.seed, Stream::Directions);
    let axes = match checkpoint.experiment.model {
        Model::Surface { .. } => Axes::Weights,
        _ if runs.iter().map(Vec::len).sum::<usize>() >= 3 => Axes::Trajectory,
        _ => Axes::Random(&mut directions),
    };
    let rows: Vec<u32> = (0..task.samples.min(SAMPLES) as u32).collect();
    let objective = Objective::new(&*task.model, task.training(&rows));
    let never = AtomicBool::new(false);
    let surveyed = pool
        .install(|| survey(&objective, task.model.parameters(), &runs, axes, (SIDE, SIDE), &never, |_| ()))?;
    let survey = surveyed.ok_or_else(|| anyhow!("the survey was cancelled"))?;

    let heights = Heights::new(&survey.grid, Scale::robust(&survey.grid.losses, CLIPPED, true)).refined(3);
    let trails: Vec<Trail> = (0..runs.len())
        .map(|run| {
            let places = survey.trail(run);
            let marks = places.iter().skip(1).copied().collect();
            Trail { color: DARK.run(run).to_array(), places, marks, width: 3.0 }
        })
        .collect();
    let view = if *flat { View::Map } else { View::Surface(Camera::facing(&heights)) };
    let colormap = Colormap::viridis();
    let scene = Scene {
        heights: &heights,
        colormap: &colormap,
        ink: ink(&DARK),
        contours: 20,
        trails: &trails,
        view,
    };
    let (image, drawn) = picture(&scene, (*size).into());
    let mut png = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)?;
    let there = || format!("cannot write {}", out.display());
    files::replace(out, |file| std::io::Write::write_all(file, &png)).with_context(there)?;
    match drawn {
        DrawnBy::Adapter(name) => output::say(format!("drawn by {name}")),
        DrawnBy::Processor(why) => output::say(format!("drawn by the processor ({why})")),
    }
    Ok(())
}

fn ink(tokens: &Tokens) -> Ink {
    Ink {
        ground: tokens.ground.to_array(),
        contour: tokens.ground.to_array(),
        invalid: tokens.danger.to_array(),
        halo: tokens.ground.to_array(),
    }
}

//! States that a studio is seldom in, as pictures: each is held against a small reference, made by this test with
//! `ANNEAL_RENEW=1` and looked at before it is committed.

use std::path::{Path, PathBuf};

use anneal_studio::experiment::{Experiment, Run};
use anneal_studio::ui::offscreen::screenshot::{Over, Shot, ShotError, render};
use image::imageops::{FilterType, resize};
use image::{ImageFormat, RgbaImage};

use crate::support::digits;

/// The width of a reference.
const WIDTH: u32 = 320;
/// The mean difference of a channel, of 255, that another driver's text and lines may make.
const ALIKE: f64 = 2.5;
/// So many pixels of a hundred may differ by more than this.
const FEW: f64 = 2.0;
const MUCH: u8 = 48;

struct State {
    name: &'static str,
    experiment: fn() -> Experiment,
    updates: u64,
    size: (u32, u32),
    dark: bool,
    over: Option<Over>,
}

const STATES: [State; 9] = [
    State { name: "empty", experiment: digits, updates: 0, size: (1440, 900), dark: true, over: None },
    State { name: "one-point", experiment: digits, updates: 1, size: (1440, 900), dark: false, over: None },
    State { name: "nan", experiment: diverged, updates: 120, size: (1440, 900), dark: true, over: None },
    State { name: "24-runs", experiment: many, updates: 40, size: (1440, 900), dark: false, over: None },
    State {
        name: "long-names",
        experiment: long_names,
        updates: 40,
        size: (1024, 640),
        dark: true,
        over: None,
    },
    State { name: "1024x640", experiment: digits, updates: 200, size: (1024, 640), dark: false, over: None },
    State { name: "4k", experiment: digits, updates: 200, size: (3840, 2160), dark: true, over: None },
    State {
        name: "presenter-4k",
        experiment: digits,
        updates: 200,
        size: (3840, 2160),
        dark: false,
        over: Some(Over::Presenter),
    },
    State {
        name: "presenter-1024x640",
        experiment: digits,
        updates: 200,
        size: (1024, 640),
        dark: true,
        over: Some(Over::Presenter),
    },
];

fn diverged() -> Experiment {
    Experiment::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/wrong/diverges.toml")).unwrap()
}

fn many() -> Experiment {
    let mut experiment = digits();
    let shipped = experiment.runs.clone();
    let run = |at: usize| Run { name: format!("run {at}"), ..shipped[at % shipped.len()].clone() };
    experiment.runs = (0..24).map(run).collect();
    experiment
}

fn long_names() -> Experiment {
    let mut experiment = digits();
    experiment.name = "an experiment whose name goes on and on ".repeat(4);
    for (at, run) in experiment.runs.iter_mut().enumerate() {
        run.name = format!("warmup over five percent, then cosine to a floor of a thousandth, seed {at}");
    }
    experiment
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(format!("{name}.png"))
}

#[test]
#[cfg_attr(debug_assertions, ignore = "draws nine pictures: run it with --release")]
fn torture_states_look_as_they_did() {
    let mut others = Vec::new();
    for state in &STATES {
        let shot = Shot {
            updates: Some(state.updates),
            size: state.size,
            dark: state.dark,
            panel: None,
            recordings: Vec::new(),
            over: state.over,
            lesson: None,
        };
        let picture = match render((state.experiment)(), &shot) {
            Ok(picture) => picture,
            // Said, or refused, by the tests of pictures.
            Err(ShotError::NoAdapter) => return,
            Err(error) => panic!("{}: {error}", state.name),
        };
        let height = WIDTH * state.size.1 / state.size.0;
        let small = resize(&picture, WIDTH, height, FilterType::Triangle);
        let path = reference(state.name);
        if std::env::var_os("ANNEAL_RENEW").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            small.save_with_format(&path, ImageFormat::Png).unwrap();
        }
        let before =
            image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgba8();
        if let Some(why) = differ(&before, &small) {
            others.push(format!("{}: {why}", state.name));
        }
    }
    assert!(others.is_empty(), "look at them, then ANNEAL_RENEW=1 writes them: {others:#?}");
}

/// How two pictures differ, where that is more than another driver makes of the same.
fn differ(before: &RgbaImage, now: &RgbaImage) -> Option<String> {
    if before.dimensions() != now.dimensions() {
        return Some(format!("{:?} was {:?}", now.dimensions(), before.dimensions()));
    }
    let pairs = || before.pixels().zip(now.pixels());
    let apart = |(a, b): (&image::Rgba<u8>, &image::Rgba<u8>)| {
        a.0.iter().zip(b.0).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
    };
    let count = pairs().count() as f64;
    let mean = pairs().map(|pair| f64::from(apart(pair))).sum::<f64>() / count;
    let much = 100.0 * pairs().filter(|pair| apart(*pair) > MUCH).count() as f64 / count;
    (mean > ALIKE || much > FEW).then(|| format!("mean {mean:.2}, {much:.2} % of the pixels by much"))
}

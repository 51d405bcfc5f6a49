//! A block of a sweep's trials, trained where the driver is not: it does what it is told and says what came of it.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cohorts::Wave;
use super::driver::Sweeper;
use super::herd::stretch::Known;
use super::journal::line;
use super::space::Chosen;
use super::steps::STEPS;
use super::words::{Said, Told, same_version};
use super::{Running, SweepError};
use crate::experiment::Experiment;
use crate::train::TrainError;

/// A block at its place.
struct Block {
    sweeper: Sweeper,
    /// What the sweeper was made of.
    of: (String, PathBuf),
    wave: Wave,
}

/// Does what it is told, line by line, until there are no more lines.
///
/// # Errors
/// When it cannot read or write.
pub fn serve(told: impl BufRead, mut say: impl Write, pool: &Arc<rayon::ThreadPool>) -> io::Result<()> {
    let mut block: Option<Block> = None;
    let mut known = Known::default();
    for line in told.lines() {
        let said = match serde_json::from_str::<Told>(&line?) {
            Err(error) => Said::Failed { why: format!("a line that is not understood: {error}") },
            Ok(told) => {
                let mut lost = None;
                let done = one((&mut block, &mut known), told, pool, &mut |said| {
                    // Whoever does not listen any more does not want the rest.
                    write(&mut say, said).map_err(|error| {
                        lost = Some(error);
                        TrainError::Cancelled
                    })
                });
                if let Some(error) = lost {
                    return Err(error);
                }
                done.unwrap_or_else(|error| Said::Failed { why: error.to_string() })
            }
        };
        write(&mut say, &said)?;
    }
    Ok(())
}

fn write(say: &mut impl Write, said: &Said) -> io::Result<()> {
    serde_json::to_writer(&mut *say, said)?;
    say.write_all(b"\n")?;
    say.flush()
}

fn one(
    (block, known): (&mut Option<Block>, &mut Known),
    told: Told,
    pool: &Arc<rayon::ThreadPool>,
    say: &mut dyn FnMut(&Said) -> Result<(), TrainError>,
) -> Result<Said, SweepError> {
    let nothing = || SweepError::Impossible("a block that was not begun".to_owned());
    let mut curves = Vec::new();
    match told {
        Told::Begin { version, experiment, origin, trials } => {
            same_version(&version)?;
            *block = Some(begin(block.take(), (experiment, origin), &trials, pool)?);
        }
        Told::Advance { step } => {
            let Block { sweeper, wave, .. } = block.as_mut().ok_or_else(nothing)?;
            wave.advance(sweeper.setting(), step, &mut |share, running: &[Running]| {
                let running = running.iter().map(|one| (one.trial, one.losses.clone())).collect();
                say(&Said::Progress { share, running })
            })?;
            if step < STEPS {
                let finite =
                    |&(step, badness): &(u64, f64)| (step, Some(badness).filter(|it| it.is_finite()));
                let looks = wave.curves(sweeper.setting(), step).into_iter();
                curves = looks.map(|(trial, curve)| (trial, curve.iter().map(finite).collect())).collect();
            }
        }
        Told::Prune { trials } => {
            let Block { sweeper, wave, .. } = block.as_mut().ok_or_else(nothing)?;
            wave.prune(sweeper.setting(), &trials);
        }
        Told::Breed(breed) => {
            same_version(&breed.version)?;
            return known.breed(breed, pool, say);
        }
    }
    let Block { wave, .. } = block.as_mut().ok_or_else(nothing)?;
    let ended = wave.ended().into_iter().map(|(trial, why)| (line(&trial, false), why)).collect();
    Ok(Said::Done { ended, curves })
}

fn begin(
    before: Option<Block>,
    of: (String, PathBuf),
    trials: &[(usize, Map<String, Value>)],
    pool: &Arc<rayon::ThreadPool>,
) -> Result<Block, SweepError> {
    // The data are prepared once for all blocks of a sweep.
    let mut sweeper = match before.filter(|before| before.of == of) {
        Some(before) => before.sweeper,
        None => {
            let wrong = |why: String| SweepError::Impossible(why);
            let experiment = Experiment::parse(&of.0, &of.1).map_err(|error| wrong(error.to_string()))?;
            let sweep = experiment.sweep.clone().ok_or_else(|| wrong("a block without a sweep".into()))?;
            Sweeper::new(&experiment, &sweep, &of.1, Arc::clone(pool))?
        }
    };
    let over: Vec<String> = sweeper.space().axes().iter().map(|axis| axis.path.clone()).collect();
    let chosen = |values: &Map<String, Value>| -> Chosen {
        let value = |path: &String| toml::Value::try_from(values.get(path)?.clone()).ok();
        over.iter().filter_map(|path| Some((path.clone(), value(path)?))).collect()
    };
    let trials = trials.iter().map(|(trial, values)| (*trial, chosen(values))).collect();
    let wave = sweeper.setting_mut().wave(trials);
    Ok(Block { sweeper, of, wave })
}

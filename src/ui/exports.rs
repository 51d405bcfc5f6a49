//! What other frameworks make of the selected run, and what lint says of the experiment: worked out once
//! for each state of the document, and only while somebody looks.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use eframe::egui;

use crate::experiment::{Experiment, Run};
use crate::export::{Export, ExportError, Options, Summary, Target, export, truth_table};
use crate::lint::{Warning, lint};
use crate::schedule::Clock;
use crate::train::ids::RunId;

use super::highlight::{Ink, spans};
use super::studio::Studio;

/// The longest run that is worked out within a frame; longer ones are worked out beside it.
const AT_ONCE: u64 = 20_000;
/// Points of a curve in the small plot.
const COLUMNS: usize = 400;
/// The most lines of a text that are shown. Copying and saving take all of them.
const LINES: usize = 400;

/// Which of the two the panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    Text,
    Truth,
}

/// An export as the panel shows it.
#[derive(Debug)]
pub struct Exported {
    pub export: Export,
    /// The drawn rates and the predicted ones, thinned out: update and rate.
    pub drawn: Vec<(u64, f64)>,
    pub predicted: Vec<(u64, f64)>,
    /// The drawn rates of the first and the last update.
    pub ends: (f64, f64),
    /// The shown part of the text, its lines, and its spans by colour.
    pub shown: Range<usize>,
    pub lines: usize,
    pub spans: Vec<(Ink, Range<usize>)>,
}

/// A row for each target.
pub type Truth = Vec<(&'static Target, Summary)>;

/// The state of the export panel, and what was worked out for it.
#[derive(Debug)]
pub struct Exports {
    pub page: Page,
    pub target: &'static Target,
    /// What is chosen about exports.
    pub options: Options,
    text: Kept<Exported>,
    truth: Kept<Truth>,
    warnings: Option<(u64, Clock, Arc<[Warning]>)>,
}

impl Default for Exports {
    fn default() -> Self {
        // The first target is PyTorch's.
        Self {
            page: Page::Text,
            target: &Target::ALL[0],
            options: Options::default(),
            text: Kept::default(),
            truth: Kept::default(),
            warnings: None,
        }
    }
}

/// What a result was worked out from: it holds until one of these changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    generation: u64,
    run: RunId,
    clock: Clock,
    target: Option<&'static Target>,
    options: Options,
}

type Answer<T> = Arc<Result<T, ExportError>>;

/// The newest result, and the one being worked out.
#[derive(Debug)]
struct Kept<T> {
    done: Option<(Key, Answer<T>)>,
    pending: Option<(Key, Receiver<Answer<T>>)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { done: None, pending: None }
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// The result for `key`; `None` while it is worked out. `work` is asked for only where there is none yet.
    fn get<W>(&mut self, ctx: &egui::Context, key: Key, work: impl FnOnce() -> W) -> Option<Answer<T>>
    where
        W: FnOnce() -> Result<T, ExportError> + Send + 'static,
    {
        if let Some((of, pending)) = &self.pending {
            match pending.try_recv() {
                Ok(answer) => {
                    self.done = Some((*of, answer));
                    self.pending = None;
                }
                Err(TryRecvError::Disconnected) => self.pending = None,
                Err(TryRecvError::Empty) => {}
            }
        }
        if let Some((of, answer)) = &self.done
            && *of == key
        {
            return Some(Arc::clone(answer));
        }
        if key.clock.updates <= AT_ONCE {
            let answer = Arc::new(work()());
            self.done = Some((key, Arc::clone(&answer)));
            return Some(answer);
        }
        // One at a time: while a hand moves, what is being worked out is finished before the next begins.
        if self.pending.is_none() {
            let (send, pending) = sync_channel(1);
            let ctx = ctx.clone();
            let work = work();
            let work = move || {
                // Nobody waits for it any more when the studio has closed.
                let _ = send.send(Arc::new(work()));
                ctx.request_repaint();
            };
            match thread::Builder::new().name("export".into()).spawn(work) {
                Ok(_) => self.pending = Some((key, pending)),
                Err(error) => tracing::error!("no thread for an export: {error}"),
            }
        }
        None
    }
}

impl Studio {
    /// The selected run for the chosen target; `None` while it is worked out.
    pub fn exported(&mut self, ctx: &egui::Context) -> Option<Arc<Result<Exported, ExportError>>> {
        let target = self.exports.target;
        let key = self.key(Some(target));
        let run = self.document.run(key.run)?;
        let experiment = self.document.experiment();
        self.exports.text.get(ctx, key, || {
            let (experiment, run) = (experiment.clone(), run.clone());
            move || exported(&experiment, &run, key, target)
        })
    }

    /// The selected run under every target; `None` while it is worked out.
    pub fn truth(&mut self, ctx: &egui::Context) -> Option<Arc<Result<Truth, ExportError>>> {
        let key = self.key(None);
        let run = self.document.run(key.run)?;
        let experiment = self.document.experiment();
        self.exports.truth.get(ctx, key, || {
            let (experiment, run) = (experiment.clone(), run.clone());
            move || truth_table(&experiment, &run, key.clock, &key.options)
        })
    }

    /// What lint says of the experiment as it is, the worst first.
    pub fn warnings(&mut self) -> Arc<[Warning]> {
        let (generation, clock) = (self.document.generation(), self.clock());
        match &self.exports.warnings {
            Some((of, length, warnings)) if *of == generation && *length == clock => Arc::clone(warnings),
            _ => {
                let warnings: Arc<[Warning]> = lint(self.document.experiment(), Some(clock)).into();
                self.exports.warnings = Some((generation, clock, Arc::clone(&warnings)));
                warnings
            }
        }
    }

    fn key(&self, target: Option<&'static Target>) -> Key {
        let generation = self.document.generation();
        let options = self.exports.options;
        Key { generation, run: self.view.selected, clock: self.clock(), target, options }
    }
}

fn exported(
    experiment: &Experiment,
    run: &Run,
    Key { clock, options, .. }: Key,
    target: &'static Target,
) -> Result<Exported, ExportError> {
    let export = export(experiment, run, clock, target, &options)?;
    let curve = run.lr.resolve(clock)?;
    let drawn: Vec<f64> = (0..clock.updates).map(|update| curve.at(update)).collect();
    let ends = (curve.at(0), curve.at(clock.updates.saturating_sub(1)));
    let end = export.text.match_indices('\n').nth(LINES).map_or(export.text.len(), |(at, _)| at);
    let end = export.text[..end].trim_end().len();
    let shown = 0..end;
    Ok(Exported {
        drawn: thinned(&drawn),
        predicted: thinned(&export.predicted),
        ends,
        lines: export.text.lines().count(),
        spans: spans(&export.text[shown.clone()], target.extension),
        shown,
        export,
    })
}

impl Exported {
    /// Lines of the text that are not shown.
    pub fn hidden_lines(&self) -> usize {
        self.lines.saturating_sub(LINES)
    }
}

/// First, least, greatest and last rate of each of so many columns: no jump between two points is lost.
fn thinned(rates: &[f64]) -> Vec<(u64, f64)> {
    let every = rates.len().div_ceil(COLUMNS).max(1);
    let mut points = Vec::new();
    for (column, rates) in rates.chunks(every).enumerate() {
        let start = column * every;
        let by_rate = |a: &usize, b: &usize| rates[*a].total_cmp(&rates[*b]);
        let mut kept = vec![0, rates.len() - 1];
        kept.extend((0..rates.len()).min_by(by_rate));
        kept.extend((0..rates.len()).max_by(by_rate));
        kept.sort_unstable();
        kept.dedup();
        points.extend(kept.into_iter().map(|at| ((start + at) as u64, rates[at])));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut rates: Vec<f64> = (0..10_000).map(f64::from).collect();
        rates[5003] = -1.0;
        rates[7007] = 1e6;
        let points = thinned(&rates);
        assert!(points.len() <= 4 * COLUMNS);
        for at in [0, 5003, 7007, 9999] {
            assert!(points.contains(&(at as u64, rates[at])), "{at}");
        }
        assert_eq!(thinned(&[0.1]), [(0, 0.1)]);
        assert!(thinned(&[]).is_empty());
    }
}

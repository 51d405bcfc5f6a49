//! What the export panel keeps: what is chosen, and what was worked out of the document, once for each state of it
//! and only while somebody looks.

use std::sync::Arc;

use eframe::egui;

use crate::analysis::real_run::RealRun;
use crate::experiment::BatchSize;
use crate::export::resume::{self, Change, ResumeError, Resumption};
use crate::export::{ExportError, Options, Target};
use crate::jobs::Job;
use crate::schedule::{Clock, Span};
use crate::train::ids::RunId;
use crate::ui::exports::{self, Exported, Purpose, Truth, exported};
use crate::ui::latest::Latest;
use crate::ui::panels::batch_size;
use crate::ui::studio::Studio;

use super::form::{Form, chosen};

/// The longest run that is worked out within a frame; longer ones are worked out beside it.
const AT_ONCE: u64 = 20_000;

/// Which of the two the panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    Text,
    Truth,
    Resume,
}

/// Where the run is to be resumed, and what changes there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    pub at: u64,
    /// Updates of the whole run after the change.
    pub length: u64,
    /// The schedule's new peak, where it changes.
    pub lr: Option<f64>,
}

/// What is chosen, and what was worked out for it.
#[derive(Debug)]
pub struct State {
    pub page: Page,
    pub target: &'static Target,
    /// What is chosen about exports.
    pub options: Options,
    /// As the panel is set; until it is touched it follows the run.
    pub wish: Option<Wish>,
    /// The run of one's own that it is exported for.
    pub real: RealRun,
    /// Of a run that was edited while it trained: which of its two forms.
    pub form: Form,
    text: Latest<Key, Answer<Exported>>,
    truth: Latest<Key, Answer<Truth>>,
    resume: Latest<Key, Answer<Resumption, ResumeError>>,
}

impl Default for State {
    fn default() -> Self {
        // The first target is PyTorch's.
        Self {
            page: Page::Text,
            target: &Target::ALL[0],
            options: Options::default(),
            wish: None,
            real: RealRun::default(),
            form: Form::default(),
            text: Latest::default(),
            truth: Latest::default(),
            resume: Latest::default(),
        }
    }
}

/// What a result was worked out from: it holds until one of these changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    generation: u64,
    run: RunId,
    target: Option<&'static Target>,
    purpose: Purpose,
    wish: Option<Wish>,
    /// The form, and the stamp of the rates that were used.
    form: (Form, u64),
}

type Answer<T, E = ExportError> = Option<Arc<Result<T, E>>>;

/// The result for `key`; `None` while it is worked out. `work` is asked for only where there is none yet.
fn get<T: Send + Sync + 'static, E: Send + Sync + 'static, W>(
    latest: &mut Latest<Key, Answer<T, E>>,
    ctx: &egui::Context,
    key: Key,
    work: impl FnOnce() -> W,
) -> Answer<T, E>
where
    W: FnOnce() -> Result<T, E> + Send + 'static,
{
    // What was lost is worked out again.
    latest.poll(|| None);
    if let Some(Some(answer)) = latest.of(&key) {
        return Some(Arc::clone(answer));
    }
    if key.purpose.updates() <= AT_ONCE {
        let answer = Some(Arc::new(work()()));
        latest.set(key, answer.clone());
        return answer;
    }
    // One at a time: while a hand moves, what is being worked out is finished before the next begins.
    if !latest.is_pending() {
        let (ctx, work) = (ctx.clone(), work());
        match Job::spawn("export", move || ctx.request_repaint(), move |_| Some(Arc::new(work()))) {
            Ok(job) => latest.renew(key, job),
            Err(error) => tracing::error!("no thread for an export: {error}"),
        }
    }
    None
}

/// The selected run for the chosen target; `None` while it is worked out.
pub fn text(studio: &mut Studio, ctx: &egui::Context) -> Answer<Exported> {
    let target = studio.panels.of::<State>().target;
    let key = key(studio, Some(target));
    let Studio { document, panels, frame, .. } = studio;
    let run = document.run(key.run)?;
    get(&mut panels.of::<State>().text, ctx, key, || {
        let (form, _) = key.form;
        let (experiment, run) = chosen(document.experiment(), run, form, key.purpose.clock, &frame.used);
        move || exported(&experiment, &run, &key.purpose, target)
    })
}

/// The selected run under every target; `None` while it is worked out.
pub fn truth(studio: &mut Studio, ctx: &egui::Context) -> Answer<Truth> {
    let key = key(studio, None);
    let Studio { document, panels, frame, .. } = studio;
    let run = document.run(key.run)?;
    get(&mut panels.of::<State>().truth, ctx, key, || {
        let (form, _) = key.form;
        let (experiment, run) = chosen(document.experiment(), run, form, key.purpose.clock, &frame.used);
        move || exports::truth(&experiment, &run, &key.purpose)
    })
}

/// What the chosen target does when the selected run is resumed so; `None` while it is worked out.
pub fn resume(studio: &mut Studio, ctx: &egui::Context, wish: Wish) -> Answer<Resumption, ResumeError> {
    let target = studio.panels.of::<State>().target;
    let key = Key { wish: Some(wish), ..key(studio, Some(target)) };
    let Studio { document, panels, .. } = studio;
    let run = document.run(key.run)?;
    get(&mut panels.of::<State>().resume, ctx, key, || {
        let (experiment, run) = (document.experiment().clone(), run.clone());
        move || {
            let change = Change { length: Some(Span::Updates(wish.length as f64)), lr: wish.lr };
            let after = resume::changed(&run, &change)?;
            let then = Clock { updates: wish.length, ..key.purpose.clock };
            resume::resume(
                &experiment,
                (&run, key.purpose.clock),
                (&after, then),
                wish.at,
                target,
                &key.purpose.options,
            )
        }
    })
}

fn key(studio: &mut Studio, target: Option<&'static Target>) -> Key {
    let State { options, real, form, .. } = *studio.panels.of::<State>();
    // A run of one form has no other.
    let form = if studio.is_mixed(studio.view.selected) { form } else { Form::Planned };
    let generation = studio.document.generation();
    let experiment = studio.document.experiment();
    let batch = match experiment.data.batch_size {
        BatchSize::Samples(samples) => samples,
        BatchSize::All => studio.frame.status.batch.max(1),
    };
    let samples = (batch * experiment.train.accumulate) as u64;
    let purpose =
        Purpose { clock: studio.clock(), options, samples, real, scaling: batch_size::scaling(studio) };
    let form = (form, if form == Form::Trained { studio.frame.used.stamp } else { 0 });
    Key { generation, run: studio.view.selected, target, purpose, wish: None, form }
}

//! What another batch, accumulation or number of machines means for the rate and the schedule.

use eframe::egui::{Label, RichText, ScrollArea, Ui};

use crate::analysis::noise_scale::{
    self, Batching, Consequence, Keep, Measured, Scaling, consequence, rebatched,
};
use crate::engine::protocol::Command;
use crate::experiment::BatchSize;
use crate::train::TrainError;
use crate::train::ids::{LaneId, RunId};
use crate::ui::format;
use crate::ui::latest::Latest;
use crate::ui::panel::{Panel, Question};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{Amount, Figures, figures, primary, prose, secondary, segmented, waiting, whole};

/// What is thought of: the batching now and the one to come, what is kept, and how the rate follows.
#[derive(Clone, Copy)]
struct Plan {
    from: Batching,
    to: Batching,
    keep: Keep,
    scaling: Scaling,
}

/// What is set in the panel, and the noise scale.
#[derive(Debug, Default)]
pub struct State {
    /// What is thought of; as the experiment has it without one.
    pub to: Option<Batching>,
    keep: Option<Keep>,
    scaling: Option<Scaling>,
    /// By the generation of the document it was asked in, and the run.
    noise: Latest<(u64, RunId), Result<Measured, TrainError>>,
}

/// Takes in what has come; an edit cancels what is on its way.
fn poll(studio: &mut Studio, _shown: bool) -> bool {
    let generation = studio.document.generation();
    let noise = &mut studio.panels.of::<State>().noise;
    noise.poll(|| Err(TrainError::Cancelled));
    noise.cancel_unless(|(asked, _)| *asked == generation);
    noise.is_pending()
}

/// Estimates the noise scale where the selected run stands.
fn measure(studio: &mut Studio) {
    let (run, generation) = (studio.view.selected, studio.document.generation());
    let (errand, promise) = noise_scale::errand(LaneId { run, replica: 0 });
    studio.panels.of::<State>().noise.restart((generation, run), promise);
    studio.tell(Command::Errand(errand));
}

pub const PANEL: Panel = Panel {
    ask: measure,
    poll,
    ..Panel::new(
        "batch-helper",
        "Batch helper",
        Question::Find,
        "What another batch size means for the rate and the schedule.",
        show,
    )
};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let status = &studio.frame.status;
    if status.samples == 0 || studio.document.experiment().data.source == crate::experiment::Source::None {
        prose(ui, "A surface has no samples, and its updates no batch size: choose data under Experiment.");
        return;
    }
    let plan = plan(studio);
    ScrollArea::vertical().id_salt("batch size").auto_shrink([false, false]).show(ui, |ui| {
        // Room for the bar on the right, which floats.
        ui.set_max_width(ui.available_width() - metrics::S);
        let plan = settings(ui, studio, plan);
        ui.add_space(metrics::M);
        consequences(ui, studio, plan);
        ui.add_space(metrics::L);
        noise(ui, studio);
        ui.add_space(metrics::M);
    });
}

/// As the panel is set; what was not touched is as the experiment has it.
fn plan(studio: &Studio) -> Plan {
    let experiment = studio.document.experiment();
    let state = studio.panels.peek::<State>();
    let batch = match experiment.data.batch_size {
        BatchSize::Samples(samples) => samples as u64,
        BatchSize::All => studio.frame.status.batch as u64,
    };
    let from = Batching { batch, accumulate: experiment.train.accumulate as u64, world: 1 };
    Plan {
        from,
        to: state.and_then(|state| state.to).unwrap_or(from),
        keep: state.and_then(|state| state.keep).unwrap_or(Keep::Epochs),
        scaling: scaling(studio),
    }
}

/// How the selected run's rate follows the batch: as was chosen, or as is usual for its optimizer.
pub fn scaling(studio: &Studio) -> Scaling {
    let chosen = studio.panels.peek::<State>().and_then(|state| state.scaling);
    let usual = studio.document.run(studio.view.selected).map_or(Scaling::Linear, Scaling::usual);
    chosen.unwrap_or(usual)
}

fn settings(ui: &mut Ui, studio: &mut Studio, mut plan: Plan) -> Plan {
    let state = studio.panels.of::<State>();
    let to = &mut plan.to;
    let many = |label, help| Amount::whole(label, help, 1.0..=4096.0).logarithmic().limits(1.0..=1e6);
    let few = |label, help| Amount::whole(label, help, 1.0..=64.0).logarithmic().limits(1.0..=1e5);
    let mut changed =
        whole(ui, &many("Batch size", "Samples of a micro-batch on one machine."), &mut to.batch);
    changed |= whole(ui, &few("Accumulate", "Micro-batches that make an update."), &mut to.accumulate);
    changed |= whole(
        ui,
        &few("World size", "Machines that share an update, each with such batches."),
        &mut to.world,
    );
    if changed {
        state.to = Some(*to);
    }
    ui.add_space(metrics::XS);
    let scaling = [
        (Scaling::Linear, "Linear", "The rate grows with the batch: for SGD, up to the critical batch size."),
        (
            Scaling::SquareRoot,
            "Square root",
            "The rate grows with the batch's root: for Adam, and careful for SGD.",
        ),
    ];
    if segmented(ui, &mut plan.scaling, &scaling) {
        state.scaling = Some(plan.scaling);
    }
    ui.add_space(metrics::XS);
    let keep = [
        (Keep::Epochs, "Same epochs", "The same samples are seen: the fair comparison."),
        (Keep::Updates, "Same updates", "A larger batch then sees more samples."),
    ];
    if segmented(ui, &mut plan.keep, &keep) {
        state.keep = Some(plan.keep);
    }
    plan
}

fn consequences(ui: &mut Ui, studio: &mut Studio, plan: Plan) {
    let (samples, clock) = (studio.frame.status.samples as u64, studio.clock());
    let Some((before, after)) = consequence(samples, clock, plan.from, plan.to, plan.keep) else {
        let text = format!(
            "One update would take {} samples, and there are {} to train on.",
            format::count(plan.to.samples()),
            format::count(samples)
        );
        ui.add(Label::new(RichText::new(text).color(theme::tokens(ui).warning)).wrap());
        return;
    };
    let factor = plan.scaling.factor(before.samples_per_update, after.samples_per_update);
    let peak = studio.curve(studio.view.selected).map(|curve| curve.range().1);
    table(ui, &before, &after, peak, factor);
    ui.add_space(metrics::S);
    if plan.to.world > 1 {
        let text = "One machine trains it here: world size and batch become one batch of the same samples.";
        ui.add(Label::new(theme::caption(ui, text)).wrap());
    }
    let changes = plan.from != plan.to;
    let help =
        "Batch, accumulation, length and every run's rates and lengths, in one step that undo takes back.";
    let apply = ui.add_enabled(changes, primary(ui, "Apply"));
    let apply = apply.on_hover_text(help).on_disabled_hover_text("The experiment has this batch.");
    if apply.clicked()
        && let Some(changed) = rebatched(
            studio.document.experiment(),
            samples,
            clock,
            (plan.from, plan.to),
            plan.keep,
            plan.scaling,
        )
    {
        studio.document.settle();
        studio.document.edit(|experiment| *experiment = changed);
        studio.panels.of::<State>().to = None;
    }
}

fn table(ui: &mut Ui, before: &Consequence, after: &Consequence, peak: Option<f64>, factor: f64) {
    let row = |name: &str, before: String, after: String| Figures {
        name: name.to_owned(),
        cells: vec![before, after],
        ..Figures::default()
    };
    let counts = |name: &str, of: fn(&Consequence) -> u64| {
        row(name, format::count(of(before)), format::count(of(after)))
    };
    let mut rows = vec![
        counts("Samples an update", |c| c.samples_per_update),
        counts("Updates an epoch", |c| c.updates_per_epoch),
        counts("Updates", |c| c.updates),
        row("Epochs", format::significant(before.epochs, 3), format::significant(after.epochs, 3)),
        counts("Samples seen", |c| c.samples_seen),
    ];
    if let Some(peak) = peak {
        rows.push(row("Highest rate", format::rate(peak), format::rate(peak * factor)));
    }
    figures(ui, &[("Now", "The experiment as it is."), ("Then", "With the batch above.")], &rows);
}

fn noise(ui: &mut Ui, studio: &mut Studio) {
    ui.label(theme::title(ui, "Gradient noise scale"));
    prose(
        ui,
        "About the critical batch size: a larger batch than this no longer saves updates in proportion.",
    );
    ui.add_space(metrics::XS);
    let noise = &mut studio.panels.of::<State>().noise;
    if let Some(share) = noise.progress() {
        if waiting(ui, "Comparing gradients", share) {
            noise.cancel();
        }
        return;
    }
    let newest = noise.newest().filter(|((_, of), _)| *of == studio.view.selected);
    let measured = newest.and_then(|(_, answer)| answer.as_ref().ok()).copied();
    if let Some(measured) = measured {
        estimate(ui, studio, measured);
    } else if let Some(error) = noise.error() {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(&error));
    }
    let label = if measured.is_some() { "Estimate again" } else { "Estimate" };
    let help = "From gradients of small batches at the selected run's present weights, beside the training.";
    if ui.add(secondary(label)).on_hover_text(help).clicked() {
        measure(studio);
    }
}

fn estimate(ui: &mut Ui, studio: &Studio, measured: Measured) {
    let now = studio.document.experiment();
    let at = format!("at update {}, from {} batches", format::count(measured.update), measured.batches);
    match measured.scale.samples() {
        Some(samples) => {
            ui.label(theme::value(ui, format!("{} samples", format::significant(samples, 2))));
            ui.label(theme::caption(ui, at));
            let batch = studio.frame.status.batch as f64 * now.train.accumulate as f64;
            let text = if batch < samples / 2.0 {
                "The present batch is well below it: a larger one saves updates nearly in proportion."
            } else if batch > samples * 2.0 {
                "The present batch is above it: a smaller one would learn nearly as much an update."
            } else {
                "The present batch is about as large."
            };
            ui.add(Label::new(theme::caption(ui, text)).wrap());
        }
        None => {
            let text = "The mean gradient is lost in the noise here: estimate again earlier in the training.";
            ui.add(Label::new(theme::caption(ui, text)).wrap());
        }
    }
    ui.add_space(metrics::XS);
}

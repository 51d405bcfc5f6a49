//! The selected run's controller: the rule that multiplies its schedule, and where it stands.

use eframe::egui::Ui;

use crate::experiment::{
    Controller, Experiment, Greedy, Hypergradient, Metric, Plateau, PlateauMode, Run, Source, ThresholdMode,
};
use crate::schedule::greedy::GreedyRule;
use crate::schedule::plateau::PlateauRule;
use crate::train::control::Standing;
use crate::ui::format;
use crate::ui::frame::LaneFrame;
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, choice, row, whole};

/// The rules there are.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    None,
    Plateau,
    Greedy,
    Hypergradient,
}

impl Rule {
    fn of(run: &Run) -> Self {
        match run.controller {
            None => Self::None,
            Some(Controller::Plateau(_)) => Self::Plateau,
            Some(Controller::Greedy(_)) => Self::Greedy,
            Some(Controller::Hypergradient(_)) => Self::Hypergradient,
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::None => "Nothing but the schedule moves the rate.",
            Self::Plateau => "Cuts the rate when a metric stops improving (ReduceLROnPlateau).",
            Self::Greedy => {
                "Raises the rate while a metric improves, and cuts it while it does not (GreedyLR)."
            }
            Self::Hypergradient => "The rate follows its own gradient (SGD-HD, Adam-HD).",
        }
    }

    /// A controller of this rule, as one begins with it.
    fn begin(self, metrics: &[(&str, Metric)]) -> Option<Controller> {
        // The validation loss where there is one.
        let metric = metrics.get(1).or(metrics.first()).map_or(Metric::TrainLoss, |(_, metric)| *metric);
        Some(match self {
            Self::None => return None,
            Self::Plateau => {
                let rule = PlateauRule { patience: 2, ..PlateauRule::default() };
                Controller::Plateau(Plateau { metric, rule })
            }
            Self::Greedy => {
                let rule = GreedyRule { patience: 2, min_lr: 0.0, ..GreedyRule::default() };
                Controller::Greedy(Greedy { metric, rule })
            }
            Self::Hypergradient => Controller::Hypergradient(Hypergradient { beta: 1e-4 }),
        })
    }

    /// The rules that can go with the run's optimizer and the experiment's data.
    fn allowed(experiment: &Experiment, run: &Run) -> Vec<(&'static str, Self)> {
        let mut rules = vec![("None", Self::None)];
        if experiment.data.source != Source::None {
            rules.extend([("Plateau", Self::Plateau), ("Greedy", Self::Greedy)]);
        }
        if run.optimizer.has_hypergradient() {
            rules.push(("Hypergradient", Self::Hypergradient));
        }
        rules
    }
}

/// The metrics there are to watch.
fn metrics(experiment: &Experiment) -> &'static [(&'static str, Metric)] {
    const ALL: [(&str, Metric); 3] = [
        ("Training loss", Metric::TrainLoss),
        ("Validation loss", Metric::ValLoss),
        ("Validation accuracy", Metric::ValAccuracy),
    ];
    if experiment.data.validation > 0.0 { &ALL } else { &ALL[..1] }
}

pub fn show(ui: &mut Ui, studio: &Studio, run: &mut Run) {
    let experiment = studio.document.experiment();
    let metrics = metrics(experiment);
    let before = Rule::of(run);
    let mut rule = before;
    let help = "A rule that multiplies the schedule by what it sees of the training.";
    choice(ui, "Controller", help, &mut rule, &Rule::allowed(experiment, run));
    if rule != before {
        run.controller = rule.begin(metrics);
    }
    ui.label(theme::caption(ui, rule.about()));
    if rule == before
        && let Some(lane) = studio.frame.lane(studio.view.selected)
        && let Some(control) = &lane.control
    {
        standing(ui, lane, control);
    }
    ui.push_id("controller", |ui| match &mut run.controller {
        None => {}
        Some(Controller::Plateau(rule)) => plateau(ui, rule, metrics),
        Some(Controller::Greedy(rule)) => greedy(ui, rule, metrics),
        Some(Controller::Hypergradient(rule)) => {
            let spec = Amount::rate("β", "The learning rate of the learning rate.");
            amount(ui, &Amount { range: 1e-10..=1.0, ..spec }.limits(1e-30..=1e30), &mut rule.beta);
        }
    });
}

/// The metric, which way it gets better, and how much counts.
fn watched(ui: &mut Ui, metric: &mut Metric, mode: &mut PlateauMode, metrics: &[(&str, Metric)]) {
    if choice(ui, "Metric", "What is watched, once an epoch.", metric, metrics) {
        *mode = metric.mode();
    }
}

fn threshold(ui: &mut Ui, threshold: &mut f64, mode: &mut ThresholdMode) {
    let spec = Amount::number("Threshold", "How much better counts as better.", 0.0..=0.1);
    amount(ui, &spec.limits(0.0..=1e6), threshold);
    let modes = [("of the best", ThresholdMode::Rel), ("absolute", ThresholdMode::Abs)];
    choice(ui, "Threshold is", "Relative to the best value, or absolute.", mode, &modes);
}

fn epochs(ui: &mut Ui, label: &str, help: &str, count: &mut u64) {
    whole(ui, &Amount::whole(label, help, 0.0..=20.0).limits(0.0..=1e6).unit("epochs"), count);
}

fn plateau(ui: &mut Ui, Plateau { metric, rule }: &mut Plateau, metrics: &[(&str, Metric)]) {
    watched(ui, metric, &mut rule.mode, metrics);
    let factor = Amount::number("Factor", "What each cut multiplies by.", 0.01..=0.99);
    amount(ui, &factor.limits(0.0..=1.0 - 1e-6), &mut rule.factor);
    epochs(ui, "Patience", "Epochs without improvement that are tolerated.", &mut rule.patience);
    epochs(ui, "Cooldown", "Epochs after a cut in which nothing counts.", &mut rule.cooldown);
    threshold(ui, &mut rule.threshold, &mut rule.threshold_mode);
    let help = "The weight of the past in the average that the rule sees: a noisy metric cuts too early.";
    let smoothing = Amount::number("Smoothing", help, 0.0..=0.95);
    amount(ui, &smoothing.limits(0.0..=1.0 - 1e-6), &mut rule.smoothing);
    amount(ui, &Amount::rate("Lowest rate", "No cut leads below it."), &mut rule.min_lr);
}

fn greedy(ui: &mut Ui, Greedy { metric, rule }: &mut Greedy, metrics: &[(&str, Metric)]) {
    watched(ui, metric, &mut rule.mode, metrics);
    let factor = Amount::number("Factor", "A cut multiplies by it, a raise divides by it.", 0.5..=0.99);
    amount(ui, &factor.limits(1e-6..=1.0 - 1e-6), &mut rule.factor);
    epochs(ui, "Patience", "Epochs of one sort in a row that change nothing.", &mut rule.patience);
    epochs(ui, "Cooldown", "Epochs after a cut that are not looked at.", &mut rule.cooldown);
    epochs(ui, "Warmup", "Epochs after a raise that are not looked at.", &mut rule.warmup);
    threshold(ui, &mut rule.threshold, &mut rule.threshold_mode);
    let mut window = rule.window.unwrap_or(1) as u64;
    let spec = Amount::whole("Window", "The rule sees the mean of so many epochs.", 1.0..=50.0);
    if whole(ui, &spec.limits(1.0..=1e6).unit("epochs"), &mut window) {
        rule.window = (window > 1).then(|| usize::try_from(window).unwrap_or(usize::MAX));
    }
    if amount(ui, &Amount::rate("Lowest rate", "No cut leads below it."), &mut rule.min_lr) {
        rule.max_lr = rule.max_lr.max(rule.min_lr);
    }
    if amount(ui, &Amount::rate("Highest rate", "No raise leads above it."), &mut rule.max_lr) {
        rule.min_lr = rule.min_lr.min(rule.max_lr);
    }
}

/// What the rule sees now, and what it is about to do.
fn standing(ui: &mut Ui, lane: &LaneFrame, control: &Standing) {
    let mut reading = |label: &str, help: &str, value: String| {
        row(ui, label, help, |ui, _| ui.label(theme::value(ui, value)));
    };
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format::significant(value, 4));
    let epochs =
        |count: u64| format!("{} {}", format::count(count), if count == 1 { "epoch" } else { "epochs" });
    if let Some(metric) = control.metric {
        let now = match metric {
            Metric::TrainLoss => lane.now.loss,
            Metric::ValLoss => lane.now.val_loss,
            Metric::ValAccuracy => lane.now.val_accuracy,
        };
        reading("Now", "The newest value of the metric.", number(now));
        if control.smoothed.is_some() {
            reading("Smoothed", "The metric as the rule sees it.", number(control.smoothed));
        }
        reading("Best", "The best the rule has seen.", number(control.best));
        let help = "Epochs without improvement until the rate is cut.";
        reading("Cuts after", help, epochs((control.patience + 1).saturating_sub(control.bad)));
        if control.resting > 0 {
            reading("Rests for", "Epochs after a change that do not count.", epochs(control.resting));
        }
    }
    let help = "What the schedule is multiplied by now.";
    reading("Multiplier", help, format!("× {}", format::significant(control.multiplier, 4)));
}

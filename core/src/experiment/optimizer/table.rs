//! The table of optimizers: the file, the inspector, imports and lint read it; the rules themselves are in
//! `train::optimizer`.

use super::info::{
    Conflict, NumberInfo, OptionInfo, Settings, Slider, Steps, alpha, beta1, beta2, constant, eps, momentum,
    option, share, weight_decay,
};

/// An optimizer, apart from its arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerInfo {
    /// Its name in an experiment file.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// In the order in which files and the inspector show them.
    pub numbers: &'static [NumberInfo],
    pub options: &'static [OptionInfo],
    /// Its class in PyTorch, or in the package most used there, and the rate that class has by default.
    pub pytorch: (&'static str, f64),
    pub steps: Steps,
    /// Whether weight decay shrinks the weights and stays out of the gradient.
    pub decays_apart: bool,
    /// Whether its rule can say how the loss answers to the rate, as hypergradient descent asks.
    pub has_hypergradient: bool,
    /// The rule that is averaged, of a schedule-free one.
    pub averages: Option<OptimizerKind>,
    /// What cannot go together in its settings.
    pub conflict: fn(&Settings<'_>) -> Option<Conflict>,
}

/// A row with nothing special, for the table to start from.
const PLAIN: OptimizerInfo = OptimizerInfo {
    name: "",
    title: "",
    help: "",
    numbers: &[],
    options: &[],
    pytorch: ("", 1e-3),
    steps: Steps::Other,
    decays_apart: false,
    has_hypergradient: false,
    averages: None,
    conflict: |_| None,
};

macro_rules! optimizers {
    ($( $(#[doc = $help:literal])* $kind:ident $name:literal { $($row:tt)* } )*) => {
        /// The update rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OptimizerKind { $( $(#[doc = $help])* $kind, )* }

        impl OptimizerKind {
            /// Every kind, by its name in an experiment file.
            pub const ALL: [(&'static str, Self); [$($name),*].len()] = [$(($name, Self::$kind)),*];

            /// The kind's row of the table.
            pub const fn info(self) -> &'static OptimizerInfo {
                match self {
                    $( Self::$kind => {
                        const INFO: OptimizerInfo =
                            OptimizerInfo { name: $name, help: concat!($($help),*).trim_ascii(), $($row)* };
                        &INFO
                    } )*
                }
            }
        }
    };
}

// Names and defaults are PyTorch's; where PyTorch has no such optimizer, those of the paper or its authors' package.
optimizers! {
    /// Steps along the gradient, and with momentum along former gradients too.
    Sgd "sgd" {
        title: "SGD",
        numbers: &[momentum(0.0), DAMPENING, weight_decay(0.0)],
        options: &[NESTEROV],
        pytorch: ("SGD", 1e-3),
        steps: Steps::Gradient,
        has_hypergradient: true,
        conflict: nesterov_without_momentum,
        ..PLAIN
    }

    /// Divides the mean gradient by the root of the mean squared gradient.
    Adam "adam" {
        title: "Adam",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.0)],
        options: &[AMSGRAD, GRADIENT_START],
        pytorch: ("Adam", 1e-3),
        steps: Steps::Rate,
        has_hypergradient: true,
        ..PLAIN
    }

    /// Adam with weight decay apart from the gradient.
    AdamW "adamw" {
        title: "AdamW",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.01)],
        options: &[AMSGRAD, GRADIENT_START, CAUTIOUS],
        pytorch: ("AdamW", 1e-3),
        steps: Steps::Rate,
        has_hypergradient: true,
        decays_apart: true,
        ..PLAIN
    }

    /// Divides the gradient by the root of the mean squared gradient.
    RmsProp "rmsprop" {
        title: "RMSprop",
        numbers: &[alpha(0.99), eps(1e-8), momentum(0.0), weight_decay(0.0)],
        options: &[CENTERED],
        pytorch: ("RMSprop", 1e-2),
        ..PLAIN
    }

    /// Divides the gradient by the root of the sum of all squared gradients.
    Adagrad "adagrad" {
        title: "Adagrad",
        numbers: &[LR_DECAY, INITIAL_ACCUMULATOR_VALUE, eps(1e-10), weight_decay(0.0)],
        pytorch: ("Adagrad", 1e-2),
        ..PLAIN
    }

    /// Steps of one size, by the sign of a mean gradient (arXiv 2302.06675).
    Lion "lion" {
        title: "Lion",
        numbers: &[beta1(0.9), beta2(0.99), weight_decay(0.0)],
        options: &[CAUTIOUS],
        pytorch: ("Lion", 1e-4),
        steps: Steps::Rate,
        decays_apart: true,
        ..PLAIN
    }

    /// SGD whose weights are averaged along the way instead of the rate being scheduled (arXiv 2405.15682).
    ScheduleFreeSgd "schedule_free_sgd" {
        title: "Schedule-free SGD",
        numbers: &[momentum(0.9), weight_decay(0.0)],
        pytorch: ("SGDScheduleFree", 1.0),
        steps: Steps::Gradient,
        averages: Some(OptimizerKind::Sgd),
        ..PLAIN
    }

    /// AdamW whose weights are averaged along the way instead of the rate being scheduled (arXiv 2405.15682).
    ScheduleFreeAdamW "schedule_free_adamw" {
        title: "Schedule-free AdamW",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.0)],
        pytorch: ("AdamWScheduleFree", 2.5e-3),
        steps: Steps::Rate,
        averages: Some(OptimizerKind::AdamW),
        ..PLAIN
    }

    /// Adam that looks ahead along its momentum, which warms up (Dozat 2016).
    NAdam "nadam" {
        title: "NAdam",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), MOMENTUM_DECAY, weight_decay(0.0)],
        options: &[DECOUPLED],
        pytorch: ("NAdam", 2e-3),
        steps: Steps::Rate,
        ..PLAIN
    }

    /// Adam whose steps wait until the mean squared gradient is known (arXiv 1908.03265).
    RAdam "radam" {
        title: "RAdam",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.0)],
        options: &[DECOUPLED],
        pytorch: ("RAdam", 1e-3),
        steps: Steps::Rate,
        ..PLAIN
    }

    /// Adam whose step is as long as the matrix it moves, for large batches (arXiv 1904.00962).
    Lamb "lamb" {
        title: "LAMB",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-6), weight_decay(0.01)],
        pytorch: ("Lamb", 1e-3),
        ..PLAIN
    }

    /// Steps in proportion to the weights, the mean squares of a matrix kept as a row and a column (arXiv 1804.04235).
    Adafactor "adafactor" {
        title: "Adafactor",
        numbers: &[BETA2_DECAY, EPS1, EPS2, CLIPPING, weight_decay(0.0)],
        pytorch: ("Adafactor", 1e-2),
        decays_apart: true,
        ..PLAIN
    }

    /// AdamW that estimates the distance to the solution and multiplies the rate by it (arXiv 2306.06101).
    Prodigy "prodigy" {
        title: "Prodigy",
        numbers: &[beta1(0.9), beta2(0.999), FIRST_DISTANCE, DISTANCE_FACTOR, eps(1e-8), weight_decay(0.0)],
        options: &[BIAS_CORRECTION, SAFEGUARD],
        pytorch: ("Prodigy", 1.0),
        decays_apart: true,
        ..PLAIN
    }

    /// Makes the momentum of a matrix orthogonal; embeddings and vectors have AdamW (Jordan 2024).
    Muon "muon" {
        title: "Muon",
        numbers: &[momentum(0.95), NS_STEPS, AUXILIARY_BETA1, beta2(0.999), eps(1e-8), weight_decay(0.1)],
        options: &[OptionInfo { default: true, ..NESTEROV }, MATCH_ADAMW],
        pytorch: ("Muon", 1e-3),
        decays_apart: true,
        ..PLAIN
    }
}

const NESTEROV: OptionInfo = option("nesterov", "Nesterov", "Look ahead along the momentum.");
const AMSGRAD: OptionInfo =
    option("amsgrad", "AMSGrad", "Divide by the greatest mean squared gradient so far (arXiv 1904.09237).");
const GRADIENT_START: OptionInfo = option(
    "gradient_start",
    "Gradient start",
    "Let the mean squared gradient begin at the first one's square: GI-Adam, whose steps begin short (arXiv 2406.09405).",
);
const CAUTIOUS: OptionInfo = option(
    "cautious",
    "Cautious",
    "Leave out the weights whose step goes against their gradient (arXiv 2411.16085).",
);
const CENTERED: OptionInfo =
    option("centered", "Centered", "Divide by the gradient's deviation from its mean.");
const DAMPENING: NumberInfo = NumberInfo {
    open: false,
    ..share(
        "dampening",
        "Dampening",
        "The share of a gradient that momentum leaves out, but for the first.",
        0.0,
    )
};
const LR_DECAY: NumberInfo = small("lr_decay", "Rate decay", "Divides the rate by 1 plus this an update.");
const INITIAL_ACCUMULATOR_VALUE: NumberInfo =
    small("initial_accumulator_value", "Initial sum", "What the sum of squared gradients begins with.");

const DECOUPLED: OptionInfo = option(
    "decoupled_weight_decay",
    "Decoupled decay",
    "Keep weight decay out of the gradient, as AdamW does.",
);
const MOMENTUM_DECAY: NumberInfo = NumberInfo {
    slider: Slider::Magnitudes(1e-4, 1.0),
    ..constant(
        "momentum_decay",
        "Warming ψ",
        "How fast the momentum warms up: 1 is in tens of updates.",
        4e-3,
    )
};

const BETA2_DECAY: NumberInfo = NumberInfo {
    min: -1.0,
    max: 0.0,
    slider: Slider::Even(-1.0, 0.0),
    ..constant("beta2_decay", "β2 decay", "The newest square counts this power of the update's number.", -0.8)
};
/// PyTorch's is the precision of the weights, which are f32 here.
const EPS1: NumberInfo = constant("eps1", "ε1", "The least root mean square.", f32::EPSILON as f64);
const EPS2: NumberInfo =
    constant("eps2", "ε2", "The least size of weights that a step is in proportion to.", 1e-3);
const CLIPPING: NumberInfo = NumberInfo {
    min: 1.0,
    slider: Slider::Magnitudes(1.0, 100.0),
    ..constant("d", "Clipping d", "The greatest root mean square of a direction.", 1.0)
};

const FIRST_DISTANCE: NumberInfo = NumberInfo {
    min: 1e-30,
    ..constant("d0", "First d", "The distance that the estimate begins with.", 1e-6)
};
const DISTANCE_FACTOR: NumberInfo = NumberInfo {
    slider: Slider::Magnitudes(0.1, 10.0),
    ..constant("d_coef", "d factor", "What the estimated distance is multiplied by.", 1.0)
};
const BIAS_CORRECTION: OptionInfo =
    option("use_bias_correction", "Bias correction", "Correct the first means as Adam does.");
const SAFEGUARD: OptionInfo =
    option("safeguard_warmup", "Safe warmup", "Keep a warmup's small rates from raising the estimate.");

const NS_STEPS: NumberInfo = NumberInfo {
    min: 1.0,
    max: 99.0,
    slider: Slider::Whole(1.0, 10.0),
    ..constant(
        "ns_steps",
        "NS steps",
        "Steps of Newton-Schulz: more bring a matrix nearer to orthogonal.",
        5.0,
    )
};
const AUXILIARY_BETA1: NumberInfo =
    share("beta1", "β1", "How slowly AdamW's mean gradient forgets, of embeddings and vectors.", 0.9);
const MATCH_ADAMW: OptionInfo = option(
    "match_rms_adamw",
    "AdamW's size",
    "Move matrices by steps of AdamW's size, so that one rate serves both.",
);

/// A constant that is 0 unless a file says otherwise.
const fn small(name: &'static str, title: &'static str, help: &'static str) -> NumberInfo {
    NumberInfo { slider: Slider::Magnitudes(0.0, 1.0), ..constant(name, title, help, 0.0) }
}

/// PyTorch refuses it too.
fn nesterov_without_momentum(settings: &Settings<'_>) -> Option<Conflict> {
    let found = if settings.is_fixed_at("momentum", 0.0) {
        "true with momentum 0"
    } else if !settings.is_fixed_at("dampening", 0.0) {
        "true with dampening"
    } else {
        return None;
    };
    settings.has("nesterov").then(|| Conflict {
        field: "nesterov",
        found: found.to_owned(),
        allowed: "false, or a momentum above 0 without dampening to look ahead along",
    })
}

//! The table of optimizers: the file, the inspector, imports and lint read it; the rules themselves are in
//! `train::optimizer`.

use super::Optimizer;
use super::info::{
    Conflict, OptimizerInfo, OptionInfo, PLAIN, Steps, alpha, beta1, beta2, eps, momentum, weight_decay,
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
        numbers: &[momentum(0.0), weight_decay(0.0)],
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
        pytorch: ("Adam", 1e-3),
        steps: Steps::Rate,
        has_hypergradient: true,
        ..PLAIN
    }

    /// Adam with weight decay apart from the gradient.
    AdamW "adamw" {
        title: "AdamW",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.01)],
        pytorch: ("AdamW", 1e-3),
        steps: Steps::Rate,
        has_hypergradient: true,
        ..PLAIN
    }

    /// Divides the gradient by the root of the mean squared gradient.
    RmsProp "rmsprop" {
        title: "RMSprop",
        numbers: &[alpha(0.99), eps(1e-8), momentum(0.0), weight_decay(0.0)],
        pytorch: ("RMSprop", 1e-2),
        ..PLAIN
    }

    /// Divides the gradient by the root of the sum of all squared gradients.
    Adagrad "adagrad" {
        title: "Adagrad",
        numbers: &[eps(1e-10), weight_decay(0.0)],
        pytorch: ("Adagrad", 1e-2),
        ..PLAIN
    }

    /// Steps of one size, by the sign of a mean gradient (arXiv 2302.06675).
    Lion "lion" {
        title: "Lion",
        numbers: &[beta1(0.9), beta2(0.99), weight_decay(0.0)],
        pytorch: ("Lion", 1e-4),
        steps: Steps::Rate,
        ..PLAIN
    }

    /// SGD whose weights are averaged along the way instead of the rate being scheduled (arXiv 2405.15682).
    ScheduleFreeSgd "schedule_free_sgd" {
        title: "Schedule-free SGD",
        numbers: &[momentum(0.9), weight_decay(0.0)],
        pytorch: ("SGDScheduleFree", 1.0),
        steps: Steps::Gradient,
        averages: Some("sgd"),
        ..PLAIN
    }

    /// AdamW whose weights are averaged along the way instead of the rate being scheduled (arXiv 2405.15682).
    ScheduleFreeAdamW "schedule_free_adamw" {
        title: "Schedule-free AdamW",
        numbers: &[beta1(0.9), beta2(0.999), eps(1e-8), weight_decay(0.0)],
        pytorch: ("AdamWScheduleFree", 2.5e-3),
        steps: Steps::Rate,
        averages: Some("adamw"),
        ..PLAIN
    }
}

const NESTEROV: OptionInfo =
    OptionInfo { name: "nesterov", title: "Nesterov", help: "Look ahead along the momentum." };

/// PyTorch refuses it too.
fn nesterov_without_momentum(optimizer: &Optimizer) -> Option<Conflict> {
    (optimizer.has("nesterov") && optimizer.is_fixed_at("momentum", 0.0)).then(|| Conflict {
        field: "nesterov",
        found: "true with momentum 0".to_owned(),
        allowed: "false, or a momentum above 0 to look ahead along",
    })
}

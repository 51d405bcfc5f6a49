//! What a field of a kind can be one of: a line each, with its name in files.

/// One of a few named things.
pub trait Choice: Copy + Sized + 'static {
    /// All of them, in the order people meet them.
    const ALL: &'static [Self];
    /// Their names in files, in the same order.
    const NAMES: &'static [&'static str];

    fn name(self) -> &'static str;

    /// The one of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.name() == name)
    }
}

macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])*
        $choice:ident { $( $(#[doc = $about:literal])* $variant:ident $name:literal, )* }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $choice { $( $(#[doc = $about])* $variant, )* }

        impl Choice for $choice {
            const ALL: &'static [Self] = &[$(Self::$variant),*];
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    )*};
}

choices! {
    /// What a cosine does past its end.
    After {
        /// It stays at the floor.
        Hold "hold",
        /// It climbs again, with the period of twice its length, as PyTorch's CosineAnnealingLR does.
        Rebound "rebound",
    }
    /// The curve that k-decay bends.
    Bent {
        Cosine "cosine",
        Polynomial "polynomial",
    }
    /// The curve between the ends of one cycle's phases.
    Anneal {
        Cosine "cos",
        Linear "linear",
    }
    /// How the height of triangles changes.
    Triangles {
        Equal "triangular",
        /// Half as high each cycle.
        Halved "triangular2",
        /// `gamma^tick` times as high.
        Shrinking "exp_range",
    }
    /// What noise is drawn from.
    Spread {
        /// Normal numbers, drawn again where they are beyond the limit.
        Normal "normal",
        /// Any number within the limit alike.
        Uniform "uniform",
    }
    /// The decay of warm, stable, decay.
    Decay {
        Linear "linear",
        Cosine "cosine",
        /// `1 - √p` (arXiv 2405.18392).
        OneMinusSqrt "1-sqrt",
        /// `2·0.5^p - 1` (Megatron-LM's exponential decay).
        Exponential "exp",
    }
    /// How a curve goes from control point to control point.
    Interpolation {
        Linear "linear",
        Cosine "cosine",
        /// Each point's value up to the next point.
        Step "step",
        /// Piecewise cubic without overshoot (Fritsch and Carlson 1980).
        Monotone "monotone",
    }
}

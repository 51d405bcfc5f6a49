//! The frameworks that a run can be exported to.

use super::recipe::Recipe;
use super::{
    Draft, axolotl, burn, candle, csv, deepspeed, fastai, hugging_face, keras, lightning, llama_factory,
    megatron, optax, pytorch, timm, toml, torchtitan,
};

/// A framework and a form of text for it.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub id: &'static str,
    pub title: &'static str,
    /// The file name's extension, without a dot.
    pub extension: &'static str,
    /// The framework and the version the predictions are for.
    pub framework: &'static str,
    /// Whether the conformance run executes it.
    pub(super) is_run: bool,
    /// The largest deviation, as a share of the peak, that is the framework's rounding alone.
    pub(super) tolerance: f64,
    pub(super) write: fn(&Recipe<'_>) -> Draft,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Rounding in double precision, and in single.
const DOUBLE: f64 = 1e-9;
const SINGLE: f64 = 1e-6;

macro_rules! targets {
    ($( $id:literal, $title:literal, $extension:literal, $framework:literal, $run:literal, $tolerance:expr, $write:path; )*) => {
        impl Target {
            /// Every target, in the order people are shown them.
            pub const ALL: &'static [Self] = &[ $( Self {
                id: $id,
                title: $title,
                extension: $extension,
                framework: $framework,
                is_run: $run,
                tolerance: $tolerance,
                write: $write,
            }, )* ];
        }
    };
}

targets! {
    "pytorch", "PyTorch", "py", "PyTorch 2.15.0", true, DOUBLE, pytorch::write;
    "hugging_face", "Hugging Face (Python)", "py", "transformers 5.23.0", true, DOUBLE, hugging_face::write_python;
    "hugging_face_yaml", "Hugging Face (YAML)", "yaml", "transformers 5.23.0", true, DOUBLE, hugging_face::write_yaml;
    "timm", "timm (command line)", "sh", "timm 1.0.31", true, DOUBLE, timm::write;
    "optax", "optax", "py", "optax 0.2.8", true, DOUBLE, optax::write;
    "keras", "Keras", "py", "Keras 3.15.1", true, SINGLE, keras::write;
    "lightning", "Lightning", "py", "Lightning 2.6.6", true, DOUBLE, lightning::write;
    "fastai", "fastai", "py", "fastai 2.8.12", true, SINGLE, fastai::write;
    "deepspeed", "DeepSpeed", "json", "DeepSpeed 0.19.8", true, DOUBLE, deepspeed::write;
    "megatron", "Megatron-LM", "sh", "megatron-core 0.16.1", true, DOUBLE, megatron::write;
    "torchtitan", "torchtitan", "toml", "torchtitan 0.3.0", true, DOUBLE, torchtitan::write;
    "axolotl", "axolotl", "yaml", "axolotl 0.19.0", true, DOUBLE, axolotl::write;
    "llama_factory", "LLaMA-Factory", "yaml", "LLaMA-Factory 0.9.5", true, DOUBLE, llama_factory::write;
    "burn", "burn", "rs", "burn 0.22.1", true, DOUBLE, burn::write;
    "candle", "candle", "rs", "candle 0.11.1", true, DOUBLE, candle::write;
    "csv", "CSV table", "csv", "any program", true, DOUBLE, csv::write;
    "toml", "Anneal Studio", "toml", "Anneal Studio", true, DOUBLE, toml::write;
}

impl Target {
    /// Whether the text depends on [`Options::hugging_face_v4`](super::Options::hugging_face_v4).
    pub fn has_versions(&self) -> bool {
        matches!(self.id, "hugging_face" | "hugging_face_yaml")
    }

    /// The target of this name on the command line.
    pub fn from_id(id: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|target| target.id == id)
    }
}

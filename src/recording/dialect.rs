//! Which logs are known, by what each is told apart, and how it is read: one row a dialect.

use std::io::BufRead;

use super::build::Builder;
use super::evidence::Evidence;
use super::head::Head;
use super::lines::LineReader;
use super::{events, json, table, text, trainer_output};

/// How a dialect is read.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Line by line, and on from there when the file grows.
    Lines(fn(&Head) -> Box<dyn LineReader>),
    /// A table, whose header says how.
    Table(fn(&Head) -> Option<Box<dyn LineReader>>),
    /// As a whole, and again when the file grows.
    Whole(fn(&mut dyn BufRead, &mut Builder) -> Result<(), String>),
    /// Framed records.
    Events,
}

/// A kind of log.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// For people.
    pub name: &'static str,
    claim: fn(&Head) -> Option<Evidence>,
    pub(super) way: Way,
}

/// Every dialect.
pub static DIALECTS: [Dialect; 16] = [
    Dialect { name: "TensorBoard event file", claim: events::claim, way: Way::Events },
    Dialect {
        name: "Hugging Face trainer_state.json",
        claim: json::whole::claim_trainer_state,
        way: Way::Whole(json::whole::read),
    },
    Dialect {
        name: "Hugging Face Trainer output",
        claim: trainer_output::claim,
        way: Way::Lines(trainer_output::reader),
    },
    Dialect { name: "JSON lines", claim: json::lines::claim, way: Way::Lines(json::lines::reader) },
    Dialect { name: "TensorBoard JSON", claim: json::scalars::claim, way: Way::Whole(json::scalars::read) },
    Dialect { name: "JSON log", claim: json::whole::claim_document, way: Way::Whole(json::whole::read) },
    Dialect {
        name: "Anneal Studio metrics.csv",
        claim: table::anneal::claim,
        way: Way::Table(table::anneal::reader),
    },
    Dialect {
        name: "TensorBoard CSV",
        claim: table::tensorboard::claim,
        way: Way::Table(table::tensorboard::reader),
    },
    Dialect {
        name: "Weights & Biases CSV",
        claim: table::wandb::claim,
        way: Way::Table(table::wandb::reader),
    },
    Dialect { name: "YOLO results.csv", claim: table::yolo::claim, way: Way::Table(table::yolo::reader) },
    Dialect { name: "timm summary.csv", claim: table::timm::claim, way: Way::Table(table::timm::reader) },
    Dialect {
        name: "Lightning metrics.csv",
        claim: table::lightning::claim,
        way: Way::Table(table::lightning::reader),
    },
    Dialect { name: "Keras CSVLogger", claim: table::keras::claim, way: Way::Table(table::keras::reader) },
    Dialect { name: "Megatron-LM log", claim: text::log::claim_megatron, way: Way::Lines(text::log::reader) },
    Dialect { name: "training log", claim: text::log::claim, way: Way::Lines(text::log::reader) },
    Dialect { name: "table", claim: table::plain::claim, way: Way::Table(table::plain::reader) },
];

/// A dialect that a text is claimed by, and why.
#[derive(Clone)]
pub struct Claim {
    pub dialect: &'static Dialect,
    pub evidence: Evidence,
}

/// The dialect with the most evidence for it; nothing where none has any.
pub fn claim(head: &Head) -> Option<Claim> {
    let claims = DIALECTS.iter().filter_map(|dialect| {
        let evidence = (dialect.claim)(head)?;
        Some(Claim { dialect, evidence })
    });
    // Of equals the first in the table.
    claims.reduce(|best, claim| if claim.evidence.score > best.evidence.score { claim } else { best })
}

/// The names of all, for people.
pub fn names() -> String {
    let names: Vec<&str> = DIALECTS.iter().map(|dialect| dialect.name).collect();
    names.join(", ")
}

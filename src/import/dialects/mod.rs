//! The dialects: a file each, and a row each of [`ALL`].

pub(super) mod axolotl;
mod code;
mod composer;
mod darknet;
pub(super) mod deepspeed;
mod detectron;
mod diffusers;
mod espnet;
mod fairseq;
mod fastai;
mod gpt_neox;
pub(crate) mod huggingface;
mod keras;
mod lazy;
mod litgpt;
mod llama_factory;
mod megatron;
mod mlx;
mod nanogpt;
mod nemo;
mod open_clip;
mod openmmlab;
mod opennmt;
mod optax;
mod paddle;
mod targets;
pub(super) mod timm;
mod timm_api;
mod torchtitan;
mod torchvision;
mod vision;
mod vits;
mod wrapped;
mod yolo;

pub(super) use self::wrapped::{WANDB, unwrapped};
use super::dialect::Dialect;
pub(super) use super::log::DIALECT as LOG;
use super::python::{Expr, Pair, Program, StmtKind};
use super::settings::Settings;
use super::{ImportError, pytorch};

/// An experiment file of ours.
pub(super) static EXPERIMENT: Dialect = Dialect {
    id: "anneal",
    name: "Anneal Studio",
    example: "anneal = 1\nname = \"one\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\n\
              updates = \"5ep\"\n[[run]]\nname = \"a\"\noptimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = \
              0.1 }\n",
    signs: &[],
    read: |text, _| super::experiment(text.raw),
};

/// Every dialect; of equal evidence the first has the text.
pub static ALL: [&Dialect; 43] = [
    &pytorch::DIALECT,
    &huggingface::DIALECT,
    &axolotl::DIALECT,
    &llama_factory::DIALECT,
    &timm::DIALECT,
    &timm_api::DIALECT,
    &deepspeed::DIALECT,
    &keras::DIALECT,
    &optax::DIALECT,
    &fastai::DIALECT,
    &diffusers::DIALECT,
    &diffusers::KOHYA,
    &open_clip::DIALECT,
    &fairseq::DIALECT,
    &torchvision::DIALECT,
    &vision::DINO,
    &vision::MAE,
    &vision::CONVNEXT,
    &megatron::DIALECT,
    &openmmlab::DIALECT,
    &detectron::DIALECT,
    &targets::HYDRA,
    &targets::TORCHTUNE,
    &targets::LIGHTNING_CLI,
    &litgpt::DIALECT,
    &nemo::DIALECT,
    &paddle::DIALECT,
    &mlx::DIALECT,
    &yolo::DIALECT,
    &torchtitan::DIALECT,
    &composer::DIALECT,
    &espnet::DIALECT,
    &nanogpt::DIALECT,
    &gpt_neox::DIALECT,
    &opennmt::DIALECT,
    &darknet::DIALECT,
    &lazy::DIALECT,
    &vits::DIALECT,
    &WANDB,
    &wrapped::CARD,
    &code::DIALECT,
    &EXPERIMENT,
    &LOG,
];

/// The names that a program gives values outside its functions, as settings.
fn assignments(program: &Program) -> Settings {
    let mut pairs = Vec::new();
    for stmt in &program.body {
        if let StmtKind::Assign(targets, value) = &stmt.kind
            && let [Expr::Name(name)] = targets.as_slice()
        {
            pairs.push(Pair { key: Expr::Text(name.clone()), value: value.clone(), line: stmt.line });
        }
    }
    worked_out(program, &pairs)
}

/// The settings of a table in a program, with what can be worked out.
fn worked_out(program: &Program, pairs: &[Pair]) -> Settings {
    let pairs: Vec<Pair> = pairs
        .iter()
        .map(|pair| Pair { value: worked(program, &pair.value, pair.line, 0), ..pair.clone() })
        .collect();
    Settings::of_pairs(&pairs)
}

/// A value of a program as far as it can be worked out, so deep in others.
fn worked(program: &Program, of: &Expr, line: usize, level: usize) -> Expr {
    if level > 16 {
        return of.clone();
    }
    let resolved = program.resolve_at(of, line);
    match resolved {
        Expr::Table(pairs) => Expr::Table(
            pairs
                .iter()
                .map(|pair| Pair {
                    value: worked(program, &pair.value, pair.line, level + 1),
                    ..pair.clone()
                })
                .collect(),
        ),
        Expr::List(items) => {
            Expr::List(items.iter().map(|item| worked(program, item, line, level + 1)).collect())
        }
        Expr::Text(_) | Expr::Flag(_) | Expr::None | Expr::Number(_) => resolved.clone(),
        // `dict(type="StepLR", step=3)` is a table by another spelling.
        Expr::Call(call) if call.name == "dict" && call.arguments.is_empty() => Expr::Table(
            call.named
                .iter()
                .map(|(name, found)| Pair {
                    key: Expr::Text(name.clone()),
                    value: worked(program, found, call.line, level + 1),
                    line: call.line,
                })
                .collect(),
        ),
        _ => program.number(of, line).map_or_else(|| resolved.clone(), Expr::Number),
    }
}

/// The last function whose name tells of a rate, and whose only parameter without a default counts updates or epochs.
pub(super) fn rate_function(program: &Program) -> Option<&super::python::Function> {
    let tells = |name: &str| {
        let name = name.to_lowercase();
        let of_another = [
            "prob",
            "probability",
            "beta",
            "noise",
            "temp",
            "dropout",
            "ema",
            "teacher",
            "mask",
            "precond",
            "kl",
        ];
        if name.split('_').any(|part| of_another.contains(&part)) {
            return false;
        }
        let words = ["learning_rate", "schedule", "anneal", "warmup", "decay"];
        name.split('_').any(|part| part == "lr") || words.iter().any(|word| name.contains(word))
    };
    program.functions().into_iter().rev().map(|function| &**function).find(|function| {
        let mut open = function.parameters.iter().filter(|parameter| parameter.default.is_none());
        let counts = open.next().is_some_and(|parameter| code::counts(&parameter.name));
        tells(&function.name) && counts && open.next().is_none()
    })
}

/// A reader was given what its dialect is not written in.
fn wrong_form(dialect: &Dialect, text: &super::text::Text<'_>) -> ImportError {
    ImportError::WrongForm { dialect: dialect.name, form: text.written_in() }
}

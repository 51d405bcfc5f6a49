//! The texts themselves: what other programs will read.

use anneal_studio::export::{Options, Target, export};
use anneal_studio::schedule::Clock;

use super::truth::{experiment, made};

const ADAMW: &str = "optimizer = { kind = \"adamw\", weight_decay = 0.1 }\n";

#[test]
fn pytorch_is_idiomatic_where_its_classes_are_exact() {
    let lr = "lr = { kind = \"cosine\", peak = 3e-4, floor = 3e-5, warmup = { over = \"10\", from = 0.1 } }";
    let text = made(&experiment("clip_norm = 1.0", &format!("{ADAMW}{lr}")), "pytorch").text;
    let expected = "\
# test: run \"a\", 100 updates, for PyTorch 2.15.
# optimizer, scheduler = build(model); call scheduler.step() after each optimizer.step().

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


UPDATES = 100
CLIP_NORM = 1.0  # torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM) before each step


def build(model):
    \"\"\"The optimizer and its scheduler.\"\"\"
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0003, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    scheduler = SequentialLR(
        optimizer,
        [
            LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=10),
            CosineAnnealingLR(optimizer, T_max=90, eta_min=3e-5),
        ],
        milestones=[10],
    )
    return optimizer, scheduler
";
    let (code, comment) = text.split_once("\n# ---- ").unwrap();
    assert_eq!(code, expected);
    let comment: Vec<&str> = comment.lines().collect();
    assert!(comment[0].starts_with("Exported from this Anneal Studio experiment."), "{comment:?}");
    assert_eq!(comment[1..3], ["# anneal = 1", "# name = \"test\""]);
}

#[test]
fn yaml_numbers_are_numbers_for_pyyaml() {
    let lr = "lr = { kind = \"cosine\", peak = 1e-5, warmup = { over = \"10\" } }";
    let text = made(&experiment("", &format!("{ADAMW}{lr}")), "hugging_face_yaml").text;
    assert!(text.contains("learning_rate: 1.0e-5\n"), "{text}");
    assert!(text.contains("lr_scheduler_type: \"cosine\"\nwarmup_steps: 10\n"), "{text}");
    assert!(text.contains("max_grad_norm: 0.0\n"), "the default would clip: {text}");
}

#[test]
fn version_four_of_transformers_has_a_ratio() {
    let lr = "lr = { kind = \"cosine\", peak = 1e-3, warmup = { over = \"25\" } }";
    let experiment = experiment("", &format!("{ADAMW}{lr}"));
    let options = Options { hugging_face_v4: true, ..Options::default() };
    let clock = Clock { updates: 100, updates_per_epoch: 10 };
    let target = Target::from_id("hugging_face_yaml").unwrap();
    let text = export(&experiment, &experiment.runs[0], clock, target, &options).unwrap().text;
    assert!(text.contains("warmup_ratio: 0.25\n") && !text.contains("warmup_steps"), "{text}");
}

#[test]
fn deepspeed_is_json_that_always_names_its_warmup() {
    let lr = "lr = { kind = \"cosine\", peak = 1e-3, warmup = { over = \"25\" } }";
    let text = made(&experiment("accumulate = 2", &format!("{ADAMW}{lr}")), "deepspeed").text;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["gradient_accumulation_steps"], 2);
    assert_eq!(json["scheduler"]["params"]["warmup_type"], "linear");
    assert_eq!(json["optimizer"]["params"]["weight_decay"], 0.1);
}

#[test]
fn a_table_has_a_row_an_update_and_reads_back_exactly() {
    let run = "optimizer = { kind = \"sgd\", momentum = { kind = \"mirror\", low = 0.85, high = 0.95 } }\n\
               lr = { kind = \"one_cycle\", peak = 0.7 }";
    let export = made(&experiment("", run), "csv");
    let mut lines = export.text.lines();
    assert_eq!(lines.next(), Some("update,lr,momentum,weight_decay"));
    let rates: Vec<f64> = lines.map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(rates, export.predicted);
}

/// A name must not end a comment or a string early.
#[test]
fn names_cannot_leave_their_comments() {
    let mut experiment = experiment("", &format!("{ADAMW}lr = {{ kind = \"constant\", peak = 1e-3 }}"));
    experiment.name = "x\nimport os\r\u{85}\u{2028}".to_owned();
    experiment.runs[0].name = "\"\n*/ evil".to_owned();
    for target in Target::ALL {
        let text = made(&experiment, target.id).text;
        assert!(
            !text.lines().any(|line| line.starts_with("import os") || line.starts_with("*/")),
            "{}",
            target.id
        );
    }
}

#[test]
fn a_schedule_of_the_batch_is_carried_or_named_as_left_out() {
    let run = format!(
        "{ADAMW}lr = {{ kind = \"constant\", peak = 1e-3 }}\nbatch = {{ kind = \"step\", peak = 64, every = \"40\", \
         gamma = 2 }}"
    );
    let growing = experiment("accumulate = 4", &run);
    for target in Target::ALL {
        let export = made(&growing, target.id);
        let note = |words: &str| export.notes.iter().any(|note| note.contains(words));
        match target.id {
            "toml" => assert!(note("Carried: everything")),
            "pytorch" | "optax" | "csv" => {
                assert!(note("Carried: the schedule of the batch, 64 to 256 samples"), "{}", target.id);
            }
            _ => {
                assert!(note("Left out: the schedule of the batch, 64 to 256 samples"), "{}", target.id);
                assert!(note("every update has the first one's 64."), "{:?}", export.notes);
            }
        }
        assert!(!note("accumulation of"), "{}: {:?}", target.id, export.notes);
    }
    let pytorch = made(&growing, "pytorch").text;
    assert!(pytorch.contains("from bisect import bisect_right\n"), "{pytorch}");
    assert!(pytorch.contains("MICRO_BATCHES = [\n    (0, 1), (40, 2), (80, 4),\n]\n"), "{pytorch}");
    assert!(!pytorch.contains("ACCUMULATE"), "{pytorch}");
    // Its table needs what a schedule of optax's own does not.
    let optax = made(&growing, "optax").text;
    for needed in
        ["import jax.numpy as jnp\n", "UPDATES = ", "every_k_schedule=lambda count: MICRO_BATCHES_TABLE"]
    {
        assert!(optax.contains(needed), "{optax}");
    }
    let table = made(&growing, "csv").text;
    let cells = |line: usize| table.lines().nth(line).unwrap().rsplit(',').next().unwrap();
    assert_eq!((cells(0), cells(1), cells(41), cells(100)), ("batch", "64", "128", "256"));
}

#[test]
fn fastai_ends_with_the_runs_last_update_and_imports_what_it_uses() {
    let lr = "lr = { kind = \"cosine\", peak = 0.1 }";
    let text =
        made(&experiment("accumulate = 2", &format!("optimizer = {{ kind = \"lion\" }}\n{lr}")), "fastai")
            .text;
    for line in [
        "import lion_pytorch\n",
        "opt=lion_pytorch.Lion",
        "ACCUMULATE = 2",
        "if self.training and self.train_iter >= UPDATES * ACCUMULATE:",
        "epochs = -(-UPDATES * ACCUMULATE // batches)",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn schedule_free_optimizers_are_told_to_train() {
    let lr = "lr = { kind = \"constant\", peak = 0.1 }";
    let of = experiment("", &format!("optimizer = {{ kind = \"schedule_free_adamw\" }}\n{lr}"));
    let (pytorch, lightning) = (made(&of, "pytorch").text, made(&of, "lightning").text);
    assert!(pytorch.contains("    optimizer.train()  # ") && lightning.contains("    optimizer.train()  # "));
    assert!(
        lightning
            .contains("def on_train_start(self):\n        self.optimizers(use_pl_optimizer=False).train()")
    );
    let plain = made(&experiment("", &format!("{ADAMW}{lr}")), "pytorch").text;
    assert!(!plain.contains("optimizer.train()"));
}

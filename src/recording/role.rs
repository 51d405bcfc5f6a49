//! What a series is, told from its name.

use crate::telemetry::Column;

/// What a series is to the plots, tables and detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The recording's series of this column.
    Main(Column),
    /// Epochs done.
    Epoch,
    /// Any other number.
    Other,
}

/// A guess at a name: the better one of two of the same column is its main series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    pub role: Role,
    /// 0 for a name that means just this; more for one that may mean something near it.
    pub distance: u8,
}

/// Lower case, with `_` for what parts words within a name; `/` parts stay apart.
pub(super) fn normal(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            ' ' | '-' | '.' | ':' => normal.push('_'),
            c => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

/// What a series of this name is.
pub(super) fn of(name: &str) -> Guess {
    let name = normal(name);
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.last().copied().unwrap_or_default();
    let guess = |role, distance| Guess { role, distance };
    let main = |column, distance| guess(Role::Main(column), distance);
    let held_out = name
        .split(['/', '_'])
        .any(|word| matches!(word, "val" | "valid" | "validation" | "eval" | "evaluation" | "test" | "dev"));
    match last {
        "epoch" | "epochs" | "current_epoch" | "train_epoch" => {
            return guess(Role::Epoch, u8::from(parts.len() > 1));
        }
        "momentum" | "beta1" | "mom" => return main(Column::Momentum, 0),
        "weight_decay" | "wd" => return main(Column::WeightDecay, 0),
        "batch_size" | "global_batch_size" => return main(Column::Batch, 0),
        "grad_norm"
        | "gradient_norm"
        | "gradnorm"
        | "gnorm"
        | "total_norm"
        | "grad_2_0_norm_total"
        | "grad_norm_total"
        | "global_grad_norm"
        | "total_grad_norm" => {
            return main(Column::GradNorm, u8::from(parts.len() > 1));
        }
        "update_norm" => return main(Column::UpdateNorm, 0),
        // llm.c's losses.
        "trl" => return main(Column::TrainLoss, 1),
        "tel" => return main(Column::ValLoss, 1),
        _ => {}
    }
    if let Some(distance) = rate(&parts, last) {
        return main(Column::Lr, distance);
    }
    if let Some(distance) = accuracy(last) {
        return if held_out { main(Column::ValAccuracy, distance) } else { guess(Role::Other, 0) };
    }
    if let Some(distance) = loss(&parts, last) {
        return if held_out { main(Column::ValLoss, distance) } else { main(Column::TrainLoss, distance) };
    }
    guess(Role::Other, 0)
}

/// How far a name is from "the learning rate".
fn rate(parts: &[&str], last: &str) -> Option<u8> {
    let words = |text: &str| matches!(text, "lr" | "learning_rate" | "learningrate");
    let first = parts.first().copied().unwrap_or_default();
    match last {
        "lr" | "learning_rate" | "learningrate" => Some(u8::from(parts.len() > 1)),
        // Paddle names the scheduler: `lr(LinearWarmup)`.
        _ if last.starts_with("lr(") => Some(1),
        "lr0" | "lr_0" | "train_lr" | "base_lr" | "current_lr" | "actual_lr" | "max_lr" => Some(2),
        _ if last.starts_with("learning_rate") || last.starts_with("lr_") => Some(3),
        _ if last.ends_with("_lr") || last.ends_with("_learning_rate") => Some(4),
        _ if last.strip_prefix("lr").is_some_and(|rest| rest.parse::<u32>().is_ok()) => Some(4),
        // One a parameter group: `lr/pg0`.
        _ if parts.len() > 1 && (words(first) || first.starts_with("lr_")) => Some(5),
        _ => None,
    }
}

/// How far a name is from "the share classified correctly".
fn accuracy(last: &str) -> Option<u8> {
    let bare = ["val_", "valid_", "validation_", "eval_", "test_", "dev_", "metrics_"];
    let bare = bare.iter().find_map(|prefix| last.strip_prefix(prefix)).unwrap_or(last);
    match bare {
        "accuracy" | "acc" => Some(0),
        "top1"
        | "acc1"
        | "acc_1"
        | "accuracy_top1"
        | "top_1"
        | "binary_accuracy"
        | "categorical_accuracy"
        | "sparse_categorical_accuracy"
        | "acc@1" => Some(1),
        _ => None,
    }
}

/// How far a name is from "the loss that is trained on".
fn loss(parts: &[&str], last: &str) -> Option<u8> {
    let first = parts.first().copied().unwrap_or_default();
    match last {
        "loss" | "train_loss" | "training_loss" | "val_loss" | "eval_loss" | "valid_loss"
        | "validation_loss" | "test_loss" => Some(u8::from(parts.len() > 1)),
        "lm_loss" | "total_loss" | "mean_loss" | "loss_total" => Some(2),
        _ if last.starts_with("train_loss") || last.starts_with("val_loss") => Some(3),
        _ if first == "loss" && parts.len() > 1 => Some(2),
        _ if last.ends_with("_loss") || last.starts_with("loss_") => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_programs_mean_what_they_say() {
        let is = |name: &str, column: Column| {
            assert_eq!(of(name).role, Role::Main(column), "{name}");
        };
        for name in [
            "lr",
            "learning_rate",
            "learning rate",
            "train/learning_rate",
            "lr-AdamW",
            "x/lr0",
            "lr/pg0",
            "train_lr",
            "LearningRate",
            "optimizer/lr",
            "a - lr",
        ] {
            if name != "a - lr" {
                is(name, Column::Lr);
            }
        }
        for name in ["loss", "train_loss", "train/loss", "lm loss", "train/box_loss", "Loss/train"] {
            is(name, Column::TrainLoss);
        }
        for name in ["val_loss", "eval_loss", "eval/loss", "Loss/val", "val/box_loss", "test_loss"] {
            is(name, Column::ValLoss);
        }
        for name in ["eval_accuracy", "val/acc", "val_acc", "eval_top1", "test_acc1"] {
            is(name, Column::ValAccuracy);
        }
        is("grad norm", Column::GradNorm);
        assert_eq!(of("epoch").role, Role::Epoch);
        assert_eq!(of("gpu_memory").role, Role::Other);
        assert!(of("train/loss").distance < of("train/box_loss").distance);
    }
}

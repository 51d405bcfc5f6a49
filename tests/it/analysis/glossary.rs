//! The glossary: whole, in order, and short.

use anneal_studio::analysis::glossary::{TERMS, find, search};

#[test]
fn terms_are_in_order_and_told_in_a_sentence_or_two() {
    for pair in TERMS.windows(2) {
        assert!(
            pair[0].name.to_lowercase() < pair[1].name.to_lowercase(),
            "{} {}",
            pair[0].name,
            pair[1].name
        );
    }
    for term in TERMS {
        let sentences = term.meaning.matches(['.', ':', ';']).count();
        assert!(term.meaning.ends_with('.') && (1..=4).contains(&sentences), "{}", term.name);
        assert!((20..=220).contains(&term.meaning.len()), "{}: {}", term.name, term.meaning.len());
    }
}

#[test]
fn every_term_a_learner_meets_is_there() {
    for name in [
        "learning rate",
        "learning rate schedule",
        "warmup",
        "decay",
        "cosine annealing",
        "cyclical learning rate",
        "momentum",
        "adam",
        "sgd",
        "rmsprop",
        "gradient clipping",
        "gradient accumulation",
        "batch size",
        "learning rate range test",
        "hyperparameter tuning",
        "population-based training",
        "learning rate finder",
        "batch normalization",
        "adversarial training",
        "online learning",
        "patience",
        "step length",
        "regularization schedule",
        "meta-learning",
        "label noise",
        "regularization",
        "weight decay",
        "warm restart",
        "step decay",
        "exponential decay",
        "residual network",
        "transfer learning",
        "fine-tuning",
        "layer-wise learning rate",
        "per-parameter learning rate",
        "checkpoint",
        "learning rate clipping",
        "gradient norm",
        "loss landscape",
        "saddle point",
        "second-order method",
        "automl",
        "telemetry",
        "convergence",
        "schedule state",
        "adaptive learning rate",
        "annealing",
        "cooldown",
        "restart",
        "plateau",
        "hypergradient",
        "optimizer state",
        "curriculum learning",
        "smoothing",
        "mixed precision",
        "burn-in",
        "momentum scheduling",
        "piecewise constant",
        "parameter group",
        "gradient noise scale",
        "convergence speed",
        "overfitting",
        "underfitting",
        "generalization gap",
        "learning rate multiplier",
        "sharpness",
        "edge of stability",
        "update-to-weight ratio",
        "chance level",
    ] {
        assert!(find(name).is_some(), "{name}");
    }
    assert_eq!(find(" WARMUP "), find("Warmup"));
    assert_eq!(find("nothing"), None);
    assert_eq!(search("sharpness")[0].name, "Critical sharpness");
    assert!(search("2/rate").iter().any(|term| term.name == "Edge of stability"));
}

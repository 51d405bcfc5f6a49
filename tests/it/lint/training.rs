//! Traps in how a training steps its scheduler: each is caught on its line, and a sound loop has none of them.

use super::*;

const OPT: &str = "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n";

/// The finding of this code, on this line.
fn caught(code: &str, line: usize, text: &str) -> Warning {
    let warnings = lint_text(dialect_named("pytorch").unwrap(), text);
    let found = warnings.iter().find(|warning| warning.code == code);
    let found = found.unwrap_or_else(|| panic!("{code}: {:?}\n{text}", codes(&warnings)));
    assert_eq!(found.line, line, "{code}: {}\n{text}", found.message);
    found.clone()
}

#[test]
fn steps_in_the_wrong_place_are_caught() {
    let cosine = format!("{OPT}sched = CosineAnnealingLR(opt, T_max=10)\n");
    caught("step-outside-loop", 3, &format!("{cosine}sched.step()\nfor epoch in range(10):\n    train()\n"));
    let before = format!("{cosine}for epoch in range(10):\n    sched.step()\n    opt.step()\n");
    assert!(caught("step-before-optimizer", 4, &before).remedy.is_some());
    let micro = format!(
        "{OPT}sched = StepLR(opt, 30)\nfor i, x in enumerate(loader):\n    if (i + 1) % 8 == 0:\n        opt.step()\n    \
         sched.step()\n"
    );
    let micro = caught("steps-micro-batches", 6, &micro);
    assert!(micro.message.contains("after 8"), "{}", micro.message);
}

#[test]
fn lengths_in_the_wrong_unit_are_caught() {
    let loop_by_epoch =
        "for epoch in range(20):\n    for x in loader:\n        opt.step()\n    sched.step()\n";
    caught(
        "batches-by-epoch",
        2,
        &format!("{OPT}sched = CosineAnnealingLR(opt, T_max=len(train_loader))\n{loop_by_epoch}"),
    );
    for arguments in ["epochs=20, steps_per_epoch=len(loader)", "total_steps=20 * len(loader)"] {
        caught(
            "one-cycle-by-epoch",
            2,
            &format!("{OPT}sched = OneCycleLR(opt, max_lr=0.1, {arguments})\n{loop_by_epoch}"),
        );
    }
    let by_batch =
        "for epoch in range(epochs):\n    for x in loader:\n        opt.step()\n        sched.step()\n";
    caught("epochs-by-batch", 2, &format!("{OPT}sched = CosineAnnealingLR(opt, T_max=epochs)\n{by_batch}"));
    let rises =
        format!("{OPT}sched = CosineAnnealingLR(opt, T_max=50)\n{}", loop_by_epoch.replace("20", "200"));
    let rises = caught("cosine-rises-again", 2, &rises);
    assert!(rises.message.contains("back to the first rate at 100"), "{}", rises.message);
    let lightning = "def configure_optimizers(self):\n    opt = Adam(self.parameters(), lr=1e-3)\n    \
                     s = CosineAnnealingLR(opt, T_max=self.trainer.max_epochs)\n    \
                     return {'optimizer': opt, 'lr_scheduler': {'scheduler': s, 'interval': 'step'}}\n";
    caught("interval-step-by-epochs", 3, lightning);
}

#[test]
fn arguments_that_nobody_means_are_caught() {
    caught("floor-above-rate", 2, &format!("{OPT}s = ReduceLROnPlateau(opt, min_lr=0.5)\n"));
    caught("floor-above-rate", 2, &format!("{OPT}s = CosineAnnealingLR(opt, 10, eta_min=0.2)\n"));
    caught("factor-stays", 2, &format!("{OPT}s = ConstantLR(opt, total_iters=0)\n"));
    caught("first-rate-zero", 2, &format!("{OPT}s = LambdaLR(opt, lambda e: e / 100)\n"));
    caught("first-rate-zero", 2, &format!("{OPT}s = get_linear_schedule_with_warmup(opt, 10, 100)\n"));
    let nested = format!(
        "{OPT}b = ChainedScheduler([StepLR(opt, 3)])\ns = SequentialLR(opt, [ConstantLR(opt), b], milestones=[5])\n"
    );
    caught("sequential-refuses", 2, &nested);
}

#[test]
fn calls_around_a_scheduler_are_caught() {
    let plateau = format!("{OPT}sched = ReduceLROnPlateau(opt)\nfor epoch in range(9):\n    train()\n    ");
    caught("plateau-mode", 2, &format!("{plateau}sched.step(val_acc)\n"));
    caught("plateau-without-metric", 5, &format!("{plateau}sched.step()\n"));
    let rises = plateau.replace("(opt)", "(opt, mode='max')");
    caught("plateau-mode", 2, &format!("{rises}sched.step(val_loss)\n"));
    let steps = format!("{OPT}sched = StepLR(opt, 3)\n");
    caught("get-lr", 3, &format!("{steps}print(sched.get_lr())\n"));
    caught(
        "accelerate-steps",
        3,
        &format!("{steps}net, opt, sched = accelerator.prepare(net, opt, sched)\n"),
    );
    let resumed = format!("{OPT}sched = StepLR(opt, 3, last_epoch=4)\nsched.load_state_dict(state)\n");
    caught("last-epoch-and-state", 2, &resumed);
}

#[test]
fn sound_loops_have_nothing_said_of_them() {
    for text in [
        "sched = CosineAnnealingLR(opt, T_max=20, eta_min=1e-4)\nfor epoch in range(20):\n    for x in loader:\n        \
         opt.step()\n    sched.step()\n",
        "sched = OneCycleLR(opt, max_lr=0.1, epochs=20, steps_per_epoch=len(loader))\nfor epoch in range(20):\n    \
         for x in loader:\n        opt.step()\n        sched.step()\n",
        "sched = StepLR(opt, 30)\nfor i, x in enumerate(loader):\n    if (i + 1) % 8 == 0:\n        opt.step()\n        \
         sched.step()\n",
        "sched = StepLR(opt, 3)\nprint(sched.get_last_lr())\nfor epoch in range(9):\n    train()\n    sched.step()\n",
    ] {
        let warnings = lint_text(dialect_named("pytorch").unwrap(), &format!("{OPT}{text}"));
        assert_eq!(warnings, [], "{text}");
    }
    let plateau = format!(
        "{OPT}sched = ReduceLROnPlateau(opt, mode='max')\nfor epoch in range(9):\n    train()\n    sched.step(val_acc)\n"
    );
    let warnings = lint_text(dialect_named("pytorch").unwrap(), &plateau);
    assert_eq!(codes(&warnings), ["plateau-patience-differs"]);
}

#[test]
fn every_trap_of_a_loop_has_a_sentence_a_line_and_a_fix() {
    let by_epoch = "for epoch in range(20):\n    for x in loader:\n        opt.step()\n    sched.step()\n";
    let by_batch =
        "for epoch in range(20):\n    for x in loader:\n        opt.step()\n        sched.step()\n";
    for (trap, text) in [
        ("step-outside-loop", format!("{OPT}sched = StepLR(opt, 9)\nsched.step()\nfor epoch in range(10):\n    train()\n")),
        ("steps-micro-batches", format!(
            "{OPT}sched = StepLR(opt, 30)\nfor i, x in enumerate(loader):\n    if (i + 1) % args.accum == 0:\n        \
             opt.step()\n    sched.step()\n"
        )),
        ("floor-above-rate", format!("{OPT}sched = CosineAnnealingLR(opt, T_max=20, eta_min=0.2)\n{by_epoch}")),
        ("factor-stays", format!("{OPT}sched = LinearLR(opt, 0.1, total_iters=0)\n{by_epoch}")),
        ("sequential-refuses", format!(
            "{OPT}sched = SequentialLR(opt, [LinearLR(opt, 0.1), ChainedScheduler([StepLR(opt, 3)])], [5])\n{by_epoch}"
        )),
        ("batches-by-epoch", format!("{OPT}sched = CosineAnnealingLR(opt, T_max=len(loader))\n{by_epoch}")),
        ("epochs-by-batch", format!("{OPT}sched = CosineAnnealingLR(opt, T_max=num_epochs)\n{by_batch}")),
        ("one-cycle-by-epoch", format!("{OPT}sched = OneCycleLR(opt, 0.1, epochs=20, steps_per_epoch=len(loader))\n{by_epoch}")),
        ("cosine-rises-again", format!("{OPT}sched = CosineAnnealingLR(opt, T_max=5)\n{by_epoch}")),
        ("get-lr", format!("{OPT}sched = StepLR(opt, 3)\n{by_epoch}print(sched.get_lr())\n")),
        ("accelerate-steps", format!("{OPT}sched = StepLR(opt, 3)\nopt, sched = accelerator.prepare(opt, sched)\n{by_epoch}")),
        ("last-epoch-without-state", format!("{OPT}sched = StepLR(opt, 3, last_epoch=45)\n{by_epoch}")),
        ("scheduler-state-not-loaded", format!(
            "{OPT}opt.load_state_dict(saved[\"opt\"])\nsched = StepLR(opt, 3)\n{by_epoch}"
        )),
        ("plateau-mode", format!("{OPT}sched = ReduceLROnPlateau(opt)\nfor epoch in range(9):\n    train()\n    sched.step(val_acc)\n")),
        ("plateau-mode", "def configure_optimizers(self):\n    opt = torch.optim.Adam(self.parameters(), lr=1e-3)\n    return \
             {\"optimizer\": opt, \"lr_scheduler\": {\"scheduler\": ReduceLROnPlateau(opt, mode=\"min\"), \"monitor\": \
             \"val_acc\"}}\n".to_owned()),
    ] {
        found_whole("pytorch", &text, trap);
    }
    let keras = "cb = ReduceLROnPlateau(monitor=\"val_accuracy\", mode=\"min\")\nmodel.compile(optimizer=Adam(1e-3))\n";
    found_whole("keras", keras, "plateau-mode");
    let above = "learning_rate: 1.0e-5\nlr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1.0e-4}\n";
    found_whole("huggingface", above, "floor-above-rate");
    // A state that is loaded whole is sound.
    let sound = format!(
        "{OPT}sched = StepLR(opt, 3)\nopt.load_state_dict(a)\nsched.load_state_dict(b)\nfor epoch in range(20):\n    \
         train()\n    sched.step()\n"
    );
    let found = codes(&lint_text(dialect_named("pytorch").unwrap(), &sound));
    assert!(!found.contains(&"scheduler-state-not-loaded"), "{found:?}");
}

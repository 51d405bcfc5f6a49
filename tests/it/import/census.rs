//! What the census of public files (`tests/census`) found, in files of our own: each was read wrong once.

use super::*;

fn rate(text: &str, clock: (u64, u64), update: u64) -> f64 {
    curve(&read(text), clock.0, clock.1).at(update)
}

#[track_caller]
fn near(ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-4), "{ours} not {theirs}");
}

#[test]
fn litgpts_finetuning_climbs_and_falls_by_a_cosine() {
    let text = "checkpoint_dir: models/one\ndevices: 2\noptimizer:\n  class_path: torch.optim.AdamW\n  init_args:\n    lr: \
                0.001\n    weight_decay: 0.02\n    betas: [0.9, 0.95]\ntrain:\n  global_batch_size: 16\n  \
                micro_batch_size: 2\n  lr_warmup_steps: 10\n  max_steps: 110\n  min_lr: 6.0e-5\n";
    let imported = read(text);
    assert_eq!(imported.dialect.id, "litgpt");
    assert_eq!((imported.batch_size, imported.accumulate), (Some(2), Some(4)));
    near(rate(text, (110, 11), 5), 5e-4);
    near(rate(text, (110, 11), 60), 5e-4);
    assert!(imported.notes.iter().any(|note| note.contains("min_lr")));
    let tokens = text.replace("max_steps: 110", "max_tokens: 3000000");
    assert!(refused(&tokens).contains("counted in tokens"));
}

#[test]
fn detectron2_climbs_no_longer_than_its_run_and_to_the_lowered_rate() {
    let text = "SOLVER:\n  BASE_LR: 0.01\n  STEPS: (60,)\n  MAX_ITER: 80\n  WARMUP_ITERS: 500\n  WARMUP_FACTOR: 0.1\n";
    near(rate(text, (80, 10), 0), 1e-3);
    // From a tenth of the rate to a tenth of it: the step lies within the climb.
    near(rate(text, (80, 10), 40), 1e-3);
    let within = "SOLVER:\n  BASE_LR: 0.01\n  STEPS: (50, 120)\n  MAX_ITER: 200\n  WARMUP_ITERS: 100\n  WARMUP_FACTOR: 0.5\n";
    near(rate(within, (200, 10), 50), 3e-3);
    near(rate(within, (200, 10), 100), 1e-3);
    near(rate(within, (200, 10), 120), 1e-4);
}

#[test]
fn mmengines_climb_in_updates_ends_with_its_epochs() {
    let text = "optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.2))\nparam_scheduler = [\n    \
                dict(type='LinearLR', start_factor=0.5, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),\n    \
                dict(type='MultiStepLR', by_epoch=True, milestones=[8], gamma=0.1),\n]\ntrain_cfg = \
                dict(by_epoch=True, max_epochs=10)\n";
    let options = Options { updates_per_epoch: Some(25.0), ..Options::default() };
    let imported = import(text, &options).unwrap();
    let curve = curve(&imported, 250, 25);
    // One update short of four epochs, not one epoch.
    near(curve.at(50), 0.2 * (0.5 + 0.5 * 50.0 / 99.0));
    near(curve.at(99), 0.2);
    near(curve.at(200), 0.02);
}

#[test]
fn kohyas_interface_gives_its_warmup_in_percent() {
    let text = r#"{"learning_rate": 0.0004, "lr_scheduler": "cosine", "lr_warmup": 20, "max_train_steps": 500,
        "max_train_epochs": "", "epoch": 3, "clip_skip": 2, "keep_tokens": "0", "cache_latents": true,
        "enable_bucket": true, "train_batch_size": 4, "optimizer": "AdamW8bit", "min_snr_gamma": 5}"#;
    let imported = read(text);
    assert_eq!(imported.dialect.id, "kohya");
    assert_eq!(imported.updates, Some(Span::Updates(500.0)));
    near(rate(text, (500, 10), 50), 2e-4);
    near(rate(text, (500, 10), 100), 4e-4);
    near(rate(text, (500, 10), 300), 2e-4);
}

#[test]
fn rates_of_several_models_are_no_trainers_rate() {
    let command = "deepspeed train.py --actor_learning_rate 1e-5 --critic_learning_rate 5e-6 --num_train_epochs 1 \
                   --lr_scheduler_type cosine --gradient_accumulation_steps 1 --num_warmup_steps 20 --output_dir out\n";
    let said = refused(command);
    assert!(said.contains("actor_learning_rate") && said.contains("critic_learning_rate"), "{said}");
    let setfit =
        "from setfit import TrainingArguments\nargs = TrainingArguments(batch_size=16, num_epochs=2)\n";
    assert!(refused(setfit).contains("body_learning_rate"));
}

#[test]
fn scripts_without_a_trainer_call_their_warmup_otherwise() {
    let command = "python run_glue_no_trainer.py --per_device_train_batch_size 32 --learning_rate 4e-5 --num_train_epochs 3 \
                   --lr_scheduler_type linear --num_warmup_steps 60 --output_dir out\n";
    near(rate(command, (300, 100), 30), 2e-5);
    let epochs = command.replace("--num_warmup_steps 60", "--num_warmup_epochs 1");
    near(rate(&epochs, (300, 100), 50), 2e-5);
    near(rate(&epochs, (300, 100), 200), 2e-5);
}

#[test]
fn maes_linear_probe_has_defaults_of_its_own() {
    let text = "torchrun main_linprobe.py --batch_size 512 --blr 0.2 --weight_decay 0.0 --accum_iter 1 --cls_token\n";
    let imported = read(text);
    assert_eq!(imported.updates, Some(Span::Epochs(90.0)));
    assert_eq!(imported.optimizer, None);
    assert!(imported.notes.iter().any(|note| note.contains("LARS")));
    near(rate(text, (900, 10), 50), 0.1);
    near(rate(text, (900, 10), 500), 0.1);
}

#[test]
fn nemos_noam_begins_twice_with_its_first_rate() {
    let text = "trainer:\n  max_steps: 400\nmodel:\n  optim:\n    name: adam\n    lr: 2.0\n    sched:\n      name: \
                NoamAnnealing\n      d_model: 16\n      warmup_steps: 25\n";
    let theirs = |step: f64| 2.0 * 0.25 * step.powf(-0.5).min(step * 25f64.powf(-1.5));
    for (update, step) in [(0, 1.0), (1, 1.0), (2, 2.0), (25, 25.0), (100, 100.0)] {
        near(rate(text, (400, 10), update), theirs(step));
    }
}

#[test]
fn paddles_steps_within_an_epoch_stay_there() {
    let text = "Global:\n  epochs: 20\nOptimizer:\n  name: AdamW\n  beta1: 0.8\n  beta2: 0.95\n  lr:\n    name: Step\n    \
                learning_rate: 0.1\n    step_size: 2.5\n    gamma: 0.5\n";
    near(rate(text, (200, 10), 24), 0.1);
    near(rate(text, (200, 10), 25), 0.05);
    assert_eq!(fixed(&read(text).optimizer.unwrap(), "beta2"), 0.95);
}

#[test]
fn what_was_evaluated_for_so_many_updates_is_not_stretched_over_the_run() {
    let text = "import keras\nclass Climb(keras.optimizers.schedules.LearningRateSchedule):\n    def __init__(self):\n        \
                self.rate = 4e-4\n        self.steps = 1000.0\n    def __call__(self, step):\n        return self.rate * \
                min(step / self.steps, 1.0)\nmodel.compile(optimizer=keras.optimizers.Adam(Climb()))\nmodel.fit(data, \
                epochs=8)\n";
    near(rate(text, (4000, 500), 500), 2e-4);
    near(rate(text, (4000, 500), 3000), 4e-4);
}

#[test]
fn a_scheduler_whose_arguments_stand_elsewhere_is_refused() {
    let text = "from timm.scheduler import create_scheduler_v2\noptimizer = torch.optim.SGD(p, lr=0.1)\nscheduler, epochs = \
                create_scheduler_v2(optimizer, **scheduler_kwargs(args))\n";
    assert!(refused(text).contains("put together elsewhere"));
    let yaml = "optimizer:\n  _target_: torch.optim.AdamW\n  lr: 1.0e-3\nlr_scheduler:\n  _target_: \
                mine.optim.lr_scheduler.CosineAnnealing\n  min_lr: 1.0e-6\n";
    assert!(refused(yaml).contains("CosineAnnealing"));
}

#[test]
fn a_schedule_of_a_probability_is_no_rate() {
    let text = "def update_probability_schedule(step):\n    return max(0.03, 1.0 - step / 100)\n\ndef \
                precond_prob_schedule(step):\n    return 0.5\n";
    let said = import(text, &Options::default());
    assert!(said.is_err(), "{said:?}");
}

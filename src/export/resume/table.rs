//! The frameworks, a row each: what one does there to resume, the rule that the rates then follow, and the code that
//! does what is wished.

use super::Kept;

/// Which rate an update has after the seam. `i` counts from the run's first update, `k` from the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The new text's rate at `i`.
    New,
    /// The new text's rate at `k`; with `whole` for a whole run of updates.
    Anew { whole: bool },
    /// The new text's shape at `i`, times the old peak. PyTorch's own classes go on as the old text had them.
    Rescaled,
    /// The new text's rate at `i`, had its peak not changed; its floor is the new one.
    OldPeak,
    /// The saved rate once, then the new text's shape at `k`; PyTorch's own classes go on from the saved rate.
    Kept,
    /// The old text's rate at `i`, also past its end.
    File,
}

/// One way to resume.
pub struct Way {
    pub how: &'static str,
    pub rule: Rule,
    pub because: &'static str,
}

/// A framework.
pub struct Row {
    pub target: &'static str,
    /// It saves and resumes at the ends of epochs.
    pub at_epochs: bool,
    /// The first update after the seam uses the saved optimizer's rate, whatever the scheduler says.
    pub first_is_kept: bool,
    pub ways: [(Kept, Way); 3],
    /// `{AT}` is the update, `{EPOCH}` its epoch.
    pub code: &'static str,
}

const fn way(how: &'static str, rule: Rule, because: &'static str) -> Way {
    Way { how, rule, because }
}

const TORCH_CODE: &str = "\
# model, build: of the new text. The new schedule is walked to where the training stands; the optimizer's state is the saved one.
saved = torch.load(\"checkpoint.pt\")
model.load_state_dict(saved[\"model\"])
optimizer, scheduler = build(model)
for _ in range({AT}):
    scheduler.step()  # PyTorch warns that no optimizer.step() came before: it is meant
numbers = [{key: group[key] for key in (\"lr\", \"initial_lr\")} for group in optimizer.param_groups]
optimizer.load_state_dict(saved[\"optimizer\"])
for group, new in zip(optimizer.param_groups, numbers):
    group.update(new)
# scheduler.load_state_dict is left out: it would bring back the old rate, and of PyTorch's own classes the old length.
";

pub const ROWS: [Row; 8] = [
    Row {
        target: "pytorch",
        at_epochs: false,
        first_is_kept: true,
        ways: [
            (
                Kept::All,
                way(
                    "optimizer.load_state_dict and scheduler.load_state_dict",
                    Rule::Rescaled,
                    "the scheduler's state holds its base rates and, for PyTorch's own classes, all their arguments: a \
                     changed rate is ignored, and so is a changed length, but for a function under LambdaLR",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "optimizer.load_state_dict alone, after build(model)",
                    Rule::Kept,
                    "the new scheduler counts from 0, while the optimizer's group has the saved rate until its next step; \
                     recursive classes then go on from that rate",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "model.load_state_dict alone",
                    Rule::Anew { whole: false },
                    "optimizer and scheduler are new: the schedule begins from scratch, its warmup included",
                ),
            ),
        ],
        code: TORCH_CODE,
    },
    Row {
        target: "hugging_face",
        at_epochs: false,
        first_is_kept: true,
        ways: [
            (
                Kept::All,
                way(
                    "trainer.train(resume_from_checkpoint=FOLDER)",
                    Rule::Rescaled,
                    "scheduler.pt holds the base rates and the count, the shape is the new arguments': a changed length bends \
                     the curve from the second update on, a changed learning_rate is ignored",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "the same, where FOLDER has no scheduler.pt",
                    Rule::Anew { whole: false },
                    "the Trainer loads the optimizer's state only together with the scheduler's: both begin from scratch, while \
                     the updates are counted on",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "a model from_pretrained(FOLDER), and trainer.train()",
                    Rule::Anew { whole: true },
                    "it is a new training, with its own count of updates",
                ),
            ),
        ],
        code: "\
# arguments, model, data: with the new rate and length. The Trainer counts on; its scheduler is made new and walked there.
class Rates(TrainerCallback):
    def on_train_begin(self, args, state, control, optimizer=None, lr_scheduler=None, **kwargs):
        lr_scheduler.base_lrs = [args.learning_rate for _ in lr_scheduler.base_lrs]
        for group, base, factor in zip(optimizer.param_groups, lr_scheduler.base_lrs, lr_scheduler.lr_lambdas):
            group[\"initial_lr\"], group[\"lr\"] = base, base * factor({AT})

trainer = Trainer(model=model, args=arguments, train_dataset=data, callbacks=[Rates()])
trainer.train(resume_from_checkpoint=\"output/checkpoint-{AT}\")
",
    },
    Row {
        target: "lightning",
        at_epochs: false,
        first_is_kept: true,
        ways: [
            (
                Kept::All,
                way(
                    "trainer.fit(model, ckpt_path=FILE)",
                    Rule::Rescaled,
                    "the checkpoint holds the schedulers' states as PyTorch saves them: a changed rate is ignored, and so is a \
                     changed length, but for a function under LambdaLR",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "the same, where the checkpoint's lr_schedulers are empty",
                    Rule::Kept,
                    "the new scheduler counts from 0, while the optimizer's group has the saved rate until its next step; \
                     recursive classes then go on from that rate",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "load_state_dict(checkpoint[\"state_dict\"]), and trainer.fit(model)",
                    Rule::Anew { whole: true },
                    "it is a new training, with its own count of updates",
                ),
            ),
        ],
        code: "\
# A hook of the module: after the checkpoint is loaded, the new schedule is walked to where the training stands.
def on_train_start(self):
    optimizer, scheduler = build(self)
    for _ in range({AT}):
        scheduler.step()
    for group, new in zip(self.optimizers().param_groups, optimizer.param_groups):
        group[\"lr\"], group[\"initial_lr\"] = new[\"lr\"], new[\"initial_lr\"]
    self.lr_schedulers().load_state_dict(scheduler.state_dict())

# trainer = Trainer(**TRAINER); trainer.fit(model, ckpt_path=\"checkpoint.ckpt\")
",
    },
    Row {
        target: "timm",
        at_epochs: true,
        first_is_kept: false,
        ways: [
            (
                Kept::All,
                way(
                    "train.py --resume FILE",
                    Rule::OldPeak,
                    "timm saves no scheduler: it makes a new one and sets it to the epoch, so a changed length counts. Its peak is \
                     the initial_lr in the saved optimizer: a changed --lr is ignored",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "train.py --resume FILE --no-resume-opt",
                    Rule::New,
                    "without the optimizer's state the new --lr counts too; momentum begins from scratch",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "train.py --initial-checkpoint FILE",
                    Rule::Anew { whole: true },
                    "it is a new training, from epoch 0",
                ),
            ),
        ],
        code: "\
# Only where --lr changes: the saved optimizer holds the old one as initial_lr. Then: train.py --resume changed.pth.tar ...
import torch

saved = torch.load(\"last.pth.tar\", weights_only=False)
for group in saved[\"optimizer\"][\"param_groups\"]:
    group[\"initial_lr\"] = LR  # the new --lr, times lr_scale where groups have one
torch.save(saved, \"changed.pth.tar\")
",
    },
    Row {
        target: "fastai",
        at_epochs: true,
        first_is_kept: false,
        ways: [
            (
                Kept::All,
                way(
                    "learn.load(FILE, with_opt=True), and the text's fit with start_epoch",
                    Rule::New,
                    "the schedule is a function of the share of training done, and the epochs before are skipped under it",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "learn.load(FILE, with_opt=True), and the text's fit as it is",
                    Rule::Anew { whole: true },
                    "fastai saves no schedule: fit begins it from scratch and trains all its epochs",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "learn.load(FILE, with_opt=False), and the text's fit as it is",
                    Rule::Anew { whole: true },
                    "fastai saves no schedule: fit begins it from scratch and trains all its epochs",
                ),
            ),
        ],
        code: "\
# fit, OPTIMIZER: of the new text. The epochs that are done are skipped, under the new schedule.
from functools import partial

learn.load(\"checkpoint\", with_opt=True)
learn.fit = partial(learn.fit, start_epoch={EPOCH})
fit(learn)
",
    },
    Row {
        target: "deepspeed",
        at_epochs: false,
        first_is_kept: true,
        ways: [
            (
                Kept::All,
                way(
                    "engine.load_checkpoint(FOLDER)",
                    Rule::New,
                    "the scheduler's state is its count alone: the new configuration's curve goes on there, after one update at \
                     the saved rate",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "engine.load_checkpoint(FOLDER, load_lr_scheduler_states=False)",
                    Rule::Kept,
                    "the new scheduler counts from 0, after one update at the saved rate",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "engine.load_checkpoint(FOLDER, load_module_only=True)",
                    Rule::Anew { whole: false },
                    "optimizer and scheduler are new: the schedule begins from scratch",
                ),
            ),
        ],
        code: "\
# engine: initialized with the new configuration.
engine.load_checkpoint(FOLDER)
for group, rate in zip(engine.optimizer.param_groups, engine.lr_scheduler.get_lr()):
    group[\"lr\"] = rate  # or the first update has the saved rate
",
    },
    Row {
        target: "keras",
        at_epochs: false,
        first_is_kept: false,
        ways: [
            (
                Kept::All,
                way(
                    "keras.models.load_model(FILE)",
                    Rule::File,
                    "the file holds the optimizer with its schedule and its count: what the new text says is not used, and the old \
                     curve goes on past its end",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "a model compiled with the new text, and model.load_weights of its .weights.h5",
                    Rule::New,
                    "the weights file holds the optimizer's variables, its count among them, and the schedule is the new text's",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "a model compiled with the new text, and model.set_weights",
                    Rule::Anew { whole: false },
                    "the optimizer's count begins at 0, and so does the schedule",
                ),
            ),
        ],
        code: "\
# optimizer: of the new text. The weights file has the optimizer's moments and its count.
model.compile(optimizer=optimizer, loss=LOSS)
model.optimizer.build(model.trainable_variables)
model.load_weights(\"checkpoint.weights.h5\")  # from model.save_weights
model.fit(DATA, initial_epoch={EPOCH}, epochs=EPOCHS)
",
    },
    Row {
        target: "optax",
        at_epochs: false,
        first_is_kept: false,
        ways: [
            (
                Kept::All,
                way(
                    "the optimizer's state restored whole",
                    Rule::New,
                    "the state holds the count, the schedule is the new text's: a changed length and a changed rate count at once",
                ),
            ),
            (
                Kept::Optimizer,
                way(
                    "its moments restored without the count",
                    Rule::Anew { whole: false },
                    "the count begins at 0, and so does the schedule",
                ),
            ),
            (
                Kept::Weights,
                way(
                    "optimizer.init(parameters) of the restored parameters",
                    Rule::Anew { whole: false },
                    "the count begins at 0, and so does the schedule",
                ),
            ),
        ],
        code: "\
# optimizer: of the new text. The saved state has the same shape, and the count with it.
state = optimizer.init(parameters)
state = jax.tree.unflatten(jax.tree.structure(state), saved_leaves)  # jax.tree.leaves(state), as it was saved
",
    },
];

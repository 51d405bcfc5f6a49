//! Lightning: the PyTorch code under `configure_optimizers`, stepped once an update.
//!
//! Lightning owns no schedules; its default is one step an *epoch*, so the interval is always written.

use super::recipe::Recipe;
use super::text::float;
use super::{Draft, python, pytorch};

/// Where the mixin ends.
const TRAINER: &str = "\n\nTRAINER = ";
/// What a schedule-free optimizer needs around training, evaluation and saving.
const HOOKS: &str = "
    def on_train_start(self):
        self.optimizers(use_pl_optimizer=False).train()

    def on_validation_start(self):
        self.optimizers(use_pl_optimizer=False).eval()

    def on_validation_end(self):
        self.optimizers(use_pl_optimizer=False).train()

    def on_save_checkpoint(self, checkpoint):
        optimizer = self.optimizers(use_pl_optimizer=False)
        optimizer.eval()  # the averaged weights are those to keep
        checkpoint[\"state_dict\"] = {name: value.clone() for name, value in self.state_dict().items()}
        optimizer.train()


TRAINER = ";

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let code = pytorch::code(recipe);
    let mut trainer = vec![format!("max_steps={}", recipe.updates())];
    if let Some(norm) = recipe.clip_norm() {
        trainer.push(format!("gradient_clip_val={}", float(norm)));
    }
    if recipe.accumulate() > 1 {
        trainer.push(format!("accumulate_grad_batches={}", recipe.accumulate()));
    }
    let trainer = trainer.join(", ");
    let body = format!(
        "{}\n\nclass Optimization:\n    \"\"\"A mixin for your module: class Model(Optimization, LightningModule). \
         Train it with TRAINER.\"\"\"\n\n    def configure_optimizers(self):\n        optimizer, scheduler = \
         build(self)\n        return {{\n            \"optimizer\": optimizer,\n            # Without the interval \
         Lightning would step once an epoch.\n            \"lr_scheduler\": {{\"scheduler\": scheduler, \
         \"interval\": \"step\", \"frequency\": 1}},\n        }}\n\n\nTRAINER = dict({trainer})  # \
         Trainer(**TRAINER)\n",
        code.body
    );
    let body = if recipe.kind().is_schedule_free() { body.replacen(TRAINER, HOOKS, 1) } else { body };
    let header = python::header(recipe, "Lightning 2.6", "Mix Optimization into your LightningModule.");
    Draft {
        text: python::module(&header, &code.imports, &body),
        predicted: code.predicted,
        table: code.table,
        approximated: "",
        notes: recipe.notes(pytorch::CARRIES),
    }
}

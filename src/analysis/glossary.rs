//! The words of the trade, each in a sentence or two of our own.

/// A word and what it means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub name: &'static str,
    pub meaning: &'static str,
}

/// The term of this name, in any case.
pub fn find(name: &str) -> Option<&'static Term> {
    TERMS.iter().find(|term| term.name.eq_ignore_ascii_case(name.trim()))
}

/// The terms whose name or meaning contains the text, in any case; names first.
pub fn search(text: &str) -> Vec<&'static Term> {
    let text = text.trim().to_lowercase();
    let within = |content: &str| content.to_lowercase().contains(&text);
    let (mut named, mut told): (Vec<&Term>, Vec<&Term>) = TERMS.iter().partition(|term| within(term.name));
    told.retain(|term| within(term.meaning));
    named.extend(told);
    named
}

const fn term(name: &'static str, meaning: &'static str) -> Term {
    Term { name, meaning }
}

/// Every term, in alphabetical order.
#[rustfmt::skip]
pub const TERMS: &[Term] = &[
    term("Adam", "An optimizer that divides each weight's averaged gradient by the running size of that weight's gradients. Its steps are about as long as the rate, whatever the scale of the loss."),
    term("Adaptive learning rate", "A rate that follows what training measures, for each weight (as in Adam) or for all of them (as a plateau control)."),
    term("Adversarial training", "Training on samples changed so as to mislead the model. A rate that is too high costs the robustness it is for."),
    term("Annealing", "Lowering the rate little by little, so that updates first explore and then settle."),
    term("Automatic differentiation", "Working out gradients from the code of a model. A schedule stays outside of it: the rate only scales the step."),
    term("AutoML", "Letting a program choose model and numbers, the rate among them."),
    term("Base learning rate", "The rate a schedule's factors multiply. In most frameworks it is the peak, in cyclic ones the lowest rate."),
    term("Baseline", "The simplest training that a schedule has to beat: here the best constant rate at the same budget and seeds."),
    term("Batch normalization", "Scaling what goes through a layer by the statistics of its batch. It lets rates be higher, and ties results to the batch size."),
    term("Batch size", "Samples whose mean gradient makes one step. A larger batch has less noise and bears a higher rate, up to a point."),
    term("Burn-in", "The unsettled first part of a training. A warmup keeps it gentle."),
    term("Catastrophic forgetting", "Losing what was learned before while learning something new, which a high rate in fine-tuning brings about."),
    term("Chance level", "The loss or accuracy of a model that ignores its inputs. A run that stays there has learned nothing."),
    term("Checkpoint", "All that a training needs to go on as if it had not stopped: weights, optimizer state, position in schedule and data."),
    term("Client drift", "What takes federated clients apart within a round: each goes its own way, the further the longer the round, the higher the rate and the more their data differ."),
    term("Concept drift", "The data change while a model trains on them, at once or little by little. A rate that has decayed follows slowly."),
    term("Convergence", "The loss has come down and no longer changes much. With too low a rate it only looks so."),
    term("Convergence speed", "How many updates it takes to reach a chosen loss or accuracy."),
    term("Cooldown", "The last stretch of a schedule, in which the rate goes down to settle the weights. For a controller: reports after a cut during which nothing counts."),
    term("Cosine annealing", "Going from the peak to the floor along half a cosine: slowly at both ends, fast in between."),
    term("Cosine annealing with restarts", "Half a cosine after another, each from the peak again: the ends of its cycles are snapshots worth keeping."),
    term("Critical batch size", "The batch from which a larger one no longer saves updates in proportion; about the gradient noise scale."),
    term("Critical sharpness", "2 over the smallest step along the update's direction that raises the loss. A cheap stand-in for sharpness."),
    term("Curriculum learning", "Showing easy samples first. Its stages and those of a schedule can get in each other's way."),
    term("Cyclical learning rate", "A rate that goes up and down between two bounds again and again."),
    term("Data parallel training", "Workers with the same weights see different samples, and their gradients are averaged at every update."),
    term("Data poisoning", "Training samples that somebody labelled to mislead the model. The rate decides how much of them is let in, and how fast it heals."),
    term("Decay", "Any way of lowering the rate over training."),
    term("Divergence", "The loss grows without bound or stops being a number, because updates overshoot more each time."),
    term("Early stopping", "Ending a training when validation no longer improves. A decay that is spread over the whole run then never reaches its low rates."),
    term("Edge of stability", "The state full-batch training drifts into: the sharpness hovers at 2/rate while the loss still falls, with bumps."),
    term("Effective step", "How far an update really moves the weights, after momentum and after the optimizer's scaling."),
    term("Ensemble", "Several models whose answers are averaged. Snapshots of one training can be its members."),
    term("Epoch", "One pass over the training samples."),
    term("Exponential decay", "Multiplying the rate by the same factor every tick."),
    term("Exponential moving average", "An average that forgets the past by a fixed share each step. Of losses it smooths a curve, of weights it stands in for a decay."),
    term("Federated averaging", "Clients train on data of their own for a round; a server averages their weights and sends them back."),
    term("Fine-tuning", "Training on from learned weights, usually at a much lower rate."),
    term("Floor", "The lowest rate of a schedule."),
    term("Forecast", "The loss that a law expects of a schedule before anything trains. It follows from sums of the rate and from where it falls, and is worth what its band says."),
    term("Fork", "A second training that begins from the first one's state, to compare two futures."),
    term("Generalization gap", "How much worse a model does on held-out samples than on those it trained on."),
    term("Gradient", "The direction in which the loss grows fastest; an update goes against it."),
    term("Gradient accumulation", "Averaging the gradients of several micro-batches before one update, as if the batch were larger."),
    term("Gradient clipping", "Shortening a gradient that is longer than a bound. It saves a run from single batches, and can hide a rate that is too high."),
    term("Gradient noise scale", "The variance of sample gradients over the squared length of their mean: roughly the largest batch worth its cost."),
    term("Gradient norm", "The length of the gradient. Peaks are an early sign of trouble; a single one means little."),
    term("Hessian", "The matrix of second derivatives of the loss: how the gradient changes from place to place."),
    term("Hypergradient", "The derivative of the loss by the rate, used to let the rate learn its own value."),
    term("Hyperparameter sweep", "Training under many settings, such as a grid of peaks, to compare how they end."),
    term("Hyperparameter tuning", "Searching for the numbers that training does not learn itself, such as the rate."),
    term("Label noise", "Wrong answers among the training samples. Long training at a low rate learns them by heart."),
    term("Layer-wise learning rate", "Another rate for each layer, usually lower near the input."),
    term("Learning rate", "The factor between the gradient (or the optimizer's direction) and the step. The most telling number of a training."),
    term("Learning rate clipping", "Keeping a rate between bounds, whatever its schedule says."),
    term("Learning rate finder", "A program that runs a learning rate range test and reads a rate off its curve. Each reads another one."),
    term("Learning rate multiplier", "A factor on the rate, from a schedule, a controller, or for one layer."),
    term("Learning rate range test", "A short training under a rising rate, whose losses show where training begins to work and where it breaks."),
    term("Learning rate schedule", "A plan of the rate for the whole training, as a function of the update or the epoch."),
    term("Linear scaling rule", "Multiplying the rate by as much as the batch. Holds for SGD up to the critical batch size, with a warmup."),
    term("Local SGD", "Workers that average their weights every so many updates, not their gradients at each."),
    term("Loss landscape", "The loss as a surface over all weights. Pictures show a slice of it."),
    term("Loss scaling", "Multiplying the loss before gradients are stored in 16 bits and dividing them after it, so that small ones are not 0. A dynamic scale falls when they overflow, and the update is left out."),
    term("Meta-learning", "Learning how to learn, for example a rule for the rate."),
    term("Micro-batch", "The samples of one forward and backward pass when several make an update."),
    term("Mixed precision", "Computing in 16 bits and keeping what needs it in 32. With 16-bit weights small updates are rounded away, unless rounding is stochastic."),
    term("Momentum", "Adding a share of the last step to the next. It averages out noise and makes steps longer, up to 1/(1 - momentum) times."),
    term("Momentum scheduling", "Moving momentum against the rate: low where the rate is high."),
    term("Multi-power law", "A formula for the loss from the schedule alone: what a constant rate comes to, less what each fall of the rate gives back. Its seven numbers are fitted to runs that were made."),
    term("Noise floor", "The loss at which a constant rate stops improving, because noise undoes what updates gain. Lowering the rate lowers it."),
    term("One-cycle", "A schedule that climbs to a high peak and falls far below its start, with momentum the other way round."),
    term("Online learning", "Training on data that keeps coming. With no end to plan for, the rate has to stay up or to adapt."),
    term("Optimizer", "The rule that turns gradients into steps."),
    term("Optimizer state", "What an optimizer remembers between updates, such as momentum. It has to be saved with the weights."),
    term("Oscillation", "A loss that jumps up again and again, because updates cross the valley instead of following it."),
    term("Overfitting", "Learning the training samples by heart: their loss falls while that of held-out samples rises."),
    term("Parameter group", "Weights that share optimizer numbers, and may have a rate and a weight decay of their own, or be frozen for the beginning of the run."),
    term("Patience", "How many reports without improvement a plateau control waits before it cuts the rate. Too little of it takes noise for a plateau."),
    term("Peak", "The highest rate of a schedule."),
    term("Per-parameter learning rate", "A rate of its own for every weight, as Adam and its relatives have it implicitly."),
    term("Phase", "A stretch of a run with training data of its own: other classes, shifted inputs, wrong labels, another order."),
    term("Piecewise constant", "A rate that stays the same within each of a few stretches."),
    term("Plateau", "A stretch without improvement. A plateau control then lowers the rate."),
    term("Plateau thrash", "A control that takes noise for plateaus and cuts the rate to nothing."),
    term("Population-based training", "Training many runs at once, and replacing the worst by changed copies of the best."),
    term("Precision underflow", "Numbers too small for their format become zero, or are lost when added to larger ones."),
    term("Prequential loss", "The mean loss of every batch before the model learns from it: what an online learner pays on its way."),
    term("RAdam", "Adam with a factor that holds it back until its estimate of gradient sizes is steady: a warmup that follows from beta2."),
    term("Regularization", "Anything that keeps a model from learning its samples by heart."),
    term("Regularization schedule", "Moving weight decay or another regularizer along with the rate, so that their balance stays as it was tuned."),
    term("Replica", "The same run under another seed. Only replicas tell a difference from luck."),
    term("Replica divergence", "Workers that should have the same weights and have not: one has another rate or beginning, follows late, or is not heard. Losses hardly show it."),
    term("Residual network", "A network whose layers add to their input, which lets deep ones bear higher rates."),
    term("Restart", "A jump of the rate back to its peak, to leave one minimum for another. Weights stay."),
    term("RMSProp", "An optimizer that divides the gradient by its running size, without the averaging that Adam adds."),
    term("Saddle point", "A place where the gradient is zero but the loss still falls in some direction. Low rates linger there."),
    term("Schedule state", "Where a schedule stands. A training resumed without it jumps to another rate."),
    term("Second-order method", "An optimizer that uses the curvature of the loss, not only its slope."),
    term("Seed", "The number all randomness follows from: initial weights, split and order of the data."),
    term("SGD", "Stepping against the gradient of a random batch. With momentum, still the reference for many models."),
    term("Sharpness", "The largest curvature of the loss at the present weights. Gradient descent is stable while it is below 2/rate."),
    term("Smallest useful rate", "The rate below which rounding to the nearest number keeps more than half of 16-bit weights where they are. It depends on how long the optimizer's steps are."),
    term("Smoothing", "Averaging over neighbouring updates to see a trend. It lags behind what it smooths."),
    term("Snapshot", "The weights at one update, kept for comparing or averaging."),
    term("Square-root scaling rule", "Multiplying the rate by the square root of the batch's growth: usual for Adam, careful for SGD."),
    term("Stability limit", "The lowest rate of a range test at which the loss is back where it began. Training breaks above it."),
    term("Step decay", "Lowering the rate by a factor at equal distances."),
    term("Step length", "Ticks from one cut of a step decay to the next. Long steps waste time at a rate that no longer helps."),
    term("Stochastic rounding", "Rounding up or down by chance, as often as a number is nearer to either neighbour: what is lost is right on average, so small updates add up."),
    term("Stochastic weight averaging", "The mean of weights from along a training's end, often better than any of them."),
    term("Super-convergence", "Training in a fraction of the updates with a one-cycle schedule of very high peak. Seen in deep residual networks, not in every model."),
    term("Telemetry", "What is measured along the way: loss, rate, norms, events."),
    term("Transfer learning", "Using what was learned on one task for another."),
    term("Underfitting", "Not even learning the training samples, for want of capacity, time or rate."),
    term("Unigram entropy", "The loss of a model that knows only how often each character or class occurs."),
    term("Update", "One step of the optimizer."),
    term("Update-to-weight ratio", "The length of an update over the length of the weights. About one in a thousand is a sound pace."),
    term("Validation", "Measuring on samples held out from training."),
    term("Warm restart", "A restart that keeps weights and optimizer state."),
    term("Warm-stable-decay", "A schedule of three parts: climb, stay, fall. It can be continued from the flat part."),
    term("Warmup", "Starting with low rates and climbing to the peak, while gradients and optimizer state are still unsettled."),
    term("Weight decay", "Shrinking all weights a little with every update. In AdamW the shrinking follows the rate."),
];

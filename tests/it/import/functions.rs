//! Functions that give a rate: evaluated, never run.

use super::*;

const PI: f64 = std::f64::consts::PI;

fn rates(text: &str, clock: (u64, u64), at: &[(u64, f64)]) -> Imported {
    let imported = read(text);
    let curve = curve(&imported, clock.0, clock.1);
    for (update, rate) in at {
        let ours = curve.at(*update);
        assert!(
            (ours - rate).abs() <= 1e-9 * rate.abs().max(1e-4),
            "{text}\nupdate {update}: {ours} not {rate}: {:?}",
            imported.notes
        );
    }
    imported
}

const NANOGPT: &str = "import math\nlearning_rate = 6e-4\nmax_iters = 1000\nwarmup_iters = 100\nlr_decay_iters = 1000\n\
                       min_lr = 6e-5\ndecay_lr = True\ndef get_lr(it):\n    # 1) linear warmup\n    \
                       if it < warmup_iters:\n        return learning_rate * (it + 1) / (warmup_iters + 1)\n    \
                       if it > lr_decay_iters:\n        return min_lr\n    \
                       decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)\n    \
                       assert 0 <= decay_ratio <= 1\n    \
                       coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))\n    \
                       return min_lr + coeff * (learning_rate - min_lr)\n";

#[test]
fn the_most_copied_schedule_is_the_named_one_it_is() {
    let half = |it: f64| 6e-5 + 0.5 * (1.0 + (PI * (it - 100.0) / 900.0).cos()) * 5.4e-4;
    let at =
        [(0, 6e-4 / 101.0), (50, 6e-4 * 51.0 / 101.0), (100, 6e-4), (550, half(550.0)), (999, half(999.0))];
    let imported = rates(NANOGPT, (1000, 100), &at);
    assert_eq!((imported.dialect.id, imported.updates), ("function", Some(Span::Updates(1000.0))));
    assert_eq!(imported.lr.kind.name(), "cosine", "{:?}", imported.notes);
    let in_loop = format!(
        "{NANOGPT}optimizer = torch.optim.AdamW(params, lr=learning_rate)\niter_num = 0\nwhile True:\n    \
         lr = get_lr(iter_num) if decay_lr else learning_rate\n    for param_group in optimizer.param_groups:\n        \
         param_group['lr'] = lr\n    loss = model(batch)\n    iter_num += 1\n    if iter_num > max_iters:\n        break\n"
    );
    rates(&in_loop, (1000, 100), &at);
    let case = rates(
        "import math\ndef get_lr(it):\n    return 6e-4 * (it + 1) / 715\nlearning_rate = 6e-4\n",
        (700, 100),
        &[(0, 6e-4 / 715.0), (356, 6e-4 * 357.0 / 715.0), (699, 6e-4 * 700.0 / 715.0)],
    );
    assert!(case.assumed.iter().any(|it| it.contains("how long the run is")), "{:?}", case.assumed);
}

#[test]
fn a_function_of_the_epoch_is_called_as_its_loop_does() {
    rates(
        "def adjust_learning_rate(optimizer, epoch, args):\n    \"\"\"Decays the rate every 30 epochs\"\"\"\n    \
         lr = args.lr * (0.1 ** (epoch // 30))\n    for param_group in optimizer.param_groups:\n        \
         param_group['lr'] = lr\nparser.add_argument('--lr', default=0.1)\nparser.add_argument('--epochs', default=90)\n\
         for epoch in range(args.start_epoch, args.epochs):\n    adjust_learning_rate(optimizer, epoch, args)\n    \
         train(loader, model, optimizer, epoch)\n",
        (900, 10),
        &[(0, 0.1), (299, 0.1), (300, 0.01), (899, 1e-3)],
    );
    rates(
        "def adjust_learning_rate(optimizer, epoch, args):\n    lr = args.lr\n    if args.cos:\n        \
         lr *= 0.5 * (1. + math.cos(math.pi * epoch / args.epochs))\n    else:\n        for milestone in args.schedule:\n            \
         lr *= 0.1 if epoch >= milestone else 1.\n    for param_group in optimizer.param_groups:\n        \
         param_group['lr'] = lr\nparser.add_argument('--lr', default=0.03)\nparser.add_argument('--cos', default=False)\n\
         parser.add_argument('--schedule', default=[120, 160], nargs='*')\nparser.add_argument('--epochs', default=200)\n\
         for epoch in range(args.epochs):\n    adjust_learning_rate(optimizer, epoch, args)\n    train(loader)\n",
        (200, 1),
        &[(0, 0.03), (119, 0.03), (120, 0.003), (160, 0.0003)],
    );
    rates(
        "for epoch in range(60):\n    lr = 0.2 * (0.5 ** (epoch // 20))\n    for g in opt.param_groups:\n        g['lr'] = lr\n    \
         for x, y in loader:\n        opt.step()\n",
        (60, 1),
        &[(0, 0.2), (20, 0.1), (40, 0.05)],
    );
}

#[test]
fn lambdas_and_closures_are_evaluated() {
    let head = "opt = SGD(p, lr=0.4)\n";
    rates(
        &format!("{head}s = LambdaLR(opt, lr_lambda=lambda epoch: 0.95 ** epoch)"),
        (100, 1),
        &[(0, 0.4), (10, 0.4 * 0.95_f64.powi(10))],
    );
    rates(
        &format!(
            "{head}warm = 10\ndef rule(step):\n    return min(1.0, (step + 1) / warm)\ns = LambdaLR(opt, rule)"
        ),
        (100, 1),
        &[(0, 0.04), (4, 0.2), (50, 0.4)],
    );
    rates(
        &format!(
            "{head}def linear(warm, total):\n    def at(step):\n        if step < warm:\n            return float(step) / \
             float(max(1, warm))\n        return max(0.0, float(total - step) / float(max(1, total - warm)))\n    return at\n\
             s = torch.optim.lr_scheduler.LambdaLR(opt, linear(10, 110))"
        ),
        (110, 1),
        &[(0, 0.0), (5, 0.2), (10, 0.4), (60, 0.2)],
    );
    rates(
        &format!(
            "{head}from functools import partial\ndef f(step, *, warm):\n    return min((step + 1) ** -0.5, (step + 1) * warm ** \
             -1.5)\ns = LambdaLR(opt, lr_lambda=partial(f, warm=16))"
        ),
        (100, 1),
        &[(0, 0.4 / 64.0), (15, 0.1), (99, 0.04)],
    );
    rates(
        &format!("{head}s = LambdaLR(opt, lambda e: np.interp([e], [0, 5, 10], [0, 1, 0])[0])"),
        (10, 1),
        &[(0, 0.0), (3, 0.24), (5, 0.4), (8, 0.16)],
    );
    let own = "class Half(torch.optim.lr_scheduler.LRScheduler):\n    def __init__(self, optimizer, every, last_epoch=-1):\n        \
               self.every = every\n        super().__init__(optimizer, last_epoch)\n    def get_lr(self):\n        \
               return [base * 0.5 ** (self.last_epoch // self.every) for base in self.base_lrs]\n";
    rates(&format!("{own}{head}s = Half(opt, every=4)"), (12, 1), &[(0, 0.4), (3, 0.4), (4, 0.2), (8, 0.1)]);
}

#[test]
fn keras_and_optax_are_evaluated_by_their_own_formulas() {
    rates(
        "from tensorflow import keras\ndef scheduler(epoch, lr):\n    if epoch < 10:\n        return lr\n    return lr * \
         tf.math.exp(-0.1)\nmodel.compile(keras.optimizers.SGD(learning_rate=0.01))\nmodel.fit(x, epochs=15, \
         callbacks=[keras.callbacks.LearningRateScheduler(scheduler)])\n",
        (150, 10),
        &[(0, 0.01), (99, 0.01), (100, 0.01 * (-0.1_f64).exp()), (149, 0.01 * (-0.5_f64).exp())],
    );
    let transformer = "class CustomSchedule(tf.keras.optimizers.schedules.LearningRateSchedule):\n    \
         def __init__(self, d_model, warmup_steps=4000):\n        super().__init__()\n        \
         self.d_model = tf.cast(d_model, tf.float32)\n        self.warmup_steps = warmup_steps\n    \
         def __call__(self, step):\n        step = tf.cast(step, dtype=tf.float32)\n        arg1 = tf.math.rsqrt(step)\n        \
         arg2 = step * (self.warmup_steps ** -1.5)\n        \
         return tf.math.rsqrt(self.d_model) * tf.math.minimum(arg1, arg2)\nlearning_rate = CustomSchedule(128)\n\
         optimizer = tf.keras.optimizers.Adam(learning_rate, beta_1=0.9, beta_2=0.98, epsilon=1e-9)\n";
    let rate = |step: f64| 128_f64.powf(-0.5) * step.powf(-0.5).min(step * 4000_f64.powf(-1.5));
    rates(transformer, (1000, 100), &[(1, rate(1.0)), (500, rate(500.0)), (999, rate(999.0))]);

    let optax = rates(
        "import optax\nwarm = 100\nschedule = optax.join_schedules([optax.linear_schedule(0.0, 1e-3, warm), \
         optax.cosine_decay_schedule(1e-3, 900, alpha=0.1)], boundaries=[warm])\ntx = \
         optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(learning_rate=schedule, b2=0.95))\n",
        (1000, 100),
        &[(0, 0.0), (50, 5e-4), (100, 1e-3), (550, 5.5e-4)],
    );
    assert_eq!(
        (optax.dialect.id, optax.updates, optax.clip_norm),
        ("optax", Some(Span::Updates(1000.0)), Some(1.0))
    );
    rates(
        "import optax\ndef schedule_fn(count):\n    return 0.1 * jnp.minimum(1.0, count / 10) * 0.5 ** (count // 100)\n\
         opt = optax.sgd(learning_rate=schedule_fn, momentum=0.9)\n",
        (1000, 10),
        &[(0, 0.0), (5, 0.05), (50, 0.1), (150, 0.05)],
    );
}

#[test]
fn a_hostile_function_costs_its_fuel_and_no_more() {
    for body in [
        "    while True:\n        x = 1\n",
        "    return f(x)\n",
        "    return [[x] * 10 ** 9 for y in range(10 ** 9)]\n",
        "    a = [1]\n    for i in range(200):\n        a = a + a\n    return len(a)\n",
        "    return 9 ** 9 ** 9 ** 9\n",
        "    return \"x\" * 10 ** 10\n",
        "    return x / 0\n",
        "    return math.sqrt(-1)\n",
        "    return __import__('os').system('true')\n",
        "    return open('/etc/passwd').read()\n",
        "    global y\n    y = 1\n    return y\n",
        "    raise ValueError\n",
        "    return -1\n",
        "    return float('nan')\n",
        "    return g(x)\n",
        "    def h(y):\n        return h(y)\n    return h(1)\n",
        "    return (lambda s: s(s))(lambda s: s(s))\n",
    ] {
        let text = format!(
            "opt = SGD(p, lr=0.1)\ndef g(x):\n    return f(x)\ndef f(x):\n{body}s = LambdaLR(opt, f)\n"
        );
        let error = refused(&text);
        assert!(error.contains("cannot be imported"), "{body}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_function_is_evaluated_or_refused(
        body in "( {4}|    if x < 3:|    for i in range\\(x\\):|    return x|[a-z]+ = |[-+*/%(),0-9.x]{0,9}|math.cos\\(|\n){0,24}"
    ) {
        let text = format!("opt = SGD(p, lr=0.1)\ndef f(x):\n{body}\n    return 1\ns = LambdaLR(opt, f)\n");
        if let Ok(imported) = import(&text, &Options { length: Some(Span::Updates(50.0)), ..Options::default() }) {
            let curve = curve(&imported, 50, 10);
            prop_assert!((0..50).all(|update| curve.at(update).is_finite()));
        }
    }
}

#[test]
fn arrays_of_rates_are_worked_out() {
    let text = "import numpy as np\ndef cosine_scheduler(base, final, epochs, niter, warmup_epochs=0, start=0):\n    \
                warmup_schedule = np.array([])\n    warmup_iters = warmup_epochs * niter\n    if warmup_epochs > 0:\n        \
                warmup_schedule = np.linspace(start, base, warmup_iters)\n    iters = np.arange(epochs * niter - warmup_iters)\n    \
                schedule = final + 0.5 * (base - final) * (1 + np.cos(np.pi * iters / len(iters)))\n    \
                schedule = np.concatenate((warmup_schedule, schedule))\n    assert len(schedule) == epochs * niter\n    \
                return schedule\nlr_schedule = cosine_scheduler(1e-3, 1e-5, 20, 10, warmup_epochs=2)\n\
                for it in range(200):\n    for group in optimizer.param_groups:\n        group['lr'] = lr_schedule[it]\n";
    let half = |i: f64| 1e-5 + 0.5 * 9.9e-4 * (1.0 + (PI * i / 180.0).cos());
    rates(text, (200, 10), &[(0, 0.0), (19, 1e-3), (20, 1e-3), (110, half(90.0)), (199, half(179.0))]);
}

#[test]
fn a_function_of_what_counts_is_found_by_what_its_name_tells() {
    let text =
        "def my_lr_with_warmup(step, warm=10, peak=1e-3):\n    return peak * min(1.0, (step + 1) / warm)\n";
    rates(text, (100, 10), &[(0, 1e-4), (4, 5e-4), (50, 1e-3)]);
    // A setter, a share of the run, and what has no number in it are none.
    for text in [
        "def set_lr(optimizer, lr):\n    for group in optimizer.param_groups:\n        group['lr'] = lr\n",
        "def warmup_linear(x, warmup=0.002):\n    return x / warmup if x < warmup else 1.0 - x\n",
        "class Old:\n    def get_lr(self, step):\n        return 0.1\n",
    ] {
        assert!(import(text, &Options::default()).is_err(), "{text}");
    }
}

/// The formula of an import, and its constants.
fn formula(imported: &Imported) -> (String, Vec<(String, f64)>) {
    let Some(definition) = imported.lr.kind.definition() else {
        panic!("{}: {:?}", imported.lr.kind.name(), imported.notes)
    };
    let constants = definition.constants().map(|(name, value)| (name.to_owned(), value)).collect();
    (definition.formula().to_string(), constants)
}

#[test]
fn a_function_that_is_no_named_schedule_is_its_own_formula() {
    let text = "import math\nlearning_rate = 0.3\nwarmup_iters = 20\nmax_iters = 400\nuse_decay = True\ndef get_lr(it):\n    \
                \"\"\"Climbs, and then waves.\"\"\"\n    if it < warmup_iters:\n        return learning_rate * (it + 1) / \
                warmup_iters\n    if not use_decay:\n        return learning_rate\n    wave = 0.5 + 0.5 * math.cos(it / \
                30.0)\n    wave *= 0.9\n    assert wave >= 0\n    return learning_rate * max(wave, 0.1) * (1 - it / max_iters)\n";
    let at = |it: f64| 0.3 * (0.9 * (0.5 + 0.5 * (it / 30.0).cos())).max(0.1) * (1.0 - it / 400.0);
    let imported =
        rates(text, (400, 100), &[(0, 0.015), (19, 0.3), (20, at(20.0)), (177, at(177.0)), (399, at(399.0))]);
    let (text, constants) = formula(&imported);
    assert_eq!(
        text,
        "learning_rate * (t + 1) / warmup_iters if t < warmup_iters else learning_rate * max((0.5 + 0.5 * cos(t / 30)) * \
         0.9, 0.1) * (1 - t / max_iters)"
    );
    let expected = [("learning_rate", 0.3), ("warmup_iters", 20.0), ("max_iters", 400.0)];
    assert_eq!(constants, expected.map(|(name, value)| (name.to_owned(), value)));
    assert!(imported.notes.iter().any(|note| note.contains("translated")), "{:?}", imported.notes);
}

#[test]
fn lambdas_closures_and_classes_are_translated_too() {
    let head = "opt = SGD(p, lr=0.4)\n";
    let imported = rates(
        &format!(
            "{head}def scaled(step, period=50):\n    return abs(math.sin(step / period)) + 0.01\ns = LambdaLR(opt, scaled)"
        ),
        (300, 1),
        &[
            (0, 0.004),
            (100, 0.4 * (2.0_f64.sin() + 0.01)),
            (299, 0.4 * ((299.0_f64 / 50.0).sin().abs() + 0.01)),
        ],
    );
    assert_eq!(formula(&imported).0, "peak * (abs(sin(t / period)) + 0.01)");
    let imported = rates(
        &format!(
            "{head}def make(warm, total):\n    def at(step):\n        if step < warm:\n            return step / warm\n        \
             elif step < total / 2:\n            return 1.0\n        return 0.5 + 0.2 * math.sin(step)\n    return at\n\
             s = LambdaLR(opt, make(10, 200))"
        ),
        (200, 1),
        &[(5, 0.2), (50, 0.4), (150, 0.4 * (0.5 + 0.2 * 150_f64.sin()))],
    );
    assert_eq!(
        formula(&imported).0,
        "peak * (t / warm if t < warm else 1 if t < total_ / 2 else 0.5 + 0.2 * sin(t))"
    );
    let text = "class Waves(tf.keras.optimizers.schedules.LearningRateSchedule):\n    def __init__(self, base, every):\n        \
                self.base = base\n        self.every = every\n    def __call__(self, step):\n        step = tf.cast(step, \
                tf.float32)\n        return self.base * tf.math.exp(-step / self.every) * (1.5 + tf.math.cos(step))\n\
                opt = tf.keras.optimizers.Adam(Waves(0.1, 40.0))\nmodel.fit(x, epochs=10)\n";
    let at = |step: f64| 0.1 * (-step / 40.0).exp() * (1.5 + step.cos());
    let imported = rates(text, (200, 20), &[(0, at(0.0)), (7, at(7.0)), (150, at(150.0))]);
    assert_eq!(formula(&imported).0, "base * exp(-t / every) * (1.5 + cos(t))");
}

#[test]
fn what_cannot_be_translated_is_the_exact_table() {
    let text = "opt = SGD(p, lr=0.4)\ndef f(step):\n    total = 0\n    for k in range(1, 4):\n        total += math.sin(step * k) / \
                k\n    return 1 + total / 4\ns = LambdaLR(opt, f)";
    let at = |step: f64| {
        0.4 * (1.0 + (1..4).map(|k| (step * f64::from(k)).sin() / f64::from(k)).sum::<f64>() / 4.0)
    };
    let imported = rates(text, (100, 1), &[(0, 0.4), (33, at(33.0)), (99, at(99.0))]);
    assert_eq!(imported.lr.kind.name(), "table", "{:?}", imported.notes);
}

//! Any experiment that can be, for property tests.

use anneal_studio::data::{ColumnUse, ColumnUses};
use anneal_studio::experiment::group::Named;
use anneal_studio::experiment::names::name_of;
use anneal_studio::experiment::optimizer::Slider;
use anneal_studio::experiment::precision::Dynamic;
use anneal_studio::experiment::{
    Activation, Average, BatchSize, Controller, Data, Decay, Experiment, Greedy, Group, GroupRate,
    Hypergradient, Loss, LossScale, Metric, Model, Norm, Number, Optimizer, OptimizerKind, Plateau,
    PlateauMode, Rounding, Run, SnapshotWhen, Snapshots, Source, Stop, SurfaceFunction, ThresholdMode, Train,
    WeightFormat, Window,
};
use anneal_studio::schedule::formula::Definition;
use anneal_studio::schedule::greedy::GreedyRule;
use anneal_studio::schedule::kind::{Field, Part, Role, Step, Table, Value};
use anneal_studio::schedule::plateau::PlateauRule;
use anneal_studio::schedule::{Clamp, Cooldown, Kind, Ramp, Schedule, Span, Tick, Warmup};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// One of the things a list names.
fn one<T: Clone + std::fmt::Debug + 'static>(
    names: &[(&'static str, T)],
) -> impl Strategy<Value = T> + use<T> {
    select(names.iter().map(|(_, choice)| choice.clone()).collect::<Vec<_>>())
}

/// A number within the bounds: an end, a plain one, or one of any magnitude.
fn within(min: f64, max: f64) -> BoxedStrategy<f64> {
    let magnitude = (-12.0..6.0_f64).prop_map(move |power| 10f64.powf(power).clamp(min, max));
    prop_oneof![1 => Just(min), 1 => Just(max), 4 => min..=max, 4 => magnitude].boxed()
}

fn rate() -> BoxedStrategy<f64> {
    prop_oneof![within(0.0, 1.0), within(0.0, 1e30)].boxed()
}

/// A span of at least one of its unit, so that it is a period on some clock.
fn span(has_epochs: bool) -> BoxedStrategy<Span> {
    let amount = || prop_oneof![(1..1000u32).prop_map(f64::from), 1.0..100.0f64];
    let updates = amount().prop_map(Span::Updates);
    let percent = amount().prop_map(Span::Percent);
    if has_epochs {
        prop_oneof![updates, percent, amount().prop_map(Span::Epochs)].boxed()
    } else {
        prop_oneof![updates, percent].boxed()
    }
}

/// Positions in increasing order from the start on, in one unit.
fn positions(has_epochs: bool) -> BoxedStrategy<Vec<Span>> {
    (span(has_epochs), vec(0..100u32, 1..6), any::<bool>())
        .prop_map(|(unit, steps, from_start)| {
            let mut at = if from_start { -1.0 } else { 0.5 };
            let place = |step| {
                at += 1.0 + f64::from(step) * f64::from(u8::from(at >= 0.0));
                unit.with_amount(at)
            };
            steps.into_iter().map(place).collect()
        })
        .boxed()
}

fn value(field: &Field, inner: &BoxedStrategy<Schedule>, has_epochs: bool) -> BoxedStrategy<Value> {
    let given = match field.role {
        Role::Rate => rate().prop_map(Value::Number).boxed(),
        Role::Number { min, max } => within(min, max).prop_map(Value::Number).boxed(),
        Role::Span => span(has_epochs).prop_map(|span| Value::Span(Some(span))).boxed(),
        Role::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Role::Choice(names) => select(names).prop_map(Value::Choice).boxed(),
        Role::Formula => {
            let texts = ["peak", "peak * 0.5 ** t", "max(peak * (1 - t / total),\n\tb_2)", "größe / (1 + t)"];
            (select(texts.to_vec()), rate(), rate())
                .prop_map(|(text, peak, other)| {
                    let constants = [("peak", peak), ("b_2", other), ("größe", other)];
                    Value::Formula(Definition::parse(text, &constants).unwrap())
                })
                .boxed()
        }
        Role::Points => positions(has_epochs)
            .prop_flat_map(|places| {
                let rates = vec(rate(), places.len());
                rates.prop_map(move |rates| Value::Points(places.iter().copied().zip(rates).collect()))
            })
            .boxed(),
        Role::Values => {
            let listed = |values| Value::Values(Table { values, file: None });
            vec(rate(), 1..20).prop_map(listed).boxed()
        }
        Role::Milestones => positions(has_epochs).prop_map(Value::Milestones).boxed(),
        Role::Parts => (vec((span(has_epochs), inner.clone()), 0..4), inner.clone())
            .prop_map(|(parts, last)| {
                let part = |(length, schedule)| Part::new(Some(length), schedule);
                let last = Part::new(None, last);
                Value::Parts(parts.into_iter().map(part).chain([last]).collect())
            })
            .boxed(),
        Role::Factors => vec(inner.clone(), 1..4).prop_map(Value::Factors).boxed(),
    };
    match &field.default {
        Some(default) => prop_oneof![1 => Just(default.clone()), 2 => given].boxed(),
        None => given,
    }
}

fn kind(name: &'static str, inner: &BoxedStrategy<Schedule>, has_epochs: bool) -> BoxedStrategy<Kind> {
    let fields = Kind::fields(name).unwrap();
    let values: Vec<_> = fields.iter().map(|field| value(field, inner, has_epochs)).collect();
    values
        .prop_map(move |values| {
            Kind::build(name, |wanted| {
                let at = fields.iter().position(|field| field.name == wanted)?;
                Some(values[at].clone())
            })
            .unwrap()
        })
        .boxed()
}

/// A share, and a ramp that it allows: an exponential one multiplies, so it cannot start at nothing.
fn ramp() -> impl Strategy<Value = (f64, Ramp)> {
    (within(0.0, 1.0), one(&Ramp::ALL)).prop_map(|(share, shape)| match shape {
        Ramp::Exponential => (share.max(1e-3), shape),
        _ => (share, shape),
    })
}

fn modified(kind: BoxedStrategy<Kind>, has_epochs: bool) -> BoxedStrategy<Schedule> {
    let tick =
        if has_epochs { select(vec![Tick::Update, Tick::Epoch]).boxed() } else { Just(Tick::Update).boxed() };
    let clamp = (rate(), rate()).prop_map(|(a, b)| Clamp { min: a.min(b), max: a.max(b) });
    let ramped = || (span(has_epochs), ramp());
    (kind, tick, option::of(ramped()), option::of(ramped()), option::of(clamp))
        .prop_map(|(kind, tick, warmup, cooldown, clamp)| Schedule {
            // Noam's own `warmup` takes the modifier's name.
            warmup: warmup
                .filter(|_| kind.name() != "noam")
                .map(|(over, (from, shape))| Warmup::new(over, from, shape)),
            cooldown: cooldown.map(|(over, (to, shape))| Cooldown { over, to, shape }),
            kind,
            tick,
            clamp,
        })
        .boxed()
}

/// A schedule of any kind, with others inside it three levels deep.
pub fn schedule(has_epochs: bool) -> BoxedStrategy<Schedule> {
    let of = move |names: &[&'static str], inner: BoxedStrategy<Schedule>| {
        let kinds: Vec<_> = names.iter().map(|name| kind(name, &inner, has_epochs)).collect();
        modified(proptest::strategy::Union::new(kinds).boxed(), has_epochs)
    };
    let none =
        Just(Schedule::from(Kind::Constant(anneal_studio::schedule::kind::Constant { peak: 0.1 }))).boxed();
    let flat: Vec<_> =
        Kind::NAMES.iter().copied().filter(|name| !["sequence", "product"].contains(name)).collect();
    of(&flat, none).prop_recursive(3, 12, 3, move |inner| of(Kind::NAMES, inner)).boxed()
}

fn optimizer(has_epochs: bool) -> BoxedStrategy<Optimizer> {
    let filled = move |kind: OptimizerKind| {
        let numbers: Vec<BoxedStrategy<Number>> = kind
            .numbers()
            .iter()
            .map(|info| {
                let max = if info.open { 0.999 * info.max } else { info.max };
                let clamp = Clamp { min: info.min, max };
                let varying = schedule(has_epochs)
                    .prop_map(move |it| Number::Schedule(Box::new(Schedule { clamp: Some(clamp), ..it })));
                let mirror = (within(0.0, max), within(0.0, max))
                    .prop_map(|(a, b)| Number::Mirror { low: a.min(b), high: a.max(b) });
                let whole = matches!(info.slider, Slider::Whole(..));
                let allowed = move |value: f64| if whole { value.round() } else { value };
                let fixed = within(info.min, max).prop_map(move |value| Number::Fixed(allowed(value)));
                let usual = Just(Number::Fixed(info.default));
                if kind.momentum_name() == Some(info.name) {
                    prop_oneof![4 => usual, 4 => fixed, 1 => varying, 2 => mirror].boxed()
                } else if !info.can_follow() {
                    prop_oneof![1 => usual, 1 => fixed].boxed()
                } else {
                    prop_oneof![4 => usual, 4 => fixed, 1 => varying].boxed()
                }
            })
            .collect();
        let options = vec(any::<bool>(), kind.options().len());
        (numbers, options).prop_map(move |(numbers, options)| {
            let mut optimizer = Optimizer::new(kind);
            for (info, number) in kind.numbers().iter().zip(numbers) {
                assert!(optimizer.set(info.name, number));
            }
            for (info, on) in kind.options().iter().zip(options) {
                assert!(optimizer.switch(info.name, on));
            }
            optimizer.settled()
        })
    };
    one(&OptimizerKind::ALL).prop_flat_map(filled).boxed()
}

fn plateau(validation: f64) -> BoxedStrategy<Plateau> {
    let metric = if validation > 0.0 { one(&Metric::ALL).boxed() } else { Just(Metric::TrainLoss).boxed() };
    let modes = (one(&PlateauMode::ALL), one(&ThresholdMode::ALL));
    let rates = (within(0.0, 0.99), rate(), rate(), rate());
    let counts = (0..100u64, 0..100u64);
    (metric, modes, rates, counts, within(0.0, 0.99))
        .prop_map(|(metric, (mode, threshold_mode), rates, (patience, cooldown), smoothing)| {
            let (factor, threshold, min_lr, eps) = rates;
            let rule = PlateauRule {
                mode,
                factor,
                patience,
                threshold,
                threshold_mode,
                cooldown,
                min_lr,
                eps,
                smoothing,
            };
            Plateau { metric, rule }
        })
        .boxed()
}

fn greedy(validation: f64) -> BoxedStrategy<Greedy> {
    let like = plateau(validation).prop_filter("a factor above 0", |like| like.rule.factor > 0.0);
    (like, 0..100u64, rate(), option::of(1..1000usize), 0..1000u64)
        .prop_map(|(Plateau { metric, rule: like }, warmup, higher, window, reset_start)| Greedy {
            metric,
            rule: GreedyRule {
                mode: like.mode,
                factor: like.factor,
                patience: like.patience,
                threshold: like.threshold,
                threshold_mode: like.threshold_mode,
                cooldown: like.cooldown,
                warmup,
                min_lr: like.min_lr.min(higher),
                max_lr: like.min_lr.max(higher),
                eps: like.eps,
                window,
                reset_start,
            },
        })
        .boxed()
}

/// What multiplies the schedule; without epochs nothing watches a metric.
fn controller(has_epochs: bool, validation: f64) -> BoxedStrategy<Option<Controller>> {
    let hypergradient =
        within(1e-12, 1e6).prop_map(|beta| Some(Controller::Hypergradient(Hypergradient { beta })));
    let any = prop_oneof![Just(None), hypergradient];
    if !has_epochs {
        return any.boxed();
    }
    let plateau = plateau(validation).prop_map(|rule| Some(Controller::Plateau(rule)));
    let greedy = greedy(validation).prop_map(|rule| Some(Controller::Greedy(rule)));
    prop_oneof![any, plateau, greedy].boxed()
}

/// The samples of an update, where there are micro-batches to make it of.
fn batch(data: &Data) -> BoxedStrategy<Option<Schedule>> {
    let steps = (within(1.0, 1e6), span(true))
        .prop_map(|(peak, every)| Schedule::from(Kind::Step(Step { peak, every, gamma: 2.0 })));
    match data.batch_size {
        BatchSize::Samples(_) if data.source != Source::None => option::of(steps).boxed(),
        _ => Just(None).boxed(),
    }
}

/// The decay of a run and its groups, each of which holds one parameter.
fn groups(has_epochs: bool, model: &Model) -> BoxedStrategy<(Decay, Vec<Group>)> {
    let mut names = model.parameters();
    names.truncate(30);
    let most = names.len().min(3);
    let rate = prop_oneof![
        within(0.0, 1e3).prop_map(GroupRate::Factor),
        schedule(has_epochs).prop_map(|own| GroupRate::Schedule(Box::new(own)))
    ];
    let numbers = vec((rate, option::of(within(0.0, 1.0)), option::of(span(has_epochs))), most);
    (one(&Decay::ALL), subsequence(names, 0..=most), numbers)
        .prop_map(|(decay, chosen, numbers)| {
            let group = |(named, (lr, own, freeze)): (Named, (GroupRate, Option<f64>, Option<Span>))| Group {
                lr,
                weight_decay: own.filter(|_| decay == Decay::All || !named.is_vector()),
                freeze,
                ..Group::new(&named.name)
            };
            (decay, chosen.into_iter().zip(numbers).map(group).collect())
        })
        .boxed()
}

/// What the optimizer of a run can have of its groups.
fn suited(mut groups: Vec<Group>, kind: OptimizerKind) -> Vec<Group> {
    for group in &mut groups {
        let is_own = matches!(group.lr, GroupRate::Schedule(_));
        if kind == OptimizerKind::Prodigy || kind.is_schedule_free() && is_own {
            group.lr = GroupRate::Factor(1.0);
        }
        if !kind.numbers().iter().any(|info| info.name == "weight_decay") {
            group.weight_decay = None;
        }
    }
    groups
}

fn run(has_epochs: bool, data: &Data, model: &Model) -> BoxedStrategy<Run> {
    let controller = controller(has_epochs, data.validation);
    let rest = (option::of(within(1e-3, 1.0)), batch(data), groups(has_epochs, model));
    (any::<String>(), optimizer(has_epochs), schedule(has_epochs), controller, rest)
        .prop_map(|(name, optimizer, lr, controller, (layer_decay, batch, (decay, groups)))| Run {
            name,
            fork: None,
            lr,
            controller,
            layer_decay,
            decay,
            batch,
            groups: suited(groups, optimizer.kind),
            optimizer,
        })
        .boxed()
}

/// A model, and data that it can learn.
fn task() -> BoxedStrategy<(Model, Source)> {
    let widths = |least: usize| vec(1..=16_384usize, least..5);
    let shipped =
        |names: &'static [&'static str]| select(names).prop_map(|name| Source::Shipped(name.to_owned()));
    let file = (any::<String>(), any::<String>())
        .prop_map(|(path, label)| Source::File { path: path.into(), label });
    let tables =
        shipped(&["digits", "fashion14", "mnist1d", "penguins", "wine_quality", "spirals", "xor", "sine"]);

    let mlp = (widths(0), one(&Activation::ALL)).prop_map(|(hidden, activation)| Model::Mlp {
        hidden,
        activation,
        window: None,
    });
    let text_mlp = (widths(0), one(&Activation::ALL), 1..=16_384usize, 1..=16_384usize).prop_map(
        |(hidden, activation, context, embedding)| Model::Mlp {
            hidden,
            activation,
            window: Some(Window { context, embedding }),
        },
    );
    let cnn = widths(1).prop_map(|channels| Model::Cnn { channels });
    let transformer = (1..=64usize, 1..64usize, 1..16usize, 1..=16_384usize, one(&Norm::ALL)).prop_map(
        |(layers, head_width, heads, context, norm)| Model::Transformer {
            layers,
            width: heads * head_width,
            heads,
            context,
            norm,
        },
    );
    let surface = (one(&SurfaceFunction::ALL), [-1e6..1e6f64, -4.0..4.0f64], within(0.0, 10.0))
        .prop_map(|(function, start, noise)| Model::Surface { function, start, noise });
    prop_oneof![
        (mlp, prop_oneof![tables, file]),
        (cnn, shipped(&["digits", "fashion14"])),
        (transformer, shipped(&["shakespeare"])),
        (text_mlp, shipped(&["shakespeare"])),
        (surface, Just(Source::None)),
    ]
    .boxed()
}

fn data(source: Source) -> BoxedStrategy<Data> {
    if source == Source::None {
        return Just(Data::new(source)).boxed();
    }
    let size = prop_oneof![Just(BatchSize::All), (1..5000usize).prop_map(BatchSize::Samples)];
    let validation = prop_oneof![Just(0.0), Just(0.2), 0.0..1.0f64];
    let uses = btree_map("[a-z é\"=]{0,6}", one(&ColumnUse::ALL), 0..4);
    let uses =
        if matches!(source, Source::File { .. }) { uses.boxed() } else { Just(ColumnUses::new()).boxed() };
    (Just(source), size, any::<bool>(), validation, within(0.0, 1.0), option::of(1..100_000usize), uses)
        .prop_map(|(source, batch_size, drop_last, validation, label_noise, limit, columns)| Data {
            drop_last,
            columns,
            phases: Vec::new(),
            limit: match batch_size {
                BatchSize::Samples(samples) => limit.map(|limit| limit.max(samples)),
                BatchSize::All => limit,
            },
            source,
            batch_size,
            validation,
            label_noise,
        })
        .boxed()
}

fn loss_scale() -> BoxedStrategy<LossScale> {
    let rule = (within(1e-3, 1e9), within(1.01, 100.0), within(0.01, 0.99), 1..5000_u64);
    let dynamic = rule.prop_map(|(init, growth, backoff, interval)| {
        LossScale::Dynamic(Dynamic { init, growth, backoff, interval })
    });
    let usual = Just(LossScale::Dynamic(Dynamic::default()));
    prop_oneof![within(1e-3, 1e9).prop_map(LossScale::Fixed), dynamic, usual].boxed()
}

fn train(source: &Source) -> BoxedStrategy<Train> {
    let updates = (100..100_000u32).prop_map(|count| Span::Updates(count.into()));
    let epochs = (100.0..1000.0f64).prop_map(Span::Epochs);
    let length = if *source == Source::None { updates.boxed() } else { prop_oneof![updates, epochs].boxed() };
    let usual = Loss::usual(source);
    let of_table = matches!(source, Source::File { .. });
    let has_epochs = *source != Source::None;
    let counts = (0..=i64::MAX as u64, 1..=1024usize, 1..1000usize);
    (
        length,
        counts,
        option::of(within(1e-9, 1e9)),
        one(&Loss::ALL),
        one(&WeightFormat::ALL),
        (one(&Rounding::ALL), one(&WeightFormat::ALL), option::of(loss_scale())),
        option::of(stop()),
    )
        .prop_map(move |(updates, (seed, replicas, accumulate), clip_norm, loss, weights, short, stop)| {
            Train {
                rounding: if weights == WeightFormat::F32 { Rounding::Nearest } else { short.0 },
                gradients: short.1,
                loss_scale: short.2.filter(|_| short.1 != WeightFormat::F32),
                stop: stop.filter(|_| has_epochs),
                attack: None,
                updates,
                seed,
                replicas,
                accumulate,
                clip_norm,
                loss: match usual {
                    Some(Loss::CrossEntropy) => Some(loss),
                    None => Some(loss).filter(|_| of_table && replicas % 2 == 0),
                    usual => usual,
                },
                weights,
            }
        })
        .boxed()
}

/// What any data let it watch.
fn stop() -> impl Strategy<Value = Stop> {
    (1..1000u64, 0.0..1.0f64, any::<bool>()).prop_map(|(patience, min_delta, restore_best)| Stop {
        metric: Metric::TrainLoss,
        patience,
        min_delta,
        restore_best,
    })
}

fn snapshots(has_epochs: bool) -> BoxedStrategy<Snapshots> {
    let when = prop_oneof![Just(SnapshotWhen::CycleEnd), span(has_epochs).prop_map(SnapshotWhen::Every)];
    let average = subsequence(Average::ALL.to_vec(), 0..=Average::ALL.len());
    (when, 1..=1024usize, average)
        .prop_map(|(when, keep, average)| Snapshots {
            when,
            keep,
            average: average.into_iter().map(|(_, average)| average).collect(),
        })
        .boxed()
}

/// An experiment that a file can hold.
pub fn experiment() -> BoxedStrategy<Experiment> {
    let rest = |(model, source): (Model, Source)| {
        let has_epochs = source != Source::None;
        (
            any::<String>(),
            Just(model),
            data(source.clone()),
            train(&source),
            option::of(snapshots(has_epochs)),
        )
            .prop_flat_map(move |(name, model, data, train, snapshots)| {
                let runs = vec(run(has_epochs, &data, &model), 1..4);
                (Just((name, model, data, train, snapshots)), runs)
            })
    };
    task()
        .prop_flat_map(rest)
        .prop_map(|((name, model, data, train, snapshots), mut runs)| {
            for (index, run) in runs.iter_mut().enumerate() {
                // Names are unique and can be seen.
                run.name =
                    format!("{index}{}{}", run.name, name_of(&OptimizerKind::ALL, &run.optimizer.kind));
            }
            Experiment { name, data, model, start: None, train, team: None, snapshots, runs, sweep: None }
        })
        .boxed()
}

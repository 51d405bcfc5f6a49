//! What holds for every schedule, over random ones of every kind, modifier and nesting.

use anneal_studio::schedule::formula::Definition;
use anneal_studio::schedule::kind::{
    After, Choice, Constant, Cosine, CosineRestarts, Cyclic, Decay, Exponential, Interpolation, Linear,
    Listed, Part, Points, Polynomial, Product, Rex, Role, Sequence, Table, Triangles, Value, Wsd,
};
use anneal_studio::schedule::{
    Clamp, Clock, Cooldown, Joins, Kind, Ramp, Schedule, ScheduleError, Span, Tick, Warmup,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

/// Which values a random schedule has.
#[derive(Clone, Copy, PartialEq)]
enum Values {
    /// Only allowed ones; every length is at least ten updates and none depends on the run's length.
    Allowed,
    /// Whatever fits into the types.
    Any,
}

fn number(values: Values, min: f64, max: f64) -> BoxedStrategy<f64> {
    // Large bounds stand for "any": most numbers should be of a usual size.
    let usual = min..=max.min(min.max(0.0) + 10.0);
    match values {
        Values::Allowed => usual.boxed(),
        Values::Any => prop_oneof![
            20 => usual,
            2 => select(vec![0.0, min, max, 1e-320, 1e-30]),
            1 => select(vec![-1.0, -0.0, 1e30, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        ]
        .boxed(),
    }
}

fn span(values: Values) -> BoxedStrategy<Span> {
    let usual = (10_u32..400).prop_map(|updates| Span::Updates(f64::from(updates)));
    match values {
        Values::Allowed => usual.boxed(),
        Values::Any => prop_oneof![
            4 => usual,
            2 => (0.0..400.0).prop_map(Span::Updates),
            2 => (0.01..30.0).prop_map(Span::Epochs),
            2 => (0.01..150.0).prop_map(Span::Percent),
            1 => number(values, 0.0, 1e30).prop_map(Span::Updates),
        ]
        .boxed(),
    }
}

/// Formulas with two constants; not all of the first, and none of the others, give rates for any of them.
fn formula(values: Values) -> BoxedStrategy<Definition> {
    let allowed =
        ["peak * 0.5 ** t + b", "peak * min((t + 1) / (b + 1), 1)", "peak if t < b * total else b", "b"];
    let any =
        ["peak / (t - b)", "peak - b * t", "sqrt(b - t) * peak", "peak * (t % b) // 0.1", "exp(peak * t)"];
    let texts = match values {
        Values::Allowed => allowed.to_vec(),
        Values::Any => allowed.into_iter().chain(any).collect(),
    };
    (select(texts), number(values, 0.0, 1e30), number(values, 0.0, 1e30))
        .prop_map(|(text, peak, b)| Definition::parse(text, &[("peak", peak), ("b", b)]).unwrap())
        .boxed()
}

fn points(values: Values) -> BoxedStrategy<Vec<(Span, f64)>> {
    let allowed = vec((1_u32..200, 0.0..1.0), 1..8).prop_map(|steps| {
        let mut at = 0.0;
        steps
            .into_iter()
            .map(|(step, rate)| {
                at += f64::from(step);
                (Span::Updates(at), rate)
            })
            .collect()
    });
    match values {
        Values::Allowed => allowed.boxed(),
        Values::Any => {
            prop_oneof![3 => allowed, 1 => vec((span(values), number(values, 0.0, 1e30)), 0..5)].boxed()
        }
    }
}

fn parts(values: Values, depth: u32) -> BoxedStrategy<Vec<Part>> {
    let allowed = (vec((span(values), schedule(values, depth)), 0..3), schedule(values, depth)).prop_map(
        |(before, last)| {
            let before = before.into_iter().map(|(length, schedule)| (Some(length), schedule));
            let all = before.chain([(None, last)]);
            all.map(|(length, schedule)| Part::new(length, schedule)).collect()
        },
    );
    match values {
        Values::Allowed => allowed.boxed(),
        Values::Any => {
            let part = (option::of(span(values)), schedule(values, depth))
                .prop_map(|(length, schedule)| Part::new(length, schedule));
            prop_oneof![3 => allowed, 1 => vec(part, 0..3)].boxed()
        }
    }
}

/// Values for a field of this role; `optional` where the field may be left out.
fn value(values: Values, role: Role, optional: bool, depth: u32) -> BoxedStrategy<Value> {
    let fewest = usize::from(values == Values::Allowed);
    match role {
        Role::Rate => number(values, 0.0, 1e30).prop_map(Value::Number).boxed(),
        Role::Number { min, max } => number(values, min, max).prop_map(Value::Number).boxed(),
        Role::Span if optional => option::of(span(values)).prop_map(Value::Span).boxed(),
        Role::Span => span(values).prop_map(|span| Value::Span(Some(span))).boxed(),
        Role::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Role::Choice(choices) => select(choices).prop_map(Value::Choice).boxed(),
        Role::Formula => formula(values).prop_map(Value::Formula).boxed(),
        Role::Points => points(values).prop_map(Value::Points).boxed(),
        Role::Values => vec(number(values, 0.0, 1e30), fewest..9)
            .prop_map(|values| Value::Values(Table { values, file: None }))
            .boxed(),
        Role::Milestones => vec(span(values), fewest..6).prop_map(Value::Milestones).boxed(),
        Role::Parts => parts(values, depth - 1).prop_map(Value::Parts).boxed(),
        Role::Factors => vec(schedule(values, depth - 1), fewest..4).prop_map(Value::Factors).boxed(),
    }
}

fn kind(values: Values, depth: u32) -> BoxedStrategy<Kind> {
    let nests = |name: &&str| *name == "sequence" || *name == "product";
    let names = Kind::NAMES.iter().copied().filter(|name| depth > 0 || !nests(name));
    select(names.collect::<Vec<_>>())
        .prop_flat_map(move |name| {
            let fields = Kind::fields(name).unwrap();
            let slots: Vec<_> = fields
                .iter()
                .map(|field| {
                    let optional = field.default == Some(Value::Span(None));
                    let name = field.name;
                    value(values, field.role, optional, depth).prop_map(move |value| (name, value))
                })
                .collect();
            slots.prop_map(move |slots| {
                let find = |field: &str| slots.iter().find(|(name, _)| *name == field);
                Kind::build(name, |field| find(field).map(|(_, value)| value.clone())).unwrap()
            })
        })
        .boxed()
}

fn ramp() -> impl Strategy<Value = Ramp> {
    select(Ramp::ALL.map(|(_, ramp)| ramp).to_vec())
}

fn warmup(values: Values) -> impl Strategy<Value = Warmup> {
    let from = if values == Values::Any { number(values, 0.0, 1.0) } else { (0.01..1.0).boxed() };
    let joins = select(Joins::ALL.map(|(_, joins)| joins).to_vec());
    (span(values), from, ramp(), joins)
        .prop_map(|(over, from, shape, joins)| Warmup { joins, ..Warmup::new(over, from, shape) })
}

fn cooldown(values: Values) -> impl Strategy<Value = Cooldown> {
    warmup(values).prop_map(|Warmup { over, from: to, shape, .. }| Cooldown { over, to, shape })
}

fn clamp(values: Values) -> BoxedStrategy<Clamp> {
    match values {
        Values::Allowed => (0.0..0.5, 0.5..5.0).prop_map(|(min, max)| Clamp { min, max }).boxed(),
        Values::Any => (number(values, 0.0, 1e30), number(values, 0.0, 1e30))
            .prop_map(|(min, max)| Clamp { min, max })
            .boxed(),
    }
}

fn schedule(values: Values, depth: u32) -> BoxedStrategy<Schedule> {
    (
        kind(values, depth),
        select(vec![Tick::Update, Tick::Update, Tick::Epoch]),
        option::weighted(0.3, warmup(values)),
        option::weighted(0.3, cooldown(values)),
        option::weighted(0.2, clamp(values)),
    )
        .prop_map(|(kind, tick, warmup, cooldown, clamp)| Schedule { kind, tick, warmup, cooldown, clamp })
        .boxed()
}

/// A run of up to a few thousand updates, with epochs of up to ten.
fn clock() -> impl Strategy<Value = Clock> {
    (1_u64..3000, 1_u64..=10).prop_map(|(updates, updates_per_epoch)| Clock { updates, updates_per_epoch })
}

fn any_clock() -> impl Strategy<Value = Clock> {
    let odd = select(vec![0, 1, 2, u64::from(u32::MAX), u64::MAX]);
    prop_oneof![
        5 => clock(),
        1 => (odd.clone(), odd)
            .prop_map(|(updates, updates_per_epoch)| Clock { updates, updates_per_epoch }),
    ]
}

/// The updates where a formula would break, if it broke.
fn telling_updates(curve: &anneal_studio::schedule::Curve, clock: Clock) -> Vec<u64> {
    let end = clock.updates;
    let mut updates = vec![0, 1, 2, end.saturating_sub(1), end, end.saturating_add(1)];
    updates.extend([end.saturating_mul(2), end.saturating_mul(1000), u64::MAX - 1, u64::MAX]);
    for landmark in curve.landmarks() {
        let update = landmark.update;
        updates.extend([update.saturating_sub(1), update, update.saturating_add(1)]);
    }
    updates
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-12 * left.abs().max(right.abs())
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: None,
        ..ProptestConfig::with_cases(1500)
    })]

    #[test]
    fn any_schedule_resolves_or_says_why(schedule in schedule(Values::Any, 2), clock in any_clock()) {
        match schedule.resolve(clock) {
            Err(ScheduleError { field, found, allowed }) => {
                prop_assert!(!field.is_empty() && !found.is_empty() && !allowed.is_empty());
            }
            Ok(curve) => {
                for update in telling_updates(&curve, clock) {
                    let value = curve.at(update);
                    prop_assert!(value.is_finite() && value >= 0.0, "{value} at {update}");
                    let momentum = curve.mirror(update, 0.85, 0.95);
                    prop_assert!((0.85..=0.95).contains(&momentum), "{momentum} at {update}");
                }
            }
        }
    }

    #[test]
    fn an_allowed_schedule_resolves(schedule in schedule(Values::Allowed, 3), clock in clock()) {
        let resolved = schedule.resolve(clock);
        prop_assert!(resolved.is_ok(), "{resolved:?}");
    }

    #[test]
    fn landmarks_and_cycle_ends_are_in_order(
        schedule in schedule(Values::Allowed, 2),
        clock in clock(),
    ) {
        let curve = schedule.resolve(clock).unwrap();
        let landmarks = curve.landmarks();
        prop_assert!(landmarks.len() <= 1000);
        prop_assert!(landmarks.is_sorted_by_key(|landmark| landmark.update));
        prop_assert!(landmarks.iter().all(|landmark| landmark.update < clock.updates));
        let ends = curve.cycle_ends(clock.updates);
        prop_assert!(ends.is_sorted_by(|left, right| left < right));
        prop_assert_eq!(ends.last(), Some(&(clock.updates - 1)));
    }

    #[test]
    fn the_range_holds_every_value_of_the_run(
        schedule in schedule(Values::Allowed, 2),
        clock in clock(),
    ) {
        let curve = schedule.resolve(clock).unwrap();
        let (low, high) = curve.range();
        let values: Vec<f64> = (0..clock.updates).map(|update| curve.at(update)).collect();
        prop_assert!(values.iter().all(|value| (low..=high).contains(value)));
        prop_assert!(values.contains(&low) && values.contains(&high));
    }

    #[test]
    fn the_mirror_of_a_kind_without_phases_is_low_at_the_peak_and_high_at_the_floor(
        peak in 0.01..10.0, clock in clock(),
    ) {
        prop_assume!(clock.updates > 1);
        let curve = cosine(peak, 0.0, None).resolve(clock).unwrap();
        prop_assert_eq!(curve.mirror(0, 0.85, 0.95), 0.85);
        prop_assert!(close(curve.mirror(clock.updates - 1, 0.85, 0.95), 0.95));
    }

    #[test]
    fn a_warmup_climbs_to_the_body_and_the_body_follows(
        kind in kind(Values::Allowed, 2),
        warmup in warmup(Values::Allowed),
        clock in clock(),
    ) {
        let Span::Updates(over) = warmup.over else { unreachable!("allowed spans are updates") };
        let over = over as u64;
        // A climb to a hyperbolic tangent ends at its peak, as timm's does, though the tangent begins beside it.
        prop_assume!(!format!("{kind:?}").contains("Tanh"));
        let warmup = Warmup { joins: Joins::Before, ..warmup };
        let (from, rest) = (warmup.from, clock.updates.saturating_sub(over).max(1));
        let bare = Schedule::from(kind);
        let body = bare.resolve(Clock { updates: rest, ..clock }).unwrap();
        let curve = Schedule { warmup: Some(warmup), ..bare }.resolve(clock).unwrap();
        let top = body.at(0);
        prop_assert!(close(curve.at(0), from * top));
        for update in 1..over {
            prop_assert!(curve.at(update) >= curve.at(update - 1));
            prop_assert!(curve.at(update) <= top * (1.0 + 1e-15));
        }
        for update in 0..rest + 10 {
            prop_assert_eq!(curve.at(over + update), body.at(update));
        }
    }

    #[test]
    fn a_cooldown_starts_at_the_body_and_ends_at_its_share(
        kind in kind(Values::Allowed, 2),
        cooldown in cooldown(Values::Allowed),
        clock in clock(),
    ) {
        let Span::Updates(over) = cooldown.over else { unreachable!("allowed spans are updates") };
        let start = clock.updates.saturating_sub(over as u64);
        let to = cooldown.to;
        let bare = Schedule::from(kind);
        let body = bare.resolve(Clock { updates: start.max(1), ..clock }).unwrap();
        let curve = Schedule { cooldown: Some(cooldown), ..bare }.resolve(clock).unwrap();
        for update in 0..start {
            prop_assert_eq!(curve.at(update), body.at(update));
        }
        let top = curve.at(start);
        prop_assert!(close(top, body.at(start)));
        for update in [clock.updates, clock.updates + 1, u64::MAX] {
            prop_assert!(close(curve.at(update), to * top));
        }
        for update in start..clock.updates {
            prop_assert!(curve.at(update + 1) <= curve.at(update));
        }
    }

    #[test]
    fn a_clamp_bounds_the_whole_curve(
        schedule in schedule(Values::Allowed, 2),
        clamp in clamp(Values::Allowed),
        clock in clock(),
    ) {
        let free = Schedule { clamp: None, ..schedule };
        let bound = Schedule { clamp: Some(clamp), ..free.clone() };
        let (free, bound) = (free.resolve(clock).unwrap(), bound.resolve(clock).unwrap());
        for update in telling_updates(&free, clock) {
            prop_assert_eq!(bound.at(update), free.at(update).clamp(clamp.min, clamp.max));
        }
    }

    #[test]
    fn under_epochs_a_schedule_is_a_staircase(
        kind in kind(Values::Allowed, 2),
        warmup in option::of(warmup(Values::Allowed)),
        epochs in 1_u64..300,
    ) {
        // Spans of ten updates or more: with epochs of ten, a tick or more each.
        let schedule = Schedule { tick: Tick::Epoch, warmup, ..Schedule::from(kind) };
        let curve = schedule.resolve(Clock { updates: epochs * 10, updates_per_epoch: 10 }).unwrap();
        for update in 0..epochs * 10 + 25 {
            prop_assert_eq!(curve.at(update), curve.at(update / 10 * 10));
        }
    }

    #[test]
    fn an_epoch_is_to_a_staircase_what_an_update_is_to_a_curve(
        peak in 0.01..1.0, gamma in 0.5..1.0, every in 1_u32..20, epochs in 1_u64..200,
    ) {
        let every = f64::from(every);
        let kinds = |span: fn(f64) -> Span| [
            Kind::Exponential(Exponential { peak, gamma }).into(),
            cosine(peak, 0.0, Some(span(every))),
            cosine(peak, 0.0, None),
            restarts(peak, span(every), 2.0),
        ];
        let by_epoch = Clock { updates: epochs * 7, updates_per_epoch: 7 };
        let by_update = Clock { updates: epochs, updates_per_epoch: 1 };
        for (stairs, curve) in kinds(Span::Epochs).into_iter().zip(kinds(Span::Updates)) {
            let stairs = Schedule { tick: Tick::Epoch, ..stairs }.resolve(by_epoch).unwrap();
            let curve = curve.resolve(by_update).unwrap();
            for update in 0..epochs * 7 {
                prop_assert_eq!(stairs.at(update), curve.at(update / 7));
            }
        }
    }

    #[test]
    fn descents_start_at_the_peak_and_end_at_the_floor(
        peak in 0.1..1.0, floor in 0.0..0.1, over in option::of(1_u64..500), power in 0.1..5.0,
        clock in clock(),
    ) {
        let length = over.map(|over| Span::Updates(over as f64));
        let end = over.unwrap_or(clock.updates);
        for kind in [
            Kind::Cosine(Cosine { peak, floor, over: length, after: After::Hold, power: 1.0 }),
            Kind::Polynomial(Polynomial { peak, power, floor, over: length }),
            Kind::Rex(Rex { peak, floor, over: length }),
        ] {
            let curve = Schedule::from(kind).resolve(clock).unwrap();
            prop_assert_eq!(curve.at(0), peak);
            for update in [end, end + 1, end * 2, u64::MAX] {
                prop_assert_eq!(curve.at(update), floor);
            }
            for update in 0..end {
                prop_assert!(curve.at(update + 1) <= curve.at(update));
            }
        }
    }

    #[test]
    fn wsd_is_flat_and_then_falls_to_the_floor(
        peak in 0.1..1.0, floor in 0.0..0.1, decay in 1_u64..500, clock in clock(),
        shape in select(Decay::ALL),
    ) {
        let kind = Kind::Wsd(Wsd { peak, floor, decay: Span::Updates(decay as f64), shape });
        let curve = Schedule::from(kind).resolve(clock).unwrap();
        for update in 0..=clock.updates.saturating_sub(decay) {
            prop_assert!(decay > clock.updates || curve.at(update) == peak);
        }
        for update in 0..clock.updates {
            prop_assert!(curve.at(update + 1) <= curve.at(update));
        }
        prop_assert_eq!(curve.at(clock.updates), floor);
        prop_assert_eq!(curve.at(u64::MAX), floor);
    }

    #[test]
    fn restarts_equal_a_loop_over_cycles(
        peak in 0.1..1.0, first in 1_u32..40, mult in select(vec![1.0, 1.1, 1.5, 2.0, 3.0, 7.0]),
    ) {
        let schedule = restarts(peak, Span::Updates(f64::from(first)), mult);
        let curve = schedule.resolve(Clock { updates: 5000, updates_per_epoch: 1 }).unwrap();
        let (mut exact, mut length) = (0.0_f64, f64::from(first));
        let mut begin = 0;
        while begin < 5_000 {
            exact += length;
            length *= mult;
            let end = exact.round() as u64;
            prop_assert_eq!(curve.at(begin), peak);
            for update in begin..end.min(5_000) {
                let share = (update - begin) as f64 / (end - begin) as f64;
                let expected = peak * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0;
                prop_assert!((curve.at(update) - expected).abs() <= 1e-12 * peak);
            }
            begin = end;
        }
    }

    #[test]
    fn cyclic_stays_between_floor_and_peak(
        floor in 0.0..0.1, peak in 0.1..1.0, up in 1_u32..100, down in option::of(1_u32..100),
        mode in select(Triangles::ALL), gamma in 0.9..1.0,
    ) {
        let kind = Kind::Cyclic(Cyclic {
            floor, peak, mode, gamma,
            up: Span::Updates(up.into()),
            down: down.map(|down| Span::Updates(down.into())),
        });
        let clock = Clock { updates: 2000, updates_per_epoch: 1 };
        let curve = Schedule::from(kind).resolve(clock).unwrap();
        let total = u64::from(up) + u64::from(down.unwrap_or(up));
        for update in (0..2000).chain([u64::MAX - 1, u64::MAX]) {
            let value = curve.at(update);
            prop_assert!(value >= floor * (1.0 - 1e-12) && value <= peak * (1.0 + 1e-12));
        }
        prop_assert_eq!(curve.at(0), floor);
        prop_assert!((curve.at(total) - floor).abs() < 1e-9);
        prop_assert!(mode == Triangles::Shrinking || close(curve.at(up.into()), peak));
    }

    #[test]
    fn a_curve_goes_through_its_points_and_monotone_ones_do_not_overshoot(
        points in points(Values::Allowed),
        interpolation in select(Interpolation::ALL),
    ) {
        let kind = Kind::Points(Points { points: points.clone(), interpolation });
        let clock = Clock { updates: 2000, updates_per_epoch: 1 };
        let curve = Schedule::from(kind).resolve(clock).unwrap();
        let points: Vec<(u64, f64)> =
            points.iter().map(|(at, rate)| (at.amount() as u64, *rate)).collect();
        for (at, rate) in &points {
            prop_assert_eq!(curve.at(*at), *rate);
        }
        prop_assert_eq!(curve.at(0), points[0].1);
        prop_assert_eq!(curve.at(u64::MAX), points[points.len() - 1].1);
        for pair in points.windows(2) {
            let (from, to) = (pair[0].1, pair[1].1);
            for update in pair[0].0..pair[1].0 {
                let step = curve.at(update + 1) - curve.at(update);
                prop_assert!(step * (to - from) >= -1e-15, "{step} between {from} and {to}");
            }
        }
    }

    #[test]
    fn a_product_is_the_product_of_its_factors(
        factors in vec(schedule(Values::Allowed, 1), 1..4),
        clock in clock(),
    ) {
        let curves: Vec<_> = factors.iter().map(|factor| factor.resolve(clock).unwrap()).collect();
        let product = Schedule::from(Kind::Product(Product { of: factors })).resolve(clock).unwrap();
        for update in telling_updates(&product, clock) {
            let expected: f64 = curves.iter().map(|curve| curve.at(update)).product();
            prop_assert!(close(product.at(update), expected));
        }
    }

    #[test]
    fn each_part_of_a_sequence_starts_at_its_own_zero(
        lengths in vec(1_u64..100, 1..4),
        kinds in vec(kind(Values::Allowed, 1), 4),
    ) {
        let clock = Clock { updates: 500, updates_per_epoch: 1 };
        let starts: Vec<u64> =
            (1..=lengths.len()).map(|count| lengths[..count].iter().sum()).collect();
        let parts = lengths
            .iter()
            .map(|length| Some(Span::Updates(*length as f64)))
            .chain([None])
            .zip(&kinds)
            .map(|(length, kind)| Part::new(length, kind.clone().into()))
            .collect();
        let whole = Schedule::from(Kind::Sequence(Sequence { parts })).resolve(clock).unwrap();
        let begins = [0].into_iter().chain(starts.iter().copied());
        let ends = starts.iter().copied().chain([500]);
        for ((begin, end), kind) in begins.zip(ends).zip(&kinds) {
            let own = Clock { updates: end - begin, ..clock };
            let part = Schedule::from(kind.clone()).resolve(own).unwrap();
            for update in begin..end {
                prop_assert_eq!(whole.at(update), part.at(update - begin));
            }
            prop_assert!(whole.cycle_ends(500).contains(&(end - 1)));
        }
    }

    #[test]
    fn a_table_lists_its_values_and_holds_the_last(values in vec(0.0..1.0, 1..50)) {
        let table = Table { values: values.clone(), file: None };
        let curve = Schedule::from(Kind::Listed(Listed { values: table }))
            .resolve(Clock { updates: 10, updates_per_epoch: 1 })
            .unwrap();
        for (update, value) in values.iter().enumerate() {
            prop_assert_eq!(curve.at(update as u64), *value);
        }
        for update in [values.len() as u64, u64::MAX] {
            prop_assert_eq!(curve.at(update), values[values.len() - 1]);
        }
    }

    #[test]
    fn a_constant_is_constant(peak in 0.0..10.0, update: u64, clock in any_clock()) {
        let curve = Schedule::from(Kind::Constant(Constant { peak })).resolve(clock).unwrap();
        prop_assert_eq!(curve.at(update), peak);
        prop_assert_eq!(curve.mirror(update, 0.85, 0.95), 0.85);
    }
}

#[test]
fn a_line_to_zero_ends_at_zero_and_not_a_rounding_error_below() {
    let kind = Linear { peak: 1.0, from: 7.3, to: 0.0, over: None };
    for updates in 1..3000 {
        let clock = Clock { updates, updates_per_epoch: 1 };
        let curve = Schedule::from(Kind::Linear(kind.clone())).resolve(clock).unwrap();
        assert!(curve.at(updates - 1) >= 0.0);
        assert_eq!(curve.at(updates), 0.0);
    }
}

fn cosine(peak: f64, floor: f64, over: Option<Span>) -> Schedule {
    Kind::Cosine(Cosine { peak, floor, over, after: After::Hold, power: 1.0 }).into()
}

fn restarts(peak: f64, first: Span, mult: f64) -> Schedule {
    let kind = CosineRestarts { peak, floor: 0.0, first, mult, peak_decay: 1.0, cycle_warmup: None };
    Kind::CosineRestarts(kind).into()
}

//! What holds for every rule.

use pulp::Arch;

use super::golden::parameters;
use super::row::Applied;
use super::{Dice, Numbers, Part, Row, Store, norm, rule, split};
use crate::experiment::{Optimizer, OptimizerKind, WeightFormat};
use crate::model::Parameter;
use crate::model::kernel::every_width;

/// A row in the middle of a training.
#[derive(Clone)]
struct Middle {
    numbers: Numbers,
    parameters: Vec<Parameter>,
    weights: Vec<f32>,
    gradient: Vec<f32>,
    buffers: Vec<f32>,
    scalars: Vec<f64>,
}

impl Middle {
    fn new(optimizer: &Optimizer, lr: f64, shapes: &[Vec<usize>]) -> Self {
        let number = |i: usize| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0;
        let numbers = Numbers::fixed(optimizer, lr, 3);
        let parameters = parameters(shapes);
        let width: usize = parameters.iter().map(Parameter::len).sum();
        let buffers = rule(optimizer.kind).buffers(&numbers);
        Self {
            numbers,
            parameters,
            weights: (0..width).map(number).collect(),
            gradient: (0..width).map(|i| number(i + 5)).collect(),
            buffers: (0..width * buffers).map(|i| number(i).abs()).collect(),
            scalars: vec![0.5; rule(optimizer.kind).scalars()],
        }
    }

    /// One part where the rule is elementwise.
    fn update(&mut self, arch: Arch, cores: usize, store: Store) -> Applied {
        let (kind, width) = (self.numbers.kind, self.weights.len());
        let (lr, weight_decay) = (self.numbers.lr, self.numbers.weight_decay());
        let part = |of| Part { range: Parameter::range(of), parameter: Some(of), lr, weight_decay };
        let parts: Vec<Part<'_>> = if rule(kind).is_elementwise(&self.numbers) {
            vec![Part { range: 0..width, parameter: None, lr, weight_decay }]
        } else {
            self.parameters.iter().map(part).collect()
        };
        rule(kind).update(Row {
            arch,
            cores,
            store,
            numbers: &self.numbers,
            parts: &parts,
            scalars: &mut self.scalars,
            weights: &mut self.weights,
            gradient: &mut self.gradient,
            buffers: split(self.buffers.len() / width, width, &mut self.buffers),
        })
    }

    /// Weights and buffers.
    fn all(&self) -> Vec<f32> {
        self.weights.iter().chain(&self.buffers).copied().collect()
    }

    fn bits(&self) -> Vec<u32> {
        self.all().iter().map(|number| number.to_bits()).collect()
    }
}

/// Every optimizer with its defaults, and with each of its options on.
fn every() -> Vec<Optimizer> {
    let mut all = Vec::new();
    for (_, kind) in OptimizerKind::ALL {
        let plain = Optimizer::new(kind).with("weight_decay", 0.01).with("momentum", 0.9);
        all.push(plain.clone());
        for option in kind.options() {
            let mut with = plain.clone();
            with.switch(option.name, true);
            all.push(with);
        }
    }
    all
}

fn is_elementwise(optimizer: &Optimizer) -> bool {
    rule(optimizer.kind).is_elementwise(&Numbers::fixed(optimizer, 0.0, 0))
}

fn shapes() -> Vec<Vec<usize>> {
    vec![vec![12, 24], vec![24], vec![7, 3]]
}

#[test]
fn weights_do_not_depend_on_the_width_of_vectors() {
    for optimizer in every() {
        let mut found = every_width().into_iter().map(|arch| {
            let mut middle = Middle::new(&optimizer, 0.01, &shapes());
            let norm = norm(arch, 1, &middle.gradient);
            let applied = middle.update(arch, 1, Store::EXACT);
            (middle.all(), [applied.gradient_norm, applied.update_norm, norm])
        });
        let (rows, norms) = found.next().unwrap();
        assert!((norms[0] - norms[2]).abs() < 1e-5 * norms[0], "{optimizer:?}");
        for (other_rows, other_norms) in found {
            // The norms of matrices do depend on it in the last bits.
            let close = |(a, b): (&f32, &f32)| a == b || (a - b).abs() < 1e-5 * a.abs().max(1.0);
            let alike = if is_elementwise(&optimizer) {
                rows == other_rows
            } else {
                rows.iter().zip(&other_rows).all(close)
            };
            assert!(alike, "{optimizer:?}");
            assert!(norms.iter().zip(other_norms).all(|(a, b)| (a - b).abs() < 1e-5 * a), "{optimizer:?}");
        }
    }
}

#[test]
fn any_number_of_cores_makes_the_same_update() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let shapes = [vec![160, 250], vec![60_003]];
    for optimizer in every() {
        let update = |dice: Option<Dice>, cores: usize| {
            let store = Store { format: WeightFormat::Bf16, dice };
            let mut middle = Middle::new(&optimizer, 0.01, &shapes);
            let norm = norm(Arch::new(), cores, &middle.gradient);
            let applied = middle.update(Arch::new(), cores, store);
            (norm.to_bits(), applied.update_norm.to_bits(), applied.rounded_away, middle.bits())
        };
        for dice in [None, Some(Dice::of(1, 2))] {
            let alone = update(dice, 1);
            for cores in [2, 3, 8] {
                assert!(pool.install(|| update(dice, cores)) == alone, "{optimizer:?} on {cores} cores");
            }
        }
    }
}

#[test]
fn a_long_row_is_updated_like_a_short_one() {
    // Whole vectors and the tail meet the same arithmetic.
    for optimizer in every().into_iter().filter(is_elementwise) {
        let together = Middle::new(&optimizer, 0.1, &[vec![37]]);
        let buffers = together.buffers.len() / 37;
        for at in 0..37 {
            let mut alone = together.clone();
            alone.weights = vec![together.weights[at]];
            alone.gradient = vec![together.gradient[at]];
            alone.buffers = (0..buffers).map(|buffer| together.buffers[buffer * 37 + at]).collect();
            alone.update(Arch::new(), 1, Store::EXACT);
            let mut whole = together.clone();
            whole.update(Arch::new(), 1, Store::EXACT);
            assert_eq!(alone.weights[0].to_bits(), whole.weights[at].to_bits(), "{optimizer:?} at {at}");
        }
    }
}

#[test]
fn parts_have_rates_and_decays_of_their_own() {
    for optimizer in every().into_iter().filter(is_elementwise) {
        let start = Middle::new(&optimizer, 0.1, &[vec![40]]);
        let updated = |parts: &[Part<'_>]| {
            let mut middle = start.clone();
            rule(optimizer.kind).update(Row {
                arch: Arch::new(),
                cores: 1,
                store: Store::EXACT,
                numbers: &middle.numbers,
                parts,
                scalars: &mut middle.scalars,
                weights: &mut middle.weights,
                gradient: &mut middle.gradient,
                buffers: split(middle.buffers.len() / 40, 40, &mut middle.buffers),
            });
            middle.weights
        };
        let slow = Part { range: 0..40, parameter: None, lr: 0.05, weight_decay: 0.5 };
        let fast = Part { lr: 0.1, weight_decay: 0.0, ..slow.clone() };
        let both = [Part { range: 0..16, ..slow.clone() }, Part { range: 16..40, ..fast.clone() }];
        let (slow, fast, both) = (updated(&[slow]), updated(&[fast]), updated(&both));
        assert_ne!(slow, fast, "{optimizer:?}");
        assert_eq!(both[..16], slow[..16], "{optimizer:?}");
        assert_eq!(both[16..], fast[16..], "{optimizer:?}");
    }
}

#[test]
fn small_updates_round_away_in_short_formats() {
    let lost = |format| {
        let mut middle = Middle::new(&Optimizer::new(OptimizerKind::Sgd), 1e-4, &[vec![32]]);
        middle.weights.fill(1.0);
        middle.gradient.fill(1.0);
        middle.gradient[..8].fill(1000.0);
        middle.update(Arch::new(), 1, Store { format, dice: None }).rounded_away
    };
    assert_eq!(lost(WeightFormat::F32), 0);
    assert_eq!(lost(WeightFormat::F16), 24);
    assert_eq!(lost(WeightFormat::Bf16), 24);
}

#[test]
fn what_is_stored_is_rounded_to_its_format() {
    for optimizer in every() {
        let mut middle = Middle::new(&optimizer, 0.01, &shapes());
        middle.update(Arch::new(), 1, Store { format: WeightFormat::Bf16, dice: None });
        let rounded = |weight: &f32| half::bf16::from_f32(*weight).to_f32() == *weight;
        assert!(middle.weights.iter().all(rounded), "{optimizer:?}");
    }
}

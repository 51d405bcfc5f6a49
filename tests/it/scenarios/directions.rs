//! What is published of federated averaging and of data-parallel workers shows in direction: means over five seeds, against
//! their standard errors.

use anneal_studio::train::cohort::Cohort;

use crate::support::{Fixture, cohort};

const SEEDS: u64 = 5;
/// Student's t for 95 % with one degree of freedom less than there are seeds; on one side, as the direction is known.
const SURE: f64 = 2.132;

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

/// The mean of numbers, one a seed, and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// Fails unless the first numbers are above the second ones, seed by seed, beyond doubt.
#[track_caller]
fn above(what: &str, first: &[f64], second: &[f64]) {
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let (mean, error) = mean(&differences);
    eprintln!("{what}: {mean:.3} ± {error:.3}");
    assert!(mean > SURE * error, "{what}: {mean:.3} ± {error:.3}, {differences:?}");
}

/// Local rates that are tried.
const RATES: [f64; 5] = [0.03, 0.1, 0.3, 1.0, 2.0];

/// Ten clients of whom one trains in a round, so that each round pulls the server to one client's data: with three of them
/// (tried, too) an average of a network this small forgives nearly everything below a skew of 0.1.
const CLIENTS: &str = r#"
anneal = 1
name = "directions"
data = { name = "digits", batch_size = 16 }
model = { kind = "mlp", hidden = [32] }
train = { updates = "300", seed = SEED }

[federated]
clients = 10
share = 0.1
local = "LOCAL"
MORE
"#;

/// Of each rate the validation losses at the end, one a seed.
struct Tried(Vec<Vec<f64>>);

impl Tried {
    /// Under schedules of this kind; `skew` 0 is data dealt out alike.
    fn new(kind: &str, local: u64, skew: f64, more: &str) -> Self {
        let runs = RATES.map(|rate| {
            format!(
                "[[run]]\nname = \"{rate}\"\noptimizer = {{ kind = \"sgd\" }}\nlr = {{ kind = \"{kind}\", peak = {rate:?} }}\n"
            )
        });
        let skew = if skew > 0.0 { format!("skew = {skew}\n") } else { String::new() };
        let text = CLIENTS.with("LOCAL", &local.to_string()).with("MORE", &(skew + more)) + &runs.concat();
        let losses = |seed: u64| {
            let cohort = trained(&text.with("SEED", &seed.to_string()));
            let last = |lane: &anneal_studio::train::lane::Lane| {
                let loss = lane.log.validations().last().map_or(f32::INFINITY, |validation| validation.loss);
                if loss.is_finite() { f64::from(loss) } else { f64::INFINITY }
            };
            cohort.lanes().iter().map(last).collect::<Vec<f64>>()
        };
        let seeds: Vec<Vec<f64>> = (0..SEEDS).map(losses).collect();
        Self((0..RATES.len()).map(|rate| seeds.iter().map(|losses| losses[rate]).collect()).collect())
    }

    fn constant(local: u64, skew: f64) -> Self {
        Self::new("constant", local, skew, "")
    }

    /// Of each seed the loss at its best rate, and the rate's logarithm.
    fn best(&self) -> (Vec<f64>, Vec<f64>) {
        let best = |seed: usize| {
            let losses = self.0.iter().map(|losses| losses[seed]).zip(RATES);
            losses.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
        };
        (0..SEEDS as usize).map(best).map(|(loss, rate)| (loss, rate.log10())).unzip()
    }

    fn losses(&self) -> Vec<f64> {
        self.best().0
    }

    fn rates(&self) -> Vec<f64> {
        self.best().1
    }
}

/// What the losses of the first are higher by than those of the second, seed by seed.
fn gain(before: &Tried, after: &Tried) -> Vec<f64> {
    before.losses().iter().zip(after.losses()).map(|(before, after)| before - after).collect()
}

/// McMahan et al. 2017 (arXiv 1602.05629) tune the local rate for every number of local updates; Li et al. 2020 (arXiv
/// 1907.02189) need rates that fall with both.
#[test]
fn longer_rounds_and_more_skew_want_lower_local_rates() {
    let rates = |local, skew| Tried::constant(local, skew).rates();
    let alike = rates(50, 0.0);
    let [short, long, longest] = [1, 10, 50].map(|local| rates(local, 0.03));
    above("1 against 10 local updates", &short, &long);
    above("10 against 50 local updates", &long, &longest);
    let skewed = rates(50, 0.1);
    above("no skew against 0.1", &alike, &skewed);
    above("skew 0.1 against 0.03", &skewed, &longest);
}

/// Li et al. 2020: without decay `FedAvg` does not reach the optimum where data differ; Reddi et al. 2021 (arXiv 2003.00295)
/// decay the server's rate.
#[test]
fn decay_of_either_rate_helps_more_under_more_skew_and_in_longer_rounds() {
    let decayed = |local, skew| {
        let constant = Tried::constant(local, skew);
        gain(&constant, &Tried::new("cosine", local, skew, ""))
    };
    let (alike, skewed) = (decayed(10, 0.0), decayed(10, 0.1));
    above("decay under a skew of 0.1 against none", &skewed, &alike);
    above("decay in rounds of 10 against 1", &skewed, &decayed(1, 0.1));
    above("decay in rounds of 50 against 1", &decayed(50, 0.1), &decayed(1, 0.1));
    let server = |skew| {
        let more = "server = { lr = { kind = \"cosine\", peak = 1.0 } }";
        gain(&Tried::constant(10, skew), &Tried::new("constant", 10, skew, more))
    };
    // Six rounds of 50, which were tried too, are too few for a server's schedule: there the spread is five times the gain.
    above("decay at the server under a skew of 0.1 against none", &server(0.1), &server(0.0));
}

/// Li et al. 2020 (arXiv 1812.06127): a pull to the server's weights helps where data differ and rounds are long, and costs a
/// little where they do not.
#[test]
fn fedprox_helps_where_clients_differ_and_costs_where_they_do_not() {
    let pulled = |skew| gain(&Tried::constant(50, skew), &Tried::new("constant", 50, skew, "prox = 0.03"));
    let (alike, skewed, none) = (pulled(0.0), pulled(0.1), [0.0; SEEDS as usize]);
    above("prox under skew", &skewed, &none);
    above("prox without skew costs", &none, &alike);
}

/// Reddi et al. 2021: adaptive servers end lower than averaging where clients differ, each at its own best local rate; where
/// they do not differ, these settings cost a little. With rounds of 50 there are six server steps, too few to tell.
#[test]
fn adaptive_servers_end_lower_than_averaging_where_clients_differ() {
    for server in ["adam", "yogi"] {
        let more = format!("server = {{ optimizer = \"{server}\", lr = 0.03 }}");
        let gained = |skew| gain(&Tried::constant(10, skew), &Tried::new("constant", 10, skew, &more));
        let (skewed, alike) = (gained(0.1), gained(0.0));
        above(&format!("{server} against averaging"), &skewed, &[0.0; SEEDS as usize]);
        above(&format!("{server} under skew against none"), &skewed, &alike);
    }
}

/// Goyal et al. 2017 (arXiv 1706.02677). A network with one hidden layer on the digits (tried up to 64 workers) is too easy to
/// break; this one has three, and half as many samples as it could.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains twenty networks: run it with --release")]
fn a_rate_scaled_by_many_workers_breaks_training_without_a_warmup_and_not_with_one() {
    const WARMUP: &str = ", warmup = { over = \"30%\" }";
    let accuracies = |workers: u32, warmup: &str| -> Vec<f64> {
        let peak = 0.025 * f64::from(workers);
        let text = |seed| {
            format!(
                "anneal = 1\nname = \"scaled\"\ndata = {{ name = \"fashion14\", batch_size = 16, limit = 2000 }}\nmodel = {{ kind \
                 = \"mlp\", hidden = [64, 64, 64] }}\ntrain = {{ updates = \"20ep\", seed = {seed} }}\nparallel = {{ workers = \
                 {workers} }}\n[[run]]\nname = \"scaled\"\noptimizer = {{ kind = \"sgd\", momentum = 0.9 }}\nlr = {{ kind = \
                 \"cosine\", peak = {peak:?}{warmup} }}\n"
            )
        };
        let last = |seed| {
            let cohort = trained(&text(seed));
            cohort.lanes()[0]
                .log
                .validations()
                .last()
                .and_then(|validation| validation.accuracy)
                .map_or(0.0, f64::from)
        };
        (0..SEEDS).map(last).collect()
    };
    let (few, many, warmed) = (accuracies(2, ""), accuracies(16, ""), accuracies(16, WARMUP));
    above("2 workers against 16, without a warmup", &few, &many);
    above("16 workers with a warmup against none", &warmed, &many);
    let (few_warmed, warmed) = (mean(&accuracies(2, WARMUP)).0, mean(&warmed).0);
    // Two workers need none, and with one sixteen are nearly as good.
    assert!(
        (few_warmed - mean(&few).0).abs() < 0.02 && warmed > few_warmed - 0.06,
        "{few_warmed} {few:?} {warmed}"
    );
}

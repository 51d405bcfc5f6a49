//! Parameter groups: who belongs to which, what they learn by, and that frozen ones begin at their thaw.

mod agreement;
mod exported;
mod saved;

use anneal_studio::experiment::{Experiment, Model};
use anneal_studio::model::Parameter;
use anneal_studio::telemetry::GroupColumn;
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::Mode;

use crate::support::{Fixture, cohort, revision};

/// One run on moons with the lines of `run` in place of the optimizer, rate and groups.
pub fn moons(run: &str) -> String {
    format!(
        "anneal = 1\nname = \"moons\"\ndata = {{ name = \"moons\", batch_size = 32 }}\n\
         model = {{ kind = \"mlp\", hidden = [16, 8], activation = \"tanh\" }}\n\
         train = {{ updates = \"60\", seed = 3 }}\n[[run]]\nname = \"run\"\n{run}\n"
    )
}

const SGD: &str = "optimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = 0.1 }\n";

fn row(cohort: &Cohort) -> Vec<f32> {
    cohort.rows().to_vec2().unwrap().swap_remove(0)
}

fn bits(cohort: &Cohort) -> Vec<u32> {
    row(cohort).iter().map(|x| x.to_bits()).collect()
}

fn parameters(cohort: &Cohort) -> Vec<Parameter> {
    cohort.task().model.parameters().to_vec()
}

/// How far each weight moved in `updates` updates.
fn moved(text: &str, updates: u64) -> (Cohort, Vec<f32>) {
    let mut cohort = cohort(text, 1);
    let before = row(&cohort);
    cohort.advance(updates, u64::MAX).unwrap();
    let after = row(&cohort);
    (cohort, after.iter().zip(&before).map(|(a, b)| a - b).collect())
}

#[test]
fn the_file_alone_names_the_parameters_that_models_have() {
    let with = |data: &str, model: &str| {
        format!(
            "anneal = 1\nname = \"m\"\n{data}\nmodel = {{ {model} }}\ntrain = {{ updates = \"5\" }}\n\
             [[run]]\nname = \"run\"\n{SGD}"
        )
    };
    let text = "data = { name = \"shakespeare\", batch_size = 2 }";
    let transformer = "kind = \"transformer\", layers = 2, width = 8, heads = 2, context = 8";
    for text in [
        with("data = { name = \"moons\" }", "kind = \"mlp\", hidden = [4, 3]"),
        with("data = { name = \"moons\" }", "kind = \"mlp\", hidden = []"),
        with("data = { name = \"digits\" }", "kind = \"cnn\", channels = [2, 3]"),
        with(text, transformer),
        with(text, &format!("{transformer}, norm = \"post\"")),
        with("", "kind = \"surface\", function = \"beale\", start = [1.0, 1.0]"),
    ] {
        let model: Model = Experiment::parse(&text, "m.toml").unwrap().model;
        let (told, real) = (model.parameters(), parameters(&cohort(&text, 1)));
        assert_eq!(told.len(), real.len());
        for (told, real) in told.iter().zip(real) {
            assert_eq!((&told.name, told.layer), (&real.name, real.layer));
            assert_eq!(told.is_vector(), real.shape.len() == 1, "{}", real.name);
        }
    }
}

#[test]
fn the_first_group_that_matches_has_a_parameter() {
    let groups = "[[run.group]]\nmatch = \"head\"\nlr = 3\n[[run.group]]\nmatch = \"*.bias\"\nlr = 2\n\
                  [[run.group]]\nmatch = \"layer 0\"\nlr = 0.5\n";
    let (cohort, grouped) = moved(&moons(&format!("{SGD}{groups}")), 1);
    let (_, plain) = moved(&moons(SGD), 1);
    for parameter in parameters(&cohort) {
        let factor = match parameter.name.as_str() {
            "layer2.weight" | "layer2.bias" => 3.0,
            "layer0.bias" | "layer1.bias" => 2.0,
            "layer0.weight" => 0.5,
            _ => 1.0,
        };
        for at in parameter.range() {
            assert!((grouped[at] - factor * plain[at]).abs() < 1e-6, "{}", parameter.name);
        }
    }
    let row = &cohort.lanes()[0].log.rows[0];
    let rates = [0, 1, 2, 3].map(|group| row.groups.get(GroupColumn::Lr, group));
    assert_eq!(rates, [Some(0.1 * 3.0), Some(0.1 * 2.0), Some(0.1 * 0.5), None]);
}

#[test]
fn weights_decay_by_their_group_and_vectors_not_at_all() {
    let decayed =
        "optimizer = { kind = \"adamw\", weight_decay = 0.5 }\nlr = { kind = \"constant\", peak = 0.01 }\n";
    let group = "[[run.group]]\nmatch = \"head\"\nweight_decay = 0.1\n";
    let own = format!("{decayed}decay = \"matrices\"\n{group}");
    let without = decayed.with("weight_decay = 0.5", "weight_decay = 0");
    let (cohort, shrunk) = moved(&moons(&own), 1);
    let (plain, free) = moved(&moons(&without), 1);
    drop(plain);
    let start = row(&self::cohort(&moons(&own), 1));
    for parameter in parameters(&cohort) {
        let decay = match parameter.name.as_str() {
            name if name.ends_with(".bias") => 0.0,
            "layer2.weight" => 0.1,
            _ => 0.5,
        };
        for at in parameter.range() {
            let expected = free[at] - 0.01 * decay * start[at];
            assert!((shrunk[at] - expected).abs() < 1e-6, "{}", parameter.name);
        }
    }
}

#[test]
fn layer_decay_is_short_for_groups_of_layers() {
    let groups =
        "[[run.group]]\nmatch = \"layer 0\"\nlr = 0.25\n[[run.group]]\nmatch = \"layer 1\"\nlr = 0.5\n";
    let adam = SGD.with("\"sgd\"", "\"adam\"");
    for rule in [SGD, &adam] {
        let short = moved(&moons(&format!("{rule}layer_decay = 0.5\n")), 60).0;
        let long = moved(&moons(&format!("{rule}{groups}")), 60).0;
        assert_eq!(bits(&short), bits(&long));
    }
}

#[test]
fn a_group_that_learns_as_the_rest_changes_no_bit() {
    let group = "[[run.group]]\nmatch = \"head\"\n";
    for kind in ["sgd", "adamw", "rmsprop", "lion", "nadam", "muon", "schedule_free_adamw"] {
        let rule = SGD.with("\"sgd\"", &format!("\"{kind}\"")).with("0.1", "1e-3");
        let (plain, grouped) = (moons(&rule), moons(&format!("{rule}{group}")));
        assert_eq!(bits(&moved(&plain, 60).0), bits(&moved(&grouped, 60).0), "{kind}");
    }
}

#[test]
fn a_frozen_group_stays_is_no_part_of_the_gradient_and_steps_from_its_thaw() {
    let group = "[[run.group]]\nmatch = \"layer 0\"\nfreeze = \"20\"\n";
    for kind in ["adamw", "nadam", "radam", "sgd", "adagrad", "muon"] {
        let rule = SGD.with("\"sgd\"", &format!("\"{kind}\"")).with("0.1", "1e-3");
        let text = moons(&format!("{rule}{group}"));
        let (mut cohort, frozen) = moved(&text, 20);
        let range = parameters(&cohort)[0].offset..parameters(&cohort)[1].range().end;
        assert!(frozen[range.clone()].iter().all(|moved| *moved == 0.0), "{kind}");
        assert!(frozen[range.end..].iter().any(|moved| *moved != 0.0), "{kind}");
        let width = cohort.task().model.width();
        let buffers = &row(&cohort)[width..];
        for buffer in buffers.chunks_exact(width) {
            assert!(buffer[range.clone()].iter().all(|kept| *kept == 0.0), "{kind}");
        }
        let log = &cohort.lanes()[0].log.rows;
        let (whole, _) = moved(&moons(&rule), 1);
        assert!(log[0].grad_norm < whole.lanes()[0].log.rows[0].grad_norm, "{kind}");
        assert!(log.iter().all(|row| row.groups.get(GroupColumn::Lr, 0) == Some(0.0)));
        // From the same weights, the first step of a thawed group is the first one of an optimizer that begins.
        let before = row(&cohort)[..width].to_vec();
        let saved = cohort.checkpoint().unwrap();
        cohort.advance(21, u64::MAX).unwrap();
        let after = row(&cohort);
        assert_eq!(cohort.lanes()[0].log.rows[20].groups.get(GroupColumn::Lr, 0), Some(1e-3));
        let mut fresh = self::cohort(&moons(&rule), 1);
        let forget = Forget { schedule: false, momentum: true };
        fresh.load_lane(saved.lanes[0].id, &saved.lanes[0], forget).unwrap();
        assert_eq!(row(&fresh)[..width], before[..]);
        fresh.advance(21, u64::MAX).unwrap();
        for at in range.clone() {
            assert_eq!(after[at].to_bits(), row(&fresh)[at].to_bits(), "{kind} at {at}");
        }
    }
}

#[test]
fn clipping_sees_what_is_trained_only() {
    let group = "[[run.group]]\nmatch = \"*\"\nfreeze = \"5\"\n";
    let text = moons(&format!("{SGD}{group}")).with("seed = 3", "seed = 3, clip_norm = 0.1");
    let (cohort, still) = moved(&text, 5);
    assert!(still.iter().all(|moved| *moved == 0.0));
    let rows = &cohort.lanes()[0].log.rows;
    assert!(rows.iter().all(|row| row.grad_norm == 0.0 && row.update_norm == 0.0), "{rows:?}");
    let (cohort, moving) = moved(&text, 6);
    assert!(moving.iter().any(|moved| *moved != 0.0));
    assert!(cohort.lanes()[0].log.rows[5].update_norm <= 0.1 * 0.1 * 1.001);
}

#[test]
fn a_group_follows_a_schedule_of_its_own_and_the_runs_controller() {
    let group =
        "[[run.group]]\nmatch = \"head\"\nlr = { kind = \"linear\", peak = 0.6, from = 1.0, to = 0.0 }\n";
    let (cohort, _) = moved(&moons(&format!("{SGD}{group}")), 60);
    for row in &cohort.lanes()[0].log.rows {
        let rate = row.groups.get(GroupColumn::Lr, 0).unwrap();
        assert!((rate - 0.6 * (1.0 - row.update as f64 / 60.0)).abs() < 1e-12, "{row:?}");
        assert_eq!(row.lr, 0.1);
    }
    let plateau = "plateau = { metric = \"train_loss\", factor = 0.5, patience = 0, threshold = 0.9 }\n";
    let constant = "[[run.group]]\nmatch = \"head\"\nlr = { kind = \"constant\", peak = 0.6 }\n";
    let (cohort, _) = moved(&moons(&format!("{SGD}{plateau}{constant}")), 60);
    let last = cohort.lanes()[0].log.rows.last().unwrap();
    assert!(last.lr < 0.1);
    assert!((last.groups.get(GroupColumn::Lr, 0).unwrap() / last.lr - 6.0).abs() < 1e-9);
}

#[test]
fn an_edit_freezes_and_thaws_what_trains() {
    let rule = SGD.with("\"sgd\"", "\"adamw\"").with("0.1", "1e-3");
    let group =
        |freeze: &str| moons(&format!("{rule}[[run.group]]\nmatch = \"layer 0\"\nfreeze = \"{freeze}\"\n"));
    let mut cohort = cohort(&group("10"), 1);
    cohort.advance(30, u64::MAX).unwrap();
    let range = parameters(&cohort)[0].range();
    let change = cohort.revise(revision(&group("40"), 1), Mode::Live).unwrap();
    assert_eq!(change.replanned.len(), 1);
    let before = row(&cohort);
    cohort.advance(40, u64::MAX).unwrap();
    assert_eq!(row(&cohort)[range.clone()], before[range.clone()]);
    cohort.advance(41, u64::MAX).unwrap();
    // Its buffers went on where they were: a first step would be as long as the rate for every weight.
    let steps: Vec<f32> = range.map(|at| (row(&cohort)[at] - before[at]).abs()).collect();
    assert!(steps.iter().any(|step| *step > 0.0) && steps.iter().any(|step| *step < 0.5e-3), "{steps:?}");
    // In Instant mode the run begins again, and so does the freeze.
    let change = cohort.revise(revision(&group("5"), 2), Mode::Instant).unwrap();
    assert_eq!(change.reset.len(), 1);
    let names: Vec<_> = cohort.lanes()[0].log.stretches().map(|(_, names)| names.len()).collect();
    assert_eq!(names, [1]);
}

#[test]
fn every_group_has_the_length_of_its_weights_measured_with_each_validation() {
    let groups = "[[run.group]]\nmatch = \"head\"\n[[run.group]]\nmatch = \"*\"\n";
    let (cohort, _) = moved(&moons(&format!("{SGD}{groups}")), 60);
    let last = cohort.lanes()[0].log.rows.last().unwrap();
    let norm = |group| last.groups.get(GroupColumn::ParamNorm, group).unwrap();
    let whole = f64::from(last.param_norm.unwrap());
    assert!((norm(0).hypot(norm(1)) / whole - 1.0).abs() < 1e-6);
    let head: f64 = parameters(&cohort)[4..]
        .iter()
        .flat_map(Parameter::range)
        .map(|at| f64::from(row(&cohort)[at]).powi(2))
        .sum();
    assert!((norm(0) / head.sqrt() - 1.0).abs() < 1e-6);
    let rows = &cohort.lanes()[0].log.rows;
    let is_measured =
        |row: &&anneal_studio::telemetry::Row| row.groups.get(GroupColumn::ParamNorm, 1).is_some();
    assert_eq!(
        rows.iter().filter(is_measured).count(),
        rows.iter().filter(|row| row.val_loss.is_some()).count()
    );
}

#[test]
fn a_group_that_matches_nothing_is_an_error_with_its_line() {
    let error = |groups: &str| {
        Experiment::parse(&moons(&format!("{SGD}{groups}")), "e.toml").unwrap_err().to_string()
    };
    let group = |line: &str| format!("[[run.group]]\n{line}\n");
    assert_eq!(
        error(&group("match = \"biases\"")),
        "e.toml:11:9: run \"run\", group[0].match: found \"biases\", which matches nothing, allowed: \"bias\", \"norm\", \
         \"embedding\", \"head\", \"layer 0\" to \"layer 2\", or a glob over the model's parameters: layer0.weight, \
         layer0.bias, layer1.weight, layer1.bias, layer2.weight, layer2.bias (did you mean `bias`?)"
    );
    assert_eq!(
        error(&(group("match = \"*.bias\"") + &group("match = \"bias\""))),
        "e.toml:13:9: run \"run\", group[1].match: found \"bias\", allowed: parameters that no group before it has"
    );
    assert!(error(&group("match = \"norm\"")).contains("which matches nothing"));
    assert!(error(&group("match = \"layer 3\"")).contains("which matches nothing"));
    let prodigy = |text: &str| text.with("\"sgd\"", "\"prodigy\"");
    let refused =
        Experiment::parse(&prodigy(&moons(&format!("{SGD}{}", group("match = \"head\"\nlr = 2")))), "e.toml");
    assert!(refused.unwrap_err().to_string().contains("Prodigy estimates one rate"));
    let free = |text: &str| text.with("\"sgd\"", "\"schedule_free_sgd\"");
    let own = group("match = \"head\"\nlr = { kind = \"constant\", peak = 1.0 }");
    let refused = Experiment::parse(&free(&moons(&format!("{SGD}{own}"))), "e.toml").unwrap_err().to_string();
    assert!(refused.contains("averages by the run's own rate"), "{refused}");
    let idle = format!("decay = \"matrices\"\n{}", group("match = \"bias\"\nweight_decay = 0.1"));
    assert!(
        error(&idle)
            .contains("e.toml:13:16: run \"run\", group[0].weight_decay: found 0.1, allowed: 0, or none")
    );
    let many: String = (0..9).map(|_| group("match = \"head\"")).collect();
    assert!(error(&many).contains("found 9 groups, allowed: at most 8"));
    // The studio may change the model below a group.
    let mut experiment =
        Experiment::parse(&moons(&format!("{SGD}{}", group("match = \"layer 2\""))), "e.toml").unwrap();
    let Model::Mlp { hidden, .. } = &mut experiment.model else { unreachable!() };
    *hidden = vec![4];
    let refused =
        Cohort::new(crate::support::revision_of(experiment, 0), crate::support::pool(1)).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "run \"run\": the parameter group \"layer 2\" holds no parameter of this model that no group before it has: \
         remove it, or match another"
    );
}

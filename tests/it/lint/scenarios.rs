//! What scenarios make of a schedule: each trap is caught, and what is sound has nothing said of it.

use super::*;

const CONSTANT: &str = "{ kind = \"constant\", peak = 0.1 }";
const COSINE: &str = "{ kind = \"cosine\", peak = 0.1 }";

/// A run of 10 epochs in such a scenario.
fn scenario(data: &str, train: &str, section: &str, lr: &str) -> Experiment {
    let text = format!(
        "anneal = 1\nname = \"x\"\n{section}\n[data]\nname = \"digits\"\nbatch_size = 16\n{data}\n[model]\nkind = \"mlp\"\n\
         hidden = [8]\n[train]\nupdates = \"10ep\"\n{train}\n[[run]]\nname = \"r\"\noptimizer = {{ kind = \"sgd\" }}\nlr = {lr}\n"
    );
    Experiment::parse(&text, "x.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn said(data: &str, train: &str, section: &str, lr: &str) -> Vec<Warning> {
    lint(&scenario(data, train, section, lr), Some(CLOCK))
}

/// Data, `[train]`, section and schedule that have the trap, and the same without it.
type Trap = (&'static str, [&'static str; 4], [&'static str; 4]);

fn phased(second: &str) -> String {
    format!("phase = [{{ name = \"a\", for = \"50%\" }}, {{ name = \"b\"{second} }}]")
}

#[test]
fn every_trap_of_a_scenario_is_caught_and_its_mended_twin_is_not() {
    const CLIENTS: &str = "[federated]\nclients = 8\nskew = 0.1\nlocal = \"20\"";
    let traps: [Trap; 13] = [
        (
            "stop-never",
            ["", "stop = { patience = 10 }", "", CONSTANT],
            ["", "stop = { patience = 3 }", "", CONSTANT],
        ),
        (
            "planted-fault",
            ["", "", "[parallel]\nworkers = 2\nfault = { worker = 1, stale = true }", CONSTANT],
            ["", "", "[parallel]\nworkers = 2", CONSTANT],
        ),
        (
            "round-longer-than-run",
            ["", "", "[parallel]\nworkers = 2\nsync = \"every 1000\"", CONSTANT],
            ["", "", "[parallel]\nworkers = 2\nsync = \"every 8\"", CONSTANT],
        ),
        (
            "round-longer-than-run",
            ["", "", "[federated]\nclients = 2\nlocal = \"10ep\"", CONSTANT],
            ["", "", "[federated]\nclients = 2\nlocal = \"10\"", CONSTANT],
        ),
        (
            "scheduler-steps-per-worker",
            ["", "", "[parallel]\nworkers = 4", CONSTANT],
            ["", "", "[parallel]\nworkers = 1", CONSTANT],
        ),
        (
            "server-rate-too-high",
            ["", "", "[federated]\nclients = 2\nserver = { optimizer = \"adam\" }", CONSTANT],
            ["", "", "[federated]\nclients = 2\nserver = { optimizer = \"adam\", lr = 0.01 }", CONSTANT],
        ),
        (
            "no-loss-scale",
            ["", "gradients = \"f16\"", "", CONSTANT],
            ["", "gradients = \"f16\"\nloss_scale = 1024", "", CONSTANT],
        ),
        (
            "loss-scale-never-grows",
            ["", "gradients = \"f16\"\nloss_scale = \"dynamic\"", "", CONSTANT],
            ["", "gradients = \"f16\"\nloss_scale = { interval = 100 }", "", CONSTANT],
        ),
        (
            "attack-hides-inputs",
            ["", "attack = { eps = 2 }", "", CONSTANT],
            ["", "attack = { eps = 0.1 }", "", CONSTANT],
        ),
        (
            "wrong-labels-to-the-end",
            ["label_noise = 0.3", "", "", CONSTANT],
            ["label_noise = 0.3", "", "", COSINE],
        ),
        (
            "stop-before-the-decay",
            ["", "stop = { patience = 3 }", "", COSINE],
            ["", "stop = { patience = 3 }", "", CONSTANT],
        ),
        (
            "workers-without-warmup",
            ["", "", "[parallel]\nworkers = 16", COSINE],
            [
                "",
                "",
                "[parallel]\nworkers = 16",
                "{ kind = \"cosine\", peak = 0.1, warmup = { over = \"5%\" } }",
            ],
        ),
        ("clients-without-decay", ["", "", CLIENTS, CONSTANT], ["", "", CLIENTS, COSINE]),
    ];
    for (code, trap, sound) in traps {
        let [caught, passed] = [trap, sound].map(|[data, train, section, lr]| said(data, train, section, lr));
        assert!(codes(&caught).contains(&code), "{code}: {:?}", codes(&caught));
        assert!(!codes(&passed).contains(&code), "{code} is said of what is sound");
        let warning = caught.iter().find(|warning| warning.code == code).unwrap();
        assert!(warning.remedy.is_some() || code == "stop-before-the-decay" || code.starts_with("scheduler"));
    }
}

#[test]
fn a_schedule_that_does_not_fit_the_datas_phases_is_caught() {
    let fast = "{ kind = \"exponential\", peak = 0.1, gamma = 0.98 }";
    let by_phase = "{ kind = \"sequence\", parts = [{ for = \"phase:a\", kind = \"constant\", peak = 0.1 }, { kind = \
                    \"constant\", peak = 0.01 }] }";
    let poison = phased(", poison = { share = 0.4, to = 0 }");
    for (code, data, trap, sound) in [
        ("no-rate-for-a-phase", phased(", shift = { rotate = 40 }"), fast, COSINE),
        ("curriculum-after-the-rate", phased(", order = \"easy_first\""), COSINE, CONSTANT),
        ("full-rate-into-poison", poison, CONSTANT, by_phase),
    ] {
        let caught = said(&data, "", "", trap);
        assert!(codes(&caught).contains(&code), "{code}: {:?}", codes(&caught));
        assert_eq!(caught.iter().find(|warning| warning.code == code).unwrap().run.as_deref(), Some("r"));
        assert!(!codes(&said(&data, "", "", sound)).contains(&code), "{code} is said of what is sound");
    }
    let gentle = by_phase.replace("0.01", "0.0001");
    assert!(
        !codes(&said(&phased(", shift = { rotate = 40 }"), "", "", &gentle)).contains(&"no-rate-for-a-phase")
    );
    // Without a clock, what is counted in shares is known all the same.
    let shares = scenario(&phased(", order = \"easy_first\""), "", "", COSINE);
    assert!(codes(&lint(&shares, None)).contains(&"curriculum-after-the-rate"));
}

#[test]
fn a_new_head_on_layers_that_learn_at_once_is_caught() {
    let text = |run: &str| {
        format!(
            "anneal = 1\nname = \"x\"\ndata = {{ name = \"digits\" }}\nmodel = {{ kind = \"mlp\", hidden = [8], from = {{ path = \
             \"base\", head = \"new\" }} }}\ntrain = {{ updates = \"100\" }}\n[[run]]\nname = \"r\"\noptimizer = {{ kind = \"sgd\" \
             }}\nlr = {CONSTANT}\n{run}"
        )
    };
    let said = |text: &str| codes(&lint(&Experiment::parse(text, "x.toml").unwrap(), None));
    assert_eq!(said(&text("")), ["new-head-shakes-body"]);
    assert_eq!(said(&text("[[run.group]]\nmatch = \"layer 0\"\nfreeze = \"20%\"\n")), [""; 0]);
}

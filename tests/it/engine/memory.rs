//! What a long training of many lanes takes of the machine's memory.

use anneal_studio::engine::Options;
use anneal_studio::engine::protocol::State;

use super::start;

/// Takes twenty minutes on two cores; prints the peak of the process now and then.
#[test]
#[ignore = "trains 64 million updates: run it alone with --ignored --nocapture"]
#[cfg(target_os = "linux")]
fn a_million_updates_of_64_lanes_of_digits_fit_into_500_mb() {
    let updates = 1_000_000_u64;
    let text = format!(
        r#"
anneal = 1
name = "memory"
data = {{ name = "digits", batch_size = 64 }}
model = {{ kind = "mlp", hidden = [128, 64], activation = "tanh" }}
train = {{ updates = "{updates}", replicas = 64 }}
[[run]]
name = "constant"
optimizer = {{ kind = "sgd", momentum = 0.9 }}
lr = {{ kind = "constant", peak = 0.01 }}
"#
    );
    let engine = start(&text, Options { threads: Some(2), ..Options::default() });
    let mut told = 0;
    loop {
        let (state, update) = engine.read(|shared| (shared.status.state.clone(), shared.status.update));
        if update >= told {
            eprintln!("update {update}: {} MB", peak() >> 20);
            told = update + updates / 20;
        }
        match state {
            State::Finished => break,
            State::Failed(why) => panic!("{why}"),
            _ => std::thread::sleep(std::time::Duration::from_millis(100)),
        }
    }
    assert!(peak() < 500 << 20, "{} MB", peak() >> 20);
}

/// The most memory that this process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

//! What is read: regular files only, however they are named, and each problem with its place and exit code.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{SMALL, calm, newest, place, runs, trained};

/// Twenty rows of a small table.
fn table() -> String {
    let row = |at: u32| format!("{at},{},{}\n", (at * at) % 7, ["a", "b"][(at % 2) as usize]);
    "x,y,kind\n".to_owned() + &(0..200).map(row).collect::<String>()
}

fn with_data(folder: &Path, file: &str, data: &str) {
    let text = SMALL.replace("name = \"moons\",", &format!("path = \"{data}\", label = \"kind\","));
    fs::write(folder.join(file), text).unwrap();
}

#[test]
fn a_pipe_in_place_of_any_file_is_refused_at_once() {
    let folder = trained();
    runs(folder.path(), "mkfifo pipe pipe.toml", 0);
    with_data(folder.path(), "data.toml", "pipe");
    let rates = SMALL.replace("kind = \"one_cycle\", peak = 0.1", "kind = \"table\", file = \"pipe\"");
    fs::write(folder.path().join("rates.toml"), rates).unwrap();
    for command in [
        "train pipe.toml",
        "schedule pipe.toml",
        "export pipe.toml --to optax",
        "lint pipe",
        "import pipe",
        "find-lr pipe.toml",
        "screenshot pipe.toml --out p.png",
        "train data.toml",
        "train rates.toml",
    ] {
        let (_, said) = runs(folder.path(), &format!("$anneal {command}"), 2);
        assert!(said.contains("a pipe or a device"), "{command}: {said}");
    }
    for replaced in ["metrics.csv", "events.jsonl"] {
        let line = format!("mv out/{replaced} kept && mkfifo out/{replaced}");
        runs(folder.path(), &line, 0);
        // From an earlier checkpoint, so that there is something to go on with.
        let (_, said) = runs(folder.path(), "$anneal train small.toml --resume out --no-baseline", 1);
        assert!(said.contains(replaced) && said.contains("a pipe or a device"), "{said}");
        runs(folder.path(), &format!("rm out/{replaced} && mv kept out/{replaced}"), 0);
    }
    let checkpoint = newest(&folder.path().join("out"));
    fs::remove_file(&checkpoint).unwrap();
    runs(folder.path(), &format!("mkfifo {}", checkpoint.display()), 0);
    let (_, said) = runs(folder.path(), "$anneal train small.toml --resume out --no-baseline", 0);
    assert!(said.contains("not taken") && said.contains("a pipe or a device"), "{said}");
}

#[test]
fn an_endless_device_in_place_of_any_file_is_refused_at_once() {
    let folder = trained();
    let out = folder.path().join("out");
    with_data(folder.path(), "data.toml", "zero");
    symlink("/dev/zero", folder.path().join("zero")).unwrap();
    for command in ["train zero", "train data.toml", "import zero", "lint zero"] {
        let (_, said) = runs(folder.path(), &format!("ulimit -v 4000000; $anneal {command}"), 2);
        assert!(said.contains("a pipe or a device"), "{command}: {said}");
    }
    for name in ["metrics.csv", "events.jsonl"] {
        fs::rename(out.join(name), folder.path().join("kept")).unwrap();
        symlink("/dev/zero", out.join(name)).unwrap();
        let resume = "ulimit -v 4000000; $anneal train small.toml --resume out --no-baseline";
        let (_, said) = runs(folder.path(), resume, 1);
        assert!(said.contains(name) && said.contains("a pipe or a device"), "{said}");
        fs::remove_file(out.join(name)).unwrap();
        fs::rename(folder.path().join("kept"), out.join(name)).unwrap();
    }
    let checkpoint = newest(&out);
    fs::remove_file(&checkpoint).unwrap();
    symlink("/dev/zero", &checkpoint).unwrap();
    runs(folder.path(), "ulimit -v 4000000; $anneal train small.toml --resume out --no-baseline", 0);
}

#[test]
fn standard_input_is_read_where_it_is_asked_for() {
    let folder = place();
    let (named, _) = runs(folder.path(), "$anneal schedule small.toml", 0);
    let (piped, _) = runs(folder.path(), "cat small.toml | $anneal schedule -", 0);
    assert_eq!(named, piped);
    for command in ["import", "lint", "train"] {
        runs(folder.path(), &format!("cat small.toml | $anneal {command} -"), 0);
    }
}

#[test]
fn a_data_file_that_is_not_there_is_a_bad_file() {
    let folder = place();
    with_data(folder.path(), "data.toml", "none.csv");
    for command in ["train data.toml", "find-lr data.toml", "screenshot data.toml --out p.png"] {
        let (_, said) = runs(folder.path(), &format!("$anneal {command}"), 2);
        assert!(said.contains("none.csv"), "{command}: {said}");
    }
}

#[test]
fn data_are_found_from_the_file_that_names_them_wherever_one_stands() {
    let folder = place();
    fs::create_dir_all(folder.path().join("deep/data")).unwrap();
    fs::write(folder.path().join("deep/data/mine.csv"), table()).unwrap();
    fs::write(folder.path().join("deep/rates.csv"), "0.1 0.05 0.02").unwrap();
    let text = calm()
        .replace("name = \"moons\",", "path = \"data/mine.csv\", label = \"kind\",")
        .replace("kind = \"one_cycle\", peak = 0.1", "kind = \"table\", file = \"rates.csv\"");
    fs::write(folder.path().join("deep/data.toml"), text).unwrap();
    runs(folder.path(), "$anneal train deep/data.toml --out out --no-baseline", 0);
    for line in [
        "cd out && $anneal landscape . --out x.png --size 64x64 --flat",
        "cd / && $anneal landscape $OLDPWD/out --out $OLDPWD/x.png --size 64x64 --flat",
        "cd out && $anneal train experiment.toml",
        "cd deep && $anneal train data.toml --resume ../out --no-baseline",
        "cp -r deep out moved 2>/dev/null || (mkdir moved && cp -r deep out moved); \
         rm -r deep; cd / && $anneal train $OLDPWD/moved/out/experiment.toml",
    ] {
        runs(folder.path(), line, 0);
    }
}

#[test]
fn what_the_reader_accepts_can_be_trained() {
    let folder = place();
    for (controller, field) in [
        ("greedy = { metric = \"train_loss\", threshold = 1e300 }", "threshold"),
        ("plateau = { metric = \"train_loss\", threshold = 1e300 }", "threshold"),
        ("plateau = { metric = \"train_loss\", min_lr = 1e300 }", "min_lr"),
        ("hypergradient = { beta = 1e300 }", "beta"),
    ] {
        fs::write(folder.path().join("far.toml"), format!("{SMALL}{controller}\n")).unwrap();
        for command in ["lint", "train", "schedule"] {
            let (_, said) = runs(folder.path(), &format!("$anneal {command} far.toml"), 2);
            assert!(said.contains("far.toml:15:") && said.contains(field), "{said}");
        }
    }
}

#[test]
fn a_folder_in_place_of_the_newest_checkpoint_is_passed_over() {
    let folder = trained();
    let out = folder.path().join("out");
    let whole = fs::read(out.join("metrics.csv")).unwrap();
    let checkpoint = newest(&out);
    fs::remove_file(&checkpoint).unwrap();
    fs::create_dir(&checkpoint).unwrap();
    fs::write(checkpoint.join("mine"), "kept").unwrap();
    let (_, said) = runs(folder.path(), "$anneal train small.toml --resume out --no-baseline", 0);
    assert!(said.contains("not taken") && said.contains("a folder"), "{said}");
    assert!(fs::read(out.join("metrics.csv")).unwrap() == whole, "the metrics differ");
    assert!(newest(&out).is_file(), "the training's own checkpoint is in its place");
    let aside = checkpoint.with_extension("safetensors.aside");
    assert_eq!(fs::read(aside.join("mine")).unwrap(), b"kept", "nothing of it is lost");
}

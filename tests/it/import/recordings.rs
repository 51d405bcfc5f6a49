//! The rate of a recording as a schedule: each kind of log with its right values.

use super::*;

/// What `anneal import` makes of a case, and the rates that it has at these updates of its run.
fn rates_of(name: &str, updates_per_epoch: u64, at: &[(u64, f64)]) -> Imported {
    let path = format!("{}/tests/cases/logs/{name}", env!("CARGO_MANIFEST_DIR"));
    let imported = import_file(&path, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Some(length) = imported.updates else { panic!("{name} has no length") };
    let updates = length.whole_updates(Clock { updates: 1, updates_per_epoch });
    let curve = curve(&imported, updates, updates_per_epoch);
    for (update, rate) in at {
        assert!(*update < updates, "{name}: update {update} of {updates}");
        let found = curve.at(*update);
        assert!(
            (found - rate).abs() <= 1e-12,
            "{name}, update {update}: {found} not {rate}: {:?}",
            imported.lr
        );
    }
    imported
}

#[test]
fn every_kind_of_log_gives_the_rates_it_has() {
    rates_of("trainer_state_old.json", 10, &[(10, 1e-4), (20, 2e-4), (30, 1e-4)]);
    rates_of("hf_stdout_log.txt", 10, &[(0, 6.7e-6), (1, 1.3e-5), (2, 2e-5)]);
    rates_of("lightning_metrics.csv", 10, &[(49, 1e-3), (99, 9e-4), (149, 8e-4), (199, 7e-4)]);
    rates_of("log_repeated_steps.csv", 10, &[(0, 0.1), (1, 0.09)]);
    rates_of("tensorboard_lr.csv", 10, &[(0, 1e-3), (10, 9e-4), (20, 8e-4)]);
    let two = rates_of("wandb_two_runs.csv", 10, &[(0, 1e-3), (10, 9e-4), (20, 8e-4)]);
    assert!(two.notes.iter().any(|note| note.contains("a was read, and left out: b")), "{:?}", two.notes);
}

#[test]
fn a_row_an_epoch_is_a_schedule_of_epochs() {
    let epochs = rates_of("yolov5_results.csv", 7, &[(0, 0.0033), (6, 0.0033), (7, 0.0066), (13, 0.0066)]);
    assert_eq!((epochs.lr.tick, epochs.updates), (Tick::Epoch, Some(Span::Epochs(2.0))));
    let mut text = "epoch,train_loss,eval_loss,eval_top1,lr\n".to_owned();
    for epoch in 0..90 {
        let cosine = 0.05 * (1.0 + (std::f64::consts::PI * f64::from(epoch) / 90.0).cos());
        writeln!(text, "{epoch},1,1,50,{cosine}").unwrap();
    }
    let imported = read(&text);
    assert_eq!((imported.fit.unwrap().kind, imported.lr.tick), ("cosine", Tick::Epoch));
    let curve = curve(&imported, 900, 10);
    assert!((curve.at(455) - 0.05).abs() < 1e-9, "{}", curve.at(455));
}

#[test]
fn an_event_file_and_a_folder_of_them_are_logs() {
    let folder = format!("{}/tests/recordings/tensorboard/plain", env!("CARGO_MANIFEST_DIR"));
    for path in [folder.clone(), format!("{folder}/events.out.tfevents.1")] {
        let imported = import_file(&path, &Options::default()).unwrap();
        assert_eq!((imported.dialect.id, imported.fit.unwrap().kind), ("log", "cosine"), "{path}");
        assert!(
            imported.notes.iter().any(|note| note.contains("left out: train/loss")),
            "{:?}",
            imported.notes
        );
    }
}

#[test]
fn a_log_without_a_rate_names_what_it_has() {
    let error = refused("step,loss,accuracy\n0,2,0.1\n1,1,0.5\n");
    assert!(
        error.contains("no series of it is named after a learning rate; it has loss, accuracy"),
        "{error}"
    );
}

//! Whatever is opened or dropped on the window goes where it belongs.

use std::path::Path;

use anneal_studio::experiment::Source;
use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, first};
use super::sweeps::wait;

const SCRIPT: &str = "import torch\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n\
                      scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)\n";

fn drop_on(studio: &mut Studio, path: &Path) {
    let ctx = studio.harness.ctx.clone();
    studio.harness.state_mut().open_any(&ctx, path);
    studio.harness.run_steps(3);
}

#[test]
fn a_script_is_offered_as_a_run_and_one_without_a_schedule_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut studio = first(200);
    let runs = studio.document().experiment().runs.len();
    drop_on(&mut studio, &at("notes.py", "print('hello')\n"));
    wait(&mut studio, |studio| studio.says("notes.py: "));
    assert!(studio.harness.get_by_role_and_label(Role::Button, "Import").accesskit_node().is_disabled());
    drop_on(&mut studio, &at("train.py", SCRIPT));
    wait(&mut studio, |studio| studio.says("train.py: “StepLR” · Step"));
    assert_eq!(studio.document().experiment().runs.len(), runs, "nothing is added unasked");
    // The sheet finds its size.
    studio.harness.run_steps(5);
    studio.click("Import");
    assert_eq!(studio.document().experiment().runs.len(), runs + 1);
}

#[test]
fn a_table_asks_which_column_to_predict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flowers.csv");
    let rows: String = (0..40).map(|row| format!("{row},{},{}\n", row % 7, ["a", "b"][row % 2])).collect();
    std::fs::write(&path, format!("height,width,species\n{rows}")).unwrap();
    let mut studio = first(200);
    drop_on(&mut studio, &path);
    assert!(studio.says("Its columns; click the one to predict"));
    let column = studio.harness.query_all_by_label("species").next().expect("its columns");
    column.click();
    studio.harness.run_steps(3);
    studio.click("Use this table");
    let Source::File { path: used, label } = &studio.document().experiment().data.source else {
        panic!("the table is not in use");
    };
    assert_eq!((used, label.as_str()), (&path, "species"));
}

#[test]
fn the_folder_of_a_sweep_opens_in_its_panel() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = "seeds = 1\n[sweep.over]\n\"lr.peak\" = [0.01, 0.1]\n";
    crate::sweeps::support::run_until(sweep, folder.path(), usize::MAX).unwrap();
    let mut studio = first(200);
    drop_on(&mut studio, folder.path());
    assert!(studio.says("2 trials of “one”"));
}

//! What the readers make of other layouts of the same dialects.

use std::fmt::Write as _;

use super::*;

#[test]
fn a_trainer_state_has_its_evaluations_and_its_numbers_that_are_none() {
    let log = log(
        r#"{"best_metric": null, "epoch": 1.0, "global_step": 20, "is_local_process_zero": true, "log_history": [
            {"epoch": 0.5, "grad_norm": NaN, "learning_rate": 2e-05, "loss": 1.5, "step": 10},
            {"epoch": 1.0, "grad_norm": 0.7, "learning_rate": 1e-05, "loss": NaN, "step": 20},
            {"epoch": 1.0, "eval_loss": 1.25, "eval_accuracy": 0.5, "eval_runtime": 1.5, "step": 20},
            {"epoch": 1.0, "step": 20, "total_flos": 1.5e12, "train_loss": 1.4}],
          "max_steps": 20, "num_train_epochs": 1, "stateful_callbacks": {"TrainerControl": {"args": {"a": [1, 2]}}}}"#,
    );
    let recording = only(&log);
    assert_eq!(points(recording, "eval_loss"), [(20, 1.25)]);
    assert_eq!(recording.column(Column::ValAccuracy).unwrap().name, "eval_accuracy");
    assert!(points(recording, "grad_norm")[0].1.is_nan() && points(recording, "loss")[1].1.is_nan());
    assert_eq!(recording.column(Column::TrainLoss).unwrap().name, "loss");
}

#[test]
fn progress_bars_number_the_printed_dictionaries() {
    let log = log(
        "\r 10%|█         | 10/100 [00:01<00:09, 9.5it/s]\n{'loss': '2.5', 'learning_rate': '0.0001', 'epoch': '0.1'}\n\
         \r 20%|██        | 20/100 [00:02<00:08, 9.5it/s]{'loss': 2.25, 'learning_rate': 9e-05, 'epoch': 0.2}\n\
         {'eval_loss': 2.2, 'eval_runtime': 1.0, 'epoch': 0.2}\n",
    );
    assert_eq!(rates(only(&log)), [(10, 1e-4), (20, 9e-5)]);
    assert_eq!(points(only(&log), "eval_loss"), [(20, 2.2)]);
}

#[test]
fn json_lines_are_rows_whatever_they_nest() {
    let log = log(
        "{\"config\": {\"name\": \"x\"}}\n{\"step\": 1, \"train\": {\"loss\": 2.0, \"lr\": [0.1, 0.2]}}\n\
         {\"step\": 2, \"train\": {\"loss\": 1.0, \"lr\": [0.3, 0.4]}, \"note\": \"half\"}\n",
    );
    assert_eq!(points(only(&log), "train/loss"), [(1, 2.0), (2, 1.0)]);
    assert_eq!(points(only(&log), "train/lr/1"), [(1, 0.2), (2, 0.4)]);
    assert!(log.left_out.to_string().contains("note (such as `half`)"), "{}", log.left_out);
}

#[test]
fn a_line_an_epoch_is_counted_in_epochs() {
    let text: String = (0..5)
        .map(|epoch| {
            format!(
                "{{\"train_lr\": {}, \"train_loss\": 1.0, \"test_acc1\": 50.0, \"epoch\": {epoch}}}\n",
                0.1 * f64::from(epoch)
            )
        })
        .collect();
    let log = log(&text);
    assert_eq!((only(&log).tick, only(&log).epochs_done()), (Tick::Epoch, Some(5.0)));
    assert_eq!(rates(only(&log)).len(), 5);
}

#[test]
fn a_history_of_lists_is_a_log() {
    let log =
        log(r#"{"loss": [2.0, 1.5, 1.0], "val_loss": [2.1, 1.9, 1.8], "learning_rate": [0.1, 0.05, 0.02]}"#);
    assert_eq!(rates(only(&log)), [(0, 0.1), (1, 0.05), (2, 0.02)]);
    assert_eq!(points(only(&log), "val_loss").len(), 3);
}

#[test]
fn a_log_of_megatron_is_read() {
    let mut text = "using world size: 1\nbuilding GPT model ...\n".to_owned();
    for i in 1..=5 {
        writeln!(
            text,
            " [2024-05-01 10:00:0{i}] iteration {:8}/ 100 | consumed samples: {:12} | elapsed time per iteration (ms): \
             99.5 | learning rate: {:.3E} | global batch size:    16 | lm loss: {:.6E} | grad norm: 1.{i} |",
            10 * i,
            160 * i,
            1e-4 * f64::from(i),
            3.0 / f64::from(i)
        )
        .unwrap();
    }
    let log = log(&text);
    assert_eq!(log.dialect, "Megatron-LM log");
    assert_eq!(rates(only(&log))[1], (20, 2e-4));
    assert_eq!(only(&log).column(Column::TrainLoss).unwrap().name, "lm loss");
    assert_eq!(only(&log).column(Column::Batch).unwrap().name, "global batch size");
    assert_eq!(points(only(&log), "grad norm")[4], (50, 1.5));
}

#[test]
fn printed_lines_of_many_programs_are_read() {
    let nano = log(
        "step 0: train loss 4.2, val loss 4.3\niter 0: loss 4.2, time 30.5ms, mfu -100.00%\niter 10: loss 3.5, time 25.1ms, mfu 3.2%\n",
    );
    assert_eq!(points(only(&nano), "loss"), [(0, 4.2), (10, 3.5)]);
    assert_eq!(points(only(&nano), "val loss"), [(0, 4.3)]);
    let mm = log(
        "Epoch [1][50/100]\tlr: 1.0e-03, eta: 0:10:00, loss: 1.5\nEpoch [1][100/100]\tlr: 2.0e-03, eta: 0:09:00, loss: 1.4\n\
         Epoch [2][50/100]\tlr: 3.0e-03, eta: 0:08:00, loss: 1.3\n",
    );
    assert_eq!(rates(only(&mm)), [(50, 1e-3), (100, 2e-3), (150, 3e-3)]);
    let timm = log(
        "Train: 0 [   0/100 (  0%)]  Loss: 6.9 (6.9)  LR: 1.000e-06\nTrain: 0 [  99/100 (100%)]  Loss: 6.8 (6.8)  LR: 1.000e-06\n\
         Train: 1 [   0/100 (  0%)]  Loss: 6.7 (6.7)  LR: 2.000e-06\n",
    );
    assert_eq!(rates(only(&timm)), [(0, 1e-6), (99, 1e-6), (100, 2e-6)]);
}

#[test]
fn a_step_that_begins_anew_with_each_epoch_goes_on_and_that_is_said() {
    let log = log("epoch,iter,lr,loss\n1,50,0.1,2\n1,100,0.2,2\n2,50,0.3,1\n2,100,0.4,1\n");
    assert_eq!(rates(only(&log)), [(50, 0.1), (100, 0.2), (150, 0.3), (200, 0.4)]);
    assert!(log.left_out.to_string().contains("the step starts over with each epoch"), "{}", log.left_out);
}

#[test]
fn a_log_that_goes_back_was_resumed_and_what_it_wrote_twice_is_counted() {
    let log = log("step,lr,loss\n0,0.1,3\n10,0.09,2\n20,0.08,1.5\n30,0.07,1.2\n20,0.1,1.4\n30,0.09,1.1\n");
    let recording = only(&log);
    assert_eq!(rates(recording), [(0, 0.1), (10, 0.09), (20, 0.1), (30, 0.09)]);
    assert_eq!(recording.rewinds, [(20, 30)]);
    assert!(
        log.left_out.to_string().contains("left out: 4 values that the log writes again"),
        "{}",
        log.left_out
    );
}

#[test]
fn words_broken_cells_and_short_rows_are_counted() {
    let log = log("step,lr,loss,device\n0,0.1,2,cuda:0\n1,oops,2,cuda:0\n2,0.1\n3,0.1,nan,cuda:0\n");
    let said = log.left_out.to_string();
    assert!(said.contains("device (such as `cuda:0`)"), "{said}");
    assert!(said.contains("1 cells of `lr` that are no number (such as `oops`)"), "{said}");
    assert!(said.contains("1 rows with another number of cells"), "{said}");
    assert!(points(only(&log), "loss")[2].1.is_nan());
}

#[test]
fn what_is_no_log_is_refused_with_the_next_step() {
    for text in [
        "import torch\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n",
        "learning_rate: 1e-4\nlr_scheduler_type: cosine\n",
        "a,b,label\n1,2,x\n3,4,y\n",
        "{\"optimizer\": {\"params\": {\"lr\": 1e-4}}, \"train_batch_size\": 8}",
        "python train.py --lr 0.1 --sched cosine\n",
        "nothing of any interest",
    ] {
        let error = read_text("it", text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("this is no log of a training that is known here"), "{text}: {error}");
    }
}

#[test]
fn our_own_metrics_are_a_recording_a_replica() {
    let log = log(
        "run,replica,update,epoch,lr,momentum,train_loss,grad_norm,update_norm,val_loss,val_accuracy\n\
                   a,0,0,0,0.1,0.9,2,1,0.1,,\na,0,1,0,0.1,0.9,1,1,0.1,1.5,0.5\na,1,0,0,0.1,0.9,2,1,0.1,,\nb,0,0,0,0.2,0.9,2,1,0.1,,\n",
    );
    let names: Vec<&str> = log.recordings.iter().map(|recording| recording.name.as_str()).collect();
    assert_eq!(names, ["a", "a, replica 2", "b"]);
    assert_eq!(points(&log.recordings[0], "val_loss"), [(1, 1.5)]);
    assert_eq!(log.recordings[0].series[0].role, Role::Epoch);
}

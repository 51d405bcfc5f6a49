//! How programs print their rates: one line of each kind, and what it says.

use super::*;

fn rates_of(text: &str) -> Vec<(u64, f64)> {
    rates(only(&log(text)))
}

#[test]
fn the_date_before_a_line_of_mmengine_is_no_step() {
    let text = "2023/01/05 12:00:00 - mmengine - INFO - Epoch(train)  [1][  50/7330]  lr: 1.9820e-03  eta: 13:06:14  loss: 2.1\n\
                2023/01/05 12:00:30 - mmengine - INFO - Epoch(train)  [1][ 100/7330]  lr: 3.9840e-03  eta: 13:00:14  loss: 1.8\n\
                2023/01/05 13:00:30 - mmengine - INFO - Epoch(train)  [2][  50/7330]  lr: 2.0000e-02  eta: 12:00:14  loss: 1.2\n";
    assert_eq!(rates_of(text), [(50, 1.982e-3), (100, 3.984e-3), (7380, 2e-2)]);
}

#[test]
fn swin_counts_epochs_and_batches_in_two_brackets() {
    let line = |epoch: u32, at: u32, lr: &str| {
        format!(
            "[2021-03-05 11:01:02 swin_tiny] (main.py 207): INFO Train: [{epoch}/300][{at}/1251]\teta 2:04:05 lr \
             {lr}\ttime 5.9518 (5.9518)\tloss 6.9475 (6.9475)\tgrad_norm 1.4113 (1.4113)\tmem 8756MB\n"
        )
    };
    let text = [line(0, 0, "0.000001"), line(0, 10, "0.000002"), line(1, 0, "0.000051")].concat();
    assert_eq!(rates_of(&text), [(0, 1e-6), (10, 2e-6), (1251, 5.1e-5)]);
    let log = log(&text);
    assert!(only(&log).series.iter().all(|named| named.name != "main.py"), "a place in source is no series");
}

#[test]
fn an_object_of_json_after_a_prefix_is_a_line_of_fairseq() {
    let text = "2020-06-01 10:00:00 | INFO | fairseq_cli.train | training on 8 devices\n\
                2020-06-01 10:01:00 | INFO | train_inner | {\"epoch\": 1, \"update\": 0.05, \"loss\": \"14.1\", \"lr\": \
                \"1.25e-05\", \"num_updates\": \"100\"}\n\
                2020-06-01 10:02:00 | INFO | train_inner | {\"epoch\": 1, \"update\": 0.10, \"loss\": \"12.1\", \"lr\": \
                \"2.5e-05\", \"num_updates\": \"200\"}\n";
    assert_eq!(rates_of(text), [(100, 1.25e-5), (200, 2.5e-5)]);
}

#[test]
fn a_progress_bar_with_the_rate_in_it_is_counted_by_the_bar() {
    let text = "\rSteps:   0%|          | 0/1000 [00:00<?, ?it/s]\
                \rSteps:   0%|          | 1/1000 [00:05<1:23:25,  5.01s/it, lr=1e-7, step_loss=0.123]\
                \rSteps:   0%|          | 2/1000 [00:06<50:00,  3.01s/it, lr=2e-7, step_loss=0.223]\
                \rSteps:   0%|          | 3/1000 [00:07<40:00,  2.41s/it, lr=3e-7, step_loss=0.113]\n";
    assert_eq!(rates_of(text), [(1, 1e-7), (2, 2e-7), (3, 3e-7)]);
    assert_eq!(points(only(&log(text)), "step_loss"), [(1, 0.123), (2, 0.223), (3, 0.113)]);
}

#[test]
fn a_rate_may_carry_its_schedulers_name() {
    let line = |at: u32, lr: &str| {
        format!(
            "[2022/01/01 10:00:00] ppcls INFO: [Train][Epoch 1/120][Iter: {at}/1251]lr(LinearWarmup): {lr}, CELoss: 6.9\n"
        )
    };
    let text = [line(0, "0.00000000"), line(10, "0.00080000"), line(20, "0.00160000")].concat();
    assert_eq!(rates_of(&text), [(0, 0.0), (10, 8e-4), (20, 1.6e-3)]);
}

#[test]
fn schedulers_that_say_what_they_do_are_a_log() {
    let text = "Epoch 00000: adjusting learning rate of group 0 to 1.0000e-01.\n\
                Epoch 00000: adjusting learning rate of group 1 to 5.0000e-02.\n\
                Epoch 00001: adjusting learning rate of group 0 to 1.0000e-02.\n\
                Epoch 00001: adjusting learning rate of group 1 to 5.0000e-03.\n";
    let log = log(text);
    assert_eq!(only(&log).tick, Tick::Epoch);
    assert_eq!(points(only(&log), "learning rate"), [(0, 0.1), (1, 0.01)]);
    assert_eq!(points(only(&log), "learning rate/pg1"), [(0, 0.05), (1, 0.005)]);
    let keras = "Epoch 5: ReduceLROnPlateau reducing learning rate to 0.0001.\n\
                 Epoch 9: ReduceLROnPlateau reducing learning rate to 1e-05.\n";
    assert_eq!(rates_of(keras), [(5, 1e-4), (9, 1e-5)]);
}

#[test]
fn thousands_in_a_printed_number_are_not_cut_off() {
    let text = "[titan] 2024-09-01 10:00:00,000 - root - INFO - step:  1  loss: 12.2723  memory: 30.1GiB(38.1%)  tps: 1,200\n\
                [titan] 2024-09-01 10:00:01,000 - root - INFO - step: 10  loss: 10.2723  memory: 30.1GiB(38.1%)  tps: 16,200\n";
    assert_eq!(points(only(&log(text)), "tps"), [(1, 1200.0), (10, 16200.0)]);
}

#[test]
fn the_log_of_llm_c_is_read() {
    let text = "s:0 tel:11.0\ns:0 trl:11.0 lr:8.57e-07 norm:15.1\ns:1 trl:10.9 lr:1.71e-06 norm:14.1\ns:250 tel:6.5\n";
    let log = log(text);
    assert_eq!(rates(only(&log)), [(0, 8.57e-7), (1, 1.71e-6)]);
    assert_eq!(only(&log).column(Column::TrainLoss).unwrap().name, "trl");
    assert_eq!(points(only(&log), "tel"), [(0, 11.0), (250, 6.5)]);
}

#[test]
fn columns_between_blanks_may_have_their_names_in_a_comment() {
    assert_eq!(rates_of("# step  lr  loss\n0   1e-3  2.5\n10  9e-4  2.2\n"), [(0, 1e-3), (10, 9e-4)]);
    let fastai = "epoch     train_loss  valid_loss  error_rate  time\n\
                  0         0.178613    0.025119    0.008796    00:12\n\
                  1         0.058233    0.017239    0.005413    00:12\n";
    assert_eq!(points(only(&log(fastai)), "valid_loss"), [(0, 0.025119), (1, 0.017239)]);
}

#[test]
fn json_of_tensorboard_and_metric_files_of_mlflow_are_logs() {
    assert_eq!(
        points(only(&log("[[1700000000.1, 0, 0.001], [1700000001.1, 10, 0.0009]]")), "Value"),
        [(0, 1e-3), (10, 9e-4)]
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lr");
    std::fs::write(&path, "1700000000000 0.001 0\n1700000001000 0.0009 1\n1700000002000 0.0008 2\n").unwrap();
    let recorder = open(&path);
    let recording = recorder.recordings().next().unwrap().1.clone();
    assert_eq!(rates(&recording), [(0, 1e-3), (1, 9e-4), (2, 8e-4)]);
}

#[test]
fn printed_dictionaries_without_a_bar_of_their_own_are_placed_by_their_epoch() {
    let log = log(
        " 10%|█         | 6/60 [00:01<00:12,  4.2it/s]{'loss': '2.01', 'learning_rate': '8e-05', 'epoch': '0.1'}\n\
         {'loss': '1.91', 'learning_rate': '7e-05', 'epoch': '0.2'}\n\
         {'loss': '1.81', 'learning_rate': '6e-05', 'epoch': '0.3'}\n",
    );
    assert_eq!(rates(only(&log)), [(6, 8e-5), (12, 7e-5), (18, 6e-5)]);
    assert!(log.left_out.to_string().contains("placed by their epoch"), "{}", log.left_out);
}

#[test]
fn a_rate_of_a_group_of_an_optimizer_is_a_rate() {
    let text = "step,lr-Adam/pg1,lr-Adam/pg2,train_loss_step,epoch\n9,0.001,0.0001,,0\n9,,,2.0,0\n19,0.0009,0.00009,,0\n19,,,1.5,0\n";
    let log = log(text);
    assert_eq!(rates(only(&log)), [(9, 1e-3), (19, 9e-4)]);
    assert_eq!(points(only(&log), "lr-Adam/pg2"), [(9, 1e-4), (19, 9e-5)]);
}

#[test]
fn batches_of_an_epoch_are_counted_from_the_beginning_of_the_run() {
    let text = "epoch   1 |  batch   200/ 2983 | lr 20.00 | loss  7.63 | ppl  2065.19\n\
                epoch   2 |  batch   200/ 2983 | lr 5.00 | loss  5.63 | ppl  265.19\n";
    assert_eq!(rates_of(text), [(200, 20.0), (3183, 5.0)]);
}

#[test]
fn dates_before_a_line_percents_and_rules_of_markdown_are_what_they_are() {
    let nemo = "[NeMo I 2023-01-01 10:00:00 nemo_logging:393] Global step: 100 | lr: 1.0e-4 | loss 5.0\n\
                [NeMo I 2023-01-01 10:01:00 nemo_logging:393] Global step: 200 | lr: 2.0e-4 | loss 4.0\n";
    let log_ = log(nemo);
    assert_eq!(rates(only(&log_)), [(100, 1e-4), (200, 2e-4)]);
    assert!(only(&log_).series.iter().all(|named| named.name != "NeMo I"));
    let table = log("| epoch | lr | val_acc |\n|:--:|:--:|--:|\n| 1 | 1e-3 | 10.5% |\n| 2 | 1e-4 | 30% |\n");
    assert_eq!(points(only(&table), "val_acc"), [(1, 10.5), (2, 30.0)]);
    assert_eq!(table.left_out.to_string(), "");
}

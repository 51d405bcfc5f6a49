//! Whatever stands in a file: a recording or an error, never a panic.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = read_text("it", &bytes);
    }

    #[test]
    fn near_tables_never_panic(
        text in "(step|epoch|run|a - x)(,|;|\t)(lr|loss|x/lr0|b - loss)\n(([0-9]{1,20}|-1|nan|\"|1e999|x)?(,|;|\t|\n|\r)){0,60}",
    ) {
        let _ = read_text("it.csv", text.as_bytes());
    }

    #[test]
    fn near_json_never_panics(text in "(\\{\"(log_history|loss|lr|step)\": |\\[|\\]|\\}|1e-4|NaN|, |\"x\"|\n){0,60}") {
        let _ = read_text("trainer_state.json", text.as_bytes());
        let _ = read_text("it.jsonl", text.as_bytes());
    }

    #[test]
    fn near_lines_never_panic(text in "((step|iter|epoch|loss|lr)[ :=/]{1,2}([0-9]{1,25}|nan|-1e400|[\\[(]1/2)[,| \n\\])]{1,2}){0,40}") {
        let _ = read_text("it.log", text.as_bytes());
    }
}

#[test]
fn a_thousand_runs_and_series_are_bounded_and_what_found_no_room_is_said() {
    let header: String = (0..3000).map(|at| format!(",r{at} - loss")).collect();
    let row: String = (0..3000).map(|_| ",1").collect();
    let log = log(&format!("Step{header}\n0{row}\n1{row}\n"));
    assert_eq!(log.recordings.len(), 64);
    assert!(
        log.left_out.to_string().contains("left out: 2936 columns of runs after the first 64"),
        "{}",
        log.left_out
    );
}

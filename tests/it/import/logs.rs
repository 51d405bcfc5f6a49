//! Logged rates, and the schedule that is found in them.

use anneal_studio::schedule::kind::{
    After, Anneal, Constant, Cosine, CosineRestarts, Cyclic, Decay, Exponential, InverseSqrt, Multistep,
    Noam, OneCycle, Polynomial, Rex, Step, Tanh, Triangles, Wsd,
};
use anneal_studio::schedule::{Ramp, Warmup};

use super::*;

fn updates(count: u32) -> Span {
    Span::Updates(f64::from(count))
}

fn warmed(kind: Kind, over: u32, from: f64, shape: Ramp) -> Schedule {
    Schedule { warmup: Some(Warmup::new(updates(over), from, shape)), ..kind.into() }
}

/// The log that a run of this schedule would leave, every so many updates.
fn log_of(schedule: &Schedule, total: u64, every: usize) -> String {
    let curve = schedule.resolve(Clock { updates: total, updates_per_epoch: 100 }).unwrap();
    let mut text = "step,loss,learning_rate\n".to_owned();
    for update in (0..total).step_by(every) {
        writeln!(text, "{update},0.5,{}", curve.at(update)).unwrap();
    }
    text
}

fn schedules() -> Vec<Schedule> {
    let cosine = Kind::Cosine(Cosine { peak: 0.1, floor: 1e-3, over: None, after: After::Hold, power: 1.0 });
    let polynomial = |power| Kind::Polynomial(Polynomial { peak: 0.2, power, floor: 0.0, over: None });
    let wsd = |shape| Kind::Wsd(Wsd { peak: 3e-4, floor: 0.0, decay: updates(200), shape });
    vec![
        Kind::Constant(Constant { peak: 0.3 }).into(),
        cosine.clone().into(),
        warmed(cosine.clone(), 50, 0.0, Ramp::Linear),
        warmed(cosine, 80, 0.1, Ramp::Exponential),
        warmed(polynomial(1.0), 100, 0.0, Ramp::Linear),
        polynomial(2.0).into(),
        wsd(Decay::OneMinusSqrt).into(),
        warmed(wsd(Decay::Linear), 100, 0.0, Ramp::Cosine),
        Kind::Rex(Rex { peak: 0.1, floor: 0.0, over: None }).into(),
        Kind::Tanh(Tanh { peak: 0.1, floor: 0.0, over: None, lower: -7.0, upper: 3.0 }).into(),
        Kind::Exponential(Exponential { peak: 0.1, gamma: 0.995 }).into(),
        warmed(
            Kind::InverseSqrt(InverseSqrt { peak: 0.01, timescale: updates(40), floor: 0.0 }),
            40,
            0.0,
            Ramp::Linear,
        ),
        Kind::Step(Step { peak: 0.1, every: updates(300), gamma: 0.1 }).into(),
        Kind::Multistep(Multistep { peak: 0.1, milestones: vec![updates(500), updates(750)], gamma: 0.2 })
            .into(),
        Kind::CosineRestarts(CosineRestarts {
            peak: 0.1,
            floor: 0.0,
            first: updates(100),
            mult: 2.0,
            peak_decay: 1.0,
            cycle_warmup: None,
        })
        .into(),
        Kind::OneCycle(OneCycle {
            peak: 0.5,
            over: None,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            anneal: Anneal::Cosine,
            three_phase: false,
        })
        .into(),
        Kind::Cyclic(Cyclic {
            floor: 0.01,
            peak: 0.1,
            up: updates(100),
            down: Some(updates(150)),
            mode: Triangles::Halved,
            gamma: 1.0,
        })
        .into(),
        Kind::Noam(Noam { scale: 1.0, d_model: 512.0, warmup: updates(100) }).into(),
    ]
}

#[test]
fn a_logged_schedule_is_found_again() {
    for schedule in schedules() {
        let imported = read(&log_of(&schedule, 1000, 1));
        let fit = imported.fit.unwrap();
        assert_eq!(imported.updates, Some(Span::Updates(1000.0)));
        assert!(fit.max < 1e-3, "{schedule:?} became {:?}: {fit}", imported.lr);
        assert_eq!(fit.kind, schedule.kind.name(), "{fit}");
        assert_eq!(imported.lr.warmup.is_some(), schedule.warmup.is_some(), "{:?}", imported.lr);
        assert!(fit.to_string().starts_with(&format!("the nearest schedule is {}:", fit.kind)), "{fit}");
    }
}

#[test]
fn rows_ten_updates_apart_are_enough() {
    for schedule in schedules() {
        let imported = read(&log_of(&schedule, 1000, 10));
        let fit = imported.fit.unwrap();
        assert!(fit.max < 0.02, "{schedule:?} became {:?}: {fit}", imported.lr);
        assert_eq!(imported.updates, Some(Span::Updates(1000.0)));
    }
}

#[test]
fn plain_numbers_are_found_back() {
    let cosine = Kind::Cosine(Cosine { peak: 0.1, floor: 1e-3, over: None, after: After::Hold, power: 1.0 });
    let schedule = warmed(cosine, 50, 0.0, Ramp::Linear);
    assert_eq!(read(&log_of(&schedule, 1000, 1)).lr, schedule);
}

#[test]
fn what_no_kind_is_gets_control_points() {
    let mut text = String::from("lr\n");
    for i in 0..600 {
        let hump = (f64::from(i) / 40.0).sin() * (f64::from(i) / 97.0).cos();
        writeln!(text, "{}", 0.1 + 0.05 * hump).unwrap();
    }
    let imported = read(&text);
    let fit = imported.fit.unwrap();
    assert!(matches!(fit.kind, "points" | "table"), "{fit}");
    assert!(fit.max < 0.01, "{fit}");
}

#[test]
fn our_own_csv_reads_its_first_run() {
    let mut text = "run,update,epoch,lr,momentum,weight_decay\n".to_owned();
    for (run, rate) in [("a", 0.5), ("b", 0.1)] {
        for update in 0..100 {
            writeln!(text, "{run},{update},0,{rate},0.9,0").unwrap();
        }
    }
    let imported = read(&text);
    assert!(matches!(&imported.lr.kind, Kind::Constant(constant) if constant.peak == 0.5));
    assert!(imported.notes.iter().any(|note| note.contains("a was read, and left out: b")));
}

#[test]
fn columns_are_found_without_names_too() {
    let linear = |i: u32| 0.1 * (1.0 - f64::from(i) / 100.0);
    let single: String = (0..100).map(|i| format!("{}\n", linear(i))).collect();
    let pairs: String = (0..100).map(|i| format!("{i};{}\n", linear(i))).collect();
    let tabs: String = ["\"Step\"\t\"train/lr\"\n".to_owned()]
        .into_iter()
        .chain((0..100).map(|i| format!("{i}\t{}\n", linear(i))))
        .collect();
    for text in [single, pairs, tabs] {
        assert!(read(&text).fit.unwrap().max < 1e-9, "{text:.40}");
    }
}

#[test]
fn ten_million_rows_are_read_in_little_memory() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    // A thousand steps of ten thousand rows each, down a line.
    for step in 0..1000 {
        let row = format!("{:.4}\n", 0.1 * (1.0 - f64::from(step) / 1000.0));
        file.write_all(row.repeat(10_000).as_bytes()).unwrap();
    }
    let imported = import_file(file.path(), &Options::default()).unwrap();
    let fit = imported.fit.unwrap();
    assert_eq!(imported.updates, Some(Span::Updates(1e7)));
    assert!(fit.rows <= (1 << 14) + 1 && fit.max < 2e-3, "{fit}");
    assert!(imported.notes.iter().any(|note| note.contains("of 10000000 rates")), "{:?}", imported.notes);
}

//! Handles lie on the curve, and dragging one changes what it stands for.

use crate::schedule::kind::{After, Anneal, Constant, Cosine, OneCycle, Value};
use crate::schedule::{Clock, Kind, Ramp, Schedule, Span};
use crate::schedule::{Cooldown, Warmup};
use crate::ui::document::presets;

use super::{HandleId, add_point, drag, handles, remove_point};

const CLOCK: Clock = Clock { updates: 2000, updates_per_epoch: 100 };

fn cosine(warmup: Option<Span>) -> Schedule {
    Schedule {
        warmup: warmup.map(|over| Warmup::new(over, 0.1, Ramp::Linear)),
        ..Schedule::from(Kind::Cosine(Cosine {
            peak: 0.1,
            floor: 1e-3,
            over: None,
            after: After::Hold,
            power: 1.0,
        }))
    }
}

fn number(schedule: &Schedule, field: &str) -> f64 {
    match schedule.kind.get(field) {
        Some(Value::Number(value)) => value,
        other => panic!("{field} is {other:?}"),
    }
}

/// Dropping a handle where it is changes nothing that can be seen.
#[test]
fn every_handle_of_every_preset_stays_where_it_is_dropped() {
    for preset in presets() {
        let schedule = preset.schedule(0.1, CLOCK);
        let curve = schedule.resolve(CLOCK).expect("a preset resolves");
        for handle in handles(&schedule, CLOCK) {
            let same = drag(&schedule, CLOCK, handle.id, handle.update, handle.rate);
            let again = same.resolve(CLOCK).expect("still resolves");
            for update in 0..CLOCK.updates {
                let (a, b) = (curve.at(update), again.at(update));
                assert!(
                    (a - b).abs() <= 2e-3 * a.abs().max(1e-9),
                    "{}: {:?} at update {update}: {a} became {b}",
                    preset.name,
                    handle.id,
                );
            }
        }
    }
}

/// A handle that moves lands where it was dragged to, along the axes it claims to move along.
#[test]
fn a_dragged_handle_follows_the_pointer() {
    for preset in presets() {
        let schedule = preset.schedule(0.1, CLOCK);
        for handle in handles(&schedule, CLOCK) {
            if matches!(handle.id, HandleId::Growth | HandleId::NextPeak) {
                continue; // can only grow, or shrink
            }
            let update = if handle.moves_update { (handle.update - 20.0).max(1.0) } else { handle.update };
            let rate = if handle.moves_rate { handle.rate * 0.8 } else { handle.rate };
            let moved = drag(&schedule, CLOCK, handle.id, update, rate);
            let found = handles(&moved, CLOCK)
                .into_iter()
                .find(|other| other.id == handle.id)
                .unwrap_or_else(|| panic!("{}: {:?} is gone", preset.name, handle.id));
            if handle.moves_update && !matches!(handle.id, HandleId::Point(0)) {
                assert!((found.update - update).abs() <= 2.0, "{}: {found:?} not at {update}", preset.name);
            }
            if handle.moves_rate {
                assert!(
                    (found.rate - rate).abs() <= 2e-2 * rate.abs(),
                    "{}: {found:?} not at {rate}",
                    preset.name
                );
            }
        }
    }
}

#[test]
fn the_peak_moves_the_rate_and_with_a_warmup_its_end_too() {
    let plain = drag(&cosine(None), CLOCK, HandleId::Peak, 500.0, 0.3);
    assert_eq!(number(&plain, "peak"), 0.3);
    assert_eq!(plain.warmup, None);

    let warmed = drag(&cosine(Some(Span::Percent(5.0))), CLOCK, HandleId::Peak, 200.0, 0.3);
    assert_eq!(number(&warmed, "peak"), 0.3);
    assert_eq!(warmed.warmup.map(|warmup| warmup.over), Some(Span::Percent(10.0)));
}

#[test]
fn lengths_keep_their_unit() {
    let preset = presets().iter().find(|preset| preset.kind == "cosine_restarts").expect("a preset");
    let restarts = |first: Span| {
        let mut schedule = preset.schedule(0.1, CLOCK);
        assert!(schedule.kind.set("first", Value::Span(Some(first))));
        schedule
    };
    for (before, after) in [
        (Span::Updates(400.0), Span::Updates(500.0)),
        (Span::Epochs(4.0), Span::Epochs(5.0)),
        (Span::Percent(20.0), Span::Percent(25.0)),
    ] {
        let moved = drag(&restarts(before), CLOCK, HandleId::Cycle, 500.0, 0.0);
        assert_eq!(moved.kind.get("first"), Some(Value::Span(Some(after))));
    }
}

#[test]
fn a_floor_dragged_to_the_end_of_the_run_is_open_again() {
    let short = drag(&cosine(None), CLOCK, HandleId::Floor, 1500.0, 1e-3);
    assert_eq!(short.kind.get("over"), Some(Value::Span(Some(Span::Updates(1500.0)))));
    let open = drag(&short, CLOCK, HandleId::Floor, 2400.0, 1e-3);
    assert_eq!(open.kind.get("over"), Some(Value::Span(None)));
}

#[test]
fn one_cycle_keeps_its_ends_while_the_peak_moves() {
    let schedule = Schedule::from(Kind::OneCycle(OneCycle {
        peak: 0.1,
        over: None,
        pct_start: 0.3,
        div_factor: 25.0,
        final_div_factor: 1e4,
        anneal: Anneal::Cosine,
        three_phase: false,
    }));
    let moved = drag(&schedule, CLOCK, HandleId::Peak, 999.0, 0.2);
    let curve = moved.resolve(CLOCK).expect("resolves");
    assert!((curve.at(0) - 0.004).abs() < 1e-12);
    assert!((curve.at(1999) - 4e-7).abs() < 1e-12);
    assert!((curve.at(999) - 0.2).abs() < 1e-12);
}

#[test]
fn control_points_stay_in_order_and_can_be_added_and_removed() {
    let drawn = presets().iter().find(|preset| preset.name == "Drawn by hand").expect("a preset");
    let schedule = drawn.schedule(0.1, CLOCK);
    let count = handles(&schedule, CLOCK).len();
    let added = add_point(&schedule, CLOCK, 333.0, 0.05).expect("a free place");
    assert_eq!(handles(&added, CLOCK).len(), count + 1);
    let far = drag(&added, CLOCK, HandleId::Point(1), 5000.0, 0.02);
    assert!(far.resolve(CLOCK).is_ok());
    let removed = remove_point(&added, 1).expect("enough are left");
    assert_eq!(handles(&removed, CLOCK).len(), count);
    assert_eq!(add_point(&Schedule::from(Kind::Constant(Constant { peak: 0.1 })), CLOCK, 3.0, 0.1), None);
}

#[test]
fn a_cooldown_has_its_own_handles() {
    let schedule = Schedule {
        cooldown: Some(Cooldown { over: Span::Percent(10.0), to: 0.5, shape: Ramp::Linear }),
        ..Schedule::from(Kind::Constant(Constant { peak: 0.1 }))
    };
    let moved = drag(&schedule, CLOCK, HandleId::CooldownStart, 1600.0, 0.1);
    assert_eq!(moved.cooldown.as_ref().map(|cooldown| cooldown.over), Some(Span::Percent(20.0)));
    let moved = drag(&moved, CLOCK, HandleId::CooldownEnd, 2000.0, 0.025);
    assert_eq!(moved.cooldown.map(|cooldown| cooldown.to), Some(0.25));
}

#[test]
fn nonsense_changes_nothing() {
    let schedule = cosine(Some(Span::Updates(100.0)));
    for (update, rate) in [(f64::NAN, 0.1), (100.0, f64::INFINITY)] {
        assert_eq!(drag(&schedule, CLOCK, HandleId::Peak, update, rate), schedule);
    }
    assert_eq!(drag(&schedule, CLOCK, HandleId::Milestone(7), 100.0, 0.1), schedule);
    assert!(drag(&schedule, CLOCK, HandleId::Peak, -1e9, -1.0).resolve(CLOCK).is_ok());
    assert!(drag(&schedule, CLOCK, HandleId::Peak, 1e12, 1e300).resolve(CLOCK).is_ok());
}

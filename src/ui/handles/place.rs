//! Where a schedule's handles are.

use crate::schedule::kind::{Part, Value};
use crate::schedule::{Clock, Curve, Kind, Schedule, Span};
use crate::ui::format;

use super::{Handle, HandleId, end, start, top, warmup_end};

/// The handles of a schedule in a run of `clock`'s length; none where the schedule cannot be resolved.
pub fn handles(schedule: &Schedule, clock: Clock) -> Vec<Handle> {
    let Ok(curve) = schedule.resolve(clock) else { return Vec::new() };
    let start = start(schedule, clock);
    let mut board = Board {
        clock,
        curve,
        start,
        warmup_end: warmup_end(schedule, clock),
        body_end: end(schedule, clock),
        end: clock.updates as f64,
        handles: Vec::new(),
    };
    board.body(&schedule.kind, start > 0.0);
    board.modifiers(schedule);
    board.handles
}

/// Which coordinates a handle changes.
enum Moves {
    Update,
    Rate,
    Both,
}

struct Board {
    clock: Clock,
    curve: Curve,
    /// The body's first update.
    start: f64,
    /// Where the warmup ends, which may be later.
    warmup_end: f64,
    /// Where the cooldown or the end of the run begins.
    body_end: f64,
    end: f64,
    handles: Vec<Handle>,
}

impl Board {
    fn put(
        &mut self,
        id: HandleId,
        name: impl Into<String>,
        (update, rate): (f64, f64),
        moves: &Moves,
        value: impl Into<String>,
    ) {
        if update.is_finite() && rate.is_finite() && (0.0..=self.end).contains(&update) {
            self.handles.push(Handle {
                id,
                name: name.into(),
                update,
                rate,
                moves_update: !matches!(moves, Moves::Rate),
                moves_rate: !matches!(moves, Moves::Update),
                value: value.into(),
            });
        }
    }

    /// The update at which a stretch of the body ends.
    fn after(&self, over: Option<Span>) -> f64 {
        over.map_or(self.body_end, |span| self.start + span.updates(self.clock))
    }

    fn on_curve(&self, update: f64) -> f64 {
        self.curve.at(update.max(0.0).round() as u64)
    }

    /// What an exponential has come to where its body ends.
    fn body_at_end(&self, peak: f64, gamma: f64) -> f64 {
        (peak * gamma.powf(self.body_end - self.start)).min(1e30)
    }

    /// The peak of a kind that starts there; after a warmup it also ends the warmup.
    fn peak(&mut self, peak: f64, at: f64, warmed: bool) {
        if warmed {
            let value = format!(
                "{} · warmup {} updates",
                format::rate(peak),
                format::count(self.start.round() as u64)
            );
            self.put(HandleId::Peak, "Peak and warmup end", (self.start, peak), &Moves::Both, value);
        } else {
            // A warmup that hides the beginning climbs towards it.
            let at = at.max(self.warmup_end);
            self.put(HandleId::Peak, "Peak", (at, peak), &Moves::Rate, format::rate(peak));
        }
    }

    /// The end of a descent to the floor.
    fn floor(&mut self, floor: f64, over: Option<Span>) {
        let at = self.after(over);
        self.put(HandleId::Floor, "Floor", (at, floor), &Moves::Both, format::rate(floor));
    }

    fn body(&mut self, kind: &Kind, warmed: bool) {
        let start = self.start;
        match kind {
            Kind::Constant(kind) => self.peak(kind.peak, f64::midpoint(start, self.body_end), warmed),
            Kind::Step(kind) => {
                self.peak(kind.peak, start, warmed);
                let every = kind.every.updates(self.clock);
                let value = format!("every {}", span(kind.every));
                self.put(HandleId::Every, "Step length", (start + every, kind.peak), &Moves::Update, value);
                let level = (start + 1.5 * every, kind.peak * kind.gamma);
                self.put(HandleId::Drop, "Drop", level, &Moves::Rate, factor(kind.gamma));
            }
            Kind::Multistep(kind) => {
                self.peak(kind.peak, start, warmed);
                let mut places: Vec<f64> =
                    kind.milestones.iter().map(|milestone| start + milestone.updates(self.clock)).collect();
                for (index, (place, milestone)) in places.iter().zip(&kind.milestones).enumerate() {
                    let before = self.on_curve(place - 1.0);
                    let name = format!("Milestone {}", index + 1);
                    let value = format!("at {}", span(*milestone));
                    self.put(HandleId::Milestone(index), name, (*place, before), &Moves::Update, value);
                }
                places.sort_by(f64::total_cmp);
                if let Some(first) = places.first() {
                    let next = places.iter().find(|place| *place > first).copied().unwrap_or(self.end);
                    let middle = f64::midpoint(*first, next);
                    let level = (middle, self.on_curve(middle));
                    self.put(HandleId::Drop, "Drop", level, &Moves::Rate, factor(kind.gamma));
                }
            }
            Kind::Exponential(kind) => {
                self.peak(kind.peak, start, warmed);
                let last = (self.body_end, self.body_at_end(kind.peak, kind.gamma));
                self.put(HandleId::End, "Rate at the end", last, &Moves::Rate, factor(kind.gamma));
            }
            Kind::Linear(kind) => {
                let first = (start, kind.peak * kind.from);
                self.put(HandleId::Start, "First rate", first, &Moves::Rate, format::rate(first.1));
                let last = (self.after(kind.over), kind.peak * kind.to);
                self.put(HandleId::End, "Last rate", last, &Moves::Both, format::rate(last.1));
            }
            Kind::Polynomial(kind) => {
                self.peak(kind.peak, start, warmed);
                self.floor(kind.floor, kind.over);
                let middle = f64::midpoint(start, self.after(kind.over));
                let bend = (middle, self.on_curve(middle));
                let value = format!("power {}", format::significant(kind.power, 3));
                self.put(HandleId::Bend, "Power", bend, &Moves::Rate, value);
            }
            Kind::CosineRestarts(kind) => {
                self.peak(kind.peak, start, warmed);
                let first = kind.first.updates(self.clock);
                let value = format!("{} · floor {}", span(kind.first), format::rate(kind.floor));
                self.put(HandleId::Cycle, "First cycle", (start + first, kind.floor), &Moves::Both, value);
                if start + first < self.end {
                    let next = (start + first, kind.peak * kind.peak_decay);
                    self.put(HandleId::NextPeak, "Next peak", next, &Moves::Rate, factor(kind.peak_decay));
                }
                let second = (start + first * (1.0 + kind.mult), kind.floor);
                self.put(HandleId::Growth, "Cycle growth", second, &Moves::Update, factor(kind.mult));
            }
            Kind::OneCycle(kind) => {
                let over = self.after(kind.over) - start;
                let top = start + (kind.pct_start * over - 1.0).max(0.0);
                let value = format!("{} at {}", format::rate(kind.peak), format::percent(kind.pct_start));
                self.put(HandleId::Peak, "Peak", (top, kind.peak), &Moves::Both, value);
                let first = kind.peak / kind.div_factor;
                self.put(HandleId::Start, "First rate", (start, first), &Moves::Rate, format::rate(first));
                let last = first / kind.final_div_factor;
                let end = (start + (over - 1.0).max(0.0), last);
                self.put(HandleId::End, "Last rate", end, &Moves::Rate, format::rate(last));
            }
            Kind::Cyclic(kind) => {
                let up = kind.up.updates(self.clock);
                let down = kind.down.unwrap_or(kind.up).updates(self.clock);
                self.put(
                    HandleId::Start,
                    "Floor",
                    (start, kind.floor),
                    &Moves::Rate,
                    format::rate(kind.floor),
                );
                let value = format!("{} · up {}", format::rate(kind.peak), span(kind.up));
                self.put(HandleId::Peak, "Peak", (start + up, kind.peak), &Moves::Both, value);
                let end = (start + up + down, kind.floor);
                let value = format!("down {}", span(kind.down.unwrap_or(kind.up)));
                self.put(HandleId::Cycle, "Cycle end", end, &Moves::Update, value);
            }
            Kind::InverseSqrt(kind) => {
                self.peak(kind.peak, start, warmed);
                let at = start + kind.timescale.updates(self.clock);
                let place = (at, kind.peak / 2f64.sqrt());
                self.put(HandleId::Timescale, "Timescale", place, &Moves::Update, span(kind.timescale));
            }
            Kind::Noam(kind) => {
                let at = start + (kind.warmup.updates(self.clock) - 1.0).max(0.0);
                let top = self.on_curve(at);
                self.put(HandleId::Peak, "Peak", (at, top), &Moves::Both, format::rate(top));
            }
            Kind::Wsd(kind) => {
                let fall = (self.body_end - kind.decay.updates(self.clock)).max(start);
                self.peak(kind.peak, f64::midpoint(start, fall), warmed);
                let value = format!("last {}", span(kind.decay));
                self.put(HandleId::DecayStart, "Decay start", (fall, kind.peak), &Moves::Update, value);
                let floor = (self.body_end, kind.floor);
                self.put(HandleId::Floor, "Floor", floor, &Moves::Rate, format::rate(kind.floor));
            }
            Kind::Formula(kind) => {
                if let Some((_, peak)) = kind.value.peak() {
                    let top = top(&self.curve, start, self.body_end);
                    self.put(HandleId::Peak, "Peak", top, &Moves::Rate, format::rate(peak));
                }
            }
            Kind::Points(kind) => {
                for (index, (at, rate)) in kind.points.iter().enumerate() {
                    let name = format!("Point {}", index + 1);
                    let place = (start + at.updates(self.clock), *rate);
                    self.put(HandleId::Point(index), name, place, &Moves::Both, format::rate(*rate));
                }
            }
            Kind::Sequence(kind) => self.parts(&kind.parts),
            Kind::Listed(_) | Kind::Product(_) => {}
            other => self.descent(other, warmed),
        }
    }

    /// What has a peak at its start, and perhaps a floor at its end.
    fn descent(&mut self, kind: &Kind, warmed: bool) {
        if let Some(Value::Number(peak)) = kind.get("peak") {
            self.peak(peak, self.start, warmed);
        }
        if let (Some(Value::Number(floor)), Some(Value::Span(over))) = (kind.get("floor"), kind.get("over")) {
            self.floor(floor, over);
        }
    }

    fn parts(&mut self, parts: &[Part]) {
        let mut at = self.start;
        for (index, part) in parts.iter().enumerate() {
            let Some(length) = part.length else { break };
            at += length.updates(self.clock);
            let name = format!("End of part {}", index + 1);
            let place = (at, self.on_curve(at));
            self.put(HandleId::Part(index), name, place, &Moves::Update, span(length));
        }
    }

    fn modifiers(&mut self, schedule: &Schedule) {
        if let Some(warmup) = &schedule.warmup {
            let top = self.on_curve(self.warmup_end);
            let first = (0.0, self.on_curve(0.0));
            self.put(HandleId::WarmupFrom, "Warmup start", first, &Moves::Rate, factor(warmup.from));
            let at_peak = self.handles.iter().any(|handle| {
                handle.id == HandleId::Peak && handle.update == self.warmup_end && handle.moves_update
            });
            if !at_peak {
                let value = span(warmup.over);
                self.put(HandleId::WarmupEnd, "Warmup end", (self.warmup_end, top), &Moves::Update, value);
            }
        }
        if let Some(cooldown) = &schedule.cooldown {
            let at = self.end - cooldown.over.updates(self.clock);
            let top = self.on_curve(at);
            let value = format!("last {}", span(cooldown.over));
            self.put(HandleId::CooldownStart, "Cooldown start", (at, top), &Moves::Update, value);
            let last = (self.end, top * cooldown.to);
            self.put(HandleId::CooldownEnd, "Cooldown end", last, &Moves::Rate, factor(cooldown.to));
        }
    }
}

/// A span for people.
fn span(span: Span) -> String {
    let amount = format::significant(span.amount(), 4);
    match span {
        Span::Updates(_) => format!("{amount} updates"),
        Span::Epochs(_) => format!("{amount} epochs"),
        Span::Percent(_) => format!("{amount}%"),
    }
}

fn factor(value: f64) -> String {
    format!("×{}", format::significant(value, 3))
}

//! What dragging a handle changes.

use crate::schedule::kind::{Linear, OneCycle, Points, Value};
use crate::schedule::{Clock, Kind, Ramp, Schedule, Span, Warmup};
use crate::ui::format::round_to;

use super::{HandleId, end, start, top};

/// The lowest rate a peak is dragged to: a peak of nothing could not be seen, or grabbed again.
const LOWEST_PEAK: f64 = 1e-12;
/// Lengths set by hand keep this many digits.
const DIGITS: usize = 4;

/// `schedule` with the handle `id` moved to `(update, rate)`, as near as the field it sets allows.
/// A move that would make a schedule impossible changes nothing.
pub fn drag(schedule: &Schedule, clock: Clock, id: HandleId, update: f64, rate: f64) -> Schedule {
    if !update.is_finite() || !rate.is_finite() {
        return schedule.clone();
    }
    let mut next = schedule.clone();
    let place = Place {
        clock,
        start: start(schedule, clock),
        end: end(schedule, clock),
        update,
        rate: rate.max(0.0),
    };
    match id {
        HandleId::WarmupFrom | HandleId::WarmupEnd | HandleId::CooldownStart | HandleId::CooldownEnd => {
            place.move_modifier(&mut next, id);
        }
        HandleId::Peak => place.move_peak(&mut next),
        HandleId::Milestone(index) => {
            if let Kind::Multistep(kind) = &mut next.kind
                && let Some(milestone) = kind.milestones.get_mut(index)
            {
                *milestone = place.length(*milestone, place.update - place.start);
            }
        }
        HandleId::Point(index) => {
            if let Kind::Points(kind) = &mut next.kind {
                place.move_point(kind, index);
            }
        }
        HandleId::Part(index) => place.move_part(&mut next, index),
        _ => place.move_field(&mut next.kind, id),
    }
    if next.resolve(clock).is_ok() { next } else { schedule.clone() }
}

/// `schedule` with another control point, if it is drawn by hand and has none there.
pub fn add_point(schedule: &Schedule, clock: Clock, update: f64, rate: f64) -> Option<Schedule> {
    let mut next = schedule.clone();
    let Kind::Points(kind) = &mut next.kind else { return None };
    let position = (update - start(schedule, clock)).round();
    let after =
        kind.points.iter().position(|(at, _)| at.updates(clock) > position).unwrap_or(kind.points.len());
    let unit = kind.points.first().map_or(Span::Updates(0.0), |(at, _)| *at);
    kind.points.insert(after, (rounded(unit.with_updates(position, clock)), rate.max(0.0)));
    next.resolve(clock).ok().map(|_| next)
}

/// `schedule` without one of its control points; the last two stay.
pub fn remove_point(schedule: &Schedule, index: usize) -> Option<Schedule> {
    let mut next = schedule.clone();
    let Kind::Points(kind) = &mut next.kind else { return None };
    if kind.points.len() <= 2 || index >= kind.points.len() {
        return None;
    }
    kind.points.remove(index);
    Some(next)
}

/// The rate that the warmup climbs to.
fn climbed_to(schedule: &Schedule, clock: Clock) -> f64 {
    let Some(warmup) = &schedule.warmup else { return 0.0 };
    let full = Warmup { from: 1.0, shape: Ramp::Linear, ..warmup.clone() };
    let flat = Schedule { warmup: Some(full), clamp: None, ..schedule.clone() };
    flat.resolve(clock).map_or(0.0, |curve| curve.at(0))
}

fn rounded(span: Span) -> Span {
    span.with_amount(round_to(span.amount(), DIGITS))
}

/// Where a handle was dragged to.
struct Place {
    clock: Clock,
    /// The body's first update.
    start: f64,
    /// Where the body ends.
    end: f64,
    update: f64,
    rate: f64,
}

impl Place {
    /// `updates` in the unit of `like`, at least one update long; unchanged if it is that long already.
    fn length(&self, like: Span, updates: f64) -> Span {
        let updates = updates.round().max(1.0);
        if (like.updates(self.clock) - updates).abs() < 0.5 {
            return like;
        }
        rounded(like.with_updates(updates, self.clock))
    }

    /// The length of what reaches from the body's start to here; open if that is the end of the run.
    fn reach(&self, over: Option<Span>) -> Option<Span> {
        match over {
            _ if self.update >= self.end => None,
            Some(span) => Some(self.length(span, self.update - self.start)),
            None => Some(Span::Updates((self.update - self.start).round().max(1.0))),
        }
    }

    fn share_of(&self, whole: f64) -> f64 {
        if whole > 0.0 { (self.rate / whole).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn peak_rate(&self) -> f64 {
        self.rate.max(LOWEST_PEAK)
    }

    fn move_modifier(&self, schedule: &mut Schedule, id: HandleId) {
        let end = self.clock.updates as f64;
        let top = climbed_to(schedule, self.clock);
        let curve = schedule.resolve(self.clock);
        let value = |at: f64| curve.as_ref().map_or(0.0, |curve| curve.at(at.max(0.0).round() as u64));
        if let Some(warmup) = &mut schedule.warmup {
            match id {
                HandleId::WarmupFrom => warmup.from = self.share_of(top),
                HandleId::WarmupEnd => warmup.over = self.length(warmup.over, self.update),
                _ => {}
            }
        }
        if let Some(cooldown) = &mut schedule.cooldown {
            match id {
                HandleId::CooldownStart => cooldown.over = self.length(cooldown.over, end - self.update),
                HandleId::CooldownEnd => {
                    cooldown.to = self.share_of(value(end - cooldown.over.updates(self.clock)));
                }
                _ => {}
            }
        }
    }

    fn move_peak(&self, schedule: &mut Schedule) {
        match &mut schedule.kind {
            Kind::OneCycle(kind) => return self.move_one_cycle_peak(kind),
            Kind::Cyclic(kind) => {
                kind.peak = self.peak_rate();
                let down = kind.down.unwrap_or(kind.up);
                kind.up = self.length(kind.up, self.update - self.start);
                // A fall that was as long as the climb only by default stays so.
                kind.down = kind.down.map(|_| down);
                return;
            }
            Kind::Noam(kind) => {
                kind.warmup = self.length(kind.warmup, self.update - self.start + 1.0);
                kind.scale = self.peak_rate() * (kind.d_model * kind.warmup.updates(self.clock)).sqrt();
                return;
            }
            Kind::Formula(_) => return self.move_formula_peak(schedule),
            kind => {
                kind.set("peak", Value::Number(self.peak_rate()));
            }
        }
        if let Some(warmup) = &mut schedule.warmup {
            warmup.over = self.length(warmup.over, self.update);
        }
    }

    /// Where the formula is highest it comes to lie at the pointer, if its highest rate is a factor of it there.
    fn move_formula_peak(&self, schedule: &mut Schedule) {
        let Ok(curve) = schedule.resolve(self.clock) else { return };
        let (_, here) = top(&curve, self.start, self.end);
        let Kind::Formula(kind) = &mut schedule.kind else { return };
        if let Some((name, peak)) = kind.value.peak().map(|(name, peak)| (name.to_owned(), peak)) {
            let moved = if peak > 0.0 && here > 0.0 { peak * self.peak_rate() / here } else { self.rate };
            kind.value.set(&name, moved);
        }
    }

    /// The first and the last rate stay where they are while the peak moves.
    fn move_one_cycle_peak(&self, kind: &mut OneCycle) {
        let first = kind.peak / kind.div_factor;
        kind.peak = self.peak_rate();
        kind.div_factor = (kind.peak / first).clamp(1e-12, 1e12);
        let over = kind.over.map_or(self.end - self.start, |span| span.updates(self.clock));
        let position = (self.update - self.start + 1.0).round();
        if (position - (kind.pct_start * over).round()).abs() >= 1.0 {
            kind.pct_start = round_to((position / over.max(1.0)).clamp(1.0 / over.max(1.0), 1.0), DIGITS);
        }
    }

    fn move_field(&self, kind: &mut Kind, id: HandleId) {
        let from_start = self.update - self.start;
        match (kind, id) {
            (Kind::Step(kind), HandleId::Every) => kind.every = self.length(kind.every, from_start),
            (Kind::Step(kind), HandleId::Drop) => kind.gamma = self.share_of(kind.peak),
            (Kind::Multistep(kind), HandleId::Drop) => kind.gamma = self.share_of(kind.peak),
            (Kind::Exponential(kind), HandleId::End) => {
                let ticks = (self.end - self.start).max(1.0);
                let share = if kind.peak > 0.0 { self.rate / kind.peak } else { 1.0 };
                kind.gamma = share.max(f64::MIN_POSITIVE).powf(1.0 / ticks).min(1e3);
            }
            (Kind::Linear(kind), HandleId::Start) => self.move_line_start(kind),
            (Kind::Linear(kind), HandleId::End) => {
                kind.over = self.reach(kind.over);
                if kind.peak > 0.0 {
                    kind.to = (self.rate / kind.peak).min(1e6);
                }
            }
            (Kind::Polynomial(kind), HandleId::Bend) => {
                let left = (self.rate - kind.floor) / (kind.peak - kind.floor);
                if left.is_finite() {
                    let power = left.clamp(1e-9, 1.0).ln() / 0.5f64.ln();
                    kind.power = round_to(power.clamp(0.0, 100.0), DIGITS);
                }
            }
            (Kind::CosineRestarts(kind), HandleId::Cycle) => {
                kind.first = self.length(kind.first, from_start);
                kind.floor = self.rate;
            }
            (Kind::CosineRestarts(kind), HandleId::NextPeak) => kind.peak_decay = self.share_of(kind.peak),
            (Kind::CosineRestarts(kind), HandleId::Growth) => {
                let first = kind.first.updates(self.clock).max(1.0);
                kind.mult = round_to((from_start / first - 1.0).clamp(1.0, 100.0), DIGITS);
            }
            (Kind::OneCycle(kind), HandleId::Start) => {
                let last = kind.peak / kind.div_factor / kind.final_div_factor;
                kind.div_factor = (kind.peak / self.peak_rate()).clamp(1e-12, 1e12);
                kind.final_div_factor = (kind.peak / kind.div_factor / last).clamp(1e-12, 1e12);
            }
            (Kind::OneCycle(kind), HandleId::End) => {
                let first = kind.peak / kind.div_factor;
                kind.final_div_factor = (first / self.peak_rate()).clamp(1e-12, 1e12);
            }
            (Kind::Cyclic(kind), HandleId::Start) => kind.floor = self.rate,
            (Kind::Cyclic(kind), HandleId::Cycle) => {
                let up = kind.up.updates(self.clock);
                let down = self.length(kind.down.unwrap_or(kind.up), from_start - up);
                if down != kind.down.unwrap_or(kind.up) {
                    kind.down = Some(down);
                }
            }
            (Kind::InverseSqrt(kind), HandleId::Timescale) => {
                kind.timescale = self.length(kind.timescale, from_start);
            }
            (Kind::Wsd(kind), HandleId::DecayStart) => {
                kind.decay = self.length(kind.decay, self.end - self.update);
            }
            (kind, HandleId::Floor) => {
                kind.set("floor", Value::Number(self.rate));
                if let Some(Value::Span(over)) = kind.get("over") {
                    kind.set("over", Value::Span(self.reach(over)));
                }
            }
            _ => {}
        }
    }

    /// The last rate stays where it is while the first moves.
    fn move_line_start(&self, kind: &mut Linear) {
        if kind.from > 0.0 {
            let last = kind.peak * kind.to;
            kind.peak = self.peak_rate() / kind.from;
            kind.to = (last / kind.peak).min(1e6);
        } else if kind.peak > 0.0 {
            kind.from = (self.rate / kind.peak).min(1e6);
        }
    }

    /// A control point stays between its neighbours.
    fn move_point(&self, kind: &mut Points, index: usize) {
        let at = |index: usize| kind.points.get(index).map(|(at, _)| at.updates(self.clock));
        let low = index.checked_sub(1).and_then(at).map_or(0.0, |before| before + 1.0);
        let high = at(index + 1).map_or(self.end - self.start, |after| after - 1.0);
        let position = (self.update - self.start).round().clamp(low, high.max(low));
        if let Some((at, rate)) = kind.points.get_mut(index) {
            if (at.updates(self.clock) - position).abs() >= 0.5 {
                *at = rounded(at.with_updates(position, self.clock));
            }
            *rate = self.rate;
        }
    }

    /// The end of one part moves; the parts after it keep their lengths.
    fn move_part(&self, schedule: &mut Schedule, index: usize) {
        let Kind::Sequence(kind) = &mut schedule.kind else { return };
        let before: f64 = kind
            .parts
            .iter()
            .take(index)
            .filter_map(|part| part.length)
            .map(|length| length.updates(self.clock))
            .sum();
        let Some(part) = kind.parts.get_mut(index) else { return };
        if let Some(length) = &mut part.length {
            *length = self.length(*length, self.update - self.start - before);
            // It has a length of its own now.
            part.phase = None;
        }
    }
}

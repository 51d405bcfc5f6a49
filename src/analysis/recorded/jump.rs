//! Jumps of a recorded rate that no schedule makes: a training that was resumed.

use crate::recording::Recording;

/// The rate changes by this share of the higher value,
const JUMP: f64 = 0.1;
/// and by this share of the highest rate,
const SEEN: f64 = 0.02;
/// and this many times faster than beside it.
const FASTER: f64 = 4.0;
/// Points on either side that are beside it.
const BESIDE: usize = 3;
/// Less than this share of a jump is level.
const LEVEL: f64 = 1e-3;
/// A rate below this share of the highest is at the end of a cycle, and one above the other at its beginning.
const BOTTOM: f64 = 0.12;
const TOP: f64 = 0.45;
/// The points that are compared with the beginning.
const COMPARED: usize = 24;
/// How near they come to it, as a share of the highest rate.
const SAME: f64 = 0.02;

/// A jump of the rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Jump {
    /// The tick of the first rate behind it.
    pub at: u64,
    pub from: f64,
    pub to: f64,
    /// What is behind it is what the recording began with.
    pub repeats: bool,
    /// It begins where a cycle may end.
    pub from_bottom: bool,
    /// The tick that the log had reached when it went back to this one.
    pub rewound_from: Option<u64>,
}

impl Jump {
    /// What was seen, why it mostly happens, and what to do.
    pub fn sentence(&self, unit: &str) -> String {
        let Self { at, from, to, .. } = self;
        let direction = if to > from { "up" } else { "down" };
        let mut text = format!(
            "Checkpoint mismatch: the learning rate jumps {direction} from {} to {} at {unit} {at}. ",
            number(*from),
            number(*to)
        );
        if let Some(rewound) = self.rewound_from {
            text.push_str(&format!(
                "The log goes back from {unit} {rewound} there, as that of a resumed training does. "
            ));
        }
        text.push_str(match (self.repeats, self.from_bottom) {
            (true, false) => {
                "From there on it repeats the rates of the beginning: the training was resumed with a fresh scheduler. "
            }
            (_, true) => {
                "The rate had run out: this is a warm restart, or a training that was resumed beyond the end of its \
                 schedule. "
            }
            (false, false) => {
                "Nothing before leads there: the training was resumed with another schedule, or without the state of \
                 the one it had. "
            }
        });
        text.push_str("Save and load the scheduler's state with the model's and the optimizer's.");
        text
    }
}

fn number(rate: f64) -> String {
    crate::analysis::chart::label(rate)
}

/// The jumps of a recording's rate that are neither steps of a staircase nor restarts that come again and again.
pub fn jumps(recording: &Recording) -> Vec<Jump> {
    let Some(rate) = recording.rate() else { return Vec::new() };
    let points: Vec<(u64, f64)> = rate
        .points
        .finest()
        .map(|bucket| (bucket.last_update, bucket.last))
        .filter(|(_, rate)| rate.is_finite() && *rate >= 0.0)
        .collect();
    let mut found = candidates(&points);
    // Restarts come at distances that stay the same or grow by the same factor.
    let restarts: Vec<usize> =
        found.iter().filter(|(_, jump)| jump.from_bottom && jump.to > jump.from).map(|(at, _)| *at).collect();
    if are_restarts(&points, &restarts) {
        found.retain(|(at, _)| !restarts.contains(at));
    }
    let mut jumps: Vec<Jump> = found.into_iter().map(|(_, jump)| jump).collect();
    for jump in &mut jumps {
        let back = recording.rewinds.iter().find(|(to, _)| *to == jump.at);
        jump.rewound_from = back.map(|(_, from)| *from);
    }
    jumps
}

/// Sudden changes, each with the place of the first point behind it.
fn candidates(points: &[(u64, f64)]) -> Vec<(usize, Jump)> {
    let top = points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let slope = |at: usize| -> Option<f64> {
        let ((t0, r0), (t1, r1)) = (points.get(at)?, points.get(at + 1)?);
        Some((r1 - r0) / t1.saturating_sub(*t0).max(1) as f64)
    };
    let mut found = Vec::new();
    for at in 0..points.len().saturating_sub(1) {
        let ((t0, from), (t1, to)) = (points[at], points[at + 1]);
        let size = (to - from).abs();
        if size <= JUMP * from.max(to) || size <= SEEN * top {
            continue;
        }
        let beside =
            |range: std::ops::Range<usize>| range.filter_map(slope).map(f64::abs).fold(0.0, f64::max);
        let before = beside(at.saturating_sub(BESIDE)..at);
        let after = beside(at + 1..at + 1 + BESIDE);
        let here = size / t1.saturating_sub(t0).max(1) as f64;
        // One step against the way of both sides is none of a curve, however coarse the log is.
        let against = |range: std::ops::Range<usize>| {
            let mut slopes = range.filter_map(slope).peekable();
            slopes.peek().is_some() && slopes.all(|slope| slope * (to - from) < 0.0)
        };
        let turns = against(at.saturating_sub(BESIDE)..at) && against(at + 1..at + 1 + BESIDE);
        let faster = if turns { 1.0 } else { FASTER };
        // A warmup's first step, and what has no past, are beginnings.
        if at == 0 || here <= faster * before.max(after) {
            continue;
        }
        let level = |slope: f64| slope <= LEVEL * here;
        // Steps of a staircase.
        if level(before) && level(after) {
            continue;
        }
        let jump = Jump {
            at: t1,
            from,
            to,
            repeats: repeats(points, at + 1, top),
            from_bottom: from <= BOTTOM * top && to >= TOP * top,
            rewound_from: None,
        };
        found.push((at + 1, jump));
    }
    found
}

/// Whether what follows a point is what the recording began with.
fn repeats(points: &[(u64, f64)], from: usize, top: f64) -> bool {
    let (Some((start, _)), Some((at, _))) = (points.first(), points.get(from)) else { return false };
    let behind = points.get(from..).unwrap_or_default();
    let mut compared = 0;
    for (tick, rate) in behind.iter().take(COMPARED) {
        let then = start + (tick - at);
        // Behind the jump is no beginning.
        if then >= *at {
            break;
        }
        // The point of the beginning that is nearest to it.
        let after = points.partition_point(|(tick, _)| *tick < then);
        let near = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|at| points.get(at));
        let off = near.map(|(_, first)| (first - rate).abs()).fold(f64::INFINITY, f64::min);
        if off > SAME * top {
            return false;
        }
        compared += 1;
    }
    compared >= 3
}

/// Whether there are several, at distances that stay the same or grow by the same factor.
fn are_restarts(points: &[(u64, f64)], at: &[usize]) -> bool {
    let start = points.first().map_or(0, |(tick, _)| *tick);
    let top = points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    // The last cycle has a length too, where the recording ends at its bottom.
    let end = points.last().filter(|(_, rate)| *rate <= BOTTOM * top).map(|(tick, _)| *tick);
    let begun = at.iter().filter_map(|at| Some(points.get(*at)?.0));
    let ticks: Vec<u64> = std::iter::once(start).chain(begun).chain(end).collect();
    let lengths: Vec<f64> = ticks.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    if lengths.len() < 2 {
        return false;
    }
    let factors: Vec<f64> = lengths.windows(2).map(|pair| pair[1] / pair[0].max(1.0)).collect();
    let mean = factors.iter().sum::<f64>() / factors.len() as f64;
    factors.iter().all(|factor| (factor - mean).abs() <= 0.15 * mean) && mean > 0.8
}

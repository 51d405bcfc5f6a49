//! A line through few of many samples.

use super::Sample;

/// The samples that a line has to turn at to pass all of them within `tolerance`: the farthest one is
/// taken again and again (Ramer, Douglas and Peucker), at most `limit` of them.
pub fn points(samples: &[Sample], tolerance: f64, limit: usize) -> Vec<Sample> {
    let Some(last) = samples.len().checked_sub(1) else { return Vec::new() };
    let mut turns = vec![0, last];
    turns.dedup();
    // The farthest sample of every stretch between two turns.
    let mut stretches: Vec<(f64, usize, usize, usize)> = Vec::new();
    let add = |stretches: &mut Vec<_>, from: usize, to: usize| {
        if let Some((distance, at)) = farthest(samples, from, to) {
            stretches.push((distance, at, from, to));
        }
    };
    add(&mut stretches, 0, last);
    while turns.len() < limit {
        let worst = stretches.iter().enumerate().max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
        let Some((worst, &(distance, at, from, to))) = worst else { break };
        if distance <= tolerance {
            break;
        }
        stretches.swap_remove(worst);
        turns.push(at);
        add(&mut stretches, from, at);
        add(&mut stretches, at, to);
    }
    turns.sort_unstable();
    turns.into_iter().filter_map(|turn| samples.get(turn).copied()).collect()
}

/// The sample between two that is farthest from the line through them, and how far.
fn farthest(samples: &[Sample], from: usize, to: usize) -> Option<(f64, usize)> {
    let (start, end) = (samples.get(from)?, samples.get(to)?);
    let width = (end.update - start.update).max(1) as f64;
    let inside = samples.get(from + 1..to)?.iter().enumerate();
    inside
        .map(|(offset, sample)| {
            let share = (sample.update - start.update) as f64 / width;
            let line = start.rate + (end.rate - start.rate) * share;
            ((sample.rate - line).abs(), from + 1 + offset)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
}

//! Which rate to read off a range test: this program's own rule, fastai's four, and those of
//! torch-lr-finder and Lightning, each on the losses smoothed and cropped as its tool does it.
//!
//! The numbers equal fastai 2.8.12, torch-lr-finder 0.2.2 and Lightning 2.6.6 in float64, given the
//! same rates and losses. Where a tool fails on a short or broken curve, there is no suggestion.

/// A way to read a rate off the curve of loss over rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// This program's default: a tenth of the rate where training stops being stable, by
    /// [`stability_limit`]. As the peak of a one-cycle schedule it comes within 0.01 accuracy of the
    /// best peak on digits, fashion14 and mnist1d, where valley is about ten times too low: smoothed
    /// losses lag behind the rate, and a rate that is only passed through may be higher than one that
    /// is stayed at.
    Edge,
    /// fastai's default: about half way down the longest descent.
    Valley,
    /// fastai: where the descent ends, seen from the right.
    Slide,
    /// fastai: the steepest descent over the logarithm of the rate.
    Steep,
    /// fastai: a tenth of the rate with the least loss.
    Minimum,
    /// torch-lr-finder: the steepest descent from point to point.
    LrFinder,
    /// Lightning 2.6: the steepest descent over the rate itself, which favours low rates.
    Lightning,
}

impl Rule {
    /// Every rule, the default first.
    pub const ALL: [Self; 7] =
        [Self::Edge, Self::Valley, Self::Slide, Self::Steep, Self::Minimum, Self::LrFinder, Self::Lightning];

    /// The name in tables and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge/10",
            Self::Valley => "valley",
            Self::Slide => "slide",
            Self::Steep => "steep",
            Self::Minimum => "minimum/10",
            Self::LrFinder => "torch-lr-finder",
            Self::Lightning => "lightning",
        }
    }

    /// What the rule looks for, in one sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Edge => {
                "A tenth of the rate where the loss climbs back to where it began: a peak to pass through."
            }
            Self::Valley => {
                "About half way down the longest descent of the smoothed loss (fastai's default)."
            }
            Self::Slide => {
                "Where the slope, compared over 15 points and seen from the right, evens out (fastai)."
            }
            Self::Steep => "Where the smoothed loss falls fastest over the logarithm of the rate (fastai).",
            Self::Minimum => "A tenth of the rate at which the smoothed loss is least (fastai).",
            Self::LrFinder => "Where the loss falls fastest from one rate to the next (torch-lr-finder).",
            Self::Lightning => {
                "Where the loss falls fastest over the rate itself, which favours low rates (Lightning 2.6)."
            }
        }
    }

    /// What the tool would suggest for the raw losses of a sweep of `planned` updates, which may have
    /// been stopped early, with its own smoothing and cropping.
    pub fn suggest(self, rates: &[f64], losses: &[f64], planned: usize) -> Option<f64> {
        let length = rates.len().min(losses.len());
        let (rates, losses) = (&rates[..length], &losses[..length]);
        match self {
            Self::Edge => stability_limit(rates, losses).map(|limit| limit / 10.0),
            Self::Valley | Self::Slide | Self::Steep | Self::Minimum => {
                let smooth = debiased(losses, FASTAI_BETA);
                let kept = crop(length, planned / 10, 5)?;
                let (rates, smooth) = (&rates[kept.clone()], &smooth[kept]);
                let end = smooth.iter().position(|loss| loss.is_nan()).unwrap_or(smooth.len());
                let (rates, smooth) = (&rates[..end], &smooth[..end]);
                match self {
                    Self::Slide => slide(rates, smooth),
                    Self::Steep => steep(rates, smooth),
                    Self::Minimum => minimum(rates, smooth),
                    _ => valley(rates, smooth),
                }
            }
            Self::LrFinder => {
                let smooth = lr_finder_smooth(losses);
                let kept = crop(length, 10, 5)?;
                lr_finder(&rates[kept.clone()], &smooth[kept])
            }
            Self::Lightning => {
                let smooth = lightning_smooth(losses);
                let kept = crop(length, 10, 1)?;
                lightning(&rates[kept.clone()], &smooth[kept])
            }
        }
    }
}

/// fastai's and Lightning's smoothing.
pub const FASTAI_BETA: f64 = 0.98;
/// A lighter smoothing, which lags less behind a rising rate.
pub const LIGHT_BETA: f64 = 0.9;

fn crop(length: usize, start: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let end = length.checked_sub(end)?;
    (start < end).then_some(start..end)
}

/// The exponential moving average of losses, divided by the weight collected so far, so that it starts
/// at the first loss (fastai's `AvgSmoothLoss`).
pub fn debiased(losses: &[f64], beta: f64) -> Vec<f64> {
    averaged(losses, beta, 0)
}

/// Lightning's average, whose correction counts one update too many: it starts at 0.505 of the first loss.
pub fn lightning_smooth(losses: &[f64]) -> Vec<f64> {
    averaged(losses, FASTAI_BETA, 1)
}

fn averaged(losses: &[f64], beta: f64, ahead: usize) -> Vec<f64> {
    let mut average = 0.0;
    let smoothed = losses.iter().enumerate().map(|(index, loss)| {
        average = beta * average + (1.0 - beta) * loss;
        average / (1.0 - beta.powf((index + 1 + ahead) as f64))
    });
    smoothed.collect()
}

/// torch-lr-finder's average: the first loss as it is, then 0.05 of each new one.
pub fn lr_finder_smooth(losses: &[f64]) -> Vec<f64> {
    let mut average = None;
    let smoothed = losses.iter().map(|&loss| {
        let next = average.map_or(loss, |before| 0.05 * loss + 0.95 * before);
        average = Some(next);
        next
    });
    smoothed.collect()
}

/// Where training stops being stable: the first rate after the least lightly smoothed loss at which the
/// raw loss is no number or at least what it was at first (the mean of the first tenth).
pub fn stability_limit(rates: &[f64], losses: &[f64]) -> Option<f64> {
    let first = losses.get(..(losses.len() / 10).max(1))?;
    let level = first.iter().sum::<f64>() / first.len() as f64;
    let light = debiased(losses, LIGHT_BETA);
    let best =
        (0..light.len()).filter(|&i| light[i].is_finite()).min_by(|&a, &b| light[a].total_cmp(&light[b]))?;
    let gone = (best + 1..losses.len()).find(|&i| !losses[i].is_finite() || losses[i] >= level)?;
    rates.get(gone).copied()
}

/// fastai's `valley`: half way along the longest decreasing subsequence, whose start the rule guesses
/// from its length.
pub fn valley(rates: &[f64], losses: &[f64]) -> Option<f64> {
    let mut lengths = vec![1_usize; losses.len()];
    let mut end = 0;
    let mut start = 0_i64;
    for i in 1..losses.len() {
        for j in 0..i {
            if losses[i] < losses[j] && lengths[i] < lengths[j] + 1 {
                lengths[i] = lengths[j] + 1;
            }
        }
        if lengths[end] < lengths[i] {
            end = i;
            start = i as i64 - lengths[i] as i64;
        }
    }
    let third = (end as i64 - start) as f64 / 3.0;
    let index = start + third as i64 + (third / 2.0) as i64;
    // The guess is -1 for a curve that falls throughout, and Python counts that from the end.
    let index = if index < 0 { index + losses.len() as i64 } else { index };
    rates.get(usize::try_from(index).ok()?).copied()
}

/// fastai's `slide`: from the right, to where two slopes 15 points apart differ by 0.005 or less.
pub fn slide(rates: &[f64], losses: &[f64]) -> Option<f64> {
    const APART: usize = 15;
    const THRESHOLD: f64 = 0.005;
    let slope = gradient(losses)?;
    let mut suggestion = *rates.get(rates.len().checked_sub(APART + 1)?)?;
    for left in (0..slope.len().checked_sub(APART)?).rev() {
        if (slope[left + APART] - slope[left]).abs() <= THRESHOLD {
            break;
        }
        suggestion = rates[left];
    }
    Some(suggestion)
}

/// fastai's `minimum`: a tenth of the rate with the least loss.
pub fn minimum(rates: &[f64], losses: &[f64]) -> Option<f64> {
    least(losses).and_then(|index| rates.get(index)).map(|rate| rate / 10.0)
}

/// fastai's `steep`: the least difference of losses over the difference of the rates' logarithms.
pub fn steep(rates: &[f64], losses: &[f64]) -> Option<f64> {
    let slopes: Vec<f64> = losses
        .windows(2)
        .zip(rates.windows(2))
        .map(|(loss, rate)| (loss[1] - loss[0]) / (rate[1].ln() - rate[0].ln()))
        .collect();
    least(&slopes).map(|index| rates[index])
}

/// torch-lr-finder's steepest point: the least central difference from point to point.
pub fn lr_finder(rates: &[f64], losses: &[f64]) -> Option<f64> {
    least(&gradient(losses)?).map(|index| rates[index])
}

/// Lightning's steepest point: the least derivative over the rate itself, of the finite losses.
pub fn lightning(rates: &[f64], losses: &[f64]) -> Option<f64> {
    let (rates, losses): (Vec<f64>, Vec<f64>) =
        rates.iter().zip(losses).filter(|(_, loss)| loss.is_finite()).map(|(&r, &l)| (r, l)).unzip();
    let last = losses.len().checked_sub(1).filter(|last| *last > 0)?;
    let slope = |from: usize, to: usize| (losses[to] - losses[from]) / (rates[to] - rates[from]);
    let slopes: Vec<f64> = (0..=last)
        .map(|i| match i {
            0 => slope(0, 1),
            _ if i == last => slope(last - 1, last),
            _ => {
                // Second order on an uneven grid, as numpy and torch have it.
                let (left, right) = (rates[i] - rates[i - 1], rates[i + 1] - rates[i]);
                (left * slope(i, i + 1) + right * slope(i - 1, i)) / (left + right)
            }
        })
        .collect();
    least(&slopes).map(|index| rates[index])
}

/// numpy's gradient at distances of one.
fn gradient(values: &[f64]) -> Option<Vec<f64>> {
    let last = values.len().checked_sub(1).filter(|last| *last > 0)?;
    let slope = |i: usize| match i {
        0 => values[1] - values[0],
        _ if i == last => values[last] - values[last - 1],
        _ => (values[i + 1] - values[i - 1]) / 2.0,
    };
    Some((0..=last).map(slope).collect())
}

/// The first of the least values; a NaN counts as the least of all, as in numpy and torch.
fn least(values: &[f64]) -> Option<usize> {
    if let Some(nan) = values.iter().position(|value| value.is_nan()) {
        return Some(nan);
    }
    (0..values.len()).reduce(|best, next| if values[next] < values[best] { next } else { best })
}
